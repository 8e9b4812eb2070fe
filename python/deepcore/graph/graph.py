"""A ``Graph`` holds all nodes that a result was computed from: derivatives, steps, nudges, drawings."""

from __future__ import annotations

from typing import Any

import numpy as np

from deepcore import _checks
from deepcore._network.network import HasNetwork
from deepcore.graph.derivatives import derivatives, in_order
from deepcore.graph.drawing import svg
from deepcore.graph.networks import loss_of
from deepcore.graph.nodes import Node, plain, pull_back, written
from deepcore.graph.nudge import Nudge, nudged
from deepcore.graph.steps import Steps

__all__ = ["Graph"]


class Graph:
    """All nodes that a result was computed from, and the derivatives of the result by each of them.

    A notebook shows a graph as a drawing.

    Args:
        output: The result. Derivatives need a single number, so use ``.sum()`` on a matrix first.
    """

    def __init__(self, output: Node) -> None:
        if not isinstance(output, Node):
            raise TypeError(
                f"Graph: output must be a node, such as variable(3.0), got {_checks.shown(output)}"
            )
        self.output = output
        self._nodes = in_order(output)

    @classmethod
    def of(cls, model: HasNetwork, X: object, y: object) -> Graph:
        """Make the graph of the loss of a small model: ``z1 = W1 x + b1``, ``a1 = g(z1)``, ..., L.

        The nodes are named x, W1, b1, z1, a1 and so on; ``graph.node("z1")`` finds one. With several examples
        the matrices are X, Z1, A1, ... and the output is J, the mean of the losses.

        Args:
            model: A ``Model`` of plain dense layers. Its penalties and dropout are left out.
            X: One example, (n_x,), or several, (m, n_x).
            y: Its target, or (m,) targets, as ``Model.fit`` takes them.

        Raises:
            ValueError: if the model has other layers, or a shape or a label is not allowed.

        Example:
            >>> import deepcore as dc
            >>> graph = Graph.of(dc.mlp([2, 3, 1], activation="tanh", seed=1), [1.0, 2.0], 1)
            >>> sorted(node.name for node in graph.nodes())
            ['L', 'W1', 'W2', 'a1', 'a2', 'b1', 'b2', 'x', 'z1', 'z2']
            >>> graph.derivative("W1").shape
            (3, 2)
        """
        return cls(loss_of(model, X, y))

    def __repr__(self) -> str:
        return f"Graph({self.output.label}, {len(self._nodes)} nodes)"

    @property
    def value(self) -> Any:
        """The value of the output."""
        return self.output.value

    def nodes(self) -> list[Node]:
        """Return all nodes, each after the nodes that it was computed from."""
        return list(self._nodes)

    def node(self, name: str) -> Node:
        """Find a node by its name, such as ``"z1"``.

        Raises:
            ValueError: if no node or more than one has the name.
        """
        found = [node for node in self._nodes if node.name == name]
        if len(found) != 1:
            what = "a name of one node" if not found else f"a name of one node and not of {len(found)}"
            names = _checks.first_names([node.name for node in self._nodes if not node.is_constant])
            raise ValueError(f"graph: node must be {what}, got {_checks.shown(name)}; there is {names}")
        return found[0]

    def _found(self, node: Node | str) -> Node:
        if isinstance(node, str):
            return self.node(node)
        if not isinstance(node, Node):
            raise TypeError(f"graph: node must be a node or its name, got {_checks.shown(node)}")
        if node not in self._nodes:
            raise ValueError(f"graph: {node.name} is not part of {self.output.name}")
        return node

    def edges(self) -> list[tuple[Node, Node]]:
        """Return all edges ``(parent, child)``; ``b * b`` has two of them from b."""
        return [(parent, child) for child in self._nodes for parent in child.parents]

    def derivative(self, node: Node | str) -> Any:
        """Return d output / d node, in the shape of the node, by one pass back from the output.

        Args:
            node: A node of the graph, or its name.
        """
        return plain(derivatives(self._nodes)[self._found(node)].value)

    def edge_derivative(self, child: Node | str, parent: Node | str) -> Any:
        """Return the partial derivative of an edge: d child / d parent, with the other parents held constant.

        Args:
            child: A node of the graph, or its name.
            parent: A node that it was computed from, or its name.

        Returns:
            A float for scalars, else an array whose shape is the child's followed by the parent's.
        """
        child, parent = self._found(child), self._found(parent)
        if parent not in child.parents:
            raise ValueError(f"graph: there is no edge from {parent.name} to {child.name}")
        partial = np.zeros(child.data.shape + parent.data.shape)
        for i in np.ndindex(child.data.shape):
            one = np.zeros(child.data.shape)
            one[i] = 1.0
            for source, part in zip(child.parents, pull_back(child, one), strict=True):
                partial[i] += part if source is parent else 0.0
        return plain(partial)

    def steps(self) -> Steps:
        """Write the computation line by line: every value forward, then every derivative backward.

        Example:
            >>> from deepcore.graph import variable
            >>> a, b = variable(2.0, "a"), variable(1.0, "b")
            >>> c = (a + b).named("c")
            >>> print(Graph((c * b).named("e")).steps())
            forward
              a = 2
              b = 1
              c = a + b = 2 + 1 = 3
              e = c * b = 3 * 1 = 3
            backward
              de/de = 1
              de/dc = de/de * b = 1 * 1 = 1
              de/db = de/dc + de/de * c = 1 + 1 * 3 = 4
              de/da = de/dc = 1
        """
        return Steps.of(in_order(self.output, left_first=True))

    def nudge(self, node: Node | str, by: float = 0.001, index: tuple[int, ...] | int | None = None) -> Nudge:
        """Add a little to one number, compute all values again, and compare the change with the derivative.

        The graph itself does not change.

        Args:
            node: The node to change, or its name.
            by: How much is added; not 0.
            index: Which element of an array is changed. None: the only one.

        Raises:
            ValueError: if ``by`` is not a number or is 0, or ``index`` is not a place in the array.

        Example:
            >>> from deepcore.graph import variable
            >>> a, b, c = variable(5.0, "a"), variable(3.0, "b"), variable(2.0, "c")
            >>> v = (a + b * c).named("v")
            >>> print(Graph((3 * v).named("J")).nudge("a"))
            a: 5 -> 5.001 (change 0.001)
            v: 11 -> 11.001 (change 0.001)
            J: 33 -> 33.003 (change 0.003)
            change of J / change of a = 0.003 / 0.001 = 3; the derivative is 3
        """
        found = self._found(node)
        if not _checks.is_number(by) or by == 0:
            raise ValueError(f"nudge: by must be a number that is not 0, got {_checks.shown(by)}")
        shape = found.data.shape
        at = _place(index, shape)
        if at is None:
            raise ValueError(f"nudge: index must be a place in {found.name} of shape {shape}, got {index}")
        return nudged(self._nodes, found, float(by), at, derivatives(self._nodes)[found].value)

    def to_svg(self, steps: int | None = None) -> str:
        """Draw the graph as SVG, from the inputs on the left to the output on the right.

        Values are blue, and derivatives are red and begin with d. An element's value shows when the mouse
        rests on its box.

        Args:
            steps: Show only the first so many lines of ``steps()``: values that are not yet computed are
                drawn as "?", and derivatives are left out. None: all.

        Returns:
            The text of an SVG file.
        """
        return svg(in_order(self.output, left_first=True), steps)

    _repr_svg_ = to_svg

    def to_dot(self) -> str:
        """Return the graph in Graphviz's language, with the values and the derivatives of its numbers."""
        ids = {node: f"n{i}" for i, node in enumerate(self._nodes)}
        d = derivatives(self._nodes) if self.output.data.size == 1 else {}
        lines = [f'  {ids[node]} [label="{_quoted(node.label)}"];' for node in self._nodes]
        # the derivative stands next to the node
        lines += [
            f'  {ids[node]} [xlabel="d = {written(slope.value, slope.scale)}"];'
            for node, slope in d.items()
            if node.data.ndim == 0
        ]
        lines += [f"  {ids[parent]} -> {ids[child]};" for parent, child in self.edges()]
        return "\n".join(["digraph {", "  rankdir=LR;", *lines, "}"])


def _place(index: object, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return an index as a tuple, or None if it is no place in an array of this shape."""
    if index is None and all(n == 1 for n in shape):
        return (0,) * len(shape)
    at = index if isinstance(index, tuple) else (index,)
    if len(at) != len(shape) or not all(isinstance(i, (int, np.integer)) for i in at):
        return None
    return at if all(0 <= i < n for i, n in zip(at, shape, strict=True)) else None


def _quoted(text: str) -> str:
    """Text inside the quotation marks of Graphviz."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
