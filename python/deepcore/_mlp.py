"""``mlp`` makes a model of hidden layers that are alike, which is what most people need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from deepcore import _checks
from deepcore._keywords import checked
from deepcore._network.spec import Layer
from deepcore.layers import Dense, Dropout
from deepcore.losses import Loss
from deepcore.model import Model
from deepcore.typing import ActivationName, DTypeLike, InitializerName, LossName, NormName

__all__ = ["mlp"]


@checked("mlp")
def mlp(
    sizes: Sequence[int],
    *,
    activation: ActivationName = "relu",
    output: ActivationName | Literal["auto"] = "auto",
    init: InitializerName | Literal["auto"] = "auto",
    loss: LossName | Literal["auto"] | Loss = "auto",
    dropout: float = 0.0,
    norm: NormName | None = None,
    l2: float = 0.0,
    members: int = 1,
    dtype: DTypeLike = "float32",
    seed: int = 0,
) -> Model:
    """Make a multilayer perceptron: ``sizes[0]`` inputs, hidden layers of one activation, an output layer.

    Args:
        sizes: ``[n_x, n1, ..., n_L]``, at least two numbers.
        activation: Activation of the hidden layers.
        output: Activation of the last layer; ``"auto"``: sigmoid for one unit, softmax for several. Use
            ``"linear"`` for regression.
        init: How the weights of every layer start, see ``Dense``.
        loss: See ``Model``.
        dropout: Rate of a ``Dropout`` layer behind every hidden layer; 0: none.
        norm: ``"batch"`` or ``"layer"`` normalises every hidden layer, see ``Dense``; None: no norm.
        l2: Penalty on the weights of every layer, see ``Dense``.
        members: Number of networks that share their weights, see ``Model``.
        dtype: ``"float32"`` or ``"float64"``.
        seed: Seed of the initial weights, the shuffling and the dropout masks.

    Raises:
        TypeError: if ``sizes`` is not a list.
        ValueError: if there are fewer than two sizes, and whatever ``Model`` and ``Dense`` raise.

    Example:
        >>> mlp([784, 100, 10])
        Model(784-100-10, relu softmax, loss='categorical_cross_entropy', dtype='float32', seed=0)
    """
    if not isinstance(sizes, (Sequence, np.ndarray)) or isinstance(sizes, (str, bytes)):
        raise TypeError(f"mlp: sizes must be one list, such as [8, 16, 1], got {_checks.shown(sizes)}")
    if len(sizes) < 2:
        raise ValueError(
            f"mlp: sizes must be [inputs, ..., outputs], at least two numbers, got {list(sizes)}"
        )
    _checks.number("mlp", "dropout", dropout, 1.0)
    last = ("sigmoid" if sizes[-1] == 1 else "softmax") if output == "auto" else output
    layers: list[Layer] = []
    for units in sizes[1:-1]:
        layers.append(Dense(units, activation, init=init, norm=norm, l2=l2))
        if dropout:
            layers.append(Dropout(dropout))
    layers.append(Dense(sizes[-1], last, init=init, l2=l2))
    return Model(sizes[0], layers, loss=loss, members=members, dtype=dtype, seed=seed)
