"""Typed contract of the detector module; checked by ``mypy.stubtest``."""

from typing import Final

BUILT: Final[tuple[str, ...]]

def runnable() -> tuple[str, ...]: ...
