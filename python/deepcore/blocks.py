"""Named views into one flat buffer: parameters and gradients share this form."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from deepcore.typing import Array

__all__ = ["BlockViews"]


class BlockViews(MutableMapping[str, Array]):
    """``{"W1": (n1, n0), "b1": (n1, 1), "W2": ...}``, each a live, writable view into ``flat``.

    Writing ``views["W1"] = W`` copies W into the buffer; the names and shapes cannot change.

    Args:
        flat: The 1-D buffer.
        layout: ``(W_offset, b_offset, n_out, n_in)`` of each layer, as the native network gives it.
        prefix: Put before every name; ``"d"`` for gradients.
    """

    def __init__(self, flat: Array, layout: Sequence[tuple[int, int, int, int]], prefix: str = "") -> None:
        self.flat = flat
        self._views: dict[str, Array] = {}
        for number, (w_offset, b_offset, n_out, n_in) in enumerate(layout, start=1):
            W = flat[w_offset : w_offset + n_out * n_in].reshape(n_in, n_out).T
            b = flat[b_offset : b_offset + n_out].reshape(n_out, 1)
            self._views[f"{prefix}W{number}"] = W
            self._views[f"{prefix}b{number}"] = b

    def __getitem__(self, name: str) -> Array:
        return self._views[name]

    def __setitem__(self, name: str, value: ArrayLike) -> None:
        if name not in self._views:
            raise KeyError(f"{name!r} is not one of {', '.join(self._views)}")
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
