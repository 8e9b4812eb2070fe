"""The steps of a chain, in which exporters describe a network, such as ``Linear`` and ``Activation``.

``outputs`` computes a chain with NumPy. ``chain`` makes chains of networks, and networks of chains.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from deepcore import _core
from deepcore.files.weights import Weights
from deepcore.typing import Array

__all__ = [
    "EPSILON",
    "SELU",
    "SELU_ALPHA",
    "Activation",
    "Affine",
    "BatchNorm",
    "Bounds",
    "Chain",
    "Coded",
    "Complement",
    "Dropout",
    "Join",
    "Kept",
    "LayerNorm",
    "Linear",
    "Lookup",
    "Members",
    "OneHot",
    "Part",
    "Periodic",
    "PiecewiseLinear",
    "Scaled",
    "Step",
    "Temperature",
    "linear_steps",
    "outputs",
    "rounded",
]

EPSILON = 1e-5  # what both norms add to a variance, as the compiled core does

#: selu(z) is SELU z for z > 0, else SELU SELU_ALPHA (exp(z) - 1): the numbers of the compiled core.
SELU, SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848


@dataclass(frozen=True)
class Linear:
    """``z = W x + b``; W (n_out, n_in), b (n_out,). ``where`` names its origin in messages."""

    W: Weights
    b: Array
    where: str = ""


@dataclass(frozen=True)
class Affine:
    """``z = (x - centre) * factor + shift`` for each unit; all (n,)."""

    centre: Array
    factor: Array
    shift: Array
    where: str = ""

    @classmethod
    def standardizing(cls, mean: Array, scale: Array) -> Affine:
        """``(x - mean) / scale``; a scale of 0 marks a constant column, which becomes 0."""
        safe = np.where(scale == 0, 1.0, scale)
        return cls(mean, np.where(scale == 0, 0.0, 1 / safe), np.zeros_like(mean))

    def followed_by(self, other: Affine) -> Affine:
        """Return both as one step."""
        shift = (self.shift - other.centre) * other.factor + other.shift
        return replace(self, factor=self.factor * other.factor, shift=shift)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return bool((self.factor == 1).all() and not self.centre.any() and not self.shift.any())


@dataclass(frozen=True)
class BatchNorm:
    """``z = gamma (x - mean) / sqrt(variance + EPSILON) + beta`` for each unit; all (n,)."""

    mean: Array
    variance: Array
    gamma: Array
    beta: Array
    where: str = ""

    def affine(self) -> Affine:
        """Return the same map without its square root."""
        return Affine(self.mean, self.gamma / np.sqrt(self.variance + EPSILON), self.beta, self.where)


@dataclass(frozen=True)
class LayerNorm:
    """``z = gamma xhat + beta``, where xhat has mean 0 and variance 1 over the units; both (n,)."""

    gamma: Array
    beta: Array
    where: str = ""


@dataclass(frozen=True)
class Activation:
    """``a = g(z)``, or with alpha (n,) of a parametric layer ``a = z + (g(z) - z) alpha``."""

    name: str
    parameter: float = 0.0
    alpha: Array | None = None
    where: str = ""


@dataclass(frozen=True)
class Dropout:
    """Predictions drop nothing; a framework that trains the network needs the rate."""

    rate: float
    where: str = ""


@dataclass(frozen=True)
class Bounds:
    """Outputs are at least ``low`` and at most ``high``; (n,) or None."""

    low: Array | None
    high: Array | None
    where: str = ""


@dataclass(frozen=True)
class Complement:
    """One probability p becomes the two columns 1 - p and p."""

    where: str = ""


@dataclass(frozen=True)
class Kept:
    """Columns that stay as they are."""

    first: int
    units: int


@dataclass(frozen=True)
class Scaled:
    """``z = (x - centre) * factor``; with a limit then ``z / sqrt(1 + (z / limit)^2)``. Both (n,)."""

    first: int
    centre: Array
    factor: Array
    limit: float | None = None

    @property
    def units(self) -> int:
        """Number of columns."""
        return len(self.centre)


@dataclass(frozen=True)
class Periodic:
    """Each column x becomes ``weight cos(frequency x + phase) + offset``.

    ``frequency`` and ``phase`` are (columns, k), ``weight`` is (columns, n, k) and ``offset`` (columns, n).
    """

    first: int
    frequency: Array
    phase: Array
    weight: Array
    offset: Array

    @property
    def units(self) -> int:
        """Number of columns that come out."""
        return self.offset.size


@dataclass(frozen=True)
class PiecewiseLinear:
    """Each column x becomes ``weight [x, part 1, part 2, ...] + offset``.

    ``part_i = (x - edge_i) / (edge_i+1 - edge_i)`` is at least 0 but for the first part, and at most 1 but
    for the last one. ``edges`` and ``weights`` (n, number of edges) hold an array per column; ``offset`` is
    (columns, n).
    """

    first: int
    edges: Sequence[Array]
    weights: Sequence[Array]
    offset: Array

    @property
    def units(self) -> int:
        """Number of columns that come out."""
        return self.offset.size


@dataclass(frozen=True)
class Lookup:
    """A column of codes becomes rows of a table (number of codes, n)."""

    column: int
    table: Array

    @property
    def units(self) -> int:
        """Number of columns that come out."""
        return int(self.table.shape[1])


@dataclass(frozen=True)
class OneHot:
    """A column of codes becomes n columns: column j is ``one[j]`` if the code is j + 1, else ``zero[j]``."""

    column: int
    zero: Array
    one: Array

    @property
    def units(self) -> int:
        """Number of columns that come out."""
        return len(self.zero)


@dataclass(frozen=True)
class Coded:
    """A column of numbers becomes codes: i + 1 for the number ``known[i]``, and 0 for all others."""

    column: int
    known: Array

    units = 1


Part: TypeAlias = Kept | Scaled | Periodic | PiecewiseLinear | Lookup | OneHot | Coded


@dataclass(frozen=True)
class Join:
    """The columns of all parts, side by side; each part reads some of the columns that come in."""

    parts: Sequence[Part]
    where: str = ""

    @property
    def units(self) -> int:
        """Number of columns that come out."""
        return sum(part.units for part in self.parts)


@dataclass(frozen=True)
class Temperature:
    """Probabilities p become ``softmax(log(p) / value)``; a probability of 0 stays 0."""

    value: float
    where: str = ""


@dataclass(frozen=True)
class Members:
    """The mean of what several networks compute that share their weights.

    Member i multiplies the inputs by row i of ``factor`` (members, n_in), does the steps ``shared``, then the
    rows i n_L to (i + 1) n_L - 1 of ``last``, whose W is (members n_L, n), and then the steps ``output``.
    """

    factor: Array
    shared: Chain
    last: Linear
    output: Chain
    where: str = ""

    @property
    def units(self) -> int:
        """Number of outputs of a member, and of all of them."""
        return len(self.last.b) // len(self.factor)


Step: TypeAlias = (
    Linear | Affine | BatchNorm | LayerNorm | Activation | Dropout | Bounds | Complement | Join | Temperature
    | Members
)  # fmt: skip
Chain: TypeAlias = list[Step]


def linear_steps(chain: Iterable[Step]) -> Iterator[Linear]:
    """Yield the linear steps of a chain in order, also those of members."""
    for step in chain:
        if isinstance(step, Linear):
            yield step
        elif isinstance(step, Members):
            yield from linear_steps([*step.shared, step.last, *step.output])


def rounded(chain: Iterable[Step]) -> Chain:
    """Return a chain with the weights that int8 weights stand for."""
    return [_rounded(step) for step in chain]


def _rounded(step: Step) -> Step:
    if isinstance(step, Linear):
        return replace(step, W=step.W.rounded())
    if isinstance(step, Members):
        last = replace(step.last, W=step.last.W.rounded())
        return replace(step, shared=rounded(step.shared), last=last, output=rounded(step.output))
    return step


def outputs(steps: Iterable[Step], X: Array) -> Array:
    """Compute what a chain gives for rows X (m, n_x), in float64."""
    A = np.asarray(X, np.float64)
    for step in steps:
        if isinstance(step, Linear):
            A = step.W.outputs(A) + step.b
        elif isinstance(step, Affine):
            A = (A - step.centre) * step.factor + step.shift
        elif isinstance(step, BatchNorm):
            A = outputs([step.affine()], A)
        elif isinstance(step, LayerNorm):
            centred = A - A.mean(axis=1, keepdims=True)
            A = centred / np.sqrt(A.var(axis=1, keepdims=True) + EPSILON) * step.gamma + step.beta
        elif isinstance(step, Activation):
            G = _core.activation_forward(np.ascontiguousarray(A).T, step.name, step.parameter).T
            A = G if step.alpha is None else A + (G - A) * step.alpha
        elif isinstance(step, Bounds):
            A = np.clip(A, step.low, step.high)
        elif isinstance(step, Complement):
            A = np.concatenate([1 - A, A], axis=1)
        elif isinstance(step, Temperature):
            with np.errstate(divide="ignore"):  # the logarithm of 0
                logits = np.log(A) / step.value
            A = outputs([Activation("softmax")], logits)
        elif isinstance(step, Members):
            A = _members_outputs(step, A)
        elif isinstance(step, Join):
            A = np.concatenate([_part_outputs(part, A) for part in step.parts], axis=1)
    return A


def _members_outputs(step: Members, X: Array) -> Array:
    """Compute the mean of all members; an example has a row for each of them, side by side."""
    members, m = len(step.factor), len(X)
    rows = (X[:, np.newaxis, :] * step.factor).reshape(m * members, -1)
    H = outputs(step.shared, rows).reshape(m, members, -1)
    Z = np.stack([W.outputs(H[:, i]) for i, W in enumerate(step.last.W.split(members))], axis=1)
    A = outputs(step.output, (Z + step.last.b.reshape(members, -1)).reshape(m * members, -1))
    return np.asarray(A.reshape(m, members, -1).mean(axis=1))


def _part_outputs(part: Part, X: Array) -> Array:
    """Compute the columns of one part of a ``Join``."""
    if isinstance(part, Lookup):
        return part.table[X[:, part.column].astype(np.int64)]
    if isinstance(part, OneHot):
        codes = np.arange(1, part.units + 1)
        return np.where(X[:, [part.column]] == codes, part.one, part.zero)
    if isinstance(part, Coded):
        codes = np.arange(1, len(part.known) + 1)
        same = X[:, [part.column]] == part.known
        return np.asarray((same * codes).max(axis=1, keepdims=True, initial=0), np.float64)
    if isinstance(part, Kept):
        return X[:, part.first : part.first + part.units]
    if isinstance(part, Scaled):
        z = (X[:, part.first : part.first + part.units] - part.centre) * part.factor
        return z if part.limit is None else z / np.sqrt(1 + (z / part.limit) ** 2)
    columns = X[:, part.first : part.first + len(part.offset)]
    if isinstance(part, Periodic):
        waves = np.cos(columns[:, :, np.newaxis] * part.frequency + part.phase)
        return np.asarray((np.einsum("mck,cnk->mcn", waves, part.weight) + part.offset).reshape(len(X), -1))
    found = []
    for x, edges, weight in zip(columns.T, part.edges, part.weights, strict=True):
        parts = (x[:, np.newaxis] - edges[:-1]) / np.diff(edges)
        parts[:, 1:] = np.maximum(parts[:, 1:], 0)
        parts[:, :-1] = np.minimum(parts[:, :-1], 1)
        found.append(np.column_stack([x, parts]) @ weight.T)
    return np.concatenate(found, axis=1) + part.offset.ravel()
