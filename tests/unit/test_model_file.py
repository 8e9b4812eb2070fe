"""Model files: they bring back every bit, and nothing else than such a file is believed."""

import copy
import copyreg
import hashlib
import json
import os
import pickle
import stat
import struct

import numpy as np
import pytest
from safetensors.numpy import load_file

import deepcore as dc
from deepcore.files import model_file


def small(dtype="float32"):
    layers = [dc.Dense(4, "leaky_relu", parameter=0.2), dc.Dense(3, "softmax", init="lecun")]
    return dc.Model(2, layers, dtype=dtype, seed=9)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def saved(path):
    small().save(path, extras={"features": ["a", "b"]})
    return path


# Round trip.


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_file_brings_back_every_bit(path, dtype, rng):
    model, X = small(dtype), rng.normal(size=(20, 2))
    model.fit(X, rng.integers(3, size=20), epochs=2)
    model.save(path)
    loaded = dc.load(path)
    assert np.array_equal(loaded.flat_parameters, model.flat_parameters)
    assert (repr(loaded), loaded.layers, loaded.epochs_trained) == (repr(model), model.layers, 2)
    assert np.array_equal(loaded.predict(X), model.predict(X))


def test_extras_come_back(saved):
    assert dc.load(saved).extras == {"features": ["a", "b"]}


def test_extras_are_kept_by_a_second_save(saved, tmp_path):
    dc.load(saved).save(tmp_path / "again")
    assert dc.load(tmp_path / "again").extras == {"features": ["a", "b"]}


def test_numbers_of_extras_come_back_exactly(path, rng):
    numbers = [*rng.normal(size=20).tolist(), 0.1, 1e-308, 1e308]
    small().save(path, extras={"mean": numbers})
    assert dc.load(path).extras["mean"] == numbers


def test_other_readers_of_safetensors_see_the_parameters(saved):
    tensors = load_file(saved)
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        "W1": (4, 2), "b1": (4, 1), "W2": (3, 4), "b2": (3, 1),
    }  # fmt: skip
    assert np.array_equal(tensors["W1"], small().parameters["W1"])


def test_a_path_may_be_a_string_or_bytes_and_not_a_number(path):
    small().save(str(path))
    assert dc.load(str(path)).inputs == 2
    small().save(os.fsencode(path))
    assert dc.load(os.fsencode(path)).inputs == 2
    for call in (small().save, dc.load):
        with pytest.raises(TypeError):
            call(3)


# Saving.


@pytest.mark.parametrize(
    "extras", [{"a": {1, 2}}, {"a": np.ones(2)}, {"a": float("nan")}, {"a": (1, 2)}, {1: 2}]
)
def test_extras_that_are_no_json_are_refused(path, extras):
    model = small()
    with pytest.raises(ValueError, match="save: extras must"):
        model.save(path, extras=extras)
    assert not path.exists()
    assert model.extras == {}


def test_parameters_that_are_not_finite_are_refused(path):
    model = small()
    model.parameters["b1"][2] = np.nan
    with pytest.raises(ValueError, match="save: b1 must be finite, got nan or inf; did the training diverge"):
        model.save(path)


def test_a_failed_save_leaves_the_old_file_and_nothing_else(saved, monkeypatch):
    before = saved.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        small("float64").save(saved)
    assert saved.read_bytes() == before
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]


def test_a_folder_that_does_not_exist_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        small().save(tmp_path / "nowhere" / "model")


def test_a_link_keeps_pointing_at_the_file(saved, tmp_path):
    link = tmp_path / "latest"
    link.symlink_to(saved)
    small("float64").save(link)
    assert link.is_symlink()
    assert dc.load(saved).dtype == np.float64


