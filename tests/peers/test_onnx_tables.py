"""Table models run in ONNX Runtime: labels of every type, and columns of any name."""

import numpy as np
import pytest

import deepcore as dc
from deepcore import tabular

pytest.importorskip("onnx", reason="onnx is not installed (extra `onnx`)")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra `peers`)")
pytestmark = pytest.mark.peers

M = 40
NUMBERS = np.linspace(-2, 2, M) ** 3
WORDS = np.array(["a", "b", "c", "d"] * (M // 4), object)


def table_model(table, y, task="auto"):
    """A model that is not trained: what it predicts is arbitrary."""
    names = "y" if np.ndim(y) == 1 else [f"y{j}" for j in range(np.shape(y)[1])]
    columns, label = tabular.Columns.fit(table), tabular.Label.fit(y, name=names, task=task)
    numbers, codes, _ = columns.apply(table)
    encoding = tabular.Encoding.fit(numbers, codes, columns.sizes, scaling="robust", clip=True)
    output = "softmax" if label.task == "classification" else "linear"
    network = dc.mlp([encoding.inputs, 6, label.outputs], output=output, seed=1)
    return tabular.TableModel(columns, label, [tabular.TableMember(encoding, network, temperature=1.3)])


def check(model, new, folder):
    """ONNX Runtime gives the outputs and the labels of the model; returns the names of the outputs."""
    model.to_onnx(folder / "a.onnx")
    session = runtime.InferenceSession(str(folder / "a.onnx"), providers=["CPUExecutionProvider"])
    columns = [column for column in model.columns.columns if column.kind != "ignore"]
    feeds = {}
    for given, column in zip(session.get_inputs(), columns, strict=True):
        values = new[column.name]
        texts = ["" if value is None else str(value) for value in values]
        cells = np.array(values, np.float64) if column.kind == "number" else np.array(texts, object)
        feeds[given.name] = cells[:, None]
    found = session.run(None, feeds)
    classes = model.label.task == "classification"
    expected = model.predict_proba(new) if classes else model.predict(new).reshape(len(found[0]), -1)
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=2e-6 * np.abs(expected).max())
    if classes:
        assert found[1].dtype == model.predict(new).dtype
        assert found[1].tolist() == model.predict(new).tolist()
    return [one.name for one in session.get_outputs()]


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (WORDS, "auto"), (NUMBERS > 0, "auto"), ([1, 5] * (M // 2), "auto"),
        (np.array([0.5, 1.5] * (M // 2)), "classification"), (NUMBERS * 50 + 1000, "auto"),
        (np.stack([NUMBERS, -NUMBERS], axis=1), "auto"),
    ],
    ids=["text", "boolean", "whole", "real", "regression", "two targets"],
)  # fmt: skip
def test_labels_keep_their_type(y, task, tmp_path):
    model = table_model({"x": NUMBERS, "t": WORDS}, y, task)
    check(model, {"x": [1.0, np.nan, -5.0], "t": ["a", None, "new"]}, tmp_path)


@pytest.mark.parametrize("kept", ["x", "t"])
def test_tables_of_numbers_or_categories_alone_are_exported(kept, tmp_path):
    table, new = {"x": NUMBERS, "t": WORDS}, {"x": [1.0, np.nan], "t": ["b", "?"]}
    check(table_model({kept: table[kept]}, WORDS), new, tmp_path)


def test_categories_that_are_numbers_or_booleans_are_texts(tmp_path):
    table = {"flag": np.array([True, False] * (M // 2)), "k": np.array(["007", "1"] * (M // 2), object)}
    check(table_model(table, WORDS), {"flag": [True, False], "k": ["007", "1"]}, tmp_path)


def test_columns_may_have_the_names_of_tensors(tmp_path):
    names = ["Y", "label", "Gemm1", "Concat1", "W1", "IsNaN1", "", 'a */ " \\ \u00e9']
    table = {name: NUMBERS + place for place, name in enumerate(names)}
    model = table_model(table, WORDS)
    assert check(model, {name: [0.0, 3.0] for name in names}, tmp_path) == ["Y_", "label_"]
