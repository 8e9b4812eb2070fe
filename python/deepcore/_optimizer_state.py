"""An ``Optimizer`` describes a rule, and ``OptimizerState`` steps a model by it.

``deepcore.optimizers`` has the rules, and the public names of this file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from deepcore import _checks, _core, catalog
from deepcore._network.network import HasNetwork, Network, network_of
from deepcore.exceptions import UnknownNameError
from deepcore.schedules import (
    LearningRate,
    Schedule,
    is_tabulated,
    native_schedule,
    spanning,
    spans_the_run,
)
from deepcore.typing import Array

__all__ = ["Optimizer", "OptimizerState", "described", "rebound"]


@dataclass(frozen=True, repr=False)
class Optimizer:
    """The base class of the optimizers, which describe a method and its numbers.

    The ``weight_decay`` of optimizers that have one is a number, a schedule or a function, like the rate.

    Args:
        learning_rate: A number, a schedule of ``deepcore.schedules``, or a function of the step (from 0).
        clip_norm: Scale the gradient down to this norm, taken over all parameters, as
            ``torch.nn.utils.clip_grad_norm_`` does; None: no limit.
        clip_value: Cut every element to [-clip_value, clip_value], before ``clip_norm``; None: no limit.
    """

    learning_rate: LearningRate
    clip_norm: float | None = field(default=None, kw_only=True)
    clip_value: float | None = field(default=None, kw_only=True)
    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        who = type(self).__name__
        if not self.name:
            raise TypeError(
                f"Optimizer is the base class; use one of {', '.join(sorted(catalog.optimizers))}"
            )
        rate = self.learning_rate
        if not (isinstance(rate, Schedule) or callable(rate)):
            _checks.number(who, "learning_rate", rate, error=ValueError)
        for name, value in self.hyperparameters().items():
            if not isinstance(value, bool):
                below = 1.0 if name in _BELOW_ONE else math.inf
                positive = name.startswith("clip_")
                _checks.number(who, name, value, below, positive=positive, error=ValueError)

    def __repr__(self) -> str:
        return described(self)

    def hyperparameters(self) -> dict[str, float]:
        """All numbers but the learning rate, as the native optimizer takes them; None is left out.

        A weight decay that follows a schedule is 1, because the native schedule is a factor on it.
        """
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "learning_rate"}
        if self.decay_schedule is not None:
            values["weight_decay"] = 1.0
        return {name: value for name, value in values.items() if value is not None}

    @property
    def decay_schedule(self) -> Schedule | Callable[[int], float] | None:
        """The weight decay if it is a schedule or a function of the step, or None."""
        decay = getattr(self, "weight_decay", 0.0)
        return decay if callable(decay) else None

    def bind(self, model: HasNetwork, steps: int | None = None) -> OptimizerState:
        """Make the state of this optimizer for ``model``: its slots, all zero, and its step counter.

        Args:
            model: The model whose parameters it will step.
            steps: Length of the run in steps. It must be given if ``learning_rate`` or ``weight_decay`` is a
                Python function, or a schedule without ``steps`` of its own, such as ``Cosine(0.001)``, which
                spans these steps.

        Returns:
            A state with ``step(grads)`` for own loops; ``fit(optimizer=state)`` continues from it.

        Example:
            >>> import numpy as np, deepcore as dc
            >>> model = dc.mlp([2, 3, 1], dtype="float64")
            >>> X, y = np.ones((4, 2)), np.array([0, 1, 1, 1])
            >>> state = dc.SGD(0.1).bind(model)
            >>> loss, grads = model.gradients(X, y)
            >>> state.step(grads)
            >>> state.steps
            1
        """
        return OptimizerState(self, network_of("bind", model), steps)


# Decay rates of moving averages: at 1 the average would never move.
_BELOW_ONE = frozenset({"beta1", "beta2", "alpha"})


def described(description: Any) -> str:
    """Show ``Adam(0.01, beta1=0.8)``: the learning rate, and what differs from the defaults."""
    shown: list[str] = []
    for f in fields(description):
        value = getattr(description, f.name)
        if f.name == "learning_rate":
            shown.insert(0, repr(value))
        elif f.default is MISSING or value != f.default:
            shown.append(f"{f.name}={value!r}")
    return f"{type(description).__name__}({', '.join(shown)})"


class OptimizerState:
    """The slots and the step counter of one optimizer on one model; ``Optimizer.bind`` makes it.

    ``copy.copy`` makes another state of the same model. A pickle holds the network as well: pickled together,
    ``(model, state)`` come back as a state of that model.

    Attributes:
        optimizer: The description that it was made from.
        network: What it steps.
        native: The native optimizer, which holds slots and step counter.
    """

    def __init__(self, optimizer: Optimizer, network: Network, steps: int | None = None) -> None:
        rates = {"learning_rate": optimizer.learning_rate, "weight_decay": optimizer.decay_schedule}
        if steps is not None:
            steps = _checks.count("bind", "steps", steps)
        for name, rate in rates.items():
            if steps is None and (is_tabulated(rate) or spans_the_run(rate)):
                kind = (
                    "a function"
                    if is_tabulated(rate)
                    else f"{_checks.shown(rate)}, which spans the whole run"
                )
                raise ValueError(
                    f"{type(optimizer).__name__}: steps must be given when {name} is {kind}: "
                    "bind(model, steps=...)"
                )
        hyper = {name: float(value) for name, value in optimizer.hyperparameters().items()}
        self._table: list[float] = []
        self._decay_table: list[float] = []
        span = steps or 0
        self._spans = [(0, span)]  # first step and length of each span of a schedule without steps
        schedule = native_schedule(spanning(optimizer.learning_rate, span), span, self._table)
        build: Any = _core.OptimizerF32 if network.spec.dtype == np.float32 else _core.OptimizerF64
        self.optimizer = optimizer
        self.network = network
        self.native: Any = build(network.native, optimizer.name, hyper, schedule)
        self._set_decay(span)
        self._scale = 1.0
        self._fixed: float | None = None  # the rate of set_learning_rate, instead of the description's
        self._flat: Array | None = None

    @property
    def steps(self) -> int:
        """Steps made so far; may be set, together with ``slots``, to go on from a point that was saved."""
        return int(self.native.steps)

    @steps.setter
    def steps(self, steps: int) -> None:
        number = _checks.count("steps", "steps", steps, low=0)
        with self.network.exclusive("steps"):
            # the spans that began later have not begun
            begun = [(start, span) for start, span in self._spans if start < number]
            self._spans = begun or [(number, self._spans[0][1])]
            self.native.steps = number
            self._set_schedule(number + 1)
            self._set_decay(number + 1)

    @property
    def learning_rate(self) -> float:
        """The rate of the next step: the schedule's, or the one that was set, times ``rate_scale``."""
        return float(self.native.learning_rate(self.steps))

    @property
    def rate_scale(self) -> float:
        """Factor on the rate, 1 at the start and after ``set_learning_rate``.

        During a run only its callbacks may change it.
        """
        return self._scale

    @rate_scale.setter
    def rate_scale(self, factor: float) -> None:
        _checks.number("rate_scale", "factor", factor, error=ValueError)
        with self.network.held("rate_scale"):
            self._scale = float(factor)
            self._set_schedule(0)

    def set_learning_rate(self, learning_rate: float) -> None:
        """Make this number the rate of all steps to come, whatever the description says.

        ``rate_scale`` becomes 1, and a factor that is set later acts on this number.
        """
        rate = float(_checks.number("set_learning_rate", "learning_rate", learning_rate, error=ValueError))
        with self.network.held("set_learning_rate"):
            self._fixed, self._scale = rate, 1.0
            self._set_schedule(0)

    @property
    def _rate(self) -> LearningRate:
        """What ``rate_scale`` acts on: the rate of ``set_learning_rate``, or the description's."""
        return self.optimizer.learning_rate if self._fixed is None else self._fixed

    def _set_schedule(self, steps: int) -> None:
        """Set the native schedule; a function is tabulated as far as step ``steps`` at least."""
        native = self._native_schedule(self._rate, steps, self._table, "learning_rate")
        self.native.learning_rate = native.scaled(self._scale)

    def _set_decay(self, steps: int) -> None:
        """Set the native schedule of the weight decay, if it has one, as ``_set_schedule`` does."""
        decay = self.optimizer.decay_schedule
        if decay is not None:
            self.native.decay = self._native_schedule(decay, steps, self._decay_table, "weight_decay")

    def _native_schedule(
        self, rate: LearningRate, steps: int, table: list[float], what: str
    ) -> _core.Schedule:
        start, span = self._spans[-1]
        whole = spanning(rate, span)
        if start and spans_the_run(rate):  # it was started again: its steps count from there
            again = native_schedule(whole, 0, [], what)
            rates = [0.0] * start + [again(step) for step in range(span + 1)]
            return _core.Schedule.table(np.array(rates))
        return native_schedule(whole, max(steps, len(table)), table, what)

    def starts_again(self, steps: int) -> bool:
        """Return whether a schedule that spans the run would start again in a run of ``steps`` steps."""
        spans = spans_the_run(self._rate) or spans_the_run(self.optimizer.decay_schedule)
        return spans and self.steps + steps > sum(self._spans[-1])

    def start_run(self, steps: int) -> None:
        """Prepare the rates of a run of ``steps`` steps from here on.

        A schedule that spans the run goes on if the run fits into its span; if not, it starts again.

        Raises:
            ValueError: if the schedule grows beyond the largest number within the run.
        """
        rate, decay = self._rate, self.optimizer.decay_schedule
        last = self.steps + steps
        if self.starts_again(steps):
            self._spans.append((self.steps, steps))
            self._set_schedule(0)
            self._set_decay(0)
        for which in (rate, decay):
            if isinstance(which, Schedule) and not spans_the_run(which) and not is_tabulated(which):
                which(last - 1)  # refuses a rate that is not finite
        self.prepare(steps)

    def prepare(self, steps: int) -> None:
        """Prepare the rates of the next ``steps`` steps."""
        # rates of a function are known as far as they were asked for; a longer run asks for more
        if is_tabulated(self._rate):
            self._set_schedule(self.steps + steps)
        if is_tabulated(self.optimizer.decay_schedule):
            self._set_decay(self.steps + steps)

    def skip(self, steps: int) -> None:
        """Count steps that change nothing, such as those of batches without weight."""
        self.native.steps += steps

    @property
    def slots(self) -> dict[str, Array]:
        """Copies of the slots by name, 1-D, laid out like ``flat_parameters``; only those in use.

        Assigning all of them, and ``steps``, puts an optimizer back where it stood; other names and sizes
        are refused.
        """
        with self.network.held("slots"):
            return dict(self.native.slots)

    @slots.setter
    def slots(self, values: Mapping[str, Array]) -> None:
        if not isinstance(values, Mapping):
            raise TypeError(f"slots: slots must be a mapping of names to arrays, got {_checks.shown(values)}")
        dtype = self.network.spec.dtype
        arrays = {
            str(name): np.ascontiguousarray(_checks.numbers("slots", _checks.cut(str(name)), value), dtype)
            for name, value in values.items()
        }
        with self.network.held("slots"):
            self.native.slots = arrays

    def state(self) -> dict[str, Any]:
        """Copy all that steps change, for ``set_state``.

        Returns:
            ``{"steps": ..., "slots": {...}, "rate_scale": ..., "rate": ..., "span": [...]}``: steps made, the
            slots, the factor on the rate, the rate of ``set_learning_rate`` or None, and first step and
            number of steps of a schedule that spans a run. Numbers and arrays only.

        Example:
            >>> import deepcore as dc
            >>> model = dc.mlp([2, 3, 1])
            >>> state = dc.Adam().bind(model)
            >>> again = dc.Adam().bind(model)
            >>> again.set_state(state.state())
        """
        return {
            "steps": self.steps,
            "slots": self.slots,
            "rate_scale": self._scale,
            "rate": self._fixed,
            "span": list(self._spans[-1]),
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Put back what ``state`` copied from a state of the same optimizer on an equal network.

        Raises:
            TypeError: if ``state`` is no mapping, or the steps are not a whole number.
            ValueError: if it has other entries, a number out of its range, or slots of other names or sizes.
        """
        names = ("steps", "slots", "rate_scale", "rate", "span")
        if not isinstance(state, Mapping):
            raise TypeError(f"set_state: state must be a mapping, got {_checks.shown(state)}")
        if set(state) != set(names):
            raise ValueError(
                f"set_state: state must have {', '.join(names)}, got {_checks.first_names(list(state))}"
            )
        steps = _checks.count("set_state", "steps", state["steps"], low=0)
        scale = _checks.number("set_state", "rate_scale", state["rate_scale"])
        start, span = (_checks.count("set_state", "span", number, low=0) for number in state["span"])
        rate = state["rate"]
        fixed = None if rate is None else float(_checks.number("set_state", "rate", rate))
        self.slots = state["slots"]
        with self.network.held("set_state"):
            self._spans, self._scale, self._fixed = [(start, span)], scale, fixed
            self.native.steps = steps
            self._set_schedule(steps + 1)
            self._set_decay(steps + 1)

    def __reduce__(self) -> tuple[Any, ...]:
        return rebound, (self.optimizer, self.network, self.state())

    def step(self, grads: Mapping[str, Array] | Array) -> None:
        """Move the model's parameters by one step of the optimizer.

        Args:
            grads: ``{"dW1": ..., "db1": ..., ...}`` as ``Model.gradients`` returns them (other keys, such as
                ``dA0``, are not read), or one 1-D vector laid out like ``flat_parameters``.

        Raises:
            KeyError: if a gradient is missing.
            ValueError: if a gradient has another shape than its parameter.
            RuntimeError: if the model is being trained at this moment.
        """
        if not isinstance(grads, Mapping):
            flat = np.ascontiguousarray(
                _checks.numbers("step", "grads", grads), dtype=self.network.spec.dtype
            )
            if flat.shape != self.network.flat.shape:
                raise ValueError(
                    f"step: grads must have shape {self.network.flat.shape} like flat_parameters, "
                    f"got {flat.shape}"
                )
        else:
            flat = self._flatten(grads)
        with self.network.exclusive("step"):
            self.native.step(self.network.native, flat)

    def _flatten(self, grads: Mapping[str, Array]) -> Array:
        # gradients() hands out views of one vector; then there is nothing to copy
        owner = getattr(grads, "flat", None)
        like = self.network.flat
        if isinstance(owner, np.ndarray) and owner.shape == like.shape and owner.dtype == like.dtype:
            return owner
        if self._flat is None:
            self._flat = np.zeros_like(self.network.flat)
        views = self.network.views(self._flat, "d")
        for name in views:
            if name not in grads:
                raise UnknownNameError(
                    f"step: grads must have {name}, got {_checks.first_names(list(grads))}"
                )
            views[name] = grads[name]
        return self._flat

    def __repr__(self) -> str:
        return f"OptimizerState({self.optimizer!r}, steps={self.steps})"


def rebound(optimizer: Optimizer, network: Network, state: Mapping[str, Any]) -> OptimizerState:
    """Make a state of an optimizer on a network from what ``state`` returned; pickles name this function."""
    made = OptimizerState(optimizer, network, max(1, *state["span"], state["steps"]))
    made.set_state(state)
    return made