def test_the_file_has_the_permissions_of_other_new_files(saved, tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    assert stat.S_IMODE(saved.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


# Strictness.


def parts(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    return header, json.loads(header.pop("__metadata__")["deepcore"]), data[8 + length :]


def write(path, header, spec, data):
    """Write a file whose checksum is right, whatever else is wrong with it."""
    text = header
    if not isinstance(header, bytes):
        metadata = {"sha256": "0" * 64, "deepcore": json.dumps(spec)}
        text = json.dumps({"__metadata__": metadata, **header}, separators=(",", ":")).encode()
    whole = struct.pack("<Q", len(text)) + text + data
    path.write_bytes(whole.replace(b"0" * 64, hashlib.sha256(whole).hexdigest().encode(), 1))


def refused(path, message):
    with pytest.raises(ValueError, match=message) as caught:
        dc.load(path)
    assert str(caught.value).startswith(f"load: {path}: ")


def test_writing_the_parts_back_is_accepted(saved):
    write(saved, *parts(saved))
    assert dc.load(saved).layers == small().layers


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "written by a newer deepcore"),
        ({"format": 0}, "format must be 1 or 2"),
        ({"format": 1}, "metadata of format 1 must have the keys deepcore only"),
        ({"kind": "picture"}, "kind must be one of"),
        ({"kind": None}, "kind must be a text"),
        ({"surprise": 1}, "description must have the keys .* unexpected surprise"),
        ({"epochs_trained": -1}, "epochs_trained must be at least 0, got -1"),
        ({"epochs_trained": 2**63}, "epochs_trained must be at most 9007199254740992"),
        ({"epochs_trained": 1.0}, "epochs_trained must be of type integer"),
        ({"extras": None}, "extras must be of type object"),
        ({"network": None}, "network must be of type object"),
    ],
)
def test_a_description_that_is_not_right_is_refused(saved, change, message):
    header, spec, data = parts(saved)
    write(saved, header, spec | change, data)
    refused(saved, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surprise": 1}, "network must have the keys .* unexpected surprise"),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64', got 'float16'"),
        ({"dtype": "float64"}, "the layers have 20 weights, but there are only 13 numbers"),
        ({"inputs": 1}, r"W1 must be float32 of shape \(4, 1\), got float32 \(4, 2\)"),
        ({"inputs": 10**9}, "have 4000000012 weights, but there are only 27 numbers"),
        ({"inputs": 10**30}, "inputs must be at most 2147483647"),
        ({"inputs": True}, "inputs must be of type integer, got True"),
        ({"label_smoothing": 1}, "label_smoothing must be below 1"),
        ({"loss_parameter": 2.0}, "loss_parameter must be None"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"seed": 2**70}, "seed must be at most"),
        ({"loss": "half"}, "loss must be one of"),
        ({"loss": 3}, "loss must be of type string, got 3"),
        ({"layers": []}, "layers must have at least 1 item"),
        ({"layers": [None]}, r"layers\[0\] must be of type object"),
    ],
)
def test_a_network_that_is_not_right_is_refused(saved, change, message):
    header, spec, data = parts(saved)
    spec["network"] |= change
    write(saved, header, spec, data)
    refused(saved, message)


@pytest.mark.parametrize("key", ["inputs", "layers", "loss", "dtype", "seed"])
def test_a_network_without_one_of_its_keys_is_refused(saved, key):
    header, spec, data = parts(saved)
    del spec["network"][key]
    write(saved, header, spec, data)
    refused(saved, f"network must have the keys .* missing {key}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": 0}, "units must be at least 1"),
        ({"units": 10**12}, "units must be at most"),
        ({"units": 2**31 - 1}, "weights, but there are only 27 numbers"),
        ({"activation": "__import__"}, "activation must be one of"),
        ({"init": "randn"}, "init must be one of"),
        ({"parameter": -1.0}, r"layers\[0\].parameter must be at least 0, got -1.0"),
        ({"parameter": 1e39}, "parameter must be at most 3.40282e.38 in float32"),
        ({"parameter": "0.2"}, "parameter must be of type number or null, got '0.2'"),
        ({"surprise": 1}, r"layers\[0\] must have the keys .* unexpected surprise"),
        ({"dropout": 1}, "dropout must be below 1"),
        ({"parametric": 1}, "parametric must be of type boolean, got 1"),
        ({"parametric": True}, "the tensors do not match"),
        ({"scaled_inputs": True}, "the tensors do not match"),
        ({"parametrization": "mup"}, "parametrization must be 'standard' or 'ntk'"),
        ({"rate": 0.1}, "rate must be of type object or null"),
        ({"rate": {"b": True}}, "rate.b must be of type number"),
        ({"rate": {"b": 1e39}}, "rate.b must be at most"),
        ({"decay": {"alpha": 0.1}}, "decay must have names of W, b, got 'alpha'"),
    ],
)
def test_a_layer_that_is_not_right_is_refused(saved, change, message):
    header, spec, data = parts(saved)
    spec["network"]["layers"][0] |= change
    write(saved, header, spec, data)
    refused(saved, message)


def test_a_file_from_before_an_option_of_layers_was_there_is_read(saved):
    header, spec, data = parts(saved)
    spec = {"format": 1, "version": "0.0.1", **spec["network"], "epochs_trained": 2, "extras": {"a": 1}}
    for layer in spec["layers"]:
        for name in ("parametric", "scaled_inputs", "parametrization", "rate", "decay"):
            del layer[name]
    text = json.dumps({"__metadata__": {"deepcore": json.dumps(spec)}, **header}).encode()
    saved.write_bytes(struct.pack("<Q", len(text)) + text + data)
    loaded = dc.load(saved)
    assert (loaded.layers, loaded.epochs_trained, loaded.extras) == (small().layers, 2, {"a": 1})
    assert np.array_equal(loaded.flat_parameters, small().flat_parameters)


