"""Containers: arrays and a JSON description come back, and no other program or library is needed to check."""

import errno
import json
import os

import numpy as np
import pytest
from safetensors.numpy import load_file

from deepcore.files import container

TENSORS = {
    "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "scalar": np.array(3.5),
    "empty": np.zeros((0, 4), np.int64),
    "bytes": np.arange(255, dtype=np.uint8),
    "big_endian": np.arange(5, dtype=">f8"),
    "long_rows": np.arange(2 * 300_000, dtype=np.float32).reshape(2, -1),
}
DESCRIPTION = {"kind": "test", "numbers": [1, 2.5, None], "text": "\u00e9"}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    container.write(path, DESCRIPTION, TENSORS)
    return path


def same(found):
    return found.keys() == TENSORS.keys() and all(
        found[name].shape == TENSORS[name].shape and np.array_equal(found[name], TENSORS[name])
        for name in TENSORS
    )


@pytest.mark.parametrize("options", [{}, {"mapped": True}, {"mapped": True, "verify": False}])
def test_description_and_tensors_come_back(path, options):
    description, tensors = container.read(path, **options)
    assert same(tensors)
    assert {key: description[key] for key in DESCRIPTION} == DESCRIPTION
    assert description["format"] == container.FORMAT


def test_packed_bytes_are_those_of_the_file(path):
    data = container.pack(DESCRIPTION, TENSORS)
    assert data == path.read_bytes()
    assert same(container.read(data)[1])


def test_mapped_tensors_are_read_only_and_aligned(path):
    for tensor in container.read(path, mapped=True)[1].values():
        assert not tensor.flags.writeable
        assert tensor.flags.aligned


def test_any_reader_of_safetensors_reads_a_container(path):
    assert same(load_file(path))


@pytest.mark.parametrize("options", [{}, {"mapped": True}])
def test_a_changed_number_is_noticed(path, options):
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="damaged: its checksum is wrong"):
        container.read(path, **options)


def test_writes_may_be_short(path, monkeypatch):
    whole = path.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[: 1 + len(data) // 2]))
    container.write(path, DESCRIPTION, TENSORS)
    assert path.read_bytes() == whole


def test_a_full_disk_is_an_error_that_names_the_file(path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(os, "write", lambda descriptor, data: 0)
    with pytest.raises(OSError, match="No space left") as caught:
        container.write(path, DESCRIPTION, TENSORS)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208


@pytest.mark.parametrize("value", [{1}, float("nan"), (1, 2), {1: 2}, np.ones(2)])
def test_a_description_that_is_no_json_is_refused(tmp_path, value):
    with pytest.raises(ValueError, match=r"JSON|Out of range"):
        container.write(tmp_path / "file", {"kind": "test", "value": value}, {})


def test_a_description_may_be_64_levels_deep_and_not_more(tmp_path):
    def nested(levels):
        return json.loads("[" * levels + "]" * levels)

    container.write(tmp_path / "file", {"kind": "test", "value": nested(63)}, {})
    assert container.read(tmp_path / "file")[0]["value"] == nested(63)
    for levels in (64, 900):
        with pytest.raises(ValueError, match="nested deeper than 64 levels"):
            container.write(tmp_path / "file", {"kind": "test", "value": nested(levels)}, {})


def test_a_description_that_contains_itself_is_refused(tmp_path):
    circle = []
    circle += [circle, circle]
    with pytest.raises(ValueError, match="nested deeper"):
        container.write(tmp_path / "file", {"kind": "test", "value": circle}, {})


def test_a_header_with_too_many_values_is_refused_before_they_are_made(tmp_path):
    commas = "," * 1_000_001
    with pytest.raises(ValueError, match="at most 1000000 commas"):
        container.write(tmp_path / "file", {"kind": "test", "text": commas}, {})
    header = ('{"a":[' + commas.replace(",", "1,") + "1]}").encode()
    with pytest.raises(ValueError, match="header must be a JSON object: it must have at most 1000000 commas"):
        container.read(len(header).to_bytes(8, "little") + header)


def test_a_description_larger_than_a_header_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must fit into 16777216 bytes"):
        container.write(tmp_path / "file", {"kind": "test", "text": "x" * container.MAX_HEADER}, {})
