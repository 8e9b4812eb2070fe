"""Replacing a file: what it keeps, what it refuses, and what killed processes leave."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import deepcore as dc
from deepcore.files.atomic import replacing

MODEL = dc.mlp([2, 2])
posix = pytest.mark.skipif(sys.platform == "win32", reason="only POSIX has these")


def names(folder):
    return sorted(entry.name for entry in Path(folder).iterdir())


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


# What a replaced file keeps.


@posix
@pytest.mark.parametrize("permissions", [0o640, 0o600, 0o666, 0o755])
def test_a_replaced_file_keeps_its_permissions(tmp_path, permissions):
    path = tmp_path / "model"
    MODEL.save(path)
    path.chmod(permissions)
    MODEL.save(path)
    assert mode(path) == permissions


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_has_the_permissions_of_other_new_files(tmp_path, mask):
    before = os.umask(mask)
    try:
        MODEL.save(tmp_path / "model")
    finally:
        os.umask(before)
    assert mode(tmp_path / "model") == 0o666 & ~mask


@posix
def test_the_draft_of_a_private_file_is_private_from_the_start(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    path.chmod(0o600)
    with replacing(path):
        assert [mode(tmp_path / name) for name in names(tmp_path)] == [0o600, 0o600]


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_a_replaced_file_keeps_its_owner_and_group(tmp_path):
    path = tmp_path / "model"
    MODEL.save(path)
    os.chown(path, 12345, 23456)
    path.chmod(0o640)
    MODEL.save(path)
    found = path.stat()
    assert (found.st_uid, found.st_gid, mode(path)) == (12345, 23456, 0o640)


@posix
@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="the system has no extended attributes")
def test_a_replaced_file_keeps_its_extended_attributes(tmp_path):
    path = tmp_path / "model"
    MODEL.save(path)
    try:
        os.setxattr(path, "user.note", b"mine")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    MODEL.save(path)
    assert os.getxattr(path, "user.note") == b"mine"


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write to any file")
def test_a_file_that_may_not_be_written_to_is_not_replaced(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        MODEL.save(path)
    assert path.read_bytes() == b"old"


# What is refused.


@posix
@pytest.mark.parametrize("kind", ["FIFO", "socket", "device", "directory"])
@pytest.mark.parametrize("call", [MODEL.save, dc.load], ids=["save", "load"])
def test_what_is_no_regular_file_is_refused_and_left_alone(tmp_path, monkeypatch, kind, call):
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    path = Path("special")
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/null")
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("special")
        listener.close()
    before = path.stat().st_mode
    with pytest.raises(OSError, match=f"must be a regular file, but is a {kind}: 'special'"):
        call(path)
    assert path.stat().st_mode == before
    assert names(".") == ["special"]


@posix
def test_links_that_form_a_loop_are_an_os_error(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for call in (MODEL.save, dc.load):
        with pytest.raises(OSError, match="symbolic links"):
            call(tmp_path / "a")


def test_a_name_with_a_slash_behind_it_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError):
        MODEL.save(f"{tmp_path}/model/")
    with pytest.raises(OSError, match=r"No such file|cannot find"):
        MODEL.save("")
    assert names(tmp_path) == []


def test_any_name_that_the_file_system_takes_can_be_saved_to(tmp_path):
    for name in ("n" * 255, "\u00e9" * 127):
        MODEL.save(tmp_path / name)
        MODEL.save(tmp_path / name)
        assert dc.load(tmp_path / name).inputs == 2
    with pytest.raises(OSError, match="name too long"):
        MODEL.save(tmp_path / ("n" * 256))
    assert len(names(tmp_path)) == 2


@posix
def test_a_link_to_nothing_yet_is_filled(tmp_path):
    (tmp_path / "latest").symlink_to("model")
    MODEL.save(tmp_path / "latest")
    assert (tmp_path / "latest").is_symlink()
    assert dc.load(tmp_path / "model").inputs == 2


# Failures.


@pytest.mark.parametrize("function", ["write", "fsync", "open", "replace", "lseek"])
def test_an_error_of_the_system_names_the_file_of_the_user(tmp_path, monkeypatch, function):
    path = tmp_path / "model"
    MODEL.save(path)
    before = path.read_bytes()

    def fails(*arguments, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fails)
        with pytest.raises(OSError, match="No space left on device") as caught:
            MODEL.save(path)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert names(tmp_path) == ["model"]


def test_an_error_about_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "file"):
        (tmp_path / "other").read_bytes()
    assert caught.value.filename == str(tmp_path / "other")


# Leftovers of killed processes.


@posix
def test_what_a_killed_save_left_goes_with_the_next_save_of_any_file_in_the_folder(tmp_path):
    code = (
        "import sys, time\nfrom deepcore.files.atomic import replacing\n"
        "with replacing(sys.argv[1]) as file:\n    file.write(b'part'); print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, tmp_path / "model"], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        MODEL.save(tmp_path / "model")  # the other process is at work: its draft stays
        assert len(names(tmp_path)) == 2
        child.send_signal(signal.SIGKILL)
        child.wait()
    MODEL.save(tmp_path / "another")
    assert names(tmp_path) == ["another", "model"]


def test_drafts_of_other_machines_go_when_they_are_old(tmp_path):
    old, young, other = (tmp_path / name for name in (
        ".model.00000000-1-aa.deepcore-tmp", ".model.00000000-2-aa.deepcore-tmp", ".model.deepcore"
    ))  # fmt: skip
    for stray in (old, young, other):
        stray.write_bytes(b"")
    for stray in (old, other):
        os.utime(stray, (time.time() - 4000, time.time() - 4000))
    MODEL.save(tmp_path / "model")
    assert [stray.exists() for stray in (old, young, other)] == [False, True, True]


@posix
def test_a_draft_that_is_a_link_or_a_folder_is_left_alone(tmp_path):
    folder, link, precious = (tmp_path / name for name in (".a.deepcore-tmp", ".b.deepcore-tmp", "precious"))
    folder.mkdir()
    precious.write_bytes(b"data")
    link.symlink_to(precious)
    MODEL.save(tmp_path / "model")
    assert folder.is_dir()
    assert link.is_symlink()
    assert precious.read_bytes() == b"data"


def test_many_threads_may_save_into_one_folder(tmp_path):
    errors = []

    def save(number):
        try:
            for _ in range(20):
                MODEL.save(tmp_path / f"model{number % 2}")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert names(tmp_path) == ["model0", "model1"]
    assert dc.load(tmp_path / "model0").inputs == 2