@pytest.mark.parametrize("kind", ["model", {}, []])
def test_a_file_of_format_1_with_keys_of_format_2_is_refused(saved, kind):
    header, spec, data = parts(saved)
    spec = {"format": 1, "version": "0", **spec["network"], "epochs_trained": 0, "extras": {}, "kind": kind}
    text = json.dumps({"__metadata__": {"deepcore": json.dumps(spec)}, **header}).encode()
    saved.write_bytes(struct.pack("<Q", len(text)) + text + data)
    refused(saved, "description of format 1 must not have the key kind")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dtype": "I32"}, "b1 must be float32"),
        ({"dtype": "BF16"}, "b1: dtype must be one of F64"),
        ({"dtype": ["F32"]}, "b1: dtype must be one of F64"),
        ({"shape": [1, 4]}, "b1 must be float32 of shape"),
        ({"shape": [4.0, 1]}, "b1: shape must be at most 8 sizes"),
        ({"shape": [2**60, 2**60]}, "b1: shape must be at most 8 sizes"),
        ({"shape": [1] * 9}, "b1: shape must be at most 8 sizes"),
        ({"data_offsets": [0, 16]}, "overlap or leave gaps"),
        ({"data_offsets": [-16, 0]}, "data_offsets must be two numbers"),
        ({"data_offsets": [0, 12]}, "b1 must take 16 bytes, got 12"),
        ({"data_offsets": [0]}, "data_offsets must be two numbers"),
        ({"data_offsets": [16, 0]}, "b1 must take 16 bytes, got -16"),
        ({"data_offsets": [10**30, 10**30 + 16]}, "data_offsets must be two numbers"),
        ({"surprise": 1}, "exactly the keys"),
    ],
)
def test_a_tensor_entry_that_is_not_right_is_refused(saved, change, message):
    header, spec, data = parts(saved)
    header["b1"] |= change
    write(saved, header, spec, data)
    refused(saved, message)


def test_tensors_that_do_not_belong_are_refused(saved):
    header, spec, data = parts(saved)
    write(saved, header | {"W9": {"dtype": "F32", "shape": [0], "data_offsets": [108, 108]}}, spec, data)
    refused(saved, "the tensors do not match the layers described in the file: unexpected W9")


def test_more_bytes_than_the_tensors_take_are_refused(saved):
    header, spec, data = parts(saved)
    write(saved, header, spec, data + b"\0")
    refused(saved, "more bytes than the tensors take")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_parameters_of_a_file_must_be_finite(saved, value):
    header, spec, data = parts(saved)
    numbers = np.frombuffer(data, "<f4").copy()
    numbers[5] = value
    write(saved, header, spec, numbers.tobytes())
    refused(saved, "must be finite")


@pytest.mark.parametrize(
    "text",
    [
        b'{"__metadata__": {"deepcore": "{}"}, "__metadata__": {"deepcore": "{}"}}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b"[" * 100_000,
        b"\xff\xfe",
        b"[]",
    ],
)
def test_a_header_that_is_no_plain_json_object_is_refused(path, text):
    write(path, text, None, b"")
    refused(path, "header must be")


def test_a_safetensors_file_of_others_is_refused(path):
    write(path, b'{"__metadata__": {"format": "pt"}}', None, b"")
    refused(path, "a safetensors file, but not one of deepcore")


def test_an_absurd_header_length_is_refused_before_it_is_read(path):
    path.write_bytes(struct.pack("<Q", 2**63) + b"{}")
    refused(path, "not a safetensors file, or cut off")


def test_every_truncation_is_refused(saved):
    data = saved.read_bytes()
    for length in range(len(data)):
        with pytest.raises(ValueError, match="load: "):
            model_file.from_bytes(data[:length])


def test_every_single_bit_change_is_refused(path):
    dc.mlp([2, 1], seed=1).save(path)
    data = path.read_bytes()
    accepted = []
    for position in range(8 * len(data)):
        changed = bytearray(data)
        changed[position // 8] ^= 1 << position % 8
        try:
            model_file.from_bytes(bytes(changed))
        except ValueError:
            continue
        accepted.append(position)
    assert accepted == []
    assert 8 * len(data) > 6000  # so many bits were tried


def test_a_missing_file_is_an_os_error(path):
    with pytest.raises(FileNotFoundError):
        dc.load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda header, spec, long: header.update({long: header["W1"]}),
        lambda header, spec, long: header["W1"].update(dtype=long),
        lambda header, spec, long: header["W1"].update(shape=[long]),
        lambda header, spec, long: spec["network"].update(dtype=long),
        lambda header, spec, long: spec["network"].update(loss=long),
        lambda header, spec, long: spec["network"]["layers"][0].update(activation=long),
        lambda header, spec, long: spec["network"]["layers"][0].update(norm=long),
        lambda header, spec, long: spec.update(format=[long]),
        lambda header, spec, long: spec.update(kind=long),
        lambda header, spec, long: spec["network"].update({long: 1}),
    ],
)
def test_long_values_in_a_file_are_cut_in_messages(saved, change):
    header, spec, data = parts(saved)
    change(header, spec, "x" * 50_000)
    write(saved, header, spec, data)
    with pytest.raises(ValueError, match="load: ") as caught:
        dc.load(saved)
    assert len(str(caught.value)) < 800


