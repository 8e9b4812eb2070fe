"""Write a file so that readers, and a crash, find the old file or the new one and never a part of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["replacing"]

# Drafts of killed processes are removed when they are older: nobody is still writing them then.
_STALE_SECONDS = 3600


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file that replaces ``path`` if the block ends well: draft, fsync, rename, fsync.

    Args:
        path: The file to write. A link keeps pointing at the file that is replaced.

    Raises:
        OSError: if the file cannot be written. The old file is still there, and no draft is left.
    """
    target = Path(path).resolve()
    _sweep(target)
    draft = target.with_name(f".{target.name}.{os.getpid()}-{os.urandom(4).hex()}.deepcore-tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(draft, flags, 0o666)
    except OSError as error:  # name what the user knows, and not the draft
        named = target if target.parent.is_dir() else Path(path).parent
        raise OSError(error.errno, error.strerror, str(named)) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):  # the rename itself must reach the disk; Windows has no such handle
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _sweep(target: Path) -> None:
    """Remove the drafts that killed processes left."""
    if not target.parent.is_dir():
        return
    name = _literal(target.name)
    # Before 0.1.0, drafts of pictures and histories were named by the process: .curves.png.123.png.
    by_process = target.parent.glob(f".{name}.*{_literal(target.suffix)}")
    strays = [file for file in by_process if target.suffix and file.name.split(".")[-2].isdigit()]
    for stray in [*strays, *target.parent.glob(f".{name}.*.deepcore-tmp")]:
        try:
            if time.time() - stray.stat().st_mtime > _STALE_SECONDS:
                stray.unlink()
        except OSError:  # another process was faster
            pass


def _literal(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
