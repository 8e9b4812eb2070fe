"""The order of the nodes of a graph, and the derivatives of its output by all of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from deepcore.graph.nodes import Array, Node, pull_back

__all__ = ["Derivative", "derivatives", "in_order"]


class Derivative(NamedTuple):
    """The derivative of the output by a node.

    Attributes:
        value: In the shape of the node.
        scale: Size of the terms that it is a sum of, one per path that leaves the node.
    """

    value: Array
    scale: float


def in_order(output: Node, left_first: bool = False) -> list[Node]:
    """Return all nodes that the output was computed from, each after its parents; the output is the last.

    Args:
        output: The result.
        left_first: Begin with the leftmost node of the formula, as a reader does; otherwise with the last.
    """
    order: dict[Node, None] = {}  # an ordered set: parents enter before their children
    waiting = [output]
    while waiting:
        missing = [parent for parent in waiting[-1].parents if parent not in order]
        if missing:
            waiting.extend(reversed(missing) if left_first else missing)
        else:
            order[waiting.pop()] = None
    return list(order)


def derivatives(nodes: list[Node]) -> dict[Node, Derivative]:
    """Compute the derivative of the last node by every node, in one pass from the last to the first.

    Raises:
        ValueError: if the last node is not a single number.
    """
    output = nodes[-1]
    if output.data.size != 1:
        raise ValueError(f"graph: the output must be one number, got {output}; use .sum() first")
    value = {node: np.zeros(node.data.shape) for node in nodes}
    scale = dict.fromkeys(nodes, 0.0)
    value[output] = np.ones(output.data.shape)
    for child in reversed(nodes):
        for parent, part in zip(child.parents, pull_back(child, value[child]), strict=True):
            value[parent] = value[parent] + part  # each path that leaves a node adds its share
            scale[parent] = max(scale[parent], float(np.abs(part).max(initial=0.0)))
    return {node: Derivative(value[node], scale[node]) for node in nodes}
