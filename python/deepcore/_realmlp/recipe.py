"""The recipe of RealMLP: its hyperparameters by variant and task, and the network that they describe.

Source: Holzmueller, Grinsztajn & Steinwart (2024), "Better by Default: Strong Pre-Tuned MLPs and Boosted
Trees on Tabular Data", as in pytabkit 1.7.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from deepcore._network.spec import Layer, Spec
from deepcore.layers import CategoryEmbedding, Dense, Dropout, PeriodicEmbedding, Scale
from deepcore.optimizers import Adam, AdamW, Optimizer
from deepcore.schedules import CosLog4, FlatCosine, LearningRate
from deepcore.tabular import Encoding

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """Everything that is chosen without looking at the data.

    Attributes:
        classes: True for classification, False for regression.
        hidden: Number of units of each hidden layer.
        activation: Activation of the hidden layers.
        parametric: Whether the activations have a trainable factor per unit.
        learning_rate: The highest learning rate; the schedule is ``CosLog4``.
        beta2: Hyperparameter of Adam.
        eps: Hyperparameter of Adam.
        dropout: Dropout after every hidden layer, falling with ``FlatCosine``.
        decay: Weight decay, falling with ``FlatCosine``.
        smoothing: Label smoothing.
        smoothing_waves: Whether label smoothing follows ``CosLog4``; otherwise it is constant.
        one_hot: Categories with more known values than this are embedded; None: all are one-hot.
        category_units: Dimension of the embedding of a category.
        number_units: Dimension of the embedding of a number, not counting the number itself; 0: numbers
            are not embedded.
        frequencies: Number of frequencies of an embedded number.
        sigma: Standard deviation of the frequencies.
        data_driven: Whether the initial weights are computed from the training rows.
        clamp: Whether predictions are clipped to the range of the training targets.
        members: Number of networks in one that share their weights; see ``Model``.
        epochs: Planned number of passes over the training rows.
        batch_size: Number of rows per step.
        scale_rate: Factor on the learning rate of the scale of the inputs.
        bias_rate: Factor on the learning rate of biases.
        activation_rate: Factor on the learning rate of parametric activations.
        number_rate: Factor on the learning rate of the embedding of numbers.
        first_layer_rate: Further factor on the learning rates of W and b of the first layer.
    """

    classes: bool
    hidden: tuple[int, ...] = (256, 256, 256)
    activation: str = "selu"
    parametric: bool = True
    learning_rate: float = 0.04
    beta2: float = 0.95
    eps: float = 1e-8
    dropout: float = 0.15
    decay: float = 0.02
    smoothing: float = 0.1
    smoothing_waves: bool = False
    one_hot: int | None = 8
    category_units: int = 8
    number_units: int = 3
    frequencies: int = 16
    sigma: float = 0.1
    data_driven: bool = True
    clamp: bool = False
    members: int = 1
    epochs: int = 256
    batch_size: int = 256
    scale_rate: float = 6.0
    bias_rate: float = 0.1
    activation_rate: float = 0.1
    number_rate: float = 0.1
    first_layer_rate: float = 1.0

    @classmethod
    def of(cls, variant: str, classes: bool, **changes: Any) -> Recipe:
        """Return the defaults of ``"td"`` or ``"td_s"`` for classification or regression, with changes."""
        recipe = cls(classes)
        if not classes:
            recipe = replace(recipe, activation="mish", learning_rate=0.2, smoothing=0.0, clamp=True)
        if variant == "td_s":
            recipe = replace(
                recipe, parametric=False, dropout=0.0, decay=0.0, one_hot=None, number_units=0,
                data_driven=False, clamp=False, learning_rate=0.04 if classes else 0.07,
            )  # fmt: skip
        return replace(recipe, **changes)

    def layers(self, outputs: int, numbers: int, sizes: list[int]) -> list[Layer]:
        """Return the layers for ``numbers`` columns of numbers, followed by a column of codes per size."""
        first: list[Layer] = []
        if numbers and self.number_units:
            first.append(
                PeriodicEmbedding(
                    numbers,
                    units=self.number_units,
                    frequencies=self.frequencies,
                    sigma=self.sigma,
                    rate=self.number_rate,
                    decay=self.number_rate,
                )
            )
        if sizes:
            first.append(CategoryEmbedding(sizes, units=self.category_units))
        layers: list[Layer] = [*first, Scale(rate=self.scale_rate, decay=self.scale_rate)]
        for number, units in enumerate([*self.hidden, outputs]):
            rate, decay = self._factors(number == 0, self.parametric and number < len(self.hidden))
            last = number == len(self.hidden)
            layers.append(
                Dense(
                    units,
                    ("softmax" if self.classes else "linear") if last else self.activation,  # type: ignore[arg-type]
                    init="inverse_sqrt",
                    parametric=self.parametric and not last,
                    parametrization="ntk",
                    rate=rate,
                    decay=decay,
                )
            )
            if self.dropout and not last:
                layers.append(Dropout(self.dropout))
        return layers

    def _factors(self, first: bool, parametric: bool) -> tuple[dict[str, float], dict[str, float]]:
        """Return factors on learning rate and decay by array.

        The recipe multiplies the decay of an array by the square of its rate factor f. The optimizer
        multiplies it by the rate factor once; f as the decay factor is the rest.
        """
        own = self.first_layer_rate if first else 1.0
        rate, decay = {"W": own, "b": self.bias_rate * own}, {"W": own, "b": 0.0}
        if parametric:
            rate["alpha"] = decay["alpha"] = self.activation_rate
        return rate, decay

    def spec(self, outputs: int, encoding: Encoding, dtype: Any, seed: int) -> Spec:
        """Return the network for the columns of an encoding."""
        return Spec.of(
            encoding.inputs,
            self.layers(outputs, encoding.number_count, encoding.embedded),
            loss="categorical_cross_entropy" if self.classes else "squared_error",
            label_smoothing=self.smoothing if self.classes else 0.0,
            members=self.members,
            dtype=dtype,
            seed=seed,
        )

    def optimizer(self, outputs: int) -> Optimizer:
        """Return Adam with the hyperparameters of the recipe.

        The recipe's squared error is a mean over the outputs and the network's is a sum, so its gradient is
        ``outputs`` times as large. With an eps that is larger by the same factor, Adam takes the same steps.
        """
        rate, eps = CosLog4(self.learning_rate), self.eps * (1 if self.classes else outputs)
        if not self.decay:
            return Adam(rate, beta2=self.beta2, eps=eps)
        return AdamW(rate, beta2=self.beta2, eps=eps, weight_decay=FlatCosine(self.decay))

    def schedules(self) -> dict[str, LearningRate]:
        """Return schedules of factors on dropout and on label smoothing."""
        factors: dict[str, LearningRate] = {}
        if self.dropout and self.hidden:
            factors["dropout"] = FlatCosine(1.0)
        if self.classes and self.smoothing and self.smoothing_waves:
            factors["smoothing"] = CosLog4(1.0)
        return factors
