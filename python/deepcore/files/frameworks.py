"""Modules of PyTorch become chains of steps here, and networks become modules."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore._network.network import Network
from deepcore.files.chain import Contents, chain_of
from deepcore.files.moment import at_one_moment
from deepcore.files.steps import (
    EPSILON,
    Activation,
    BatchNorm,
    Chain,
    Dropout,
    Join,
    LayerNorm,
    Linear,
    Members,
    Step,
    linear_steps,
)
from deepcore.files.weights import Weights
from deepcore.typing import Array

__all__ = ["from_torch", "to_torch"]

_WHO = "from_torch"
_MEMBERS = "deepcore.files.torch_members"  # imported where it is needed, because it imports PyTorch
#: Activations without arguments, by the name of their module.
_SIMPLE = {
    "Sigmoid": "sigmoid", "Tanh": "tanh", "ReLU": "relu", "SELU": "selu", "SiLU": "silu",
    "Hardsigmoid": "hard_sigmoid", "ReLU6": "relu6", "Mish": "mish", "Softsign": "softsign",
}  # fmt: skip


def from_torch(module: Any) -> Contents:
    """Take a module of PyTorch apart; see ``deepcore.from_torch``."""
    torch = sys.modules.get("torch")  # there is no module without it
    if torch is None or not isinstance(module, torch.nn.Module):
        raise TypeError(f"{_WHO}: module must be a torch.nn.Module, got {_checks.shown(module)}")
    steps = _chain(torch, module, "")
    linear = next(linear_steps(steps), None)
    if linear is None:
        raise ValueError(f"{_WHO}: there must be at least one Linear, got none")
    double = any(parameter.dtype == torch.float64 for parameter in module.parameters())
    return Contents(steps, linear.W.shape[1], np.dtype("float64" if double else "float32"))


def _chain(torch: Any, module: Any, name: str) -> Chain:
    """The steps of a module of this name and of those in it."""
    steps: Chain = []
    for full_name, one in _flat(torch, module, name):
        kind = type(one).__name__
        where = f"module {full_name!r} ({kind})" if full_name else f"the module {kind}"
        if kind == "Members" and type(one).__module__ == _MEMBERS:
            found: list[Step] | None = [_members(torch, one, full_name, where)]
        else:
            known = kind in _STEPS and type(one) is getattr(torch.nn, kind, None)  # others may share the name
            found = _STEPS[kind](one, where) if known else None
        if found is None:
            raise ValueError(f"{_WHO}: {where} is not part of a chain of dense layers")
        steps += found
    return steps


def _members(torch: Any, module: Any, name: str, where: str) -> Members:
    """The reverse of ``_members_module``."""
    head = f"{name}." if name else ""
    shared, output = (_chain(torch, getattr(module, part), head + part) for part in ("shared", "output"))
    factor, W, b = (
        _array(tensor) if tensor is not None else np.empty(0)
        for tensor in (module.factor, module.weight, module.bias)
    )
    if factor.ndim != 2 or W.ndim != 3 or b.shape != W.shape[:2] or not 1 < len(W) == len(factor):
        raise ValueError(
            f"{_WHO}: {where}: of at least 2 members factor must be (members, n_in), weight (members, n_out, "
            f"n) and bias (members, n_out), got {factor.shape}, {W.shape} and {b.shape}"
        )
    last = Linear(Weights(W.reshape(-1, W.shape[2])), b.ravel(), where)
    return Members(factor, shared, last, output, where)


def _flat(torch: Any, module: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The modules of nested Sequentials, in order, with their names; one may stand in several places."""
    if isinstance(module, torch.nn.Sequential) and type(module).forward is torch.nn.Sequential.forward:
        for child_name, child in module.named_modules(remove_duplicate=False):
            if child_name and "." not in child_name:  # not the module itself, and no module in a child
                yield from _flat(torch, child, f"{name}.{child_name}" if name else child_name)
    else:
        yield name, module


def _array(tensor: Any) -> Array:
    if tensor.is_complex():
        raise ValueError(f"{_WHO}: parameters must be real numbers, got complex ones")
    return np.array(tensor.detach().double().cpu().numpy())


def _linear(module: Any, where: str) -> list[Step]:
    W = _array(module.weight)
    return [Linear(Weights(W), np.zeros(len(W)) if module.bias is None else _array(module.bias), where)]


def _batch_norm(module: Any, where: str) -> list[Step] | None:
    if module.running_mean is None:
        return None
    mean, variance = _array(module.running_mean), _array(module.running_var)
    gamma = np.ones_like(mean) if module.weight is None else _array(module.weight)
    beta = np.zeros_like(mean) if module.bias is None else _array(module.bias)
    gamma = gamma * np.sqrt((variance + EPSILON) / (variance + module.eps))
    return [BatchNorm(mean, variance, gamma, beta, where)]


def _layer_norm(module: Any, where: str) -> list[Step] | None:
    if len(module.normalized_shape) != 1:
        return None
    if module.eps != EPSILON:
        raise ValueError(f"{_WHO}: {where}: eps must be {EPSILON:g}, got {module.eps:g}")
    gamma = np.ones(module.normalized_shape) if module.weight is None else _array(module.weight)
    return [LayerNorm(gamma, np.zeros_like(gamma) if module.bias is None else _array(module.bias), where)]


def _prelu(module: Any, where: str) -> list[Step]:
    """z for z > 0, else s z: relu with the share 1 - s."""
    return [Activation("relu", alpha=1 - _array(module.weight), where=where)]


