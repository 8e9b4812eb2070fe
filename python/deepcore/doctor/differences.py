"""Derivatives by differences that know how exact they are, and whether a kink is near."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from deepcore.typing import Array

__all__ = ["Cost", "Judge", "Judgement", "two_point"]

#: J as a function of the parameters in ``Judge.arrays``, which change in place.
Cost = Callable[[], float]

# Half-widths of differences, in units of max(1, |w|). The first is exact to about 1e-12 for smooth costs in
# float64; the others come closer to the point, where there are fewer kinks and more rounding.
_WIDTHS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
# A cost that is rounded coarser than this, as in float32, needs the widest difference first.
_COARSE = 1e-12
# A gradient is right if it differs by no more than this share, or than rounding can explain.
_RELATIVE = 1e-6
_ROUNDING = 30.0
# One-sided slopes that differ by more than this share have a kink between them, or a large curvature.
_BEND = 1e-3


@dataclass(frozen=True)
class Judgement:
    """What differences say of one element of a gradient.

    Attributes:
        verdict: ``"right"``, ``"wrong"`` or ``"kink"``: the cost has a kink so near that nothing can be said.
        slope: The derivative by differences.
    """

    verdict: str
    slope: float


class _Slopes:
    """Differences of one width at one element."""

    def __init__(self, values: tuple[float, ...], width: float, noise: float) -> None:
        down2, down, middle, up, up2 = values
        self.central = (8 * (up - down) - (up2 - down2)) / (12 * width)
        right = (-3 * middle + 4 * up - up2) / (2 * width)
        left = (3 * middle - 4 * down + down2) / (2 * width)
        self.rounding = _ROUNDING * noise / width
        bend = abs(right - left)
        self.usable = all(map(math.isfinite, values))
        self.smooth = bend <= _BEND * max(abs(right), abs(left)) + 4 * self.rounding

    def agrees(self, slope: float) -> bool:
        """Whether a slope is as good as the central difference."""
        return abs(slope - self.central) <= self.rounding + _RELATIVE * max(abs(slope), abs(self.central))


class Judge:
    """Compares elements of a gradient with differences of the cost.

    Args:
        cost: The cost; it reads ``arrays``.
        arrays: The parameters by name, float64. They are changed for a moment, and put back.

    Attributes:
        middle: The cost at the parameters.
        noise: Size of the rounding errors of the cost.
        resolution: The smallest error of a gradient that can be seen.
    """

    def __init__(self, cost: Cost, arrays: dict[str, Array]) -> None:
        self._cost, self._arrays = cost, arrays
        self.middle = cost()
        self.noise = self._estimated_noise()
        self._widths = _WIDTHS if self.noise > _COARSE * max(1.0, abs(self.middle)) else _WIDTHS[1:]
        self.resolution = _ROUNDING * self.noise / self._widths[0]

    def judge(self, name: str, index: tuple[int, ...], given: float) -> Judgement:
        """Judge one element of the gradient of ``arrays[name]``.

        A difference is believed where the one-sided slopes agree. Those of smaller width are asked only if
        the wider one says that the element is wrong or that there is a kink; two of them must agree on
        "wrong".
        """
        before: _Slopes | None = None
        for slopes in self._slopes(name, index):
            if not (slopes.usable and slopes.smooth):
                before = None
                continue
            if math.isfinite(given) and slopes.agrees(given):
                return Judgement("right", slopes.central)
            if before is not None and slopes.agrees(before.central):
                return Judgement("wrong", before.central)
            before = slopes
        if before is not None:
            return Judgement("wrong", before.central)
        return Judgement("kink", math.nan)

    def _slopes(self, name: str, index: tuple[int, ...]) -> Iterator[_Slopes]:
        array = self._arrays[name]
        kept = array[index]
        for share in self._widths:
            width = share * max(1.0, abs(float(kept)))
            values = []
            try:
                for steps in (-2, -1, 1, 2):
                    array[index] = kept + steps * width
                    values.append(self._cost())
            finally:
                array[index] = kept
            yield _Slopes((*values[:2], self.middle, *values[2:]), width, self.noise)

    def _estimated_noise(self) -> float:
        """Size of rounding errors, from third differences along random lines near the parameters.

        Source: More and Wild (2011), "Estimating computational noise".
        """
        rng = np.random.default_rng(0)
        kept = {name: array.copy() for name, array in self._arrays.items()}
        found = []
        try:
            for _ in range(3):
                ways = {name: rng.normal(size=array.shape) for name, array in kept.items()}
                values = []
                for step in range(1, 9):  # not 0, where a kink may be
                    for name, array in kept.items():
                        self._arrays[name][...] = array + step * 1e-5 * ways[name]
                    values.append(self._cost())
                # the variance of a third difference is 20 times that of its terms
                found.append(float(np.sqrt(np.mean(np.diff(values, 3) ** 2) / 20)))
        finally:
            for name, array in kept.items():
                self._arrays[name][...] = array
        finite = [noise for noise in found if math.isfinite(noise)]
        smallest = float(np.finfo(np.float64).eps) * max(abs(self.middle), 1e-300)
        return max(min(finite, default=0.0), smallest)


def two_point(cost: Cost, array: Array, epsilon: float) -> Array:
    """Compute ``(J(w + epsilon) - J(w - epsilon)) / (2 epsilon)`` for every element."""
    result = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + epsilon
        up = cost()
        array[index] = kept - epsilon
        down = cost()
        array[index] = kept
        result[index] = (up - down) / (2 * epsilon)
    return result
