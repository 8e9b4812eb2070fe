"""The causes that the training doctor names, and a ``Finding``, which names one of them with its evidence.

A cause is one word of a fixed vocabulary. ``CAUSES`` says what each of them means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from deepcore._text_table import as_html

__all__ = ["CAUSES", "Finding", "Findings", "Proof"]

#: The vocabulary: each cause with the sentence that explains it.
CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "labels_constant": "All training examples have the same label.",
        "labels_shuffled": "The labels have no relation to the rows of X.",
        "leak_between_train_and_validation": "Rows of the validation data are also training rows.",
        "wrong_labels_shape_or_range": "The labels do not have the values that the output layer expects.",
        "wrong_loss_for_output": "The loss does not belong to this task and this output layer.",
        "wrong_output_activation": "The output layer cannot express the targets.",
        "symmetric_or_constant_init": "The units of a layer start equal and stay equal.",
        "inputs_not_scaled": "Features are far from mean 0 and standard deviation 1.",
        "target_not_scaled": "Regression targets are far from mean 0 and standard deviation 1.",
        "regularisation_too_strong": "The penalty on the weights outweighs the loss.",
        "dropout_too_high": "Dropout removes too much of what the network computes.",
        "saturated_units": "Most values of a hidden layer are at the limits of its activation.",
        "vanishing_gradients": "The gradient of the first layer is far smaller than that of the last one.",
        "exploding_gradients": "Gradients or the loss became very large, or were no longer finite.",
        "dead_relu": "At least half of the units of a hidden layer are 0 for every example.",
        "no_hidden_activation": "The hidden layers are linear, and the task is not.",
        "too_few_units": "A hidden layer is too narrow for the task.",
        "class_imbalance": "A rare class is never predicted, and the classes have no weights.",
        "overfitting": "The network fits the training rows much better than new rows.",
        "learning_rate_too_high": "The steps are too large for the loss to decrease.",
        "learning_rate_too_low": "The steps are so small that the training has hardly moved.",
        "batch_size_too_large": "Few large batches leave too few steps.",
        "too_few_epochs": "The training ended while the network was still improving.",
        "one_class_predicted": "Nearly all examples get the same predicted class.",
    }
)

#: The levels of ``Finding.severity``, most important first.
SEVERITIES = ("problem", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor found in a training run.

    Attributes:
        cause: A name of ``CAUSES``.
        severity: ``"problem"`` for what keeps the network from learning well; ``"note"`` for what is true of
            the run and does no proven harm, or is a consequence of a problem.
        layer: Number of the layer that it concerns, from 1; None if it concerns no single layer.
        evidence: A sentence with the numbers that show it.
        advice: The argument to change, and its new value.
        proof: With ``proof=True``, the score of a short training without and with the advice; else None.
    """

    cause: str
    severity: str
    layer: int | None
    evidence: str
    advice: str
    proof: Proof | None = field(default=None)

    def __str__(self) -> str:
        place = "" if self.layer is None else f" in layer {self.layer}"
        proof = "" if self.proof is None else f" {self.proof}"
        return f"{self.cause}{place} ({self.severity}): {self.evidence} Advice: {self.advice}.{proof}"


@dataclass(frozen=True)
class Proof:
    """Scores of the run as it was and of the same run with the advice.

    Attributes:
        measure: What the scores are: ``"accuracy"``, ``"balanced accuracy"`` or ``"r2"``.
        rows: ``"validation"`` or ``"training"``, the rows that were scored.
        before: The score of the run as it was.
        after: The score with the advice.
    """

    measure: str
    rows: str
    before: float
    after: float

    def __str__(self) -> str:
        return (
            f"Proof: {self.measure} on the {self.rows} rows {self.before:.3f} before, {self.after:.3f} after."
        )


class Findings(tuple[Finding, ...]):
    """The findings of one training run, most important first; it prints as a table."""

    __slots__ = ()

    def _rows(self) -> list[tuple[str, ...]]:
        head = ("cause", "severity", "layer", "evidence", "advice")
        body = [
            (one.cause, one.severity, "" if one.layer is None else str(one.layer), one.evidence, one.advice)
            for one in self
        ]
        return [head, *body]

    def _foot(self) -> str:
        problems = sum(one.severity == "problem" for one in self)
        return f"{problems} problem(s), {len(self) - problems} note(s)"

    def __repr__(self) -> str:
        return "\n".join([*map(str, self), self._foot()])

    def _repr_html_(self) -> str:
        return as_html(self._rows(), self._foot())
