"""Nodes of a computation graph: a value, and the operation and the nodes that it was computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepcore import _checks

Array: TypeAlias = NDArray[np.float64]

# How tightly operations bind: powers, and names and calls. A longer name is cut in formulas.
_POWER, _CALL, _LONGEST_NAME = 4, 5, 30
# A sum that is smaller than this share of its terms is a zero that was rounded: some units of the last place.
_ROUNDING = 4 * float(np.finfo(np.float64).eps)


class Operation(NamedTuple):
    """A row of the table of operations: its notation, its value, and the gradients of its inputs.

    Attributes:
        written: Template of the formula.
        value: Function of the inputs.
        pullback: Function of (g, output, *inputs) with g = dJ/d(output); returns one gradient per input.
        gradients: Templates of these gradients, in which ``{g}`` is dJ/d(output), ``{out}`` the output and
            ``{0}``, ``{1}`` the inputs.
        binds: How tightly the notation binds, as in Python: 1 for a sum, up to 5 for a name or a call.
    """

    written: str
    value: Callable[..., Any]
    pullback: Callable[..., tuple[Any, ...]]
    gradients: tuple[str, ...]
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
    return Operation(
        f"{{}} ** {n:g}", lambda a: a**n, slope, (f"{{g}} * {n:g} * {{0}} ** {n - 1:g}",), _POWER
    )


def _sum(axis: int | None, keepdims: bool) -> Operation:
    def pullback(g: Array, _: Array, a: Array) -> tuple[Array]:
        return (np.broadcast_to(g if axis is None or keepdims else np.expand_dims(g, axis), a.shape),)

    value = partial(np.sum, axis=axis, keepdims=keepdims)
    return Operation("sum({})", value, pullback, ("{g} for every element",))


ADD = Operation("{} + {}", np.add, lambda g, out, a, b: (g, g), ("{g}", "{g}"), 1)
SUBTRACT = Operation("{} - {}", np.subtract, lambda g, out, a, b: (g, -g), ("{g}", "-{g}"), 1)
MULTIPLY = Operation(
    "{} * {}", np.multiply, lambda g, out, a, b: (g * b, g * a), ("{g} * {1}", "{g} * {0}"), 2
)
DIVIDE = Operation(
    "{} / {}", np.divide, lambda g, out, a, b: (g / b, -g * out / b), ("{g} / {1}", "-{g} * {out} / {1}"), 2
)
MATMUL = Operation("{} @ {}", _matmul, _matmul_pullback, ("{g} @ {1}.T", "{0}.T @ {g}"), 2)
NEGATE = Operation("-{}", np.negative, lambda g, out, a: (-g,), ("-{g}",), 3)
TRANSPOSE = Operation("{}.T", np.transpose, lambda g, out, a: (g.T,), ("{g}.T",))
EXP = Operation("exp({})", np.exp, lambda g, out, a: (g * out,), ("{g} * {out}",))
LOG = Operation("log({})", np.log, lambda g, out, a: (g / a,), ("{g} / {0}",))
# (1 + tanh(z/2))/2 equals 1/(1 + e^-z), and has no exponential that can overflow.
SIGMOID = Operation(
    "sigmoid({})",
    lambda z: (1 + np.tanh(z / 2)) / 2,
    lambda g, a, z: (g * a * (1 - a),),
    ("{g} * {out} * (1 - {out})",),
)
TANH = Operation("tanh({})", np.tanh, lambda g, a, z: (g * (1 - a * a),), ("{g} * (1 - {out} ** 2)",))
# The slope of relu at 0 is 0, as everywhere in deepcore.
RELU = Operation(
    "relu({})", lambda z: np.maximum(z, 0.0), lambda g, a, z: (g * (z > 0),), ("{g} * ({0} > 0)",)
)
# z = W x + b, one column per example; b is added to each of them.
AFFINE = Operation(
    "{} @ {} + {}",
    lambda W, x, b: W @ x + b,
    lambda g, out, W, x, b: (g @ x.T, W.T @ g, g),
    ("{g} @ {1}.T", "{0}.T @ {g}", "{g}"),
    1,
)


def _both(operation: Operation) -> tuple[Callable[[Any, Any], Node], Callable[[Any, Any], Node]]:
    return lambda a, b: apply(operation, a, b), lambda b, a: apply(operation, a, b)


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
        return plain(self.data)

    def named(self, name: str) -> Node:
        """Give the node a name for listings, messages and drawings, and return the node itself."""
        self.name = name
        return self

    def __repr__(self) -> str:
        return f"Node({self.label})"

    @property
    def label(self) -> str:
        """The name and the value, such as ``"c = a + b = 3"``; a constant is only its value."""
        return self.name if self.is_constant else f"{self.name} = {written(self.data, self.scale)}"

    @property
    def is_constant(self) -> bool:
        """Whether the node is a number in a formula, whose name is its value."""
        return self.operation is None and self.name == written(self.data)

    @property
    def scale(self) -> float:
        """Size of the numbers that were added up to the value: a value far below it is a rounded zero."""
        if self.operation not in (ADD, SUBTRACT):
            return 0.0
        return max(float(np.abs(parent.data).max(initial=0.0)) for parent in self.parents)

    __array_ufunc__ = None  # so that ndarray + Node is a Node and not an array of Nodes
    __add__, __radd__ = _both(ADD)
    __sub__, __rsub__ = _both(SUBTRACT)
    __mul__, __rmul__ = _both(MULTIPLY)
    __truediv__, __rtruediv__ = _both(DIVIDE)
    __matmul__, __rmatmul__ = _both(MATMUL)

    def __neg__(self) -> Node:
        return apply(NEGATE, self)

    def __pow__(self, exponent: float) -> Node:
        if not isinstance(exponent, Real):
            raise TypeError(f"graph: an exponent must be a number, got {exponent!r}; use exp and log")
        return apply(_power(float(exponent)), self)

    @property
    def T(self) -> Node:
        """The transpose. A 1-D array is its own transpose, which is why the course uses (n, 1)."""
        return apply(TRANSPOSE, self)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Node:
        """Sum over ``axis``, by default over all elements; ``keepdims`` keeps that axis with length 1."""
        if axis is not None and not isinstance(axis, (int, np.integer)):
            raise TypeError(f"graph: axis must be a whole number or None, got {axis!r}")
        if axis is not None and not -self.data.ndim <= axis < self.data.ndim:
            raise ValueError(f"graph: axis must be below {self.data.ndim} for {self.name}, got {axis}")
        return apply(_sum(axis, keepdims), self)


def variable(value: ArrayLike, name: str = "x") -> Node:
    """Make an input of the graph from a number or an array, which is read as float64."""
    return Node(_to_array(value, name), name)


def _to_array(value: ArrayLike, name: str) -> Array:
    _checks.unmasked("graph", name, value)
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"graph: {name} must be a real number or an array of them, got {array.dtype}")
    return array.astype(np.float64)


def plain(array: Array) -> Any:
    return float(array) if array.ndim == 0 else array


def written(array: NDArray[Any], scale: float = 0.0) -> str:
    """Write a number, or the shape of an array.

    Args:
        array: What to write.
        scale: Size of the numbers that it is a sum of; if it is rounding noise compared with them, it is
            written as 0.
    """
    if array.ndim == 0 and array.dtype.kind in "biuf":
        value = float(array)
        return f"{0.0 if abs(value) <= _ROUNDING * scale else value + 0.0:g}"  # adding 0 turns -0 into 0
    return f"array {array.shape}"


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


def apply(operation: Operation, *arguments: Any) -> Node:
    parents = tuple(x if isinstance(x, Node) else variable(x, written(np.asarray(x))) for x in arguments)
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


def pull_back(child: Node, g: Array) -> list[Array]:
    """The gradient of each parent if ``child`` has the gradient g; a broadcast parent gets the sum."""
    if child.operation is None:
        return []
    received = child.operation.pullback(g, child.data, *(p.data for p in child.parents))
    return [_shrink(np.asarray(part), p.data.shape) for part, p in zip(received, child.parents, strict=True)]


def _shrink(g: Array, shape: tuple[int, ...]) -> Array:
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return np.asarray(g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True))


dot = partial(apply, MATMUL)  # a @ b; for two 1-D arrays, the sum of the products of their elements
exp = partial(apply, EXP)  # the following functions work element by element
log = partial(apply, LOG)
sigmoid = partial(apply, SIGMOID)
tanh = partial(apply, TANH)
relu = partial(apply, RELU)
