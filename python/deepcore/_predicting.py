"""Models and ensembles answer ``predict``, ``predict_labels`` and ``evaluate`` with these functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from deepcore import _checks
from deepcore._labels import labels
from deepcore._network.examples import Examples, row_or_rows
from deepcore._network.network import Computes
from deepcore.typing import Array

__all__ = ["evaluation", "predicted", "predicted_labels"]


def predicted(network: Computes, X: object, out: Array | None, threads: int | None) -> Array:
    """Compute the outputs for rows or for one example; see ``Model.predict``."""
    spec = network.spec
    rows, one = row_or_rows("predict", X, spec.inputs, spec.dtype)
    count = _checks.threads("predict", threads)
    if out is not None:
        shape = (spec.outputs,) if one else (rows.shape[0], spec.outputs)
        if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != spec.dtype:
            got = f"{out.shape} of {out.dtype}" if isinstance(out, np.ndarray) else type(out).__name__
            raise ValueError(
                f"predict: out must be an array of shape {shape} and dtype {spec.dtype}, got {got}"
            )
        network.outputs(rows, count, out[np.newaxis] if one else out)
        return out
    A = network.outputs(rows, count)
    return A[0] if one else A


def predicted_labels(network: Computes, X: object, threshold: float, threads: int | None) -> Array:
    """Compute the labels of rows or of one example; see ``Model.predict_labels``."""
    spec = network.spec
    if not spec.gives_probabilities:
        raise ValueError(
            f"predict_labels: the output must be sigmoid or softmax, got {spec.output}; use predict"
        )
    if not isinstance(threshold, (int, float, np.number)) or math.isnan(threshold):
        raise ValueError(f"predict_labels: threshold must be a number, got {_checks.shown(threshold)}")
    A = predicted(network, X, None, threads)
    chosen = labels(A, spec.output, threshold, who="predict_labels")
    return chosen[..., 0] if spec.output == "sigmoid" and spec.outputs == 1 else chosen


def evaluation(
    network: Computes,
    X: object,
    y: object,
    sample_weight: object,
    threads: int | None,
    metrics: Sequence[str | Callable[[Array, Array], float]],
) -> dict[str, float]:
    """Compute the loss, the accuracy of classifiers and the chosen metrics; see ``Model.evaluate``."""
    from deepcore import metrics as known
    from deepcore._streaming.passes import StreamedExamples
    from deepcore._streaming.stream import Stream

    chosen = known.chosen("evaluate", metrics, network.spec)
    data: Examples | StreamedExamples
    if isinstance(X, Stream):
        X.refuse_arrays("evaluate", y, sample_weight)
        data = StreamedExamples("evaluate", X, network.spec)
    else:
        data = network.check("evaluate", X, y, sample_weight, mapped=True)
    return known.measure(network, data, chosen, _checks.threads("evaluate", threads), scores=True)
