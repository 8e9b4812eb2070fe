"""Optimizers are plain descriptions; ``bind`` makes the state that changes a model step by step.

Formulas and defaults are those of ``torch.optim``; they live in the native rows (``catalog.optimizers``).
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from deepcore import _checks, catalog
from deepcore._keywords import checked_class
from deepcore._network.network import Network
from deepcore._optimizer_state import Optimizer, OptimizerState, described, rebound
from deepcore.schedules import LearningRate, spans_the_run

__all__ = [
    "LBFGS",
    "SGD",
    "AMSGrad",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "NAdam",
    "Optimizer",
    "OptimizerState",
    "RMSProp",
    "by_name",
    "continued",
    "rebound",
    "resolve",
    "spanning_name",
]


@checked_class
@dataclass(frozen=True, repr=False)
class SGD(Optimizer):
    """``w -= learning_rate * v`` with ``v = momentum v + (1 - dampening) g``; Nesterov looks one step ahead.

    The first step takes ``v = g`` undamped, as torch does.

    Args:
        learning_rate: A number, a schedule of ``deepcore.schedules``, or a function of the step (from 0).
        momentum: Share of the last velocity that is kept, at least 0.
        dampening: Share of g that does not enter the velocity, at least 0.
        nesterov: Step by ``g + momentum v`` instead of ``v``; needs momentum and no dampening.
        weight_decay: ``weight_decay * w`` is added to g. A number, a schedule or a function, at least 0.
        rate_in_velocity: ``v`` sums ``learning_rate * g``, so that a new rate does not touch what is
            under way.
        clip_norm: The whole gradient is scaled down to this norm if its norm is larger. None: no limit.
        clip_value: Every element of the gradient is cut to [-clip_value, clip_value] first. None: no limit.

    Source: Polyak (1964); Sutskever et al. (2013), in the variant of ``torch.optim.SGD`` or, with
    ``rate_in_velocity``, in their own, which is scikit-learn's.
    """

    learning_rate: LearningRate = 1e-3
    _: KW_ONLY
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: LearningRate = 0.0
    rate_in_velocity: bool = False
    name: ClassVar[str] = "sgd"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ValueError("SGD: nesterov needs momentum > 0 and dampening = 0")


@checked_class
@dataclass(frozen=True, repr=False)
class RMSProp(Optimizer):
    """``s = alpha s + (1 - alpha) g^2; w -= learning_rate * g / (sqrt(s) + eps)``.

    Args:
        learning_rate: A number, a schedule of ``deepcore.schedules``, or a function of the step (from 0).
        alpha: Decay of the moving average of g^2, at least 0 and below 1.
        eps: Added to the root in the denominator, so that it is not 0.
        momentum: Share of the last velocity that is kept, at least 0.
        weight_decay: ``weight_decay * w`` is added to g. A number, a schedule or a function, at least 0.
        clip_norm: The whole gradient is scaled down to this norm if its norm is larger. None: no limit.
        clip_value: Every element of the gradient is cut to [-clip_value, clip_value] first. None: no limit.

    Source: Hinton, lecture 6e (2012), in the variant of ``torch.optim.RMSprop``.
    """

    learning_rate: LearningRate = 1e-2
    _: KW_ONLY
    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    weight_decay: LearningRate = 0.0
    name: ClassVar[str] = "rmsprop"


@checked_class
@dataclass(frozen=True, repr=False)
class Adagrad(Optimizer):
    """``s += g^2; w -= learning_rate * g / (sqrt(s) + eps)``.

    Args:
        learning_rate: A number, a schedule of ``deepcore.schedules``, or a function of the step (from 0).
        eps: Added to the root in the denominator, so that it is not 0.
        weight_decay: ``weight_decay * w`` is added to g. A number, a schedule or a function, at least 0.
        clip_norm: The whole gradient is scaled down to this norm if its norm is larger. None: no limit.
        clip_value: Every element of the gradient is cut to [-clip_value, clip_value] first. None: no limit.

    Source: Duchi, Hazan & Singer (2011), as in ``torch.optim.Adagrad``.
    """

    learning_rate: LearningRate = 1e-2
    _: KW_ONLY
    eps: float = 1e-10
    weight_decay: LearningRate = 0.0
    name: ClassVar[str] = "adagrad"


@checked_class
@dataclass(frozen=True, repr=False)
class Adam(Optimizer):
    """``w -= learning_rate * m^ / (sqrt(s^) + eps)``, m^ and s^ corrected moving averages of g and g^2.

    Args:
        learning_rate: A number, a schedule of ``deepcore.schedules``, or a function of the step (from 0).
        beta1: Decay of the moving average of g, at least 0 and below 1.
        beta2: Decay of the moving average of g^2, at least 0 and below 1.
        eps: Added to the root in the denominator, so that it is not 0.
        weight_decay: ``weight_decay * w`` is added to g. A number, a schedule or a function, at least 0.
        epsilon_hat: eps is added to the uncorrected root, so that it counts for more in the first steps.
        clip_norm: The whole gradient is scaled down to this norm if its norm is larger. None: no limit.
        clip_value: Every element of the gradient is cut to [-clip_value, clip_value] first. None: no limit.

    Source: Kingma & Ba (2015), algorithm 1, as in ``torch.optim.Adam``; weight decay is added to g. With
    ``epsilon_hat`` the form that ends their section 2, which is scikit-learn's and Keras's.
    """

    learning_rate: LearningRate = 1e-3
    _: KW_ONLY
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: LearningRate = 0.0
    epsilon_hat: bool = False
    name: ClassVar[str] = "adam"


@checked_class
@dataclass(frozen=True, repr=False)
class AdamW(Optimizer):
    """Adam with decoupled weight decay: ``w -= learning_rate * weight_decay * w`` before Adam's step.

    Args:
        learning_rate: A number, a schedule of ``deepcore.schedules``, or a function of the step (from 0).
        beta1: Decay of the moving average of g, at least 0 and below 1.
        beta2: Decay of the moving average of g^2, at least 0 and below 1.
        eps: Added to the root in the denominator, so that it is not 0.
        weight_decay: Apart from the step, w loses ``learning_rate * weight_decay * w``. A number, a
            schedule or a function, at least 0.
        clip_norm: The whole gradient is scaled down to this norm if its norm is larger. None: no limit.
        clip_value: Every element of the gradient is cut to [-clip_value, clip_value] first. None: no limit.

    Source: Loshchilov & Hutter (2019), as in ``torch.optim.AdamW``.
    """

    learning_rate: LearningRate = 1e-3
    _: KW_ONLY
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: LearningRate = 0.01
    name: ClassVar[str] = "adamw"


@checked_class
@dataclass(frozen=True, repr=False)
class NAdam(Optimizer):
    """Adam with Nesterov momentum.

    Args:
        learning_rate: A number, a schedule of ``deepcore.schedules``, or a function of the step (from 0).
        beta1: Decay of the moving average of g, at least 0 and below 1.
        beta2: Decay of the moving average of g^2, at least 0 and below 1.
        eps: Added to the root in the denominator, so that it is not 0.
        momentum_decay: How fast the momentum of step t, ``beta1 (1 - 0.96^(t momentum_decay) / 2)``,
            grows to beta1.
        weight_decay: ``weight_decay * w`` is added to g. A number, a schedule or a function, at least 0.
        clip_norm: The whole gradient is scaled down to this norm if its norm is larger. None: no limit.
        clip_value: Every element of the gradient is cut to [-clip_value, clip_value] first. None: no limit.

    Source: Dozat (2016), as in ``torch.optim.NAdam``.
    """

    learning_rate: LearningRate = 2e-3
    _: KW_ONLY
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    momentum_decay: float = 0.004
    weight_decay: LearningRate = 0.0
    name: ClassVar[str] = "nadam"


@checked_class
@dataclass(frozen=True, repr=False)
class AMSGrad(Optimizer):
    """Adam that divides by the root of the largest average of g^2 so far, which never becomes smaller.

    Args:
        learning_rate: A number, a schedule of ``deepcore.schedules``, or a function of the step (from 0).
        beta1: Decay of the moving average of g, at least 0 and below 1.
        beta2: Decay of the moving average of g^2, at least 0 and below 1.
        eps: Added to the root in the denominator, so that it is not 0.
        weight_decay: ``weight_decay * w`` is added to g. A number, a schedule or a function, at least 0.
        clip_norm: The whole gradient is scaled down to this norm if its norm is larger. None: no limit.
        clip_value: Every element of the gradient is cut to [-clip_value, clip_value] first. None: no limit.

    Source: Reddi, Kale & Kumar (2018), as in ``torch.optim.Adam(amsgrad=True)``, which corrects the
    bias of the maximum; weight decay is added to g.
    """

    learning_rate: LearningRate = 1e-3
    _: KW_ONLY
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: LearningRate = 0.0
    name: ClassVar[str] = "amsgrad"


@checked_class
@dataclass(frozen=True, repr=False)
class Lion(Optimizer):
    """``w -= learning_rate * sign(beta1 m + (1 - beta1) g)``; then ``m = beta2 m + (1 - beta2) g``.

    Every parameter moves by the learning rate, or not at all where the sign is 0. Use a learning rate 3 to
    10 times smaller than with AdamW, and a weight decay that much larger. It is decoupled, as in AdamW.

    Args:
        learning_rate: A number, a schedule of ``deepcore.schedules``, or a function of the step (from 0).
        beta1: Share of the average m in the sign, at least 0 and below 1.
        beta2: Decay of the average m of g, at least 0 and below 1.
        weight_decay: Apart from the step, w loses ``learning_rate * weight_decay * w``. A number, a
            schedule or a function, at least 0.
        clip_norm: The whole gradient is scaled down to this norm if its norm is larger. None: no limit.
        clip_value: Every element of the gradient is cut to [-clip_value, clip_value] first. None: no limit.

    Source: Chen et al. (2023), "Symbolic Discovery of Optimization Algorithms", algorithm 2.
    """

    learning_rate: LearningRate = 1e-4
    _: KW_ONLY
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: LearningRate = 0.0
    name: ClassVar[str] = "lion"


#: The class of every optimizer of ``catalog.optimizers``.
by_name: dict[str, type[Optimizer]] = {
    cls.name: cls for cls in (SGD, RMSProp, Adagrad, Adam, AdamW, NAdam, AMSGrad, Lion)
}


@checked_class
@dataclass(frozen=True, repr=False)
class LBFGS:
    """Limited-memory BFGS with line search, on all examples at once; needs SciPy (extra ``scipy``).

    For small tables and smooth losses: some hundred iterations reach what first-order methods need thousands
    of epochs for. Every iteration counts as an epoch of the history, with the loss after it; ``epochs``,
    ``batch_size`` and ``shuffle`` of ``fit`` are not read. Models with dropout, batch norm or max_norm
    are refused.

    Args:
        max_iter: Iterations at most.
        gtol: Ends when no element of the gradient is larger.
        ftol: Ends when the loss falls by less than this fraction of it.
        memory: Number of steps that the curvature is estimated from.

    Raises:
        TypeError: if ``max_iter`` or ``memory`` is not a whole number.
        ValueError: if a number is out of its range.

    Example:
        >>> LBFGS(max_iter=500)
        LBFGS(max_iter=500)

    Source: Liu & Nocedal (1989); Zhu, Byrd, Lu & Nocedal (1997), as in ``scipy.optimize.minimize``.
    """

    max_iter: int = 200
    _: KW_ONLY
    gtol: float = 1e-5
    ftol: float = 2.2e-9
    memory: int = 10

    def __post_init__(self) -> None:
        for name in ("max_iter", "memory"):
            _checks.count("LBFGS", name, getattr(self, name))
        for name in ("gtol", "ftol"):
            _checks.number("LBFGS", name, getattr(self, name))

    def __repr__(self) -> str:
        return described(self)


def resolve(optimizer: object, network: Network, steps: int, who: str = "fit") -> OptimizerState:
    """Return the state that ``fit`` trains with: a name or description starts fresh, a state continues.

    Raises:
        TypeError: if ``optimizer`` is none of the three.
        ValueError: if the name is unknown or the state belongs to another model.
    """
    if isinstance(optimizer, OptimizerState):
        if optimizer.network is not network:
            raise ValueError(f"{who}: optimizer is a state bound to another model; bind it to this one")
        optimizer.start_run(steps)
        return optimizer
    state = OptimizerState(_description(optimizer, who), network, steps)
    state.start_run(steps)
    return state


def spanning_name(optimizer: Optimizer) -> str:
    """Name of the rate that follows a schedule which spans the run, or ``""``."""
    rates = {"learning_rate": optimizer.learning_rate, "weight_decay": optimizer.decay_schedule}
    return next((f"the schedule of {name}" for name, rate in rates.items() if spans_the_run(rate)), "")


def continued(optimizer: object, network: Network, last: OptimizerState | None) -> OptimizerState:
    """The state of the next ``partial_fit``: ``last``, unless another optimizer is asked for."""
    if isinstance(optimizer, OptimizerState):
        return resolve(optimizer, network, 1, "partial_fit")
    chosen = _description(optimizer, "partial_fit")
    return last if last is not None and last.optimizer == chosen else OptimizerState(chosen, network, 1)


def _description(optimizer: object, who: str) -> Optimizer:
    if isinstance(optimizer, str):
        catalog.lookup(catalog.optimizers, optimizer, f"{who}: optimizer")
        return by_name[optimizer]()  # type: ignore[call-arg]
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"{who}: optimizer must be a name, an Optimizer such as Adam(1e-3), or a bound state, "
            f"got {type(optimizer).__name__}"
        )
    return optimizer
