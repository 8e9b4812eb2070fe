"""``TableModel``: columns, networks and a label, which together predict from raw tables."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from deepcore import _checks, _scores
from deepcore._labels import labels
from deepcore._network.network import HasNetwork, Network
from deepcore.files import model_file
from deepcore.tabular import exporting
from deepcore.tabular.columns import Columns
from deepcore.tabular.encoding import Encoding
from deepcore.tabular.frame import Frame
from deepcore.tabular.label import Label
from deepcore.typing import Array

if TYPE_CHECKING:
    from deepcore.files.c_header import CHeader

__all__ = ["KIND", "TableMember", "TableModel", "mean", "mean_outputs", "outputs_of_each", "with_networks"]

#: What files of table models say they are.
KIND = "table model"

_BOUNDS = ("shift", "scale", "low", "high")


class TableMember:
    """One network of a ``TableModel``, with the encoding of its inputs and the scale of its outputs.

    Args:
        encoding: Turns numbers and codes into the inputs of the network.
        network: A Network, or what has one, such as a Model. Of a classification with k classes it has k
            outputs (softmax, or linear outputs that are taken as logits), or one sigmoid output if k = 2.
        shift: Added to the outputs of a regression, one number per target; None: 0.
        scale: What the outputs of a regression are multiplied by first; None: 1.
        low: Least prediction of a regression, per target; None: no bound.
        high: Greatest prediction of a regression, per target; None: no bound.
        temperature: What the logits of a classification are divided by.
    """

    def __init__(
        self,
        encoding: Encoding,
        network: Network | HasNetwork,
        *,
        shift: Any = None,
        scale: Any = None,
        low: Any = None,
        high: Any = None,
        temperature: float = 1.0,
    ) -> None:
        self.encoding = encoding
        self.network = network if isinstance(network, Network) else network.network
        outputs = self.network.spec.outputs
        if encoding.inputs != self.network.spec.inputs:
            raise ValueError(
                f"TableMember: the network must have {encoding.inputs} inputs like the encoding, got "
                f"{self.network.spec.inputs}"
            )
        self.shift = _per_target("shift", shift, 0.0, outputs)
        self.scale = _per_target("scale", scale, 1.0, outputs)
        self.low = None if low is None else _per_target("low", low, 0.0, outputs)
        self.high = None if high is None else _per_target("high", high, 0.0, outputs)
        self.temperature = _checks.number("TableMember", "temperature", temperature, positive=True)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data for a file: everything but the arrays of the encoding and of the network."""
        bounds = {name: getattr(self, name) for name in _BOUNDS}
        return {
            "network": self.network.spec.to_dict(),
            "epochs_trained": self.network.epochs_trained,
            "encoding": self.encoding.to_dict(),
            "temperature": self.temperature,
            **{name: None if values is None else values.tolist() for name, values in bounds.items()},
        }

    def arrays(self) -> dict[str, Array]:
        """Return the arrays of the network and of the encoding, as a file holds them."""
        network = self.network
        return {"parameters": network.flat, "running": network.running.flat, **self.encoding.arrays()}

    def with_network(self, network: Network) -> TableMember:
        """Return a member with another network of the same shape, and otherwise like this one."""
        member = copy.copy(self)
        member.network = network
        return member

    @classmethod
    def from_dict(cls, values: Any, arrays: Mapping[str, Array]) -> TableMember:
        """Make a member of the JSON data and the arrays of a file.

        Raises:
            ValueError: If they are not those of a member.
        """
        keys = {"network", "epochs_trained", "encoding", "temperature", *_BOUNDS}
        names = {"parameters", "running", "center", "factor"}
        if not isinstance(values, dict) or set(values) != keys or set(arrays) != names:
            raise ValueError(
                f"a member must have the keys {', '.join(sorted(keys))}, and the tensors "
                f"{', '.join(sorted(names))}"
            )
        network = model_file.rebuilt(
            values["network"], values["epochs_trained"], arrays["parameters"], arrays["running"]
        )
        scaling = {name: arrays[name] for name in ("center", "factor")}
        if any(array.dtype != np.float64 for array in scaling.values()):
            raise ValueError("center and factor must be float64")
        options = {name: values[name] for name in ("temperature", *_BOUNDS)}
        return cls(Encoding.from_dict(values["encoding"], scaling), network, **options)

    def inputs(self, numbers: Array, codes: Array) -> Array:
        """Return the inputs of the network, (m, inputs).

        Raises:
            ValueError: If one of them is not finite.
        """
        X = self.encoding.transform(numbers, codes, self.network.spec.dtype)
        _checks.finite("predict", "the encoded table", X)
        return X

    def has_inputs_of(self, other: TableMember) -> bool:
        """Return whether the inputs of the other member are those of this one."""
        return self.network.spec.dtype == other.network.spec.dtype and self.encoding == other.encoding

    def probabilities(self, numbers: Array, codes: Array, threads: int = 0) -> NDArray[np.float64]:
        """Return the probabilities of the classes, float64 (m, k)."""
        return self.probabilities_of(self.inputs(numbers, codes), threads)

    def targets(self, numbers: Array, codes: Array, threads: int = 0) -> NDArray[np.float64]:
        """Return the predictions of a regression in the units of the label, float64 (m, k)."""
        return self.targets_of(self.inputs(numbers, codes), threads)

    def probabilities_of(self, X: Array, threads: int = 0) -> NDArray[np.float64]:
        """Return the probabilities of the classes for what ``inputs`` returned, float64 (m, k)."""
        output = self.network.spec.output
        A = self.network.outputs(X, threads).astype(np.float64)
        if output == "sigmoid":
            p = A[:, 0]
            if self.temperature != 1:
                p = _sigmoid(_logit(p) / self.temperature)
            return np.stack([1 - p, p], axis=1)
        if output == "softmax" and self.temperature == 1:
            return np.asarray(A / A.sum(axis=1, keepdims=True))
        with np.errstate(divide="ignore"):  # a probability of 0 stays 0
            logits = (np.log(A) if output == "softmax" else A) / self.temperature
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))

    def targets_of(self, X: Array, threads: int = 0) -> NDArray[np.float64]:
        """Return the targets of a regression for what ``inputs`` returned, float64 (m, k)."""
        predicted = self.network.outputs(X, threads).astype(np.float64)
        predicted *= self.scale
        predicted += self.shift
        if self.low is not None or self.high is not None:
            np.clip(predicted, self.low, self.high, out=predicted)
        return predicted


