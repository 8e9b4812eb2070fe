"""The result of a gradient check: a verdict, the worst elements, the first wrong layer and likely causes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from deepcore import _heat_map
from deepcore._text_table import as_html, as_text
from deepcore.typing import Array

__all__ = ["Element", "GradientCheck", "cause", "relative"]

_HEAD = ("parameter", "shape", "relative difference", "wrong", "on a kink")
# A gradient that is so near a multiple of the right one has that factor as its fault.
_SAME = 1e-4


@dataclass(frozen=True)
class Element:
    """One element of a gradient that is wrong.

    Attributes:
        name: Name of the parameter.
        index: Its place in the parameter.
        given: What backpropagation says.
        numeric: The derivative by differences.
    """

    name: str
    index: tuple[int, ...]
    given: float
    numeric: float

    def __str__(self) -> str:
        place = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        return f"d{self.name}{place} is {self.given:.6g}, and differences give {self.numeric:.6g}"


@dataclass(frozen=True)
class GradientCheck:
    """The result of a gradient check.

    Attributes:
        difference: ``|g - g~| / (|g| + |g~|)`` over all elements; 0 if both gradients are zero.
        by_parameter: The same for each parameter alone.
        numeric: The central differences, shaped like the parameters.
        wrong: Number of wrong elements of each parameter.
        kinks: Number of elements of each parameter that cannot be judged, because the cost has a kink there.
        worst: The elements with the largest errors, at most ten of them.
        causes: The likely cause for each parameter whose gradient is wrong, in words.
        remarks: What the check could not test, in words.
        resolution: Smaller errors of a gradient than this cannot be seen, because the cost is rounded.
    """

    difference: float
    by_parameter: Mapping[str, float]
    numeric: Mapping[str, Array]
    wrong: Mapping[str, int] = field(default_factory=dict)
    kinks: Mapping[str, int] = field(default_factory=dict)
    worst: tuple[Element, ...] = ()
    causes: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    resolution: float = 0.0

    def __float__(self) -> float:
        return self.difference

    @property
    def ok(self) -> bool:
        """Whether no element is wrong."""
        return not any(self.wrong.values())

    @property
    def by_layer(self) -> dict[int, int]:
        """Number of wrong elements of each layer, by the number at the end of the names."""
        found: dict[int, int] = {}
        for name in self.by_parameter:
            if digits := re.search(r"\d+$", name):
                number = int(digits[0])
                found[number] = found.get(number, 0) + self.wrong.get(name, 0)
        return dict(sorted(found.items()))

    @property
    def first_wrong_layer(self) -> int | None:
        """The wrong layer nearest to the output, where backpropagation meets its first fault; or None."""
        return max((layer for layer, count in self.by_layer.items() if count), default=None)

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            _HEAD,
            *(
                (name, str(self.numeric[name].shape), f"{value:.3e}", *self._counts(name))
                for name, value in self.by_parameter.items()
            ),
        ]

    def _counts(self, name: str) -> tuple[str, str]:
        return f"{self.wrong.get(name, 0)}", f"{self.kinks.get(name, 0)}"

    @property
    def _verdict(self) -> str:
        if not self.ok:
            layer = self.first_wrong_layer
            place = f"; the fault nearest to the output is in layer {layer}" if layer else ""
            count = sum(self.wrong.values())
            return f"the gradient is wrong in {count} element{'s' if count != 1 else ''}{place}"
        judged = "all elements that can be judged" if any(self.kinks.values()) else "all elements"
        return f"the gradient is right in {judged}"

    def _details(self) -> list[str]:
        lines = [f"{name}: {text}" for name, text in self.causes.items()]
        return [*lines, *(str(element) for element in self.worst), *self.remarks]

    def __str__(self) -> str:
        head = f"GradientCheck: relative difference {self.difference:.3e}; {self._verdict}"
        return "\n".join([as_text(self._rows(), head, left={0}), *self._details()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape

        foot = f"relative difference {self.difference:.3e}; {self._verdict}"
        items = "".join(f"<li>{escape(line)}</li>" for line in self._details())
        details = f"<ul>{items}</ul>" if items else ""
        return f'{_heat_map.STYLE}<div class="dc">{as_html(self._rows(), foot)}{details}</div>'


def relative(g: Array, numeric: Array) -> float:
    """``|g - g~| / (|g| + |g~|)``; 0 if both are zero, and infinite if one is not finite."""
    scale = float(np.linalg.norm(g) + np.linalg.norm(numeric))
    if not np.isfinite(scale):
        return float("inf")
    return float(np.linalg.norm(g - numeric)) / scale if scale > 0 else 0.0


def cause(given: Array, numeric: Array, parameter: Array, examples: int | None) -> str:
    """Say what the likely fault of a wrong gradient is.

    Args:
        given: The gradient by backpropagation.
        numeric: The derivatives by differences; those of unknown elements are not finite.
        parameter: The parameter itself.
        examples: m, if it is known.
    """
    if not np.isfinite(given).all():
        return "it is not finite: is there a division by 0 or the logarithm of 0?"
    known = np.isfinite(numeric)
    g, n, w = given[known], numeric[known], parameter[known]
    if not n.any():
        return "the cost does not change with this parameter: does the cost use the parameters it is given?"
    if not g.any():
        return "it is 0, but the cost does change"
    factor = float(g @ n / (n @ n))
    # A factor of 1 is no fault of all elements: few of them differ, by little.
    if abs(factor - 1) >= _SAME and _near(g, factor * n):
        return _factor(factor, examples)
    square = given.ndim == 2 and given.shape[0] == given.shape[1] and known.all()
    if square and _near(given.T.ravel(), numeric.ravel()):
        return "it is transposed"
    rest, size = g - n, float(w @ w)
    if size > 0 and _near(rest, float(rest @ w) / size * w):
        return "it differs by a multiple of the parameter: look at the term of the weight penalty"
    if given.ndim == 2 and len(given) > 1 and known.all() and _near(given.ravel(), np.full(given.size, g[0])):
        return "all its elements are equal: is it summed over the units and not over the examples?"
    ratio = np.divide(g, n, out=np.ones_like(g), where=n != 0)
    if float(np.mean(np.abs(ratio - 1) < _SAME)) >= 0.5:
        return "only some elements are wrong; look at those that are listed"
    return "it is not a multiple of the right one: look at the derivative of the activation and its argument"


def _factor(factor: float, examples: int | None) -> str:
    if abs(factor + 1) < _SAME:
        return "it has the wrong sign"
    if examples is not None and examples > 1:
        if abs(abs(factor) / examples - 1) < _SAME:
            return f"it is m = {examples} times too large: is it not divided by m?"
        if abs(abs(factor) * examples - 1) < _SAME:
            return f"it is m = {examples} times too small: is it divided by m twice?"
    return f"it is {factor:.4g} times the right one everywhere: is there a wrong factor?"


def _near(a: Array, b: Array) -> bool:
    return float(np.linalg.norm(a - b)) <= _SAME * float(np.linalg.norm(b))
