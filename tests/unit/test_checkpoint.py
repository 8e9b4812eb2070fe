"""Model files: they bring back every bit, and nothing else than such a file is believed."""

import json
import os
import stat
import struct
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

import deepcore as dc


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


def test_a_path_may_be_a_string(path):
    small().save(str(path))
    assert dc.load(str(path)).inputs == 2


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
    with pytest.raises(ValueError, match="parameters must be finite"):
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


def test_what_a_killed_save_left_is_swept_an_hour_later(saved):
    old = saved.with_name(f".{saved.name}.1-00000000.deepcore-tmp")
    young = saved.with_name(f".{saved.name}.2-00000000.deepcore-tmp")
    other = saved.with_name(".other.1-00000000.deepcore-tmp")
    for stray in (old, young, other):
        stray.write_bytes(b"")
    for stray in (old, other):
        os.utime(stray, (time.time() - 4000, time.time() - 4000))
    small().save(saved)
    assert [stray.exists() for stray in (old, young, other)] == [False, True, True]


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
    return header, json.loads(header["__metadata__"]["deepcore"]), data[8 + length :]


def write(path, header, spec, data):
    header = {**header, "__metadata__": {"deepcore": json.dumps(spec)}} if spec is not None else header
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


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
        ({"format": 0}, "format must be 1"),
        ({"surprise": 1}, "exactly the keys"),
        ({"dtype": "float16"}, "dtype must be float32 or float64"),
        ({"dtype": "float64"}, "W1 must be F64"),
        ({"inputs": 3}, r"W1 must be F32 of shape \[4, 3\]"),
        ({"inputs": 10**30}, "W1 must be F32"),
        ({"inputs": True}, "inputs has the wrong type bool"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"seed": 2**70}, "seed must be at most"),
        ({"loss": "half"}, "loss must be one of"),
        ({"loss": 3}, "loss has the wrong type int"),
        ({"layers": []}, "the tensors do not match the layers .* unexpected W1, W2, b1, b2"),
        ({"epochs_trained": -1}, "epochs_trained must not be negative"),
        ({"extras": None}, "extras has the wrong type"),
    ],
)
def test_a_description_that_is_not_right_is_refused(saved, change, message):
    header, spec, data = parts(saved)
    write(saved, header, spec | change, data)
    refused(saved, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": 0}, "units must be at least 1"),
        ({"units": 10**12}, "must be F32 of shape"),
        ({"activation": "__import__"}, "activation must be one of"),
        ({"init": "randn"}, "init must be one of"),
        ({"parameter": -1.0}, "parameter must be finite and not negative"),
        ({"parameter": "0.2"}, "parameter has the wrong type str"),
        ({"surprise": 1}, "exactly the keys"),
        ({"parametric": 1}, "parametric has the wrong type int"),
        ({"parametric": True}, "the tensors do not match"),
        ({"scaled_inputs": True}, "the tensors do not match"),
        ({"parametrization": "mup"}, "parametrization must be 'standard' or 'ntk'"),
        ({"rate": 0.1}, "rate has the wrong type float"),
        ({"rate": {"b": True}}, "rate of b must be a number"),
        ({"decay": {"alpha": 0.1}}, "decay must have names of W, b, got 'alpha'"),
    ],
)
def test_a_layer_that_is_not_right_is_refused(saved, change, message):
    header, spec, data = parts(saved)
    spec["layers"][0] |= change
    write(saved, header, spec, data)
    refused(saved, message)


def test_a_file_from_before_an_option_of_layers_was_there_is_read(saved):
    header, spec, data = parts(saved)
    for layer in spec["layers"]:
        for name in ("parametric", "scaled_inputs", "parametrization", "rate", "decay"):
            del layer[name]
    write(saved, header, spec, data)
    loaded = dc.load(saved)
    assert loaded.layers == small().layers
    assert np.array_equal(loaded.flat_parameters, small().flat_parameters)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dtype": "F16"}, "b1 must be F32"),
        ({"shape": [1, 4]}, "b1 must be F32 of shape"),
        ({"shape": [4.0, 1]}, "b1 must be F32 of shape"),
        ({"data_offsets": [0, 16]}, "overlap or leave gaps"),
        ({"data_offsets": [-16, 0]}, "b1 must take 16 bytes"),
        ({"data_offsets": [0, 12]}, "b1 must take 16 bytes, got 12"),
        ({"data_offsets": [0]}, "data_offsets must be two numbers"),
        ({"data_offsets": [10**30, 10**30 + 16]}, "overlap or leave gaps"),
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
    write(saved, header | {"W9": header["W1"]}, spec, data)
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
    write(path, {"__metadata__": {"format": "pt"}}, None, b"")
    refused(path, "not of a deepcore model")


def test_an_absurd_header_length_is_refused_before_it_is_read(path):
    path.write_bytes(struct.pack("<Q", 2**63) + b"{}")
    refused(path, "not a safetensors file, or cut off")


def test_every_truncation_is_refused(saved):
    data = saved.read_bytes()
    for length in range(len(data)):
        saved.write_bytes(data[:length])
        with pytest.raises(ValueError, match="load: "):
            dc.load(saved)


def test_every_flipped_bit_is_refused_or_gives_a_finite_model(saved):
    data = saved.read_bytes()
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << position % 8
        saved.write_bytes(changed)
        try:
            model = dc.load(saved)
        except ValueError:
            continue
        assert np.isfinite(model.flat_parameters).all()


def test_a_missing_file_is_an_os_error(path):
    with pytest.raises(FileNotFoundError):
        dc.load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda header, spec, long: header.update({long: header["W1"]}),
        lambda header, spec, long: header["W1"].update(dtype=long),
        lambda header, spec, long: header["W1"].update(shape=[long]),
        lambda header, spec, long: spec.update(dtype=long),
        lambda header, spec, long: spec.update(loss=long),
        lambda header, spec, long: spec["layers"][0].update(activation=long),
        lambda header, spec, long: spec["layers"][0].update(norm=long),
        lambda header, spec, long: spec.update(format=[long]),
    ],
)
def test_long_values_in_a_file_are_cut_in_messages(saved, change):
    header, spec, data = parts(saved)
    change(header, spec, "x" * 50_000)
    write(saved, header, spec, data)
    with pytest.raises(ValueError, match="load: ") as caught:
        dc.load(saved)
    assert len(str(caught.value)) < 800
