"""Passes over a stream besides the training: its validation rows, and the numbers of its labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from deepcore._network import examples
from deepcore._network.examples import Examples
from deepcore._network.spec import Spec
from deepcore._streaming.checks import for_model
from deepcore._streaming.stream import Stream
from deepcore.typing import ClassWeight

__all__ = ["ClassWeights", "StreamedExamples", "named_class_weights"]

#: The weight of each label; for several logistic outputs one mapping for each.
ClassWeights = Mapping[int, float] | Sequence[Mapping[int, float]]


class StreamedExamples:
    """The rows of a stream in their order, which are read and checked anew whenever they are needed.

    Args:
        who: Head of messages.
        stream: The stream.
        spec: Of the model.

    Raises:
        ValueError: if the stream has another number of columns than the model has inputs.
    """

    def __init__(self, who: str, stream: Stream, spec: Spec) -> None:
        self._who, self._stream, self._spec = who, stream, spec
        self._layout = stream.layout(who, spec.inputs, spec.dtype, in_order=True)
        self._check = for_model(who, spec)

    def __iter__(self) -> Iterator[Examples]:
        """Yield all rows once, some of them at a time, whose memory is used again after the next ones.

        Raises:
            ValueError: at the end, if no row has a weight.
        """
        weight = 0.0
        for part in self._stream.examples(self._layout, self._spec.inputs, self._spec.dtype, self._check):
            weight += part.total_weight()
            yield part
        if weight == 0:
            raise ValueError(f"{self._who}: the stream must hold a row with weight, got none")

    def described(self) -> dict[str, Any]:
        """Describe what must be the same in a run that goes on."""
        return self._stream.described(self._layout)


def named_class_weights(
    who: str, stream: Stream, spec: Spec, class_weight: ClassWeight
) -> ClassWeights | None:
    """Check the weights of classes, and compute those that are ``"balanced"`` in one pass over the stream.

    Raises:
        ValueError: if the model has no classes, or ``class_weight`` breaks a rule of ``fit``.
    """
    if class_weight is None:
        return None
    labels = np.arange(spec.outputs) if spec.output == "softmax" else np.eye(2, 1).repeat(spec.outputs, 1)
    examples.class_weights(who, class_weight, labels, spec.outputs)  # refuses what is wrong for any labels
    if not isinstance(class_weight, str):
        return class_weight
    counts = [Counter[int]() for _ in range(1 if spec.output == "softmax" else spec.outputs)]
    for part in StreamedExamples(who, stream, spec):
        examples.class_weights(who, class_weight, part.y, spec.outputs)  # refuses targets that are no classes
        for count, column in zip(counts, part.y.reshape(len(part.y), -1).T, strict=True):
            values, numbers = np.unique(column, return_counts=True)
            count.update(dict(zip(values.astype(int).tolist(), numbers.tolist(), strict=True)))
    weights = [
        {label: count.total() / (len(count) * number) for label, number in sorted(count.items())}
        for count in counts
    ]
    return weights if len(weights) > 1 else weights[0]
