"""RealMLP estimators as C headers and ONNX files give the predictions of the estimators."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
pandas = pytest.importorskip("pandas", reason="pandas is not installed")

from sklearn.exceptions import NotFittedError  # noqa: E402

from deepcore.sklearn import RealMLPClassifier, RealMLPRegressor  # noqa: E402
from integration.command_line import run  # noqa: E402
from unit.test_c_header import COMPILERS, compiled, predicted  # noqa: E402

M = 60
SMALL = {"hidden_layer_sizes": 6, "n_epochs": 3, "random_state": 0}
SETTINGS = {
    "members": {"variant": "td", "recipe": {"members": 8}},
    "calibrated": {"recipe": {"members": 3}, "calibrate": True},
    "splits": {"cv": 2, "n_ens": 2, "recipe": {"members": 2}},
    "plain": {"variant": "td", "dtype": "float64"},
}


def table(frame, rng):
    """Numbers and codes in an array, or a frame that also has text and missing values."""
    X = np.column_stack([rng.normal(size=M) * 10 + 50, rng.integers(3, size=M) * 0.5, rng.normal(size=M)])
    if not frame:
        return X, np.array([[45.0, 0.5, 0.3], [60.0, 7.0, -1.0]])
    text = np.array(["a", "b", "c"] * (M // 3), object)
    columns = {"size": X[:, 0], "kind": text, "other": X[:, 2]}
    columns["other"][::7] = np.nan
    new = {"size": [45.0, 60.0], "kind": ["b", "new"], "other": [np.nan, -1.0]}
    return pandas.DataFrame(columns), pandas.DataFrame(new)


def fitted(kind, frame, setting, rng):
    """An estimator, new rows, and what it predicts for them."""
    X, new = table(frame, rng)
    size = X["size"].to_numpy() if frame else X[:, 0]
    options = {**SMALL, **SETTINGS[setting]}
    if not frame:
        options["categorical_features"] = [1]
    if kind == "classes":
        y = np.where(size > 55, "late", np.where(size > 45, "early", "lost"))
        estimator = RealMLPClassifier(**options).fit(X, y)
        return estimator, new, estimator.predict_proba(new), (X, y)
    options.pop("calibrate", None)
    y = np.column_stack([size, -size]) if setting == "splits" else size
    estimator = RealMLPRegressor(**options).fit(X, y)
    return estimator, new, estimator.predict(new).reshape(2, -1), (X, y)


CASES = pytest.mark.parametrize(
    ("kind", "frame", "setting"),
    [("classes", False, "members"), ("classes", True, "calibrated"), ("numbers", True, "members"),
     ("numbers", False, "splits"), ("classes", True, "splits"), ("numbers", False, "plain")],
)  # fmt: skip


@CASES
@pytest.mark.skipif(not COMPILERS, reason="no C compiler is installed")
def test_the_header_of_an_estimator_gives_its_predictions(kind, frame, setting, tmp_path, rng):
    estimator, new, expected, data = fitted(kind, frame, setting, rng)
    made = estimator.to_c_header(tmp_path / "net.h", data=data)
    assert made.scores["header"] == made.scores["model"]
    dtype = np.dtype(estimator.dtype)
    library = compiled(tmp_path, dtype)
    assert library.net_test() == 0
    codes = {"b": 2, "new": 0}
    rows = np.column_stack([new["size"], [codes[one] for one in new["kind"]], new["other"]]) if frame else new
    found = predicted(library, rows.astype(dtype), expected.shape[1])
    np.testing.assert_allclose(found, expected, atol=4e-6 * np.abs(expected).max())


@CASES
@pytest.mark.peers
def test_the_onnx_file_of_an_estimator_gives_its_predictions(kind, frame, setting, tmp_path, rng):
    pytest.importorskip("onnx", reason="onnx is not installed (extra `onnx`)")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra `peers`)")
    estimator, new, expected, _ = fitted(kind, frame, setting, rng)
    estimator.to_onnx(tmp_path / "a.onnx")
    session = runtime.InferenceSession(str(tmp_path / "a.onnx"), providers=["CPUExecutionProvider"])
    feeds = {"X": new.astype(estimator.dtype)} if not frame else {
        name: np.array(values, object if name == "kind" else np.float64)[:, np.newaxis]
        for name, values in new.items()
    }  # fmt: skip
    found = session.run(None, feeds)
    np.testing.assert_allclose(found[0], expected, atol=4e-6 * np.abs(expected).max())
    assert kind == "numbers" or found[1].tolist() == estimator.predict(new).tolist()


def test_int8_weights_of_an_estimator_are_compared(tmp_path, rng):
    estimator, _, _, data = fitted("numbers", True, "members", rng)
    whole = estimator.to_c_header(tmp_path / "whole.h")
    small = estimator.to_c_header(tmp_path / "small.h", int8=True, data=data)
    assert small.constant_bytes < whole.constant_bytes
    assert small.scores["model"]["rmse"] != small.scores["header"]["rmse"]


def test_an_estimator_must_be_fitted_before_it_is_exported(tmp_path):
    for export in (RealMLPClassifier().to_onnx, RealMLPRegressor().to_c_header):
        with pytest.raises(NotFittedError):
            export(tmp_path / "file")


def test_the_command_line_exports_the_file_of_an_estimator(tmp_path, rng):
    pytest.importorskip("click", reason="click is not installed (extra `cli`)")
    estimator, *_ = fitted("classes", True, "members", rng)
    estimator.save(tmp_path / "model.safetensors")
    shown = run("export", tmp_path / "model.safetensors", "--c", tmp_path / "net.h", "--int8")
    assert "net_predict(x, y)" in shown
    assert "8 members" in (tmp_path / "net.h").read_text()
