"""Headers of NPY files: what a file of somebody else may hold is read, or refused by name."""

import io
import struct
import warnings
import zipfile

import numpy as np
import pytest

import deepcore as dc
from deepcore.data import read_npz


def npy(header, data=b"", version=b"\x01\x00"):
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + data


def archive(path, **members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


def array(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def test_labels_with_an_old_name_of_a_type_are_read_without_a_warning(tmp_path):
    y = npy("{'descr': '|a2', 'fortran_order': False, 'shape': (2,), }", b"noye")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = read_npz(archive(tmp_path / "old.npz", X=array(np.ones((2, 3))), y=y))
    assert table.y.tolist() == [b"no", b"ye"]


DAMAGED = {
    "no bracket": ("{'descr': '<f4', 'shape': (2, (", "NPY|header"),
    "a negative size": (
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2), }",
        "whole numbers from 0",
    ),
    "a size that is a bool": (
        "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 2), }",
        "whole numbers from 0",
    ),
}


@pytest.mark.parametrize(("header", "message"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_header_is_refused_by_every_reader(tmp_path, header, message):
    damaged = npy(header, bytes(64))
    (tmp_path / "X.npy").write_bytes(damaged)
    path = archive(tmp_path / "table.npz", X=damaged, y=array(np.zeros(2)))
    for read in (
        lambda: read_npz(path),
        lambda: dc.stream(path, 2),
        lambda: dc.stream((tmp_path / "X.npy", np.zeros(2)), 2),
    ):
        with pytest.raises(ValueError, match=message):
            read()


def test_an_unknown_version_of_the_format_is_refused(tmp_path):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"
    (tmp_path / "X.npy").write_bytes(npy(header, bytes(16), b"\x09\x00"))
    with pytest.raises(ValueError, match=r"unknown format version \(9, 0\)"):
        dc.stream((tmp_path / "X.npy", np.zeros(2)), 2)


def test_a_stream_refuses_an_archive_of_an_unknown_version(tmp_path):
    path = archive(tmp_path / "table.npz", X=array(np.ones((2, 2))), y=array(np.zeros(2)))
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02") + 6  # the version that the directory says is needed
    content[at] = 127
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a valid NPZ file"):
        dc.stream(path, 2)


def test_an_array_that_does_not_fit_into_memory_is_not_called_damaged(tmp_path, monkeypatch):
    path = archive(tmp_path / "table.npz", X=array(np.ones((2, 2))))

    def full(*arguments, **options):
        raise MemoryError("no room")

    monkeypatch.setattr(np.lib.format, "read_array", full)
    with pytest.raises(MemoryError, match="no room"):
        read_npz(path)
