"""``mlp``: a multi-layer perceptron from a list of sizes."""

from __future__ import annotations

from collections.abc import Sequence

from deepcore.layers import Dense
from deepcore.model import Model
from deepcore.typing import ActivationName, DTypeName, LossName

__all__ = ["mlp"]


def mlp(
    sizes: Sequence[int],
    activation: ActivationName | str = "relu",
    output: ActivationName | str = "auto",
    init: str = "auto",
    dtype: DTypeName | str | type = "float32",
    seed: int = 0,
    loss: LossName | str = "auto",
) -> Model:
    """A multi-layer perceptron: ``sizes[0]`` inputs, hidden layers of one activation, an output layer.

    Args:
        sizes: ``[n_x, n1, ..., n_L]``, at least two numbers.
        activation: Of the hidden layers.
        output: Of the last layer; ``"auto"``: sigmoid for one unit, softmax for several. Regression:
            ``"linear"``.
        init: Of every layer, see ``Dense``.
        dtype: ``"float32"`` or ``"float64"``.
        seed: Of the initial weights and of the shuffling.
        loss: See ``Model``.

    Raises:
        ValueError: if there are fewer than two sizes, beside what ``Model`` and ``Dense`` raise.

    Example:
        >>> mlp([784, 100, 10])
        Model(784-100-10, relu softmax, loss='categorical_cross_entropy', dtype='float32', seed=0)
    """
    if len(sizes) < 2:
        raise ValueError(
            f"mlp: sizes must be [inputs, ..., outputs], at least two numbers, got {list(sizes)}"
        )
    last = ("sigmoid" if sizes[-1] == 1 else "softmax") if output == "auto" else output
    names = [activation] * (len(sizes) - 2) + [last]
    layers = [Dense(n, name, init=init) for n, name in zip(sizes[1:], names, strict=True)]
    return Model(sizes[0], layers, loss=loss, dtype=dtype, seed=seed)
