"""Computation graphs: values are computed forward, and derivatives backward, as in Andrew Ng's course.

This module is written for reading; the core does not use it. A formula of ``variable`` nodes is the graph.
Every node holds a float64 array; the shape of a scalar is ``()``. Arrays are broadcast as in NumPy. (The
course is "Neural Networks and Deep Learning".)

Example:
    An expression with a shared input, ``e = (a + b)(b + 1)``:

    >>> from deepcore.graph import Graph, variable
    >>> a, b = variable(2.0, "a"), variable(1.0, "b")
    >>> c = (a + b).named("c")
    >>> d = (b + 1).named("d")
    >>> e = Graph((c * d).named("e"))
    >>> e.value, e.derivative(a), e.derivative(b)
    (6.0, 2.0, 5.0)
    >>> e.edge_derivative(c, a), e.derivative(c)
    (1.0, 2.0)

    The example of the course, week 2, ``J = 3(a + bc)``:

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

# How tightly operations bind: powers, and names and calls. A longer name is cut in formulas.
_POWER, _CALL, _LONGEST_NAME = 4, 5, 30


class Operation(NamedTuple):
    """A row of the table of operations: its notation, its value, and the gradients of its inputs.

    Attributes:
        written: Template of the formula.
        value: Function of the inputs.
        pullback: Function of (g, output, *inputs) with g = dJ/d(output); returns one gradient per input.
        binds: How tightly the notation binds, as in Python: 1 for a sum, up to 5 for a name or a call.
    """

    written: str
    value: Callable[..., Any]
    pullback: Callable[..., tuple[Any, ...]]
    binds: int = 5


def _matmul(a: Array, b: Array) -> Array:
    if not (1 <= a.ndim <= 2 and 1 <= b.ndim <= 2):
        raise ValueError("operands must be vectors or matrices")
    return np.asarray(a @ b)


def _matmul_pullback(g: Array, _: Array, a: Array, b: Array) -> tuple[Array, Array]:
    # d(AB): dA = g B', dB = A' g. A vector is a row on the left, and a column on the right.
    rows, columns = a.reshape(-1, a.shape[-1]), b.reshape(b.shape[0], -1)
    G = g.reshape(rows.shape[0], columns.shape[1])
    return (G @ columns.T).reshape(a.shape), (rows.T @ G).reshape(b.shape)


def _power(n: float) -> Operation:
    slope = (lambda g, out, a: (g * n * a ** (n - 1),)) if n else (lambda g, out, a: (0.0 * g,))
    return Operation(f"{{}} ** {n:g}", lambda a: a**n, slope, 4)


def _sum(axis: int | None, keepdims: bool) -> Operation:
    def pullback(g: Array, _: Array, a: Array) -> tuple[Array]:
        return (np.broadcast_to(g if axis is None or keepdims else np.expand_dims(g, axis), a.shape),)

    return Operation("sum({})", lambda a: np.sum(a, axis=axis, keepdims=keepdims), pullback)


ADD = Operation("{} + {}", np.add, lambda g, out, a, b: (g, g), 1)
SUBTRACT = Operation("{} - {}", np.subtract, lambda g, out, a, b: (g, -g), 1)
MULTIPLY = Operation("{} * {}", np.multiply, lambda g, out, a, b: (g * b, g * a), 2)
DIVIDE = Operation("{} / {}", np.divide, lambda g, out, a, b: (g / b, -g * out / b), 2)
MATMUL = Operation("{} @ {}", _matmul, _matmul_pullback, 2)
NEGATE = Operation("-{}", np.negative, lambda g, out, a: (-g,), 3)
TRANSPOSE = Operation("{}.T", np.transpose, lambda g, out, a: (g.T,))
EXP = Operation("exp({})", np.exp, lambda g, out, a: (g * out,))
LOG = Operation("log({})", np.log, lambda g, out, a: (g / a,))
# (1 + tanh(z/2))/2 equals 1/(1 + e^-z), and has no exponential that can overflow.
SIGMOID = Operation("sigmoid({})", lambda z: (1 + np.tanh(z / 2)) / 2, lambda g, a, z: (g * a * (1 - a),))
TANH = Operation("tanh({})", np.tanh, lambda g, a, z: (g * (1 - a * a),))
# The slope of relu at 0 is 0, as everywhere in deepcore.
RELU = Operation("relu({})", lambda z: np.maximum(z, 0.0), lambda g, a, z: (g * (z > 0),))


def _both(operation: Operation) -> tuple[Callable[[Any, Any], Node], Callable[[Any, Any], Node]]:
    return lambda a, b: _apply(operation, a, b), lambda b, a: _apply(operation, a, b)


@dataclass(eq=False, repr=False)
class Node:
    """A node of the graph: a value, the operation that computed it, and the nodes it was computed from."""

    data: Array
    name: str
    operation: Operation | None = None
    parents: tuple[Node, ...] = ()
    formula: str = ""

    @property
    def value(self) -> Any:
        """The value, which is a float for a scalar, else a float64 array."""
        return _plain(self.data)

    def named(self, name: str) -> Node:
        """Give the node a name for listings, messages and drawings, and return the node itself."""
        self.name = name
        return self

    def __repr__(self) -> str:
        return f"Node({self.label})"

    @property
    def label(self) -> str:
        """The name and the value, such as ``"c = a + b = 3"``; a constant is only its value."""
        value = _written(self.data)
        return value if self.name == value else f"{self.name} = {value}"

    __array_ufunc__ = None  # so that ndarray + Node is a Node and not an array of Nodes
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
        """The transpose. A 1-D array is its own transpose, which is why the course uses (n, 1)."""
        return _apply(TRANSPOSE, self)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Node:
        """Sum over ``axis``, by default over all elements; ``keepdims`` keeps that axis with length 1."""
        if axis is not None and not -self.data.ndim <= axis < self.data.ndim:
            raise ValueError(f"graph: axis must be below {self.data.ndim} for {self.name}, got {axis}")
        return _apply(_sum(axis, keepdims), self)


def variable(value: ArrayLike, name: str = "x") -> Node:
    """Make an input of the graph from a number or an array, which is read as float64."""
    return Node(_to_array(value, name), name)


class Graph:
    """All nodes that a result was computed from, and the derivatives of the result by each of them.

    Args:
        output: The result. Derivatives need a single number, so use ``.sum()`` on a matrix first.
    """

    def __init__(self, output: Node) -> None:
        self.output = output
        order: dict[Node, None] = {}  # an ordered set: parents enter before their children
        waiting = [output]
        while waiting:
            missing = [parent for parent in waiting[-1].parents if parent not in order]
            if missing:
                waiting.extend(missing)
            else:
                order[waiting.pop()] = None
        self._nodes = list(order)

    def __repr__(self) -> str:
        return f"Graph({self.output.label}, {len(self._nodes)} nodes)"

    @property
    def value(self) -> Any:
        """The value of the output."""
        return self.output.value

    def nodes(self) -> list[Node]:
        """Return all nodes, each after the nodes that it was computed from."""
        return list(self._nodes)

    def edges(self) -> list[tuple[Node, Node]]:
        """Return all edges ``(parent, child)``; ``b * b`` has two of them from b."""
        return [(parent, child) for child in self._nodes for parent in child.parents]

    def derivative(self, node: Node) -> Any:
        """Return d output / d node, in the shape of the node, by one pass back from the output."""
        if node not in self._nodes:
            raise ValueError(f"graph: {node.name} is not part of {self.output.name}")
        return _plain(self._derivatives()[node])

    def _derivatives(self) -> dict[Node, Array]:
        """The derivative of the output by every node."""
        if self.output.data.size != 1:
            raise ValueError(f"graph: the output must be one number, got {self.output}; use .sum() first")
        d = {n: np.zeros(n.data.shape) for n in self._nodes}
        d[self.output] = np.ones(self.output.data.shape)
        for child in reversed(self._nodes):
            for parent, part in zip(child.parents, _pull_back(child, d[child]), strict=True):
                d[parent] = d[parent] + part  # each path that leaves a node adds its share
        return d

    def edge_derivative(self, child: Node, parent: Node) -> Any:
        """Return the partial derivative of an edge: d child / d parent, with the other parents held constant.

        Returns:
            A float for scalars, else an array whose shape is the child's followed by the parent's.
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
        """Return the graph in Graphviz's language, with the value and, for a number, the derivative of each "
        "node."""
        ids = {node: f"n{i}" for i, node in enumerate(self._nodes)}
        d = self._derivatives() if self.output.data.size == 1 else {}
        lines = [f'  {ids[node]} [label="{_quoted(node.label)}"];' for node in self._nodes]
        # the derivative stands beside the node
        lines += [
            f'  {ids[node]} [xlabel="d = {_written(d[node])}"];'
            for node in self._nodes
            if node in d and node.data.ndim == 0
        ]
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
    if array.ndim == 0 and array.dtype.kind in "biuf":
        return f"{float(array) + 0.0:g}"  # adding 0 turns -0 into 0
    return f"array {array.shape}"


