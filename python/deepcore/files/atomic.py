"""Write a file so that readers, and a crash, find the old file or the new one and never a part of it."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import BinaryIO

from deepcore import _core
from deepcore._regular import as_text, check_regular, status

if sys.platform != "win32":
    import fcntl

__all__ = ["check_target", "replacing"]

# A draft whose writer cannot be asked, such as one on another machine, is removed when it is older than this.
_STALE_SECONDS = 3600
_SUFFIX = ".deepcore-tmp"
_LONGEST_NAME = 100  # bytes of the target's name that a draft's name repeats; file systems allow 143 to 255


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file that replaces ``path`` if the block ends well: draft, fsync, rename, fsync.

    A new file has the permissions of other new files. A file that replaces another one has its permissions,
    and where the system allows it, its owner, group and extended attributes.

    Args:
        path: The file to write. A link keeps pointing at the file that is replaced. Other hard links keep the
            old content.

    Raises:
        OSError: if the file cannot be written, or is not a regular file. The old file is still there, and no
            draft is left.
    """
    path = as_text(path)
    old = check_target(path)
    target = Path(os.path.realpath(path))
    _sweep(target.parent)
    draft = target.with_name(_draft_name(target.name))
    try:
        with _created(draft, 0o666 if old is None else 0o600) as file:
            if old is not None:
                _inherit(target, old, file.fileno())
            yield file
            file.flush()
            os.fsync(file.fileno())
            if sys.platform != "win32":  # renamed while the lock is held, so that nobody removes the draft
                draft.replace(target)
        if sys.platform == "win32":
            draft.replace(target)
    except BaseException as error:
        with suppress(OSError):
            draft.unlink()
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(draft)):
            raise _named(error, path, target) from error
        raise
    _sync_folder(target.parent)


def check_target(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Return the status of the file that would be replaced; None: there is none.

    Raises:
        OSError: if ``path`` is not a file that may be written or replaced.
    """
    path = as_text(path)
    old = status(path)
    if old is not None:
        check_regular(path, old)
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    elif not path:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    elif path.endswith(("/", os.sep)):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    return old


def _named(error: OSError, path: str, target: Path) -> OSError:
    """Return an error of the draft as one that names what the user knows."""
    name = path if target.parent.is_dir() else str(Path(path).parent)
    return OSError(error.errno, error.strerror or str(error), name)


def _inherit(target: Path, old: os.stat_result, descriptor: int) -> None:
    """Give the draft what the old file has: extended attributes, owner, group and permissions."""
    if sys.platform == "win32":
        return
    if hasattr(os, "listxattr"):  # access control lists are among them
        with suppress(OSError):
            for name in os.listxattr(target):
                with suppress(OSError):
                    os.setxattr(descriptor, name, os.getxattr(target, name))
    mode = stat.S_IMODE(old.st_mode)
    with suppress(OSError):
        os.fchown(descriptor, old.st_uid, -1)
    if os.fstat(descriptor).st_gid != old.st_gid:
        try:
            os.fchown(descriptor, -1, old.st_gid)
        except OSError:  # the rights of the old group must not go to another one
            mode = (mode & ~stat.S_IRWXG) | (mode & stat.S_IRWXO) << 3
    with suppress(OSError):  # some file systems have no permissions; the draft then stays private
        os.fchmod(descriptor, mode)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself reach the disk, where the system can do so."""
    number = _core.sync_folder(os.fsencode(folder))  # compiled: an interrupt cannot lose the descriptor
    # A folder may be one that may be written to but not listed; some network file systems cannot do it.
    if number not in (0, errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP):
        raise OSError(number, os.strerror(number), str(folder))


# Drafts


def _draft_name(name: str) -> str:
    """Name of a new draft: the target's name, machine, process and a random number."""
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f"{name[:20]}~{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"
    return f".{name}.{_machine()}-{os.getpid()}-{os.urandom(4).hex()}{_SUFFIX}"


@lru_cache
def _machine() -> str:
    """Return eight digits that differ between machines: locks may not reach from one to another."""
    parts = [os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def _created(draft: Path, mode: int) -> BinaryIO:
    """Create a draft, and lock it for as long as it is open; the system ends the lock with the process."""
    opener = partial(os.open, mode=mode)  # a compiled function: an interrupt cannot lose the descriptor
    while True:
        file = open(draft, "xb", opener=opener)  # noqa: SIM115  (Path.open has no opener)
        if sys.platform == "win32":  # an open file cannot be removed there
            return file
        with suppress(OSError):  # a file system without locks: drafts go by age
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # another save removed the draft before it was locked: once more


def _sweep(folder: Path) -> None:
    """Remove the drafts of processes that were killed."""
    try:
        entries = [entry.path for entry in os.scandir(folder) if entry.name.endswith(_SUFFIX)]
    except OSError:  # a folder that may not be listed, or is not there
        return
    for entry in entries:
        with suppress(OSError):  # another process was faster
            _remove_if_abandoned(Path(entry))


def _remove_if_abandoned(draft: Path) -> None:
    found = draft.lstat()
    if not stat.S_ISREG(found.st_mode):
        return
    old = time.time() - found.st_mtime > _STALE_SECONDS
    if sys.platform == "win32":
        if old:
            draft.unlink()
        return
    if not old and f".{_machine()}-" not in draft.name:
        return
    with draft.open("rb") as file:
        if not old:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # an OSError: it is being written
        if os.fstat(file.fileno()).st_nlink:  # otherwise a new draft may have its name
            draft.unlink()
