"""The computation of a graph in words, step by step: values forward, then derivatives backward."""

from __future__ import annotations

import numpy as np

from deepcore._text_table import as_html
from deepcore.graph.derivatives import Derivative, derivatives
from deepcore.graph.nodes import Array, Node, written

__all__ = ["Steps", "compact", "derivative_name", "steps_order"]

# An array of at most so many numbers is written with its numbers.
_FEW = 6


class Steps(tuple[str, ...]):
    """One line per step; ``print`` shows them all, and a notebook shows them as a table.

    Attributes:
        forward: Number of steps that compute values; the others compute derivatives.
    """

    forward: int

    @classmethod
    def of(cls, nodes: list[Node]) -> Steps:
        """Write the steps of a graph.

        Args:
            nodes: All nodes in their order, the output last.
        """
        there = steps_order(nodes)
        lines = [_forward(node) for node in there]
        count = len(lines)
        if nodes[-1].data.size == 1:
            d = derivatives(nodes)
            lines += [_backward(node, nodes, d) for node in reversed(there)]
        steps = cls(lines)
        steps.forward = count
        return steps

    def __str__(self) -> str:
        forward, backward = self[: self.forward], self[self.forward :]
        parts = ["forward", *(f"  {line}" for line in forward)]
        if backward:
            parts += ["backward", *(f"  {line}" for line in backward)]
        return "\n".join(parts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [
            (f"{number}", "forward" if number <= self.forward else "backward", line)
            for number, line in enumerate(self, start=1)
        ]
        return as_html((("step", "direction", "computation"), *rows), f"{len(self)} steps")


def steps_order(nodes: list[Node]) -> list[Node]:
    """Return the nodes without constants: inputs in the order of their first use, then the others."""
    computed = [node for node in nodes if node.operation is not None]
    used = list(dict.fromkeys(parent for node in computed for parent in node.parents))
    inputs = [node for node in used if node.operation is None and not node.is_constant]
    return [*inputs, *computed] or list(nodes)


def compact(array: Array, scale: float = 0.0) -> str:
    """Write a number, the rows of a small array such as ``[1 2; 3 4]``, or the shape of a large one."""
    if array.ndim == 0:
        return written(array, scale)
    if array.size > _FEW or array.ndim > 2:
        return f"array {array.shape}"
    rows = array if array.ndim == 2 else array[np.newaxis]
    text = "; ".join(" ".join(f"{value + 0.0:.4g}" for value in row) for row in rows)
    return f"[{text}]" if array.size != 1 else text


def derivative_name(output: Node, node: Node) -> str:
    """Write d output / d node, such as ``"dJ/db"``; names that are formulas stand in brackets."""
    above, below = (n.name if n.name.isidentifier() else f"({n.name})" for n in (output, node))
    return f"d{above}/d{below}"


def _forward(node: Node) -> str:
    value = compact(node.data, node.scale)
    if node.operation is None:
        return f"{node.name} = {value}"
    parts = [node.name] if node.name == node.formula else [node.name, node.formula]
    if all(parent.data.ndim == 0 for parent in node.parents):
        with_numbers = node.operation.written.format(*(_number(parent) for parent in node.parents))
        parts += [with_numbers] if with_numbers != node.formula else []
    return " = ".join([*parts, value])


def _backward(node: Node, nodes: list[Node], d: dict[Node, Derivative]) -> str:
    output = nodes[-1]
    name = derivative_name(output, node)
    if node is output:
        return f"{name} = 1"
    terms, numbers, scalar = [], [], True
    for child in nodes:
        for position, parent in enumerate(child.parents):
            if parent is node and child.operation is not None:
                template = child.operation.gradients[position]
                around = [parent.name for parent in child.parents]
                text = _filled(template, derivative_name(output, child), child.name, around)
                terms.append(
                    text + ("" if child.data.shape == node.data.shape else _summed(template, child, node))
                )
                values = [_number(parent) for parent in child.parents]
                g = _bracketed(compact(d[child].value, d[child].scale))
                numbers.append(_filled(template, g, _number(child), values))
                scalar = scalar and all(n.data.ndim == 0 for n in (child, *child.parents))
    value = compact(d[node].value, d[node].scale)
    sum_ = " + ".join(numbers)
    middle = [sum_] if scalar and sum_ not in (value, f"({value})") else []
    return " = ".join([name, " + ".join(terms), *middle, value])


def _filled(template: str, g: str, out: str, inputs: list[str]) -> str:
    """A template of a gradient with names or numbers in it; ``g`` is a number or the name of a derivative."""
    filled = template.format(*map(_closed, inputs), g=g, out=_closed(out))
    return "0" if filled == "-0" else filled


def _closed(text: str) -> str:
    """A formula in brackets, unless it is a name, a number or in brackets already."""
    plain = text.replace("_", "").replace(".", "")
    depth, ends = 0, []  # the places where all brackets are closed
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            ends.append(place)
    enclosed = text.startswith("(") and ends == [len(text) - 1]
    return text if plain.isalnum() or enclosed else f"({text})"


def _summed(template: str, child: Node, node: Node) -> str:
    """A note that a gradient is summed, because the node was stretched to the shape of the child."""
    stretched = node.data.size < child.data.size and template in ("{g}", "-{g}", "{g} * {1}", "{g} * {0}")
    return f", summed to {node.data.shape}" if stretched else ""


def _number(node: Node) -> str:
    """The value of a node for a formula."""
    return _bracketed(compact(node.data, node.scale))


def _bracketed(text: str) -> str:
    """A number for a formula: a negative one in brackets."""
    return f"({text})" if text.startswith("-") else text