# Numbers that no training gives.


def normalised():
    return dc.Model(3, [dc.Dense(4, norm="batch"), dc.Dense(1, "sigmoid")], seed=1)


def test_a_negative_running_variance_is_refused_by_save_and_by_load(path):
    model = normalised()
    model.save(path)
    model.running["running_variance1"][2] = -0.5
    with pytest.raises(ValueError, match=r"save: running_variance1 must not be negative, got -0\.5"):
        model.save(path)
    header, spec, data = parts(path)
    numbers = np.frombuffer(data, "<f4").copy()
    numbers[header["running_variance1"]["data_offsets"][0] // 4] = -1e-3
    write(path, header, spec, numbers.tobytes())
    refused(path, "running_variance1 must not be negative")


@pytest.mark.parametrize("name", ["running_mean1", "running_variance1", "gamma1"])
def test_statistics_must_be_finite(path, name):
    model = normalised()
    {**model.parameters, **model.running}[name][1] = np.inf
    with pytest.raises(ValueError, match=f"save: {name} must be finite"):
        model.save(path)
    assert not path.exists()


@pytest.mark.parametrize("make", [small, normalised])
def test_a_pickle_brings_back_every_bit(make):
    model = make()
    model.extras = {"a": [1]}
    twin = pickle.loads(pickle.dumps(model))
    assert np.array_equal(twin.flat_parameters, model.flat_parameters)
    assert (twin.spec, twin.extras) == (model.spec, model.extras)


def unpickled(extras=dict, **changes):
    """Rebuild a model from a changed pickle, in which the network is an object of its own."""
    model = normalised()
    function, (_, held, optimizer, _), _ = model.__reduce__()
    rebuild, arguments = copyreg.dispatch_table[type(model.network)](model.network)
    names = ("description", "epochs_trained", "parameters", "running")
    state = dict(zip(names, arguments, strict=True))
    network = rebuild(
        **{name: changes[name](value) if name in changes else value for name, value in state.items()}
    )
    return function(network, extras(held), optimizer)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("parameters", lambda a: a * np.nan, "W1 must be finite"),
        ("parameters", lambda a: a[:-1], "parameters must hold 29 numbers, got 28"),
        ("parameters", lambda a: a[:3], "the layers have 16 weights, but there are only 3 numbers"),
        ("parameters", lambda a: a.astype(np.float64), "parameters must be one row of float32 numbers"),
        ("parameters", lambda a: a.tolist(), "parameters must be one row of float32 numbers"),
        ("parameters", lambda a: a[:, np.newaxis], "parameters must be one row of float32 numbers"),
        ("running", lambda a: a[:-1], "running must hold 8 numbers, got 7"),
        ("running", lambda a: a - 2, "running_variance1 must not be negative"),
        ("epochs_trained", lambda n: -1, "epochs_trained must be at least 0"),
        ("epochs_trained", lambda n: 2**63, "epochs_trained must be at most"),
        ("extras", lambda extras: None, "extras must be a dictionary"),
        ("description", lambda spec: {**spec, "inputs": 10**9}, "weights, but there are only"),
        ("description", lambda spec: {**spec, "inputs": 2}, "parameters must hold 25 numbers, got 29"),
        ("description", lambda spec: {**spec, "surprise": 1}, "unexpected surprise"),
        ("description", lambda spec: None, "network must be of type object"),
    ],
)
def test_unpickling_checks_what_loading_a_file_checks(name, change, message):
    assert unpickled().spec == normalised().spec
    with pytest.raises(ValueError, match=f"Model: a pickle or copy must hold a valid model: .*{message}"):
        unpickled(**{name: change})


def test_a_copy_of_a_model_that_no_file_could_hold_is_refused():
    model = small()
    model.parameters["W1"][...] = np.nan
    with pytest.raises(ValueError, match="W1 must be finite"):
        copy.deepcopy(model)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_never_becomes_a_label(value):
    model = small()
    model.parameters["W2"][...] = value
    with pytest.raises(ValueError, match="predict_labels: outputs must be numbers to become labels, got nan"):
        model.predict_labels(np.ones((1, 2)))


def test_an_absurd_number_of_epochs_is_refused(path):
    model = small()
    with pytest.raises(ValueError, match="at most"):
        model.epochs_trained = 2**63
    model.network.epochs_trained = 2**62
    with pytest.raises(ValueError, match="save: epochs_trained must be at most"):
        model.save(path)