class TableModel:
    """Predict from raw tables: columns, label and one or several trained networks in one object.

    Several members are averaged: their probabilities, or their predictions in the units of the label.

    Args:
        columns: What was learned of the columns.
        label: What was learned of the label.
        members: One or several networks with their encodings.
        extras: JSON data of the user, which ``save`` keeps.

    Example:
        >>> import deepcore as dc
        >>> from deepcore import tabular
        >>> table = tabular.Frame({"size": [1.0, 2.0, 3.0, 4.0], "fits": ["no", "no", "yes", "yes"]})
        >>> columns = tabular.Columns.fit(table, label="fits")
        >>> label = tabular.Label.fit(table, name="fits")
        >>> numbers, codes, _ = columns.apply(table)
        >>> encoding = tabular.Encoding.fit(numbers, codes, columns.sizes)
        >>> model = dc.mlp([encoding.inputs, 4, 2], output="softmax", seed=1)
        >>> X = encoding.transform(numbers, codes)
        >>> _ = model.fit(X, label.encode(table), dc.Adam(0.1), epochs=50)
        >>> trained = tabular.TableModel(columns, label, [tabular.TableMember(encoding, model)])
        >>> trained.predict({"size": ["1.5", "3.5"]}).tolist()
        ['no', 'yes']
    """

    def __init__(
        self,
        columns: Columns,
        label: Label,
        members: Sequence[TableMember],
        extras: Mapping[str, Any] | None = None,
    ) -> None:
        self.columns, self.label, self.members = columns, label, list(members)
        self.extras: dict[str, Any] = dict(extras or {})
        if not self.members:
            raise ValueError("TableModel: members must hold at least one network")
        k = label.outputs
        for member in self.members:
            outputs = member.network.spec.outputs
            single = outputs == 1 and k == 2 and member.network.spec.output == "sigmoid"
            if outputs != k and not (single and label.task == "classification"):
                raise ValueError(f"TableModel: a network must have {k} outputs for {label!r}, got {outputs}")
            if (member.encoding.number_count, member.encoding.sizes) != (
                len(columns.number_names),
                columns.sizes,
            ):
                raise ValueError("TableModel: the encoding of a member does not belong to these columns")

    def predict(self, data: Any, *, threads: int | None = None) -> Array:
        """Predict labels as they are written, or targets.

        Args:
            data: A table with at least the columns ``columns.names``; a Frame, or what ``Frame.of`` takes.
            threads: Number of threads; None: the default.

        Returns:
            One label per row, object (text), int64, float64 or bool; targets are float64, (m,) or (m, k).

        Raises:
            ValueError: If columns are missing or cannot be read; the message lists all of them. Also if a
                probability is NaN, which is no label.
        """
        numbers, codes, _ = self.columns.apply(data, "predict")
        outputs = self._outputs(numbers, codes, threads)
        if self.label.task == "regression":
            return self.label.decode(outputs)
        return self.label.decode(labels(outputs, "softmax", who="predict"))

    def predict_proba(self, data: Any, *, threads: int | None = None) -> NDArray[np.float64]:
        """Predict the probability of each class, float64 (m, k), in the order of ``label.classes``.

        Raises:
            ValueError: If the model is a regression, and whatever ``predict`` raises.
        """
        if self.label.task == "regression":
            raise ValueError("predict_proba: the model is a regression, which has no classes; use predict")
        numbers, codes, _ = self.columns.apply(data, "predict_proba")
        return self._outputs(numbers, codes, threads)

    def evaluate(self, data: Any, y: Any = None, *, threads: int | None = None) -> dict[str, float]:
        """Compare predictions with labels.

        Args:
            data: A table as for ``predict``, with the label column unless y is given.
            y: The labels; None: the columns ``label.names`` of the table.
            threads: Number of threads; None: the default.

        Returns:
            ``accuracy`` and ``log_loss`` of a classification; ``rmse``, ``mae`` and ``r2`` of a regression,
            in the units of the label.

        Raises:
            ValueError: If there are no rows, if y has another number of rows, or whatever ``predict`` raises.
        """
        frame = Frame.of(data, "evaluate", needed={*self.columns.names, *self.label.names})
        truth = self.label.encode(frame if y is None else y, missing=self.columns.missing)
        if len(frame) == 0:
            raise ValueError("evaluate: the table must have at least one row, got none")
        if len(truth) != len(frame):
            raise ValueError(f"evaluate: y must have {len(frame)} rows like the table, got {len(truth)}")
        numbers, codes, _ = self.columns.apply(frame, "evaluate")
        outputs = self._outputs(numbers, codes, threads)
        if self.label.task == "regression":
            predicted = self.label.decode(outputs)
            return {name: _scores.OF_REALS[name](truth, predicted, None) for name in ("rmse", "mae", "r2")}
        return {
            "accuracy": float((labels(outputs, "softmax") == truth).mean()),
            "log_loss": _scores.log_loss(truth, outputs, None),
        }

    def to_onnx(self, path: str | os.PathLike[str], *, dtype: DTypeLike | None = None) -> None:
        """Write an ONNX file that takes raw columns and gives labels or targets.

        The graph has one input (m, 1) for each of the columns ``columns.names``, which has its name: float64
        for numbers, NaN being missing; float64 for dates, as days since 1970-01-01; text for categories and
        booleans. The output Y (m, k) has what ``predict_proba`` returns, or the targets of a regression, and
        ``label`` (m,) the labels. It needs the package onnx: ``pip install "deepcore-nn[onnx]"``.

        Args:
            path: The file; an old one is replaced as a whole.
            dtype: ``"float32"`` or ``"float64"``, of the networks and of Y; None: that of the networks.

        Raises:
            ModuleNotFoundError: If onnx is not installed.
            OSError: If the file cannot be written.
            ValueError: If a parameter is not finite.
        """
        from deepcore.files import onnx

        who = "to_onnx"
        kind = None if dtype is None else _checks.dtype(who, dtype)
        describe = partial(exporting.computation, who, self.columns, self.label, self.members)
        onnx.write(path, [member.network for member in self.members], describe, kind)

    def to_c_header(
        self,
        path: str | os.PathLike[str],
        *,
        prefix: str = "net",
        dtype: DTypeLike | None = None,
        int8: bool = False,
        data: Any = None,
    ) -> CHeader:
        """Write one C header with ``void net_predict(const float *x, float *y)``; it is C99, and C++ too.

        x has one number for each of the columns ``columns.names``: the number, NaN being missing; the days
        since 1970-01-01 for dates; ``net_code(column, text)`` for categories and booleans. y has what
        ``predict_proba`` returns, or the targets of a regression. ``net_class(y)`` is the number of the most
        probable class, and ``net_label(number)`` its name.

        Args:
            path: The file; an old one is replaced as a whole.
            prefix: All names in the file begin with it.
            dtype: ``"float32"`` writes ``float``, ``"float64"`` writes ``double``; None: the networks' dtype.
            int8: Keep every weight in one byte, with a scale per unit.
            data: A table with labels, on which the model and the header are compared; None: they are not.

        Returns:
            ``constant_bytes``, the memory that the constants need, and ``scores``, what ``evaluate`` returns
            for the model and for the header on ``data``.

        Raises:
            OSError: If the file cannot be written.
            ValueError: If a parameter is not finite, or ``prefix`` is not an identifier.
        """
        from deepcore.files import c_header

        def scores(networks: Sequence[Network]) -> dict[str, float]:
            return with_networks(self, networks).evaluate(data)

        describe = partial(exporting.computation, "to_c_header", self.columns, self.label, self.members)
        return c_header.write(
            path, [member.network for member in self.members], describe, scores,
            prefix=prefix, dtype=dtype, int8=int8, data=data,
        )  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one file, atomically; ``deepcore.load`` gives it back, bit for bit.

        Args:
            path: The file; it is replaced if it exists.

        Raises:
            OSError: If the file cannot be written.
            ValueError: If a parameter is not finite, or ``extras`` are not JSON data.
        """

        def content(seen: Sequence[Network]) -> model_file.Content:
            return with_networks(self, seen).describe()

        model_file.write_whole(path, [member.network for member in self.members], content)

    def describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return all that a file holds: JSON data and arrays; ``rebuild`` gives an equal model.

        Raises:
            ValueError: If a parameter is not finite.
        """
        tensors: dict[str, Array] = {}
        members = []
        for number, member in enumerate(self.members):
            network, running = member.network, member.network.running.flat
            if not (np.isfinite(network.flat).all() and np.isfinite(running).all()):
                raise ValueError("save: parameters must be finite, got nan or inf; the training diverged")
            tensors |= {f"members/{number}/{name}": array for name, array in member.arrays().items()}
            members.append(member.to_dict())
        description = {
            "kind": KIND, "columns": self.columns.to_dict(), "label": self.label.to_dict(),
            "members": members, "extras": self.extras,
        }  # fmt: skip
        return description, tensors

    @classmethod
    def rebuild(cls, description: Mapping[str, Any], tensors: Mapping[str, Array]) -> TableModel:
        """Reverse ``describe``.

        Raises:
            ValueError: If the parts are not those of a table model.
        """
        wanted = {"columns", "label", "members", "extras"}
        if description.keys() - {"format", "kind", "version"} != wanted:
            raise ValueError(f"the description must have the keys {', '.join(sorted(wanted))}")
        members, extras = description["members"], description["extras"]
        if not isinstance(members, list) or not isinstance(extras, dict):
            raise ValueError("members must be a list, and extras an object")
        parts: list[dict[str, Array]] = [{} for _ in members]
        for name, array in tensors.items():
            folder, number, last = [*name.split("/"), "", ""][:3]
            if folder != "members" or not number.isdecimal() or int(number[:9]) >= len(members):
                raise ValueError(f"the tensor {_checks.shown(name)} belongs to no member")
            parts[int(number)][last] = array
        columns, label = Columns.from_dict(description["columns"]), Label.from_dict(description["label"])
        built = [TableMember.from_dict(*pair) for pair in zip(members, parts, strict=True)]
        return cls(columns, label, built, extras)

    def __reduce__(self) -> tuple[Any, ...]:
        description, tensors = self.describe()
        return TableModel.rebuild, (description, {name: array.copy() for name, array in tensors.items()})

    def __repr__(self) -> str:
        return f"TableModel({self.label!r}, {len(self.columns.names)} columns, {len(self.members)} networks)"

    def _outputs(self, numbers: Array, codes: Array, threads: int | None) -> NDArray[np.float64]:
        count = _checks.threads("predict", threads)
        return mean_outputs(self.members, self.label.task, numbers, codes, count)