def _quoted(text: str) -> str:
    """Text inside the quotation marks of Graphviz."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _formula(operation: Operation, parents: tuple[Node, ...]) -> str:
    """The formula of an operation, with brackets only where Python would need them."""
    names = []
    for position, parent in enumerate(parents):
        # A long name is cut: spelled out, x = x * x doubles it every time.
        name = parent.name if len(parent.name) <= _LONGEST_NAME else "..."
        binds = _binding(parent, name)
        # a - (b - c) and (a ** 2) ** 3 need brackets, a - b - c does not
        closer = position > 0 or operation.binds in (NEGATE.binds, _POWER)
        negative = position > 0 and name.startswith("-")
        bare = operation.binds == _CALL and operation.written != "{}.T"
        enough = not negative and (binds > operation.binds or (binds == operation.binds and not closer))
        names.append(name if bare or enough or name == "..." else f"({name})")
    return operation.written.format(*names)


def _binding(node: Node, name: str) -> int:
    """How tightly the name of a node binds: as its operation, unless the user named it."""
    if name.startswith("-") and node.operation is None:
        return NEGATE.binds
    if node.operation is None or node.formula != name:
        return _CALL if name.isidentifier() or _is_number(name) else 0
    return node.operation.binds


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace("e-", "", 1).replace("e+", "", 1).isdigit()


def _apply(operation: Operation, *arguments: Any) -> Node:
    parents = tuple(x if isinstance(x, Node) else variable(x, _written(np.asarray(x))) for x in arguments)
    formula = _formula(operation, parents)
    try:
        value = np.asarray(operation.value(*(p.data for p in parents)), dtype=np.float64)
    except ValueError:
        rule = (
            "columns left = rows right"
            if operation is MATMUL
            else "axes are compared from the right, and must be equal or 1"
        )
        got = f"{formula} of shapes " + " and ".join(str(p.data.shape) for p in parents)
        raise ValueError(f"graph: the shapes must fit ({rule}), got {got}; is one transposed?") from None
    return Node(value, formula, operation, parents, formula)


def _pull_back(child: Node, g: Array) -> list[Array]:
    """The gradient of each parent if ``child`` has the gradient g; a broadcast parent gets the sum."""
    if child.operation is None:
        return []
    received = child.operation.pullback(g, child.data, *(p.data for p in child.parents))
    return [_shrink(np.asarray(part), p.data.shape) for part, p in zip(received, child.parents, strict=True)]


def _shrink(g: Array, shape: tuple[int, ...]) -> Array:
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return np.asarray(g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True))


dot = partial(_apply, MATMUL)  # a @ b; for two 1-D arrays, the sum of the products of their elements
exp = partial(_apply, EXP)  # the following functions work element by element
log = partial(_apply, LOG)
sigmoid = partial(_apply, SIGMOID)
tanh = partial(_apply, TANH)
relu = partial(_apply, RELU)