def _hard_tanh(module: Any, where: str) -> list[Step] | None:
    name = {(-1, 1): "hard_tanh", (0, 6): "relu6"}.get((module.min_val, module.max_val))
    return None if name is None else [Activation(name, where=where)]


def _named(name: str) -> Callable[[Any, str], list[Step]]:
    return lambda module, where: [Activation(name, where=where)]


_STEPS: dict[str, Callable[[Any, str], list[Step] | None]] = {
    "Linear": _linear,
    "BatchNorm1d": _batch_norm,
    "LayerNorm": _layer_norm,
    "Dropout": lambda module, where: [Dropout(module.p, where)] if module.p else [],
    "Identity": lambda module, where: [],
    "Flatten": lambda module, where: [] if module.start_dim == 1 and module.end_dim == -1 else None,
    "PReLU": _prelu,
    "Hardtanh": _hard_tanh,
    "LeakyReLU": lambda module, where: [Activation("leaky_relu", module.negative_slope, where=where)],
    "ELU": lambda module, where: [Activation("elu", module.alpha, where=where)],
    "GELU": lambda module, where: [Activation("gelu", where=where)] if module.approximate == "none" else None,
    # Beyond the threshold torch's softplus is z, which differs by less than exp(-threshold).
    "Softplus": lambda module, where: (
        [Activation("softplus", where=where)] if module.beta == 1 and module.threshold >= 15 else None
    ),
    "Softmax": lambda module, where: (
        [Activation("softmax", where=where)] if module.dim in (1, -1, None) else None
    ),
    **{kind: _named(name) for kind, name in _SIMPLE.items()},
}


def to_torch(network: Network) -> Any:
    """Make a ``torch.nn.Module`` of a network; see ``Model.to_torch``."""
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ModuleNotFoundError("to_torch: this needs PyTorch: pip install torch", name="torch") from error
    dtype = torch.float64 if network.spec.dtype == np.float64 else torch.float32

    def fill(tensor: Any, values: Array) -> None:
        tensor.copy_(torch.from_numpy(np.ascontiguousarray(values)))

    def act(seen: Sequence[Network], refuse_changes: Callable[[], None]) -> Any:
        module = _sequential(torch.nn, chain_of("to_torch", seen[0], fold=False), dtype, fill).eval()
        refuse_changes()
        return module

    with torch.no_grad():
        return at_one_moment([network], act)


def _sequential(nn: Any, chain: Chain, dtype: Any, fill: Callable[[Any, Array], None]) -> Any:
    return nn.Sequential(*[_module(nn, step, dtype, fill) for step in chain])


def _module(nn: Any, step: Step, dtype: Any, fill: Callable[[Any, Array], None]) -> Any:
    """The module that does a step."""
    if isinstance(step, Linear):
        module = nn.Linear(step.W.shape[1], step.W.shape[0], dtype=dtype)
        fill(module.weight, step.W.array())
        fill(module.bias, step.b)
    elif isinstance(step, BatchNorm):
        module = nn.BatchNorm1d(len(step.mean), eps=EPSILON, dtype=dtype)
        fill(module.weight, step.gamma)
        fill(module.bias, step.beta)
        fill(module.running_mean, step.mean)
        fill(module.running_var, step.variance)
    elif isinstance(step, LayerNorm):
        module = nn.LayerNorm(len(step.gamma), eps=EPSILON, dtype=dtype)
        fill(module.weight, step.gamma)
        fill(module.bias, step.beta)
    elif isinstance(step, Dropout):
        module = nn.Dropout(step.rate)
    elif isinstance(step, Join):
        raise ValueError("to_torch: embeddings are not modules of PyTorch; use to_onnx")
    elif isinstance(step, Members):
        module = _members_module(nn, step, dtype, fill)
    elif isinstance(step, Activation):
        module = _activation(nn, step, dtype, fill)
    else:
        raise AssertionError(step)  # a network has no other steps
    return module


def _members_module(nn: Any, step: Members, dtype: Any, fill: Callable[[Any, Array], None]) -> Any:
    from deepcore.files import torch_members

    shared, output = (_sequential(nn, chain, dtype, fill) for chain in (step.shared, step.output))
    members, inputs = step.factor.shape
    units = step.last.W.shape[1]
    module = torch_members.Members(shared, output, (members, inputs, units, step.units), dtype)
    fill(module.factor, step.factor)
    fill(module.weight, step.last.W.array().reshape(module.weight.shape))
    fill(module.bias, step.last.b.reshape(module.bias.shape))
    return module


def _activation(nn: Any, step: Activation, dtype: Any, fill: Callable[[Any, Array], None]) -> Any:
    if step.alpha is not None:
        slope = {"relu": 0.0, "leaky_relu": step.parameter}.get(step.name)
        if slope is None:
            raise ValueError(f"to_torch: a parametric {step.name} is not a module of PyTorch")
        module = nn.PReLU(len(step.alpha), dtype=dtype)  # z + (slope z - z) alpha for z < 0
        fill(module.weight, 1 + (slope - 1) * step.alpha)
        return module
    if step.name == "exp":
        raise ValueError("to_torch: exp is not a module of PyTorch; use torch.exp behind a linear output")
    made = {
        "leaky_relu": lambda: nn.LeakyReLU(step.parameter),
        "elu": lambda: nn.ELU(step.parameter),
        "gelu": nn.GELU,
        "softplus": lambda: nn.Softplus(threshold=50),  # torch's 20 drops 2e-9
        "hard_tanh": nn.Hardtanh,
        "softmax": lambda: nn.Softmax(dim=1),
        **{name: getattr(nn, kind) for kind, name in _SIMPLE.items()},
    }
    return made[step.name]()
