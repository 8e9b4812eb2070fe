"""Wrong arguments of exporters end in a sentence, and unusual ones work; old files stay as they are."""

import os
import pathlib

import numpy as np
import pytest

import deepcore as dc
from deepcore import tabular
from unit.test_c_header import COMPILERS, compiled

MODEL = dc.mlp([3, 4, 2], output="softmax", seed=1)
KINDS = [
    "to_c_header",
    pytest.param("to_onnx", marks=pytest.mark.peers),
]


def exporter(kind, model=MODEL):
    """The method; the test is skipped if its library is not installed."""
    if kind == "to_onnx":
        pytest.importorskip("onnx", reason="onnx is not installed (extra `onnx`)")
    return getattr(model, kind)


def table_model(cells, labels=("a", "b"), **options):
    """A model, not trained, of a table whose cells are repeated; columns without cells hold numbers."""
    m = 40
    table = {
        name: np.linspace(-2, 2, m) if values is None else np.resize(np.array(values, object), m)
        for name, values in cells.items()
    }
    columns = tabular.Columns.fit(table)
    label = tabular.Label.fit(np.resize(np.array(labels, object), m))
    numbers, codes, _ = columns.apply(table)
    encoding = tabular.Encoding.fit(numbers, codes, columns.sizes)
    network = dc.mlp([encoding.inputs, 4, label.outputs], output="softmax", seed=1)
    return tabular.TableModel(columns, label, [tabular.TableMember(encoding, network, **options)])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("of", [str, os.fsencode, pathlib.Path])
def test_a_path_may_be_text_bytes_or_a_path(kind, of, tmp_path):
    exporter(kind)(of(str(tmp_path / "file")))
    assert (tmp_path / "file").stat().st_size > 100
    if kind == "to_onnx":
        assert dc.from_onnx(of(str(tmp_path / "file"))).inputs == 3


@pytest.mark.parametrize("kind", [*KINDS, "save"])
@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        (None, TypeError, "path must be text, bytes or a path object such as pathlib.Path, got None"),
        (5, TypeError, "path must be text, bytes or a path object such as pathlib.Path, got 5"),
        ("a\0b", ValueError, "path must not hold a null character"),
        ("", FileNotFoundError, "No such file"),
        ("missing/file", FileNotFoundError, "missing"),
        (".", IsADirectoryError, "directory"),
    ],
)
def test_what_is_not_the_path_of_a_file_is_refused(kind, path, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        exporter(kind)(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.peers
@pytest.mark.parametrize("path", [None, 5, "a\0b"])
def test_what_is_not_a_path_is_not_read(path):
    pytest.importorskip("onnx", reason="onnx is not installed (extra `onnx`)")
    with pytest.raises((TypeError, ValueError), match="path must"):
        dc.from_onnx(path)


@pytest.mark.parametrize("data", [5, {"a": 1}, (np.zeros((2, 3)),), np.zeros((5, 3)), (1, 2, 3)])
@pytest.mark.parametrize("model", [MODEL, dc.Ensemble([MODEL, MODEL])], ids=["model", "ensemble"])
def test_data_must_be_a_pair(model, data, tmp_path):
    with pytest.raises(TypeError, match=r"to_c_header: data must be a pair \(X, y\), got"):
        model.to_c_header(tmp_path / "net.h", data=data)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["no", 1, None, [0]])
def test_choices_must_be_true_or_false(value, tmp_path):
    models = [MODEL, dc.Ensemble([MODEL, MODEL]), table_model({"x": None})]
    for model in models:
        with pytest.raises(TypeError, match="to_c_header: int8 must be True or False, got"):
            model.to_c_header(tmp_path / "net.h", int8=value)
    for model in models[:2]:
        with pytest.raises(TypeError, match="to_onnx: fold must be True or False, got"):
            model.to_onnx(tmp_path / "net.onnx", fold=value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["column", "category", "class"])
def test_a_name_that_is_not_unicode_is_refused(kind, place, tmp_path):
    odd = ["\ud800", "b"]
    model = {
        "column": lambda: table_model({odd[0]: None}),
        "category": lambda: table_model({"t": [*odd, "c"]}),
        "class": lambda: table_model({"x": None}, odd),
    }[place]()
    with pytest.raises(
        ValueError, match=f"{kind}: names of columns, categories and classes must be valid Unicode"
    ):
        exporter(kind, model)(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not COMPILERS, reason="no C compiler is installed")
def test_names_of_any_length_and_with_signs_of_templates_compile(tmp_path):
    names = ["$T ${p} $lines", "%s %n", "n" * 5000, "it's"]
    model = table_model({**dict.fromkeys(names), "t": ["$x", "y" * 4096, "'"]}, ["$p", "c" * 4097])
    model.to_c_header(tmp_path / "net.h")
    for compiler in COMPILERS:
        assert compiled(tmp_path, np.dtype(np.float32), compiler=compiler).net_test() == 0


@pytest.mark.skipif(not COMPILERS, reason="no C compiler is installed")
def test_a_prefix_may_be_a_keyword_or_the_name_of_a_variable(tmp_path):
    prefixes = ["int", "for", "class", "x", "y", "a", "own", "e", "i", "math", "NET"]
    for prefix in prefixes:
        MODEL.to_c_header(tmp_path / f"{prefix}.h", prefix=prefix)
    library = compiled(tmp_path, np.dtype(np.float32), *prefixes)
    assert [getattr(library, f"{prefix}_test")() for prefix in prefixes] == [0] * len(prefixes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_of_a_table_that_float_does_not_hold_is_refused_without_a_warning(kind, tmp_path):
    model = table_model({"x": None}, temperature=1e-300)
    (tmp_path / "file").write_text("old")
    with pytest.raises(
        ValueError, match=f"{kind}: parameters must be finite in float32.*; use dtype='float64'"
    ):
        exporter(kind, model)(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "old"
    if kind == "to_c_header":
        with pytest.raises(ValueError, match="the values of column 'x' must be finite in float32, but"):
            table_model({"x": [1e300, -1e300, 3.0]}).to_c_header(tmp_path / "file")
