"""deepcore's schedules and torch.optim.lr_scheduler, step by step."""

import math

import pytest

import deepcore as dc

torch = pytest.importorskip("torch", reason="torch is not installed (extra `peers`)")
from torch.optim import lr_scheduler as peer  # noqa: E402

pytestmark = pytest.mark.peers

RATE, STEPS = 0.3, 100
CASES = {
    "constant": (dc.Constant(RATE), lambda o: peer.ConstantLR(o, factor=1.0)),
    "step": (dc.StepDecay(RATE, 0.5, every=7), lambda o: peer.StepLR(o, 7, 0.5)),
    "exponential": (dc.Exponential(RATE, 0.97), lambda o: peer.ExponentialLR(o, 0.97)),
    "inverse time": (
        dc.InverseTime(RATE, 0.5, every=3),
        lambda o: peer.LambdaLR(o, lambda t: 1 / (1 + 0.5 * (t // 3))),
    ),
    "cosine": (dc.Cosine(RATE, STEPS, final=0.01), lambda o: peer.CosineAnnealingLR(o, STEPS, 0.01)),
    "one cycle": (
        dc.OneCycle(RATE, STEPS),
        lambda o: peer.OneCycleLR(o, RATE, STEPS, cycle_momentum=False),
    ),
    "one cycle, peak between steps": (
        dc.OneCycle(RATE, STEPS, rise=0.25 + 1e-3, div=10, final_div=50),
        lambda o: peer.OneCycleLR(
            o, RATE, STEPS, pct_start=0.25 + 1e-3, div_factor=10, final_div_factor=50, cycle_momentum=False
        ),
    ),
    "warm-up, then cosine": (
        dc.Warmup(dc.Cosine(RATE, STEPS - 20), 20, start=0.1),
        lambda o: peer.SequentialLR(
            o, [peer.LinearLR(o, 0.1, total_iters=20), peer.CosineAnnealingLR(o, STEPS - 20)], [20]
        ),
    ),
    "warm-up": (dc.Warmup(RATE, 20, start=0.1), lambda o: peer.LinearLR(o, 0.1, total_iters=20)),
}


def sgd():
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)


@pytest.mark.parametrize("name", CASES)
def test_every_rate_is_torch_s(name):
    ours, make = CASES[name]
    optimizer = sgd()
    theirs = make(optimizer)
    for t in range(STEPS):
        # torch updates most rates step by step, which adds some roundings a step; near the end of a cosine
        # both subtract nearly equal numbers, so there the bound is relative to the peak.
        assert ours(t) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12, abs=1e-15), t
        optimizer.step()
        theirs.step()
    assert math.isfinite(ours(10 * STEPS))
