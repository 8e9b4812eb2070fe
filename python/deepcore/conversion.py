"""Turn an ONNX file or a module of PyTorch into a ``Model`` that predicts the same."""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np

from deepcore import _checks
from deepcore._keywords import checked
from deepcore.files import model_file
from deepcore.files.chain import Contents, network_of
from deepcore.files.steps import Activation
from deepcore.losses import Loss
from deepcore.model import Model
from deepcore.typing import ActivationName, DTypeLike, LossName

__all__ = ["from_onnx", "from_torch"]


@checked("from_onnx")
def from_onnx(
    path: str | os.PathLike[str],
    *,
    output: ActivationName | None = None,
    loss: LossName | Literal["auto"] | Loss = "auto",
    dtype: DTypeLike | None = None,
    seed: int = 0,
) -> Model:
    """Read an ONNX file whose graph is a chain of dense layers, and make a model that predicts the same.

    Layers may be Gemm, or MatMul and Add, with batch or layer normalisation and every activation that a
    ``Dense`` has. Constant factors and shifts become part of the weights. It needs the package onnx:
    ``pip install "deepcore-nn[onnx]"``.

    Args:
        path: The file.
        output: Activation to append, for networks that end with logits: ``"softmax"`` or ``"sigmoid"``.
        loss: The loss of further training; see ``Model``. ``"auto"`` is half the squared error if no loss
            belongs to the output activation.
        dtype: ``"float32"`` or ``"float64"``; None: that of the graph's input.
        seed: Seed of the model.

    Raises:
        ModuleNotFoundError: if onnx is not installed.
        OSError: if the file cannot be read.
        ValueError: if it is not a valid ONNX file, or not a chain of dense layers. The message names the
            node.

    Example:
        >>> import deepcore as dc
        >>> model = dc.from_onnx("model.onnx", output="softmax")  # doctest: +SKIP
    """
    from deepcore.files import onnx_graph

    return _model("from_onnx", onnx_graph.read(path), output, loss, dtype, seed)


@checked("from_torch")
def from_torch(
    module: Any,
    *,
    output: ActivationName | None = None,
    loss: LossName | Literal["auto"] | Loss = "auto",
    dtype: DTypeLike | None = None,
    seed: int = 0,
) -> Model:
    """Make a model of a ``torch.nn.Sequential``, with copies of its parameters.

    It may hold Linear, BatchNorm1d, LayerNorm, Dropout, Flatten, Identity, activations, other
    ``Sequential``, and the members that ``Model.to_torch`` makes.

    Args:
        module: The module of PyTorch; predictions are those of its evaluation mode.
        output: Activation to append, for networks that end with logits: ``"softmax"`` or ``"sigmoid"``.
        loss: The loss of further training; see ``from_onnx``.
        dtype: ``"float32"`` or ``"float64"``; None: that of the module's parameters.
        seed: Seed of the model.

    Raises:
        TypeError: if it is not a module of PyTorch.
        ValueError: if it is not a chain of dense layers. The message names the module.

    Example:
        >>> import deepcore as dc
        >>> model = dc.from_torch(network, output="softmax")  # doctest: +SKIP
    """
    from deepcore.files import frameworks

    return _model("from_torch", frameworks.from_torch(module), output, loss, dtype, seed)


def _model(
    who: str,
    found: Contents,
    output: str | None,
    loss: str | Loss,
    dtype: DTypeLike | None,
    seed: int,
) -> Model:
    """Make the model of a chain."""
    steps = found.steps
    if output is not None:
        steps = [*steps, Activation(output, where=f"output={output!r}")]
    kind = found.dtype if dtype is None else _checks.dtype(who, dtype)
    last = next((step.name for step in reversed(steps) if isinstance(step, Activation)), "linear")
    options = loss.options(last) if isinstance(loss, Loss) else {"loss": loss}
    with np.errstate(over="ignore", invalid="ignore"):  # what does not fit is refused below
        network = network_of(who, steps, found.inputs, kind, seed=seed, **options)
    model_file.check_numbers(network, who, f"the numbers are not finite, or too large for {kind}")
    return Model.from_network(network)
