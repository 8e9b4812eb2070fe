"""Bad input ends in one sentence that names the call and the argument, and leaves the model as it was."""

import numpy as np
import pytest

import deepcore as dc

WRONG = (
    None, True, -1, 0, 2**70, 0.5, -0.5, float("nan"), float("inf"), "", "adamm", b"x", [], {}, (), object(),
    [[1, 2], [3]], np.zeros(0), np.zeros((0, 3)), np.zeros((2, 3, 4)), np.array("a"), np.array([None, 1]), 1j,
    range(3), np.zeros((4, 3), complex), np.array(["2020-01-01"] * 4, "M8[D]"), {"a": 1}, lambda: None,
    [np.inf], np.full((4, 3), np.nan),
)  # fmt: skip
X, Y = np.arange(12.0).reshape(4, 3), np.array([0, 1, 0, 1])
CALLS = {
    "fit": {
        "X": X, "y": Y, "optimizer": "sgd", "epochs": 1, "batch_size": 2, "sample_weight": None,
        "class_weight": None, "validation_data": None,
        "callbacks": (), "threads": 1, "metrics": (), "validation_split": 0.0,
        "dropout_schedule": None, "smoothing_schedule": None,
    },
    "partial_fit": {"X": X, "y": Y, "optimizer": "sgd", "batch_size": 2, "sample_weight": None, "threads": 1},
    "fit_batches": {"batches": [(X, Y)], "optimizer": "sgd", "epochs": 1, "validation_data": None},
    "gradients": {"X": X, "y": Y, "sample_weight": None, "step": 0, "dropout_scale": 1.0},
    "trace": {"X": X, "y": Y, "sample_weight": None, "step": 0},
    "predict": {"X": X, "out": None, "threads": 1},
    "predict_labels": {"X": X, "threshold": 0.5, "threads": 1},
    "evaluate": {"X": X, "y": Y, "sample_weight": None, "metrics": (), "threads": 1},
    "plan": {"batch_size": 4, "optimizer": "sgd", "threads": 1},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_argument_is_named_in_one_sentence(call):
    for argument in CALLS[call]:
        for wrong in WRONG:
            model = dc.mlp([3, 4, 1], seed=1)
            before = model.flat_parameters.copy()
            try:
                getattr(model, call)(**{**CALLS[call], argument: wrong})
            except (TypeError, ValueError, KeyError) as error:
                text = str(error.args[0]) if error.args else ""
                what = f"{call}({argument}={wrong!r}): {type(error).__name__}: {text}"
                assert text.startswith((f"{call}:", f"{call}: ", call)) or argument in text, what
                assert "\n" not in text, what
                assert len(text) < 600, what
                assert np.array_equal(model.flat_parameters, before) or call == "fit_batches", what
            model.fit(X, Y, "sgd", epochs=1)
            assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("call", CALLS)
def test_an_unknown_argument_is_answered(call):
    with pytest.raises(TypeError, match=call):
        getattr(dc.mlp([3, 4, 1]), call)(**CALLS[call], epoches=3)
