"""Readers open regular files only: a FIFO would wait for ever, and a device may never end."""

import os
import threading

import numpy as np
import pytest

import deepcore as dc
from deepcore import data
from deepcore.tabular import read_table

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")


def from_onnx(path):
    pytest.importorskip("onnx")
    dc.from_onnx(path)


READERS = {"load": dc.load, "npz": data.read_npz, "idx": data.read_idx, "onnx": from_onnx}
TABLES = {"csv": data.read_csv, "table": read_table}


@pytest.mark.parametrize("reader", READERS)
def test_a_fifo_is_refused_and_not_waited_for(reader, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="must be a regular file, but is a FIFO"):
        READERS[reader](tmp_path / "fifo")


@pytest.mark.parametrize("reader", [*READERS, *TABLES])
@pytest.mark.parametrize("kind", ["device", "directory"])
def test_devices_and_directories_are_refused(reader, kind, tmp_path):
    path = "/dev/zero" if kind == "device" else tmp_path
    with pytest.raises(OSError, match=f"must be a regular file, but is a {kind}"):
        (READERS | TABLES)[reader](path)


@pytest.mark.parametrize("reader", TABLES)
def test_a_table_may_come_through_a_pipe(reader, tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    other = threading.Thread(target=lambda: path.write_text("a,b\n1,2\n3,4\n"))
    other.start()
    TABLES[reader](path)
    other.join()


@pytest.mark.parametrize("kind", ["loop", "missing folder"])
def test_a_path_to_which_no_checkpoint_can_be_written_is_refused_before_the_training(kind, tmp_path):
    path = tmp_path / "folder" / "run"
    if kind == "loop":
        path = tmp_path / "a"
        path.symlink_to(tmp_path / "b")
        (tmp_path / "b").symlink_to(path)
    model = dc.mlp([2, 1], seed=1)
    with pytest.raises(OSError, match=r"symbolic links|No such file"):
        model.fit(np.eye(2), [0, 1], epochs=1, callbacks=[dc.Checkpoint(path)])
    assert model.epochs_trained == 0