def with_networks(model: TableModel, networks: Sequence[Network]) -> TableModel:
    """Return a model with other networks in place of those of its members."""
    members = [member.with_network(one) for member, one in zip(model.members, networks, strict=True)]
    return TableModel(model.columns, model.label, members, model.extras)


def mean_outputs(
    members: Sequence[TableMember], task: str, numbers: Array, codes: Array, threads: int = 0
) -> NDArray[np.float64]:
    """Return the mean of the members' probabilities, or of their predictions of a regression, float64 (m, k).

    Args:
        members: One or several networks with their encodings.
        task: ``"classification"`` or ``"regression"``.
        numbers: float64, (m, n).
        codes: int64, (m, c).
        threads: Number of threads; 0: the default.
    """
    return mean(list(outputs_of_each(members, task, numbers, codes, threads)))


def outputs_of_each(
    members: Sequence[TableMember], task: str, numbers: Array, codes: Array, threads: int = 0
) -> Iterator[NDArray[np.float64]]:
    """Yield what ``mean_outputs`` averages. Successive members with equal encodings share their inputs."""
    before, X = None, np.empty(0)
    for member in members:
        if before is None or not member.has_inputs_of(before):
            X = member.inputs(numbers, codes)
        before = member
        yield member.targets_of(X, threads) if task == "regression" else member.probabilities_of(X, threads)


def mean(parts: Sequence[Array]) -> Array:
    """Return the mean of arrays, which are added in their order."""
    return np.asarray(sum(parts) / len(parts))


def _per_target(name: str, value: Any, default: float, outputs: int) -> NDArray[np.float64]:
    numbers = np.full(outputs, default) if value is None else np.array(value, dtype=np.float64).reshape(-1)
    if numbers.size == 1:
        numbers = np.repeat(numbers, outputs)
    if numbers.size != outputs or not np.isfinite(numbers).all():
        raise ValueError(
            f"TableMember: {name} must hold one finite number per output ({outputs}), got "
            f"{_checks.shown(value)}"
        )
    return numbers


def _sigmoid(z: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(z / 2)))


def _logit(p: Array) -> Array:
    with np.errstate(divide="ignore"):  # certain predictions stay certain
        return np.asarray(np.log(p) - np.log1p(-p))
