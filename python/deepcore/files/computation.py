"""``Computation``: everything that an exported file computes, from raw inputs to final outputs.

``onnx`` and ``c_header`` write it; models say what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepcore import _core
from deepcore._network.examples import Examples
from deepcore._network.network import Network, Snapshot
from deepcore._network.spec import Spec
from deepcore.files.chain import chain_of
from deepcore.files.moment import at_one_moment
from deepcore.files.steps import (
    Activation,
    Affine,
    Chain,
    Complement,
    Join,
    Lookup,
    Members,
    Temperature,
    linear_steps,
    outputs,
)
from deepcore.typing import Array

__all__ = [
    "SELF_TEST_EXAMPLES",
    "Computation",
    "RawColumn",
    "of_networks",
    "score",
    "title",
    "with_int8_weights",
]

SELF_TEST_EXAMPLES = 4  # of the self-test of a C header


@dataclass(frozen=True)
class RawColumn:
    """A column of a table before its preprocessing.

    Attributes:
        name: Its name.
        kind: ``"number"``, ``"date"`` or ``"category"``; booleans are categories.
        fill: What stands for a missing value, one number per feature.
        indicator: Whether there is a feature that is 1 where the value is missing.
        codes: The code of each known text; other texts and missing values have the code 0.
    """

    name: str
    kind: str
    fill: Sequence[float] = ()
    indicator: bool = False
    codes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Computation:
    """What an exported file computes.

    Attributes:
        chains: One chain, or several whose outputs are averaged.
        inputs: Number of raw inputs: columns of X, or of a table.
        outputs: Number of outputs.
        dtype: float32 or float64.
        title: What it is, in a few words.
        examples: Raw inputs (m, inputs) for a self-test, and what the chains read for them (m, n).
        features: Names of the raw inputs, or None.
        labels: The classes in the order of the outputs, or None.
        columns: The raw columns of a table; None: the chains read the raw inputs as they are.
    """

    chains: Sequence[Chain]
    inputs: int
    outputs: int
    dtype: np.dtype[Any]
    title: str
    examples: tuple[Array, Array]
    features: Sequence[str] | None = None
    labels: Sequence[object] | None = None
    columns: Sequence[RawColumn] | None = None

    def predict(self, X: Array) -> Array:
        """Compute the outputs in float64 for what the chains read, (m, n)."""
        return np.asarray(sum(outputs(chain, X) for chain in self.chains) / len(self.chains))

    @property
    def gives_classes(self) -> bool:
        """Whether the outputs are probabilities of classes that exclude each other, one per class."""
        chain = self.chains[0]
        if isinstance(chain[-1], Members):
            chain = chain[-1].output
        last = chain[-1] if chain else None
        return isinstance(last, Complement | Temperature) or (
            isinstance(last, Activation) and last.name == "softmax"
        )


def of_networks(
    who: str,
    networks: Sequence[Network],
    *,
    fold: bool = True,
    before: Affine | None = None,
    after: Affine | None = None,
    features: Sequence[str] | None = None,
    labels: Sequence[object] | None = None,
) -> Computation:
    """Describe what one network computes, or the mean of several with the same inputs and outputs.

    Args:
        who: Head of messages.
        networks: The networks.
        fold: Make batch norms part of the weights.
        before: Applied to the raw inputs.
        after: Applied to the outputs.
        features: Names of the inputs.
        labels: The classes.

    Raises:
        ValueError: If a parameter is not finite.
    """
    first: Chain = [] if before is None else [before]
    last: Chain = [] if after is None else [after]
    chains = [[*first, *chain_of(who, network, fold=fold), *last] for network in networks]
    spec = networks[0].spec
    X = _examples(spec, chains)
    return Computation(
        chains, spec.inputs, spec.outputs, spec.dtype, title(networks), (X, X), features, labels
    )  # fmt: skip


def title(networks: Sequence[Network]) -> str:
    """Return the sizes and activations of a network, and how many there are."""
    spec = networks[0].spec
    sizes = "-".join(str(n) for n in (spec.inputs, *(layer.units for layer in spec.layers)))
    shape = f"{sizes} ({', '.join(layer.activation for layer in spec.layers)})"
    if spec.members > 1:
        shape += f" with {spec.members} members"
    return f"a neural network, {shape}" if len(networks) == 1 else f"{len(networks)} neural networks, {shape}"


def _examples(spec: Spec, chains: Sequence[Chain]) -> Array:
    """Return examples near the middle of the inputs, whose outputs are finite."""
    n = spec.inputs
    X = _core.normal(spec.seed, 0, SELF_TEST_EXAMPLES * n).reshape(SELF_TEST_EXAMPLES, n).astype(np.float64)
    start = chains[0][0]
    if isinstance(start, Affine):  # raw inputs, which become such numbers when they are standardised
        X = X / np.where(start.factor == 0, 1.0, start.factor) + start.centre
    codes = [part for part in start.parts if isinstance(part, Lookup)] if isinstance(start, Join) else []
    numbers = np.ones(n, bool)
    for part in codes:
        X[:, part.column] = np.arange(SELF_TEST_EXAMPLES) % len(part.table)
        numbers[part.column] = False
    with np.errstate(over="ignore", invalid="ignore"):
        while not all(np.isfinite(outputs(chain, X).astype(np.float32)).all() for chain in chains):
            X[:, numbers] /= 2  # exp of large numbers is infinite
            if not X[:, numbers].any():
                break
    return X


def with_int8_weights(who: str, network: Network) -> Network:
    """Return a copy of a network with the weights that int8 weights stand for; embeddings stay the same."""

    def copied(seen: Sequence[Network], refuse_changes: Callable[[], None]) -> Network:
        twin = Network(seen[0].spec, Snapshot(seen[0].flat, seen[0].running.flat))
        refuse_changes()
        return twin

    copy = at_one_moment([network], copied)
    for number, step in enumerate(linear_steps(chain_of(who, copy)), start=1):
        rounded, stored = step.W.rounded(), copy.parameters[f"W{number}"]
        for rows, columns, part in step.W.parts():
            W, whole = part.array(), rounded.part(rows, columns).array()
            # norms and scales are part of W; a change by a factor leaves them as they are
            stored[rows, columns] *= np.divide(whole, W, out=np.ones_like(W), where=W != 0)
    return copy


def score(network: Network, examples: Examples) -> dict[str, float]:
    """Return the loss of a network, and the accuracy of a classifier."""
    loss, accuracy = network.evaluate(examples, 0)
    return {"loss": loss, **({"accuracy": accuracy} if network.spec.gives_probabilities else {})}
