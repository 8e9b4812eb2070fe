"""Networks with members follow recorded networks of TabM-mini: outputs, gradients and steps of AdamW.

The recorded numbers are float64. Another correct program agrees to 1e-9, and one in float32 to 1e-4.
"""

import numpy as np
import pytest

from realmlp.tabm_traces import NAMES, Recorded
from realmlp.traces import distance

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}


@pytest.fixture(params=[name for name in NAMES if Recorded(name).mini])
def recorded(request):
    return Recorded(request.param)


@pytest.fixture(params=TOLERANCE)
def dtype(request):
    return request.param


def logits(model, X, y):
    """Z[L] of every member, (m, members, outputs)."""
    Z = model.trace(X, y)[f"Z{len(model.layers)}"]
    members, m = model.members, len(X)
    each = Z.reshape(members, model.outputs, m, members)
    return np.stack([each[i, :, :, i].T for i in range(members)], axis=1)


def test_outputs_of_every_member_are_the_recorded_ones(recorded, dtype):
    model = recorded.mini_model(dtype)
    out = logits(model, recorded.inputs(), recorded.arrays["y"])
    assert distance(out, recorded.arrays["out"]) <= TOLERANCE[dtype]


def test_the_prediction_is_the_recorded_mean(recorded, dtype):
    prediction = recorded.mini_model(dtype).predict(recorded.inputs())
    assert distance(prediction, recorded.arrays["pred"]) <= TOLERANCE[dtype]


def test_gradients_of_the_first_batch_are_the_recorded_ones(recorded, dtype):
    rows = recorded.arrays["batch_rows"][0]
    loss, grads = recorded.mini_model(dtype).gradients(recorded.inputs()[rows], recorded.arrays["y"][rows])
    assert loss == pytest.approx(recorded.arrays["loss"][0], rel=TOLERANCE[dtype])
    for name, wanted in recorded.mini_parameters("grad").items():
        assert distance(grads[f"d{name}"], wanted) <= TOLERANCE[dtype], name


def test_steps_of_the_optimizer_are_the_recorded_ones(recorded, dtype):
    model, tolerance = recorded.mini_model(dtype), TOLERANCE[dtype]
    X, y, batches = recorded.inputs(), recorded.arrays["y"], recorded.arrays["batch_rows"]
    state = recorded.optimizer().bind(model)
    for step, rows in enumerate(batches):
        loss, grads = model.gradients(X[rows], y[rows], step=step)
        assert loss == pytest.approx(recorded.arrays["loss"][step], rel=tolerance)
        state.step(grads)
        tag = f"step{step + 1}"
        if f"{tag}/output.bias" not in recorded.arrays:
            continue
        for name, wanted in recorded.mini_parameters(tag).items():
            assert distance(model.parameters[name], wanted) <= tolerance, (tag, name)
    assert distance(logits(model, X, y), recorded.arrays["out5"]) <= tolerance


def test_fit_makes_the_recorded_steps(recorded, dtype):
    model = recorded.mini_model(dtype)
    X, y, batches = recorded.inputs(), recorded.arrays["y"], recorded.arrays["batch_rows"]
    rows = batches.reshape(-1)
    history = model.fit(
        X[rows], y[rows], recorded.optimizer(), epochs=1, batch_size=batches.shape[1], shuffle=False
    )
    assert history["loss"][0] == pytest.approx(recorded.arrays["loss"].mean(), rel=TOLERANCE[dtype])
    for name, wanted in recorded.mini_parameters("step5").items():
        assert distance(model.parameters[name], wanted) <= TOLERANCE[dtype], name
