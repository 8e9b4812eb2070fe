"""Default values of arguments that can be told from the same values that a user gives."""

from __future__ import annotations

from typing import Any

__all__ = ["BATCH_SIZE", "SHUFFLE"]


class _Default(int):
    """A number that stands for an argument that was left out: compare it by ``is``."""

    def __init__(self, value: int) -> None:
        self._shown = repr(value)

    def __repr__(self) -> str:
        return self._shown

    def __reduce__(self) -> Any:
        return int, (int(self),)


#: Of ``batch_size`` and ``shuffle`` of ``fit``, which belong to a stream if the examples come from one.
BATCH_SIZE: Any = _Default(128)
SHUFFLE: Any = _Default(True)
