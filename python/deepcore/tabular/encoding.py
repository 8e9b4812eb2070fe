"""``Encoding``: numbers and category codes become the inputs of a network; it is data, never code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from deepcore import _checks
from deepcore.typing import Array

__all__ = ["CLIP", "Encoding"]

SCALINGS = ("standard", "robust", "none")

# A spread below this many rounding errors of the mean is no spread.
_ROUNDING_ERRORS = 32
#: Bound of the smooth clip.
CLIP = 3.0
# Number of rows that are encoded at a time, so that the intermediate results stay in the cache.
_BLOCK = 1024


class _Layout(NamedTuple):
    """Where the one-hot columns of category columns are.

    Attributes:
        single: Category columns with a single one-hot column, and its place.
        several: Category columns with several one-hot columns.
        limits: The number of codes of each of the latter.
        offsets: What is added to a code of each of them; the sum is the place of its one-hot column.
    """

    single: list[tuple[int, int]]
    several: list[int]
    limits: NDArray[np.int64]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, sizes: Sequence[int], widths: Sequence[int]) -> _Layout:
        places = np.cumsum([0, *widths])[:-1]
        several = [j for j, width in enumerate(widths) if width > 1]
        single = [(j, int(places[j])) for j, width in enumerate(widths) if width == 1]
        return cls(single, several, np.array(sizes, np.int64)[several], places[several] - 1)


class Encoding:
    """One-hot columns, scaling and smooth clipping of a table's numbers and codes.

    The inputs of the network are, from left to right: the scaled numbers, the scaled one-hot columns, and the
    codes of the other category columns as they are.

    One-hot columns of a category column with k known categories: k >= 3 gives k columns, 1 for the category
    and 0 elsewhere; k = 2 gives one column, +1 for code 1 and -1 for code 2; k = 1 gives one column, +1, and
    -1 for code 0. Code 0 is 0 in all columns for k >= 2.

    Use ``Encoding.fit``.

    Attributes:
        sizes: Number of codes of each category column, with code 0.
        one_hot: Whether each category column becomes one-hot columns.
        center: Centres of numbers and one-hot columns, float64.
        factor: What the centred values are multiplied by; 0 marks a constant column.
        clip: Whether z becomes ``z / sqrt(1 + (z / 3)^2)``.

    Source: for ``scaling="robust"`` and ``clip=True``, Holzmueller, Grinsztajn and Steinwart (2024), "Better
    by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data".
    """

    def __init__(
        self, sizes: Sequence[int], one_hot: Sequence[bool], center: Array, factor: Array, clip: bool
    ) -> None:
        self.sizes, self.one_hot, self.clip = list(sizes), list(one_hot), clip
        self.center, self.factor = (np.asarray(values, dtype=np.float64) for values in (center, factor))
        width = sum(self.one_hot_widths)
        if self.center.ndim != 1 or self.center.shape != self.factor.shape or self.center.size < width:
            raise ValueError(
                f"Encoding: center and factor must hold one value per number and one-hot column, got shapes "
                f"{self.center.shape} and {self.factor.shape}"
            )
        self._numbers = self.center.size - width
        self._layout = _Layout.of(self.sizes, self.one_hot_widths)
        values = np.repeat([[0.0], [1.0], [-1.0]], width, axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            # What 0, 1 and -1 become in each one-hot column.
            self._levels = self._scaled(values, slice(self._numbers, self.center.size))

    @classmethod
    def fit(
        cls,
        numbers: Array,
        codes: Array,
        sizes: Sequence[int],
        *,
        scaling: str = "standard",
        clip: bool = False,
        one_hot_limit: int | None = None,
    ) -> Encoding:
        """Learn centres and factors from the training rows.

        Args:
            numbers: float64, (m, k).
            codes: int64, (m, c).
            sizes: Number of codes of each category column.
            scaling: ``"standard"``: mean and standard deviation. ``"robust"``: median and the distance of
                the quartiles, or half the range where it is 0. ``"none"``.
            clip: Clip the scaled values smoothly to (-3, 3).
            one_hot_limit: Category columns of at most this size become one-hot columns; None: all of them.

        Raises:
            ValueError: If an argument is out of range, or a number is not finite.
        """
        if scaling not in SCALINGS:
            raise ValueError(
                f"Encoding.fit: scaling must be one of {', '.join(SCALINGS)}, got {_checks.shown(scaling)}"
            )
        if len(numbers) == 0:
            raise ValueError("Encoding.fit: numbers must have at least one row")
        one_hot = [one_hot_limit is None or size <= one_hot_limit for size in sizes]
        values = np.concatenate([numbers, _one_hot(codes, sizes, one_hot)], axis=1)
        _checks.finite("Encoding.fit", "numbers", values)
        columns = [_spread(values[:, j], scaling) for j in range(values.shape[1])]
        center, factor = np.array(columns, dtype=np.float64).reshape(-1, 2).T
        return cls(sizes, one_hot, center, factor, clip)

    @property
    def inputs(self) -> int:
        """Number of inputs of the network."""
        return self.center.size + len(self.embedded)

    @property
    def one_hot_widths(self) -> list[int]:
        """How many one-hot columns each category column becomes; 0 if its codes are passed on."""
        pairs = zip(self.sizes, self.one_hot, strict=True)
        return [_width(size) if wanted else 0 for size, wanted in pairs]

    @property
    def embedded(self) -> list[int]:
        """Sizes of the category columns whose codes are passed on; they are the last inputs."""
        return [size for size, wanted in zip(self.sizes, self.one_hot, strict=True) if not wanted]

    @property
    def number_count(self) -> int:
        """How many of the first inputs are numbers of the table."""
        return self._numbers

    def transform(self, numbers: Array, codes: Array, dtype: DTypeLike = np.float64) -> Array:
        """Return the inputs of the network, (m, inputs).

        Args:
            numbers: float64, (m, k).
            codes: int64, (m, c).
            dtype: dtype of the result. Everything is computed in float64.

        Raises:
            ValueError: If the number of columns is wrong.
        """
        if numbers.shape[1] != self._numbers or codes.shape[1] != len(self.sizes):
            raise ValueError(
                f"Encoding.transform: numbers and codes must have {self._numbers} and {len(self.sizes)} "
                f"columns, got shapes {numbers.shape} and {codes.shape}"
            )
        out = np.empty((len(numbers), self.inputs), dtype)
        k, width = self._numbers, self.center.size
        with np.errstate(over="ignore", invalid="ignore"):  # the network refuses what is not finite
            for start in range(0, len(numbers), _BLOCK):
                rows = slice(start, start + _BLOCK)
                out[rows, :k] = self._scaled(numbers[rows], slice(0, k))
                if width > k:
                    self._fill_one_hot(out[rows, k:width], codes[rows])
        if width < out.shape[1]:
            out[:, width:] = codes[:, [j for j, wanted in enumerate(self.one_hot) if not wanted]]
        return out

    def _scaled(self, values: Array, columns: slice) -> NDArray[np.float64]:
        """Centre, scale and clip values of some columns, as a new array."""
        factor = self.factor[columns]
        z = np.subtract(values, self.center[columns])
        z *= factor
        if self.clip:
            root = z / CLIP
            np.square(root, out=root)
            root += 1
            z /= np.sqrt(root, out=root)
        constant = factor == 0
        if constant.any():
            z[:, constant] = 0.0
        return z

    def _fill_one_hot(self, out: Array, codes: Array) -> None:
        """Write the scaled one-hot columns, each of which has two or three different values."""
        off, on, minus = self._levels
        out[:] = off
        layout = self._layout
        for j, place in layout.single:
            known = [off, on, minus] if self.sizes[j] == 3 else [minus, on]
            out[:, place] = np.array([values[place] for values in known])[codes[:, j]]
        if layout.several:
            chosen = codes[:, layout.several]
            is_known = (chosen > 0) & (chosen < layout.limits)
            rows, _ = is_known.nonzero()
            ones = (chosen + layout.offsets)[is_known]
            out[rows, ones] = on[ones]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Encoding)
            and self.to_dict() == other.to_dict()
            and np.array_equal(self.center, other.center)
            and np.array_equal(self.factor, other.factor)
        )

    __hash__ = None  # type: ignore[assignment]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data; ``arrays`` holds the numbers."""
        return {"sizes": self.sizes, "one_hot": self.one_hot, "clip": self.clip}

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return the numbers by name, for a model file."""
        return {"center": self.center, "factor": self.factor}

    @classmethod
    def from_dict(cls, values: Any, arrays: Mapping[str, Array]) -> Encoding:
        """Reverse ``to_dict`` and ``arrays``.

        Raises:
            ValueError: If the values are not what these return.
        """
        who = "Encoding.from_dict"
        if not isinstance(values, dict) or set(values) != {"sizes", "one_hot", "clip"}:
            raise ValueError(f"{who}: values must have the keys 'sizes', 'one_hot' and 'clip'")
        sizes, one_hot, clip = values["sizes"], values["one_hot"], values["clip"]
        right = (
            isinstance(sizes, list)
            and all(type(size) is int and size >= 1 for size in sizes)
            and isinstance(one_hot, list)
            and len(one_hot) == len(sizes)
            and all(isinstance(item, bool) for item in [*one_hot, clip])
            and set(arrays) == {"center", "factor"}
            and all(np.isfinite(array).all() for array in arrays.values())
        )
        if not right:
            raise ValueError(f"{who}: the values are not what to_dict and arrays return")
        return cls(sizes, one_hot, arrays["center"], arrays["factor"], clip)


def _width(size: int) -> int:
    """Number of one-hot columns of a category column with this many codes."""
    known = size - 1
    return known if known >= 3 else min(known, 1)


def _one_hot(codes: Array, sizes: Sequence[int], wanted: Sequence[bool]) -> NDArray[np.float64]:
    columns = [np.empty((len(codes), 0))]
    for j, (size, one_hot) in enumerate(zip(sizes, wanted, strict=True)):
        code, known = codes[:, j], size - 1
        if not one_hot or known == 0:
            continue
        if known >= 3:
            columns.append((code[:, None] == np.arange(1, size)).astype(np.float64))
        elif known == 2:
            columns.append(np.array([0.0, 1.0, -1.0])[code][:, None])
        else:
            columns.append(np.array([-1.0, 1.0])[code][:, None])
    return np.concatenate(columns, axis=1)


def _spread(x: Array, scaling: str) -> tuple[float, float]:
    """Centre and factor of one column."""
    if scaling == "none":
        return 0.0, 1.0
    # Relative to the largest value, so that squares and differences neither overflow nor vanish.
    largest = float(np.abs(x).max()) or 1.0
    if scaling == "robust":
        center = float(np.median(x / largest))
        c = x / largest - center
        low, high = np.quantile(c, [0.25, 0.75])
        spread = float(high - low) or float(c.max() - c.min()) / 2
    else:
        center = float(np.mean(x / largest))
        spread = float(np.std(x / largest))
    if spread <= _ROUNDING_ERRORS * np.finfo(np.float64).eps * abs(center):
        return center * largest, 0.0
    factor = 1 / spread / largest if spread else 0.0
    return center * largest, factor if np.isfinite(factor) else 0.0
