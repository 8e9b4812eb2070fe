"""Only regular files are read or replaced, and no directory, device, FIFO or socket; tables may be pipes."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["as_text", "check_regular", "open_regular", "open_stream", "status"]

_KINDS = (
    (stat.S_ISDIR, "directory"),
    (stat.S_ISFIFO, "FIFO"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)


def as_text(path: object) -> str:
    """Return a path as text.

    Raises:
        TypeError: if it is not a path.
        ValueError: if it holds a null character.
    """
    try:
        text = os.fsdecode(path)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"path must be text, bytes or a path object such as pathlib.Path, got {path!r:.80}"
        ) from None
    if "\0" in text:
        raise ValueError(f"path must not hold a null character, got {text!r:.80}")
    return text


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading; anything else is refused without opening it.

    Raises:
        OSError: if there is no such file, it cannot be read or is not a regular file.
    """
    path = as_text(path)
    check_regular(path, os.stat(path))  # noqa: PTH116  (os.stat names the path as the user wrote it)
    file = Path(path).open("rb")  # noqa: SIM115  (the caller closes it)
    try:
        check_regular(path, os.fstat(file.fileno()))
    except OSError:
        file.close()
        raise
    return file


def open_stream(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file or a FIFO, such as a pipe from another program, for reading from start to end.

    Raises:
        OSError: if there is no such file, it cannot be read or is something else, such as an endless device.
    """
    path = as_text(path)
    found = os.stat(path)  # noqa: PTH116  (os.stat names the path as the user wrote it)
    if not stat.S_ISFIFO(found.st_mode):
        return open_regular(path)
    return Path(path).open("rb")


def status(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Return the status of the file that ``path`` leads to; None: there is none.

    Raises:
        OSError: if it cannot be told, for example because links form a loop.
    """
    with suppress(FileNotFoundError):
        return os.stat(path)  # noqa: PTH116
    return None


def check_regular(path: str | os.PathLike[str], found: os.stat_result) -> None:
    """Raise OSError unless the status is that of a regular file."""
    if stat.S_ISREG(found.st_mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(found.st_mode)), "special file")
    number = errno.EISDIR if kind == "directory" else errno.EINVAL
    raise OSError(number, f"This must be a regular file, but is a {kind}", os.fspath(path))
