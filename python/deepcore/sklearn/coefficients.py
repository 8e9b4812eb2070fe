"""The parameters of an estimator in scikit-learn's layout, and its optimizer; both can be pickled."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from deepcore._network.network import Network
from deepcore.files import container, model_file
from deepcore.layers import Dense
from deepcore.model import Model
from deepcore.optimizers import SGD, Adam, OptimizerState
from deepcore.typing import Array

__all__ = ["Arrays", "Coefficients", "Stepper", "dense_layers"]


class Arrays(list[Array]):
    """Views of a network's parameters. Assigning to an item copies the values into the network."""

    def __setitem__(self, index: Any, value: Any) -> None:
        for view, array in (
            zip(self[index], value, strict=True) if isinstance(index, slice) else [(self[index], value)]
        ):
            if np.shape(array) != view.shape:
                raise ValueError(
                    f"coefs_, intercepts_: the shape must be {view.shape}, got {np.shape(array)}"
                )
            view[...] = array

    def __reduce__(self) -> tuple[Any, ...]:
        return list, ([array.copy() for array in self],)  # a copy belongs to no network


class Coefficients:
    """A model, and its parameters in scikit-learn's layout: ``coefs[l]`` is W[l + 1] transposed."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.network = model.network
        self.network.scikit_learn_sums = True
        self.outputs = self.network.predict  # bound once: a prediction of one row takes microseconds
        self.stepper: Stepper | None = None

    @property
    def coefs(self) -> Arrays:
        """W of every layer, transposed. They are made anew: predictions are slower while one exists."""
        return Arrays(view.T for view in self._named("W"))

    @property
    def intercepts(self) -> Arrays:
        """b of every layer, as one axis."""
        return Arrays(view[:, 0] for view in self._named("b"))

    def _named(self, kind: str) -> list[Array]:
        views = self.model.parameters.items()
        return [view for name, view in views if name.rstrip("0123456789") == kind]

    def draw(self, random_state: Any, activations: Sequence[str]) -> None:
        """Draw Glorot and Bengio's uniform numbers as scikit-learn does: coefs and intercepts by layer.

        Args:
            random_state: numpy's RandomState.
            activations: The activation that decides the bound of each layer; for the output layer it is that
                of the last hidden layer.
        """
        for coef, intercept, name in zip(self.coefs, self.intercepts, activations, strict=True):
            bound = np.sqrt((2.0 if name == "logistic" else 6.0) / sum(coef.shape))
            coef[...] = random_state.uniform(-bound, bound, coef.shape)
            intercept[...] = random_state.uniform(-bound, bound, intercept.shape)

    def with_spec(self, **changes: Any) -> Coefficients:
        """Return the same parameters and optimizer with a changed spec, such as other penalties."""
        spec = replace(self.network.spec, **changes)
        if spec == self.network.spec:
            return self
        network = Network(spec, self.network.snapshot())
        changed = Coefficients(Model.from_network(network, self.model.extras))
        if self.stepper is not None:
            changed.stepper = Stepper.restored(network, **self.stepper.saved())
        return changed

    def __getstate__(self) -> dict[str, Any]:
        stepper = None if self.stepper is None else self.stepper.saved()
        if stepper is not None:
            stepper["slots"] = container.pack({"kind": "slots"}, stepper["slots"])
        return {"model": model_file.to_bytes(self.network, self.model.extras), "stepper": stepper}

    def __setstate__(self, state: dict[str, Any]) -> None:
        network, extras = model_file.from_bytes(state["model"])
        Coefficients.__init__(self, Model.from_network(network, extras))
        if state["stepper"] is not None:
            _, slots = container.read(state["stepper"]["slots"])
            self.stepper = Stepper.restored(self.network, **{**state["stepper"], "slots": slots})


class Stepper:
    """An optimizer bound to a network, and scikit-learn's three rules for its learning rate.

    Args:
        network: The network that it trains.
        solver: ``"sgd"`` or ``"adam"``.
        learning_rate_init: Learning rate at the start.
        schedule: ``"constant"``, ``"invscaling"`` or ``"adaptive"``; not used by adam.
        power_t: Exponent of invscaling.
        clip_norm: Largest norm of the gradient over all parameters; None: no limit.
        constants: Constants of the update rule: momentum and nesterov, or beta1, beta2 and eps.
    """

    def __init__(
        self,
        network: Network,
        solver: str,
        learning_rate_init: float,
        schedule: str,
        power_t: float,
        clip_norm: float | None,
        **constants: Any,
    ) -> None:
        self._made_of = {
            "solver": solver,
            "learning_rate_init": learning_rate_init,
            "schedule": schedule,
            "power_t": power_t,
            "clip_norm": clip_norm,
            **constants,
        }
        self.schedule = schedule if solver == "sgd" else "constant"
        self.learning_rate_init = float(learning_rate_init)
        self.power_t = power_t
        self._rate = self.learning_rate_init
        rule: SGD | Adam
        if solver == "sgd":
            nesterov = constants["nesterov"] and constants["momentum"] > 0
            rule = SGD(self._rate, momentum=constants["momentum"], nesterov=nesterov, rate_in_velocity=True,
                       clip_norm=clip_norm)  # fmt: skip
        else:
            rule = Adam(self._rate, **constants, epsilon_hat=True, clip_norm=clip_norm)
        self.state: OptimizerState = OptimizerState(rule, network)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return self._rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._rate = float(rate)
        self.state.set_learning_rate(self._rate)

    def epoch_ended(self, seen: int) -> None:
        """Lower the rate of invscaling; ``seen`` is the number of examples of all epochs so far."""
        if self.schedule == "invscaling":
            self.learning_rate = self.learning_rate_init / (seen + 1) ** self.power_t

    def give_up(self) -> str:
        """Lower the learning rate and return ``""``, or return the reason to stop if that is of no use."""
        if self.schedule != "adaptive":
            return "Stopping."
        if self.learning_rate <= 1e-6:
            return "Learning rate too small. Stopping."
        self.learning_rate = self.learning_rate / 5.0
        return ""

    def saved(self) -> dict[str, Any]:
        """Return everything as plain numbers, and the slots as arrays by name."""
        return {**self._made_of, "rate": self._rate, "steps": self.state.steps, "slots": self.state.slots}

    @classmethod
    def restored(
        cls, network: Network, *, rate: float, steps: int, slots: dict[str, Array], **made_of: Any
    ) -> Stepper:
        """Return the stepper that ``saved`` described, bound to ``network``."""
        stepper = cls(network, **made_of)
        stepper.state.slots = slots
        stepper.state.steps = steps
        stepper.learning_rate = rate
        return stepper


def dense_layers(
    units: Sequence[int], activations: Sequence[str], alpha: float, **options: Sequence[Any]
) -> list[Dense]:
    """Return the layers of a model for scikit-learn's names.

    Args:
        units: Number of units of each layer; the last layer is the output.
        activations: Activation of each layer.
        alpha: L2 penalty of every layer.
        options: ``dropout``, and arguments of ``Dense``, with one value per hidden layer.
    """
    names = {"identity": "linear", "logistic": "sigmoid"}
    layers = [
        Dense(operator.index(n), names.get(g, g), l2=float(alpha))  # type: ignore[arg-type]
        for n, g in zip(units, activations, strict=True)
    ]
    rates = options.pop("dropout", [0.0] * (len(layers) - 1))
    for name, values in options.items():
        hidden = [replace(layer, **{name: value}) for layer, value in zip(layers[:-1], values, strict=True)]
        layers[:-1] = hidden
    dropped = [replace(layer, dropout=float(rate)) for layer, rate in zip(layers, rates, strict=False)]
    return [*dropped, layers[-1]]
