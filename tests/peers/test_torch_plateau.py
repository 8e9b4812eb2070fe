"""deepcore's ReduceOnPlateau and torch's ReduceLROnPlateau on the same numbers."""

import numpy as np
import pytest

import deepcore as dc

torch = pytest.importorskip("torch", reason="torch is not installed (extra `peers`)")

pytestmark = pytest.mark.peers

EPOCHS = 200
# a noisy loss that falls, then stays
VALUES = np.exp(-np.arange(EPOCHS) / 30) + 0.05 * np.random.default_rng(1).normal(size=EPOCHS)
CASES = [
    {"factor": 0.5, "patience": 3},
    {"factor": 0.5, "patience": 0, "cooldown": 4},
    {"factor": 0.3, "patience": 2, "threshold": 0.05, "min_rate": 1e-3},
    {"factor": 0.5, "patience": 5, "mode": "max"},
]


@pytest.mark.parametrize("options", CASES)
def test_the_rate_after_every_epoch_is_torch_s(options):
    model = dc.mlp([2, 1], seed=1)
    state = dc.SGD(0.3).bind(model)
    ours = dc.ReduceOnPlateau("val_loss", **options)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    renamed = {{"min_rate": "min_lr"}.get(name, name): value for name, value in options.items()}
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **renamed)
    values = 1 - VALUES if options.get("mode") == "max" else VALUES
    reductions = set()
    for epoch, value in enumerate(values):
        # torch lets changes of the rate below 1e-8 be; it has not come so far down then
        ours(dc.EpochRecord(epoch, EPOCHS, {"val_loss": float(value)}, model, state))
        theirs.step(float(value))
        assert state.learning_rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12), epoch
        reductions.add(state.learning_rate)
        if state.learning_rate < 1e-6:
            break
    assert len(reductions) > 3
