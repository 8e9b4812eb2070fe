"""Wrong arguments of public functions get an answer: where the argument belongs, or what it is called.

Python's own message would name internal functions such as ``Adam.__init__()`` and give no hint.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from deepcore import _checks

__all__ = ["checked", "checked_class"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Class = TypeVar("_Class", bound=type)

# What other libraries call an argument, and its possible names here.
_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "lr": ("learning_rate",),
    "learning_rate_init": ("learning_rate",),
    "eta": ("learning_rate",),
    "beta_1": ("beta1",),
    "beta_2": ("beta2",),
    "betas": ("beta1", "beta2"),
    "beta": ("beta1", "beta2"),
    "epsilon": ("eps",),
    "rho": ("alpha",),
    "decay": ("weight_decay", "alpha"),
    "clipnorm": ("clip_norm",),
    "global_clipnorm": ("clip_norm",),
    "clipvalue": ("clip_value",),
    "nesterovs_momentum": ("nesterov",),
    "n_epochs": ("epochs",),
    "nb_epoch": ("epochs",),
    "num_epochs": ("epochs",),
    "max_iter": ("epochs",),
    "batch": ("batch_size",),
    "batchsize": ("batch_size",),
    "val_data": ("validation_data",),
    "eval_set": ("validation_data",),
    "validation_fraction": ("validation_split",),
    "sample_weights": ("sample_weight",),
    "weights": ("sample_weight",),
    "class_weights": ("class_weight",),
    "callback": ("callbacks",),
    "metric": ("metrics",),
    "verbosity": ("verbose",),
    "n_jobs": ("threads",),
    "n_threads": ("threads",),
    "num_threads": ("threads",),
    "workers": ("threads",),
    "solver": ("optimizer",),
    "random_state": ("seed",),
    "random_seed": ("seed",),
    "hidden_layer_sizes": ("sizes",),
    "layer_sizes": ("sizes",),
    "layers_dims": ("sizes",),
    "activations": ("activation",),
    "output_activation": ("output",),
    "out_activation": ("output",),
    "criterion": ("loss",),
    "objective": ("loss",),
    "input_dim": ("inputs",),
    "input_shape": ("inputs",),
    "n_inputs": ("inputs",),
    "in_features": ("inputs",),
    "out_features": ("units",),
    "n_units": ("units",),
    "initializer": ("init",),
    "kernel_initializer": ("init",),
    "slope": ("parameter",),
    "negative_slope": ("parameter",),
    "normalization": ("norm",),
    "batch_norm": ("norm",),
    "p": ("rate",),
    "t_max": ("steps",),
    "total_steps": ("steps",),
    "decay_steps": ("steps",),
}
_OPTIMIZER = frozenset(
    {
        "learning_rate",
        "momentum",
        "nesterov",
        "weight_decay",
        "beta1",
        "beta2",
        "eps",
        "clip_norm",
        "clip_value",
    }
)
_MODEL = frozenset({"loss", "seed", "dtype", "init", "activation"})
_FIT = frozenset({"epochs", "batch_size", "validation_data", "validation_split", "callbacks", "class_weight"})
# Functions of which an argument may belong to the others.
_TRAINS = frozenset({"fit", "partial_fit", "fit_batches"})
_MAKES = frozenset({"Model", "mlp"})


def checked(who: str) -> Callable[[_Function], _Function]:
    """A decorator: wrong arguments raise a TypeError that begins with ``who`` and says what to do."""

    def decorate(function: _Function) -> _Function:
        parameters = list(inspect.signature(function).parameters.values())

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except TypeError as error:
                trace = error.__traceback__
                if trace is None or trace.tb_next is not None:  # raised by the function, which was called
                    raise
                raise TypeError(_refusal(who, parameters, args, kwargs)) from None

        return call  # type: ignore[return-value]

    return decorate


def checked_class(cls: _Class) -> _Class:
    """A class decorator: ``checked`` for the arguments that make an object of the class."""
    cls.__init__ = checked(cls.__name__)(cls.__init__)  # type: ignore[misc]
    return cls


def _refusal(
    who: str, parameters: list[inspect.Parameter], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> str:
    """Why a function with these parameters does not take these arguments."""
    free = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    placed = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    named = {p.name for p in parameters}
    if not kwargs.keys() <= named or (len(args) > len(placed) and not free):
        return _explained(who, placed, named, args, kwargs)
    given = placed[: len(args)]
    needed = [p.name for p in parameters if p.default is p.empty]
    if missing := [name for name in needed if name not in given and name not in kwargs]:
        shown = " and ".join(name for name in missing if name != "self")
        return f"{who}: {shown} must be given"
    return f"{who}: {min(kwargs.keys() & set(given))} is given twice, by position and by name"


def _explained(
    who: str, placed: list[str], named: set[str], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> str:
    """Why a call with these arguments is refused, and what to write instead."""
    accepted = [name for name in placed if name != "self"]
    for name, value in kwargs.items():
        if name not in named:
            return f"{who}: {_answer(who, name, value, named)}"
    count = len(args) - ("self" in placed)
    if who == "mlp" and all(isinstance(value, int) for value in args):
        return f"mlp: sizes must be one list, such as [{', '.join(map(_checks.shown, args))}]"
    rest = sorted(named - set(placed))
    return (
        f"{who}: at most {len(accepted)} argument{'s' if len(accepted) != 1 else ''} "
        f"({', '.join(accepted)}) may be given by position, got {count}; write the others by name, "
        f"such as {rest[0] if rest else accepted[-1]}=..."
    )


def _answer(who: str, name: str, value: object, named: set[str]) -> str:
    """Where an argument that the function does not have belongs, or what it is called."""
    spellings = _SPELLINGS.get(name.lower(), (name,))
    if here := [spelling for spelling in spellings if spelling in named]:
        return f"{name} is called {' and '.join(here)} here"
    said = spellings[0]
    shown = _checks.shown(value)
    if name == "loss_parameter":
        return (
            "the parameter of a loss belongs to the loss: loss=dc.Huber(delta=1.0) or loss=dc.Quantile(0.9)"
        )
    if name == "label_smoothing":
        return f"label_smoothing belongs to the loss: loss=dc.CrossEntropy(label_smoothing={shown})"
    if name == "amsgrad":
        return "AMSGrad is an optimizer of its own: dc.AMSGrad(0.001)"
    if name in ("patience", "early_stopping"):
        return "early stopping is a callback: callbacks=[dc.EarlyStopping(patience=10)]"
    if said in _OPTIMIZER and who in _TRAINS | _MAKES:
        made = f"dc.Adam({shown})" if said == "learning_rate" else f"dc.Adam({said}={shown})"
        if said in ("momentum", "nesterov"):
            made = f"dc.SGD({said}={shown})"
        of_fit = "" if who in _TRAINS else " of fit"
        return f"{said} belongs to the optimizer{of_fit}: optimizer={made}"
    if said in _MODEL and who in _TRAINS:
        return f"{said} belongs to the model: dc.mlp(..., {said}={shown})"
    if said in _FIT | {"optimizer"} and who in _MAKES:
        return f"{said} belongs to the training: model.fit(X, y, {said}={shown})"
    import difflib  # only an error needs it

    known = sorted(named - {"self"})
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known)}"
    return f"there is no argument {_checks.cut(name)}; {hint}"
