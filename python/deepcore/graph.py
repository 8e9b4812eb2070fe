"""Computation graphs as the notes draw them: values run forward, derivatives run backward.

Written for reading; the engine does not use it. A formula written with ``variable`` nodes is the graph.
Every node holds a float64 array, a scalar has shape ``()``; arrays are stretched to one another as in NumPy.

Example:
    Week 2, ``e = (a + b)(b + 1)``:

    >>> from deepcore.graph import Graph, variable
    >>> a, b = variable(2.0, "a"), variable(1.0, "b")
    >>> c = (a + b).named("c")
    >>> d = (b + 1).named("d")
    >>> e = Graph((c * d).named("e"))
    >>> e.value, e.derivative(a), e.derivative(b)
    (6.0, 2.0, 5.0)
    >>> e.edge_derivative(c, a), e.derivative(c)
    (1.0, 2.0)

    The lecture, ``J = 3(a + bc)``:

    >>> a, b, c = variable(5.0, "a"), variable(3.0, "b"), variable(2.0, "c")
    >>> J = Graph(3 * (a + b * c))
    >>> J.value, J.derivative(a), J.derivative(b), J.derivative(c)
    (33.0, 3.0, 6.0, 9.0)

Source: Linnainmaa (1970); Rumelhart, Hinton & Williams (1986).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[np.float64]


class Operation(NamedTuple):
    """One row: how it is written, its value, and how g = dJ/d(output) is handed on to each input."""

    written: str
    value: Callable[..., Any]
    pullback: Callable[..., tuple[Any, ...]]  # (g, output, *inputs) -> one gradient for each input


def _matmul(a: Array, b: Array) -> Array:
    if not (1 <= a.ndim <= 2 and 1 <= b.ndim <= 2):
        raise ValueError("vectors and matrices only")
    return np.asarray(a @ b)


def _matmul_pullback(g: Array, _: Array, a: Array, b: Array) -> tuple[Array, Array]:
    # d(AB): dA = g B', dB = A' g. A vector is a row when it stands on the left and a column on the right.
    rows, columns = a.reshape(-1, a.shape[-1]), b.reshape(b.shape[0], -1)
    G = g.reshape(rows.shape[0], columns.shape[1])
    return (G @ columns.T).reshape(a.shape), (rows.T @ G).reshape(b.shape)


def _power(n: float) -> Operation:
    slope = (lambda g, out, a: (g * n * a ** (n - 1),)) if n else (lambda g, out, a: (0.0 * g,))
    return Operation(f"{{}} ** {n:g}", lambda a: a**n, slope)


def _sum(axis: int | None, keepdims: bool) -> Operation:
    def pullback(g: Array, _: Array, a: Array) -> tuple[Array]:
        return (np.broadcast_to(g if axis is None or keepdims else np.expand_dims(g, axis), a.shape),)

    return Operation("sum({})", lambda a: np.sum(a, axis=axis, keepdims=keepdims), pullback)


ADD = Operation("{} + {}", np.add, lambda g, out, a, b: (g, g))
SUBTRACT = Operation("{} - {}", np.subtract, lambda g, out, a, b: (g, -g))
MULTIPLY = Operation("{} * {}", np.multiply, lambda g, out, a, b: (g * b, g * a))
DIVIDE = Operation("{} / {}", np.divide, lambda g, out, a, b: (g / b, -g * out / b))
MATMUL = Operation("{} @ {}", _matmul, _matmul_pullback)
NEGATE = Operation("-{}", np.negative, lambda g, out, a: (-g,))
TRANSPOSE = Operation("{}.T", np.transpose, lambda g, out, a: (g.T,))
EXP = Operation("exp({})", np.exp, lambda g, out, a: (g * out,))
LOG = Operation("log({})", np.log, lambda g, out, a: (g / a,))
# (1 + tanh(z/2))/2 is 1/(1 + e^-z) without an exponential that can overflow.
SIGMOID = Operation("sigmoid({})", lambda z: (1 + np.tanh(z / 2)) / 2, lambda g, a, z: (g * a * (1 - a),))
TANH = Operation("tanh({})", np.tanh, lambda g, a, z: (g * (1 - a * a),))
# The slope of relu at 0 is 0, as everywhere in deepcore.
RELU = Operation("relu({})", lambda z: np.maximum(z, 0.0), lambda g, a, z: (g * (z > 0),))


def _both(operation: Operation) -> tuple[Callable[[Any, Any], Node], Callable[[Any, Any], Node]]:
    return lambda a, b: _apply(operation, a, b), lambda b, a: _apply(operation, a, b)


@dataclass(eq=False, repr=False)
class Node:
    """One circle of the drawing: a value, the operation that made it, the parents it was made from."""

    data: Array
    name: str
    operation: Operation | None = None
    parents: tuple[Node, ...] = ()

    @property
    def value(self) -> Any:
        """The value: a float for a scalar, else a float64 array."""
        return _plain(self.data)

    def named(self, name: str) -> Node:
        """Name the node in listings, messages and drawings; returns the node itself."""
        self.name = name
        return self

    def __repr__(self) -> str:
        return f"Node({self.name} = {_written(self.data)})"

    __array_ufunc__ = None  # ndarray + Node is then a Node and not an array of Nodes
    __add__, __radd__ = _both(ADD)
    __sub__, __rsub__ = _both(SUBTRACT)
    __mul__, __rmul__ = _both(MULTIPLY)
    __truediv__, __rtruediv__ = _both(DIVIDE)
    __matmul__, __rmatmul__ = _both(MATMUL)

    def __neg__(self) -> Node:
        return _apply(NEGATE, self)

    def __pow__(self, exponent: float) -> Node:
        if not isinstance(exponent, Real):
            raise TypeError(f"graph: an exponent must be a number, got {exponent!r}; use exp and log")
        return _apply(_power(float(exponent)), self)

    @property
    def T(self) -> Node:
        """The transpose. A 1-D array is its own transpose, which is why the notes use (n, 1)."""
        return _apply(TRANSPOSE, self)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Node:
        """Sum over ``axis`` (default: over everything); ``keepdims`` keeps that axis with length 1."""
        if axis is not None and not -self.data.ndim <= axis < self.data.ndim:
            raise ValueError(f"graph: axis must be below {self.data.ndim} for {self.name}, got {axis}")
        return _apply(_sum(axis, keepdims), self)


def variable(value: ArrayLike, name: str = "x") -> Node:
    """An input of the graph: a number or an array, read as float64."""
    return Node(_to_array(value, name), name)


class Graph:
    """Everything a result was computed from, and the derivatives of the result by each of those nodes.

    Args:
        output: The result. Derivatives are taken of one number, so ``.sum()`` a matrix first.
    """

    def __init__(self, output: Node) -> None:
        self.output = output
        order: dict[Node, None] = {}  # a set that remembers: parents enter before their children
        waiting = [output]
        while waiting:
            missing = [parent for parent in waiting[-1].parents if parent not in order]
            if missing:
                waiting.extend(missing)
            else:
                order[waiting.pop()] = None
        self._nodes = list(order)

    @property
    def value(self) -> Any:
        """Value of the output."""
        return self.output.value

    def nodes(self) -> list[Node]:
        """All nodes, each after the nodes it was made from."""
        return list(self._nodes)

    def edges(self) -> list[tuple[Node, Node]]:
        """All arrows ``(parent, child)``; ``b * b`` has two of them from b."""
        return [(parent, child) for child in self._nodes for parent in child.parents]

    def derivative(self, node: Node) -> Any:
        """d output / d node, in the node's shape: one pass from the output back, by the chain rule."""
        if node not in self._nodes:
            raise ValueError(f"graph: {node.name} is not part of {self.output.name}")
        if self.output.data.size != 1:
            raise ValueError(f"graph: the output must be one number, got {self.output}; .sum() it first")
        d = {n: np.zeros(n.data.shape) for n in self._nodes}
        d[self.output] = np.ones(self.output.data.shape)
        for child in reversed(self._nodes):
            for parent, part in zip(child.parents, _pull_back(child, d[child]), strict=True):
                d[parent] = d[parent] + part  # each path that leaves a node adds its share
        return _plain(d[node])

    def edge_derivative(self, child: Node, parent: Node) -> Any:
        """Partial derivative on an arrow: d child / d parent while the child's other parents stand still.

        Returns:
            A float for scalars, else an array of the child's shape followed by the parent's.
        """
        if parent not in child.parents:
            raise ValueError(f"graph: there is no edge from {parent.name} to {child.name}")
        partial = np.zeros(child.data.shape + parent.data.shape)
        for i in np.ndindex(child.data.shape):
            one = np.zeros(child.data.shape)
            one[i] = 1.0
            for source, part in zip(child.parents, _pull_back(child, one), strict=True):
                partial[i] += part if source is parent else 0.0
        return _plain(partial)

    def to_dot(self) -> str:
        """The drawing in Graphviz's language: a circle for each node, an arrow for each edge."""
        ids = {node: f"n{i}" for i, node in enumerate(self._nodes)}
        lines = [f'  {ids[node]} [label="{node.name} = {_written(node.data)}"];' for node in self._nodes]
        lines += [f"  {ids[parent]} -> {ids[child]};" for parent, child in self.edges()]
        return "\n".join(["digraph {", "  rankdir=LR;", *lines, "}"])


