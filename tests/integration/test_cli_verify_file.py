"""``deepcore info --verify FILE`` checks every byte, and its exit status says whether the file is damaged."""

import pytest

import deepcore as dc

pytest.importorskip("click", reason="click is not installed (extra `cli`)")

from integration.command_line import fail, invoke, run


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.safetensors"
    dc.mlp([2, 3, 1]).save(path)
    return path


@pytest.mark.parametrize("folder", [False, True])
def test_a_whole_file_is_confirmed(saved, folder):
    output = run("info", "--verify", saved.parent if folder else saved)
    for fact in ("no damage was found", "format    2", "right (SHA-256", "4 of 52 bytes", "13, all finite"):
        assert fact in output


def test_a_damaged_file_ends_in_exit_status_1(saved):
    data = bytearray(saved.read_bytes())
    data[-1] ^= 1
    saved.write_bytes(data)
    result = invoke(["info", "--verify", saved])
    assert result.exit_code == 1
    assert "checksum is wrong" in result.output


def test_a_file_that_is_not_there_is_a_wrong_argument(tmp_path):
    assert "No such file" in fail("info", "--verify", tmp_path / "nothing")


def test_verify_needs_a_file():
    assert "--verify needs a MODEL" in fail("info", "--verify")
