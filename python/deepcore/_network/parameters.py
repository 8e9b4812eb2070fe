"""Named views into one flat buffer: parameters and gradients share this form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from deepcore import _checks
from deepcore.exceptions import UnknownNameError
from deepcore.typing import Array

__all__ = ["BlockViews", "parameter_pieces", "running_pieces"]


Pieces: TypeAlias = Mapping[str, tuple[int, int, int]]


def parameter_pieces(layout: Sequence[tuple[int, int, int, int]], norms: Sequence[str | None]) -> Pieces:
    """Where W, b, and of layers with a norm gamma and beta lie.

    Args:
        layout: ``(W_offset, b_offset, n_out, n_in)`` of each layer, as the native network gives it.
        norms: The norm of each layer, or None.
    """
    pieces: dict[str, tuple[int, int, int]] = {}
    for number, ((w, b, n_out, n_in), norm) in enumerate(zip(layout, norms, strict=True), start=1):
        pieces |= {f"W{number}": (w, n_out, n_in), f"b{number}": (b, n_out, 1)}
        if norm is not None:
            pieces |= {f"gamma{number}": (b + n_out, n_out, 1), f"beta{number}": (b + 2 * n_out, n_out, 1)}
    return pieces


def running_pieces(layout: Sequence[tuple[int, int, int, int]], norms: Sequence[str | None]) -> Pieces:
    """Where the running statistics of layers with batch norm lie, among themselves."""
    pieces: dict[str, tuple[int, int, int]] = {}
    offset = 0
    for number, ((_, _, n, _), norm) in enumerate(zip(layout, norms, strict=True), start=1):
        if norm == "batch":
            pieces |= {
                f"running_mean{number}": (offset, n, 1),
                f"running_variance{number}": (offset + n, n, 1),
            }
            offset += 2 * n
    return pieces


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
        self._views: dict[str, Array] = {}
        for name, (offset, n_out, n_in) in pieces.items():
            self._views[prefix + name] = flat[offset : offset + n_out * n_in].reshape(n_in, n_out).T

    def __getitem__(self, name: str) -> Array:
        if name not in self._views:
            raise UnknownNameError(self._unknown(name))
        return self._views[name]

    def __contains__(self, name: object) -> bool:
        return name in self._views

    def _unknown(self, name: object) -> str:
        return f"there is no {_checks.shown(name)}; there is {_checks.first_names(list(self._views))}"

    def __setitem__(self, name: str, value: ArrayLike) -> None:
        if name not in self._views:
            raise UnknownNameError(self._unknown(name))
        view = self._views[name]
        array = np.asarray(value)
        if array.shape != view.shape:
            raise ValueError(f"{name} must have shape {view.shape}, got {array.shape}")
        view[...] = array

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"{name} is a view of a network's buffer and cannot be removed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name}: {view.shape}" for name, view in self._views.items())
        return f"{{{shapes}}}"
