"""Files of every format that was ever written are read, by deepcore and by a reader that is not deepcore."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

import deepcore as dc
from compat import independent
from deepcore.files import container, schema
from reference.activations import ACTIVATIONS

HERE = Path(__file__).parent
FOLDERS = sorted(HERE.glob("format_*"))
EXPECTED = {
    f"{folder.name}/{name}": expected
    for folder in FOLDERS
    for name, expected in json.loads((folder / "expected.json").read_text()).items()
}
MODELS = [name for name, expected in EXPECTED.items() if "spec" in expected]
ESTIMATORS = [name for name, expected in EXPECTED.items() if {"X", "predictions"} <= expected.keys()]
OTHERS = [name for name, expected in EXPECTED.items() if "data" in expected]
# Other variants divide sums differently; three steps of training make no difference here, only a prediction.
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def activation(name):
    def value(z, parameter):
        return ACTIVATIONS[name].value(z, ACTIVATIONS[name].parameter if parameter is None else parameter)

    return value


def test_files_of_every_format_are_kept():
    assert [folder.name for folder in FOLDERS] == [f"format_{n}" for n in range(1, container.FORMAT + 1)]
    files = {path.relative_to(HERE).as_posix() for path in HERE.glob("format_*/*.safetensors")}
    assert files == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_kept_file_is_the_one_that_was_written(name):
    assert hashlib.sha256((HERE / name).read_bytes()).hexdigest() == EXPECTED[name]["sha256"]


@pytest.mark.parametrize("name", MODELS)
def test_a_kept_file_is_read_and_predicts_what_it_did(name):
    expected, model = EXPECTED[name], dc.load(HERE / name)
    spec = model.spec.to_dict()
    assert expected["spec"].items() <= {**spec, "layers": expected["spec"]["layers"]}.items()
    for layer, was in zip(spec["layers"], expected["spec"]["layers"], strict=True):
        assert was.items() <= layer.items()  # options that came later have their defaults
    assert (model.epochs_trained, model.extras) == (expected["epochs_trained"], expected["extras"])
    tolerance = TOLERANCE[model.dtype.name]
    np.testing.assert_allclose(
        model.predict(expected["X"]), expected["outputs"], rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_kept_estimator_is_read_and_predicts_what_it_did(name):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")
    expected, estimator = EXPECTED[name], dc.load(HERE / name)
    found = estimator.predict(expected["X"])
    if found.dtype.kind == "U":
        assert found.tolist() == expected["predictions"]
    else:
        np.testing.assert_allclose(found, expected["predictions"], rtol=1e-12)


@pytest.mark.parametrize("name", OTHERS)
def test_a_kept_file_of_another_kind_is_read_and_predicts_what_it_did(name):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")
    expected, kept = EXPECTED[name], dc.load(HERE / name)
    data = expected["data"] if isinstance(expected["data"], dict) else np.array(expected["data"])
    found = kept.predict(data)
    if isinstance(expected["predictions"][0], str):
        assert list(found) == expected["predictions"]
    else:
        np.testing.assert_allclose(found, expected["predictions"], rtol=1e-5, atol=1e-5)


def test_a_file_of_every_kind_is_kept():
    page = (HERE.parent.parent / "docs" / "format.md").read_text(encoding="utf-8")
    kinds = set(re.findall(r'kind `"([a-z ]+)"`', page))
    newest = HERE.glob(f"format_{container.FORMAT}/*.safetensors")
    assert {container.read(path)[0]["kind"] for path in newest} == kinds


@pytest.mark.parametrize("name", MODELS + ESTIMATORS)
def test_a_reader_written_from_the_page_on_the_format_predicts_the_same(name):
    expected = EXPECTED[name]
    description, tensors = independent.read((HERE / name).read_bytes())
    outputs = independent.predict(
        description, tensors, expected["X"], {name: activation(name) for name in ACTIVATIONS}
    )
    tolerance = TOLERANCE[description["network"]["dtype"]]
    np.testing.assert_allclose(outputs, expected["outputs"], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("format_1/")])
def test_a_description_fits_the_schema_of_the_package(name):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed (extra `test`)")
    description, _ = independent.read((HERE / name).read_bytes())
    jsonschema.Draft202012Validator(schema.model_schema()).validate(description)


def test_the_schema_itself_is_valid():
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed (extra `test`)")
    jsonschema.Draft202012Validator.check_schema(schema.model_schema())


def test_the_schema_lists_every_field_of_a_network_and_of_a_layer():
    layers = [dc.CategoryEmbedding([3]), dc.Dense(1, "linear")]
    spec = dc.Model(1, layers, members=2).spec.to_dict()
    parts = schema.model_schema()["$defs"]
    assert parts["network"]["properties"].keys() == spec.keys()
    assert parts["layer"]["properties"].keys() == spec["layers"][0].keys()
