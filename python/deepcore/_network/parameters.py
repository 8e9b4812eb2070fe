"""Named views into one flat buffer: parameters and gradients share this form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from deepcore import _checks
from deepcore.exceptions import UnknownNameError
from deepcore.typing import Array

__all__ = ["BlockViews", "Pieces", "pieces"]

Tensor: TypeAlias = tuple[str, int, int, int, int]
Pieces: TypeAlias = Mapping[str, tuple[int, int, int]]


def pieces(tensors: Iterable[Tensor]) -> Pieces:
    """Where each array lies in its buffer: ``{"W1": (offset, rows, columns), "b1": ...}``.

    Args:
        tensors: ``(name, layer, rows, columns, offset)`` of each array, as the compiled network lists them.
    """
    return {f"{name}{layer}": (offset, rows, cols) for name, layer, rows, cols, offset in tensors}


class BlockViews(MutableMapping[str, Array]):
    """``{"W1": (n1, n0), "b1": (n1, 1), "W2": ...}``, each a live, writable view into ``flat``.

    Writing ``views["W1"] = W`` copies W into the buffer; the names and shapes cannot change.

    Args:
        flat: The 1-D buffer.
        pieces: ``{name: (offset, rows, columns)}``, matrices column by column.
        prefix: Put before every name; ``"d"`` for gradients.
    """

    def __init__(self, flat: Array, pieces: Pieces, prefix: str = "") -> None:
        self.flat = flat
        self._pieces = {prefix + name: piece for name, piece in pieces.items()} if prefix else pieces
        self._views: dict[str, Array] = {}  # those that were asked for

    def __getitem__(self, name: str) -> Array:
        view = self._views.get(name)
        if view is None:
            if name not in self._pieces:
                raise UnknownNameError(self._unknown(name))
            offset, n_out, n_in = self._pieces[name]
            view = self.flat[offset : offset + n_out * n_in].reshape(n_in, n_out).T
            self._views[name] = view
        return view

    def __contains__(self, name: object) -> bool:
        return name in self._pieces

    def _unknown(self, name: object) -> str:
        return f"there is no {_checks.shown(name)}; there is {_checks.first_names(list(self._pieces))}"

    def __setitem__(self, name: str, value: ArrayLike) -> None:
        view = self[name]
        array = _checks.numbers("assignment", name, value)
        if array.shape != view.shape:
            raise ValueError(f"{name} must have shape {view.shape}, got {array.shape}")
        with np.errstate(over="ignore"):  # what overflows to inf is reported below
            converted = array.astype(view.dtype, copy=False)
        if converted is not array and (np.isinf(converted) > np.isinf(array)).any():
            raise ValueError(f"assignment: {name} must be within the range of {view.dtype}")
        view[...] = converted

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"{name} is a view of a network's buffer and cannot be removed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._pieces)

    def __len__(self) -> int:
        return len(self._pieces)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name}: {view.shape}" for name, view in self.items())
        return f"{{{shapes}}}"