def _to_array(value: ArrayLike, name: str) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"graph: {name} must be a real number or an array of them, got {array.dtype}")
    return array.astype(np.float64)


def _plain(array: Array) -> Any:
    return float(array) if array.ndim == 0 else array


def _written(array: NDArray[Any]) -> str:
    return f"{array:g}" if array.ndim == 0 and array.dtype.kind in "if" else f"array {array.shape}"


def _formula(operation: Operation, parents: tuple[Node, ...]) -> str:
    # A long name is cut: spelled out, x = x * x doubles it every time.
    names = (p.name if len(p.name) <= 30 else "..." for p in parents)
    return operation.written.format(*(f"({name})" if " " in name else name for name in names))


def _apply(operation: Operation, *arguments: Any) -> Node:
    parents = tuple(x if isinstance(x, Node) else variable(x, _written(np.asarray(x))) for x in arguments)
    formula = _formula(operation, parents)
    try:
        value = np.asarray(operation.value(*(p.data for p in parents)), dtype=np.float64)
    except ValueError:
        rule = "columns left = rows right" if operation is MATMUL else "from the right: equal or 1"
        got = f"{formula} of shapes " + " and ".join(str(p.data.shape) for p in parents)
        raise ValueError(f"graph: shapes must fit ({rule}), got {got}; is one transposed?") from None
    return Node(value, formula, operation, parents)


def _pull_back(child: Node, g: Array) -> list[Array]:
    """What each parent receives when ``child`` receives g; a stretched parent receives the sum."""
    if child.operation is None:
        return []
    received = child.operation.pullback(g, child.data, *(p.data for p in child.parents))
    return [_shrink(np.asarray(part), p.data.shape) for part, p in zip(received, child.parents, strict=True)]


def _shrink(g: Array, shape: tuple[int, ...]) -> Array:
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return np.asarray(g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True))


dot = partial(_apply, MATMUL)  # a @ b; of two 1-D arrays, the sum of the products of their elements
exp = partial(_apply, EXP)  # the rest work element by element
log = partial(_apply, LOG)
sigmoid = partial(_apply, SIGMOID)
tanh = partial(_apply, TANH)
relu = partial(_apply, RELU)
