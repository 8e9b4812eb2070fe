"""Memory maps that are read at random rows: the operating system is told, and the user too if it is slow."""

from __future__ import annotations

import mmap
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from deepcore._network.examples import Rows

__all__ = ["free_memory", "random_rows"]

# Where Linux tells how much memory this machine and this control group may still use.
_MEMINFO, _CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup/memory.max")


@contextmanager
def random_rows(who: str, X: Any, shuffled: bool) -> Iterator[None]:
    """Surround a run that reads the rows of X in a random order, if it is shuffled.

    A map that is larger than the free memory is read at random, so that each row costs one page of the disk
    and not all that the system would read ahead; there is a warning all the same.
    """
    mapping = _mapping(X.array if isinstance(X, Rows) else X) if shuffled else None
    free = None if mapping is None else free_memory()
    if mapping is None or free is None or len(mapping) <= free:
        yield
        return
    warnings.warn(
        f"{who}: X is a memory map of {len(mapping) / 1e9:.3g} GB, and {free / 1e9:.3g} GB of memory are "
        "free: shuffled rows will be read from the disk one by one; dc.stream((X, y), batch_size) reads "
        "blocks of rows, which is many times as fast",
        UserWarning,
        stacklevel=6,
    )
    _advise(mapping, "MADV_RANDOM")
    try:
        yield
    finally:
        _advise(mapping, "MADV_NORMAL")


def _mapping(array: Any) -> mmap.mmap | None:
    """Return the map that an array is a view of, or None."""
    while array is not None and not isinstance(array, mmap.mmap):
        array = getattr(array, "base", None)
    return array


def _advise(mapping: mmap.mmap, advice: str) -> None:
    """Tell how a map will be read, where the operating system listens."""
    with suppress(AttributeError, OSError, ValueError):
        mapping.madvise(getattr(mmap, advice))


def free_memory() -> int | None:
    """Return the number of bytes that programs may still use, and the cache of files with them, or None."""
    found = []
    with suppress(OSError, ValueError):
        line = next(line for line in _MEMINFO.read_text().splitlines() if line.startswith("MemAvailable:"))
        found.append(1024 * int(line.split()[1]))
    with suppress(OSError, ValueError):
        found.append(int(_CGROUP.read_text()))
    if not found:
        with suppress(AttributeError, OSError, ValueError):  # all of the memory of the machine
            found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(found, default=None)
