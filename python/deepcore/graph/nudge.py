"""A nudge changes one input a little, computes all values again, and compares with the derivative."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepcore._text_table import as_html
from deepcore.graph.nodes import Array, Node

__all__ = ["Change", "Nudge", "nudged"]


@dataclass(frozen=True)
class Change:
    """The value of a node before and after a nudge; of an array, the element that changed most."""

    name: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """After minus before."""
        return self.after - self.before


@dataclass(frozen=True)
class Nudge:
    """What follows when one input of a graph changes a little.

    ``print`` shows all values that change; a notebook shows them as a table.

    Attributes:
        by: The change of the input.
        changes: The nodes that change, in the order of the computation: the input first, the output last.
        derivative: d output / d input, by the pass backward.
    """

    by: float
    changes: tuple[Change, ...]
    derivative: float

    @property
    def ratio(self) -> float:
        """Change of the output over change of the input, which is close to ``derivative``."""
        return self.changes[-1].change / self.by if self.by else float("nan")

    def __str__(self) -> str:
        lines = [f"{c.name}: {c.before:.6g} -> {c.after:.6g} (change {c.change:.4g})" for c in self.changes]
        return "\n".join([*lines, self._foot()])

    __repr__ = __str__

    def _foot(self) -> str:
        first, last = self.changes[0].name, self.changes[-1].name
        return (
            f"change of {last} / change of {first} = {self.changes[-1].change:.4g} / {self.by:.4g} = "
            f"{self.ratio:.6g}; the derivative is {self.derivative:.6g}"
        )

    def _repr_html_(self) -> str:
        rows = [
            (c.name, f"{c.before:.6g}", f"{c.after:.6g}", f"{c.change:.4g}", f"{c.change / self.by:.6g}")
            for c in self.changes
        ]
        return as_html((("node", "before", "after", "change", "change / nudge"), *rows), self._foot())


def nudged(nodes: list[Node], node: Node, by: float, index: tuple[int, ...], slope: Array) -> Nudge:
    """Compute the values of a graph again with one number changed.

    Args:
        nodes: All nodes in their order, the output last.
        node: The node to change.
        by: How much is added.
        index: The element of an array that is changed; ``()`` for a number.
        slope: Derivatives of the output by the node.
    """
    moved = node.data.copy()
    moved[index] += by
    after: dict[Node, Array] = {node: moved}
    for one in nodes:
        if one is not node and one.operation is not None and any(parent in after for parent in one.parents):
            inputs = (after.get(parent, parent.data) for parent in one.parents)
            after[one] = np.asarray(one.operation.value(*inputs), np.float64)
    order = [one for one in nodes if one in after]
    if order[-1] is not nodes[-1]:
        order.append(nodes[-1])  # the output does not depend on the node
    changes = []
    for one in order:
        new = after.get(one, one.data)
        at = index if one is node else np.unravel_index(np.abs(new - one.data).argmax(), new.shape)
        where = f"[{', '.join(map(str, at))}]" if new.size > 1 else ""
        changes.append(Change(one.name + where, float(one.data[at]), float(new[at])))
    return Nudge(by, tuple(changes), float(slope[index]))
