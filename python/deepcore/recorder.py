"""A ``Recorder`` keeps what happens inside of a network while it is trained: norms, updates, dead units."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore._algebra import norm, product
from deepcore._keywords import checked_class
from deepcore._network.examples import Examples
from deepcore._network.network import Network, Snapshot
from deepcore._network.spec import Spec
from deepcore._network.units import dead_units, of_members, saturated_units
from deepcore._text_table import as_text
from deepcore.callbacks import EpochRecord
from deepcore.exceptions import UnknownNameError
from deepcore.typing import Array, Trained

__all__ = ["Recorder"]

#: What can be recorded without examples, and what needs some.
_OF_PARAMETERS = ("weights", "updates")
_OF_EXAMPLES = ("gradients", "activations", "dead", "saturated")
# Part of the time of a run that recording may take if ``every`` is None. The calls, and keeping the losses of
# the epochs without one, take about 1% of the time of a small network.
_SHARE = 0.007
# At most so many of the examples are used: enough for means, and little compared with an epoch.
_EXAMPLES = 64
# Number of parameters that are compared at a time.
_PART = 1 << 15


@checked_class
class Recorder(Mapping[str, list[float]]):
    """A callback that records norms, updates, activations and dead units of every layer during a training.

    ``recorder["norm_W1"]`` has one value per epoch of ``recorder.epochs``; ``pandas.DataFrame(dict(recorder),
    index=recorder.epochs)`` is a table. The training gives the same bits with it and without it. A new run
    starts a new record.

    Args:
        X: Examples to look at, (m, n_x); at most 64 of them are used, at equal distances. None: only what
            needs no examples is recorded.
        y: Their targets, as ``Model.fit`` takes them; needed with ``X``.
        statistics: Which of these to record. ``"weights"``: ``norm_W1``, ... (Frobenius norms).
            ``"updates"``: ``update_W1``, the norm of the change of W1 since the last record, divided by that
            of W1. ``"gradients"``: ``norm_dW1``. ``"activations"``: ``mean_A1`` and ``std_A1``. ``"dead"``
            and ``"saturated"``: numbers of such units, ``dead_1`` and ``saturated_1``; see ``Trace``. None:
            all that can be recorded.
        every: Record every n-th epoch and the last one, however the run ends. None: the first epoch, the last
            one, and as many in between as fit into 2% of the time. A record takes half a millisecond, or two
            to three times as long as a step of 64 examples on one thread if that is more; so the first and
            the last one may exceed 2% in a run of less than 0.1 s or 300 such steps (600 on two threads).
            ``fit`` need not call the recorder after the other epochs, see ``deepcore.callbacks``.

    Attributes:
        epochs: Numbers of the epochs that were recorded, from 0.

    Raises:
        TypeError: if an argument has another type.
        ValueError: if a statistic is unknown or needs examples, or ``y`` is missing.

    Example:
        >>> import numpy as np, deepcore as dc
        >>> X, y = np.eye(4), [0, 1, 1, 0]
        >>> recorder = dc.Recorder(X, y, every=1)
        >>> history = dc.mlp([4, 3, 1], seed=1).fit(X, y, epochs=3, callbacks=[recorder])
        >>> recorder.epochs, len(recorder["norm_W1"]), recorder["dead_1"]
        ([0, 1, 2], 3, [0.0, 0.0, 0.0])
    """

    def __init__(
        self,
        X: object = None,
        y: object = None,
        *,
        statistics: Iterable[str] | None = None,
        every: int | None = None,
    ) -> None:
        if (X is None) != (y is None):
            raise ValueError("Recorder: X and y must be given together, got one of them")
        self._given = None if X is None else (X, y)
        self.statistics = _chosen(statistics, X is not None)
        self.every = None if every is None else _checks.count("Recorder", "every", every)
        self._reset()

    def _reset(self) -> None:
        self.epochs: list[int] = []
        self._values: dict[str, list[float]] = {}
        self._data: Examples | None = None
        self._before: Array = np.zeros(0)  # the parameters of the last record
        self._unrecorded: tuple[int, Snapshot] | None = None  # recorded if no epoch follows it
        self._start = _now()
        self._spent = self._longest = 0.0
        self._called = -1, 0.0  # the last epoch after which it was called, and the seconds until then
        self._pace = 0.0  # seconds per epoch before the last call

    def on_start(self, model: Trained) -> None:
        """Check the examples, and look at the weights that the training starts with."""
        network = _network(model)
        self._reset()
        if self._given is not None:
            data = network.check("Recorder", *self._given, None)
            m = len(data.y)
            count = min(m, _EXAMPLES)
            rows = np.arange(count) * (m - 1) // max(1, count - 1)  # np.unique would import numpy.ma, 15 ms
            self._data = data.part(rows).converted(network.spec.dtype)
        self._before = network.flat.copy()
        self._spent = _seconds(self._start, _now())

    def __call__(self, record: EpochRecord) -> bool:
        """Record the epoch, if it is one to record."""
        begin = _now()
        elapsed, took = _seconds(self._start, begin), 0.0
        epoch, (before, then) = record.epoch, self._called
        self._pace = (elapsed - then) / max(1, epoch - before)
        network, self._unrecorded = _network(record.model), None
        if self._due(epoch, elapsed) or epoch == record.epochs - 1:
            self._record(epoch, network)
            took = _seconds(begin, _now())
            self._spent, self._longest = self._spent + took, max(self._longest, took)
        else:
            self._unrecorded = epoch, network.snapshot()
        self._called = epoch, elapsed + took
        return False

    def on_end(self, model: Trained) -> None:
        """Record the last epoch, if the run ended before the one that would have been the last."""
        if self._unrecorded is not None:
            epoch, numbers = self._unrecorded  # the model may have other numbers by now
            self._unrecorded = None
            self._record(epoch, Network(_network(model).spec, numbers))

    def next_epoch(self, epoch: int) -> int:
        """Return the next epoch to record, as far as the pace of the last epochs tells."""
        if self.every is not None:
            return ((epoch + 1) // self.every + 1) * self.every - 1
        wait = self._affordable() - self._called[1]
        # at most three times as many epochs as there were: the pace of the first ones may be wrong
        return epoch + 1 + int(min(max(0.0, wait) / max(self._pace, 1e-9), 2 + 3 * epoch))

    def _due(self, epoch: int, elapsed: float) -> bool:
        if self.every is not None:
            return (epoch + 1) % self.every == 0
        return not self.epochs or self._affordable() <= elapsed

    def _affordable(self) -> float:
        """Return the seconds of training that pay for a record, and for another one of the last epoch."""
        return (self._spent + 2 * self._longest) / _SHARE

    def _record(self, epoch: int, network: Network) -> None:
        found: dict[str, float] = {}
        flat = network.flat
        now, before = (network.views(a, "") for a in (flat, self._before))
        for number in range(1, len(network.spec.layers) + 1):
            name = f"W{number}"
            if "weights" in self.statistics:
                found[f"norm_{name}"] = norm(now[name])
            if "updates" in self.statistics:
                found[f"update_{name}"] = _change(now[name], before[name])
        if self._data is not None:
            found |= self._of_examples(network, self._data)
        self._before[:] = flat
        self.epochs.append(epoch)
        for name, value in found.items():
            self._values.setdefault(name, []).append(value)

    def _of_examples(self, network: Network, data: Examples) -> dict[str, float]:
        if not set(self.statistics) & set(_OF_EXAMPLES):
            return {}
        spec, found = network.spec, {}
        pure, gradients = _pure_products(spec), "gradients" in self.statistics
        of_gradients = ("dZ" if pure else "dW",) if gradients else ()
        trace = network.trace(data, kinds=("A", *of_gradients))
        for number in range(1, len(spec.layers) + 1):
            A = trace[f"A{number}"]
            if gradients:
                found[f"norm_dW{number}"] = (
                    _norm_of_product(trace[f"dZ{number}"], trace[f"A{number - 1}"])
                    if pure
                    else norm(trace[f"dW{number}"])
                )
            if "activations" in self.statistics:
                own = of_members(spec, number, A)
                found[f"mean_A{number}"] = float(own.mean(dtype=np.float64))
                found[f"std_A{number}"] = float(own.std(dtype=np.float64))
            if "dead" in self.statistics:
                found[f"dead_{number}"] = float(dead_units(spec, number, A).size)
            if "saturated" in self.statistics:
                found[f"saturated_{number}"] = float(saturated_units(spec, number, A).size)
        return found

    def __getitem__(self, name: str) -> list[float]:
        if name not in self._values:
            known = _checks.first_names(list(self._values)) or "nothing: no epoch was recorded"
            raise UnknownNameError(f"Recorder: {_checks.shown(name)} is not recorded; there is {known}")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def state(self) -> dict[str, Any]:
        """Return what was recorded so far, the parameters of the last record, and those of a later epoch."""
        elapsed, last = _seconds(self._start, _now()), self._unrecorded
        times = {"elapsed": elapsed, "spent": self._spent, "longest": self._longest}
        return {
            "epochs": list(self.epochs),
            "values": dict(self._values),
            "before": self._before.copy(),
            "unrecorded": last and {"epoch": last[0], "numbers": last[1]._asdict()},
            **times,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned: the time between does not count."""
        self.epochs = list(state["epochs"])
        self._values = {name: list(values) for name, values in state["values"].items()}
        self._before = np.array(state["before"])
        last = state["unrecorded"]
        self._unrecorded = last and (last["epoch"], Snapshot(**last["numbers"]))
        now = _now()
        self._start = now[0] - state["elapsed"], now[1] - state["elapsed"]
        self._spent, self._longest = state["spent"], state["longest"]

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            ("statistic", "first", "last", "smallest", "largest"),
            *(
                (name, *(f"{value:.4g}" for value in (values[0], values[-1], min(values), max(values))))
                for name, values in self._values.items()
            ),
        ]

    def __str__(self) -> str:
        return as_text(self._rows(), self._foot(), left={0}, ruled=True)

    def _foot(self) -> str:
        return f"{len(self.epochs)} epochs recorded"

    def __repr__(self) -> str:
        return f"Recorder({', '.join(self.statistics)}; {self._foot()})"

    def _repr_html_(self) -> str:
        head, *body = self._rows()
        cells = "".join(f"<th>{cell}</th>" for cell in (*head, "over the epochs"))
        lines = "".join(
            "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + f"<td>{self._line(row[0])}</td></tr>"
            for row in body
        )
        return (
            f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody>"
            f"<caption>{self._foot()}</caption></table>"
        )

    def _line(self, name: str) -> str:
        """Draw a small picture of the values over the epochs."""
        shown = [(e, v) for e, v in zip(self.epochs, self._values[name], strict=True) if math.isfinite(v)]
        if len(shown) < 2:
            return ""
        epochs, values = (np.array(column, float) for column in zip(*shown, strict=True))
        x = 2 + 116 * (epochs - epochs[0]) / (epochs[-1] - epochs[0])
        y = 18 - 16 * (values - values.min()) / (np.ptp(values) or 1.0)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="20">'
            f'<polyline points="{points}" fill="none" stroke="#1f5fa8" stroke-width="1.5"/></svg>'
        )


def _now() -> tuple[float, float]:
    """Return the time, and the processor time of this process."""
    return time.perf_counter(), time.process_time()


def _seconds(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Return the seconds of work between two moments, without those in which other processes ran."""
    return min(end[0] - start[0], end[1] - start[1])


def _chosen(statistics: Iterable[str] | None, examples: bool) -> tuple[str, ...]:
    """Check the statistics to record, and return them."""
    possible = (*_OF_PARAMETERS, *_OF_EXAMPLES)
    if statistics is None:
        return possible if examples else _OF_PARAMETERS
    _checks.listed("Recorder", "statistics", statistics)
    names = tuple(statistics)
    for name in names:
        if name not in possible:
            shown = _checks.shown(name)
            raise ValueError(f"Recorder: statistics must be of {', '.join(possible)}, got {shown}")
        if name in _OF_EXAMPLES and not examples:
            raise ValueError(f"Recorder: the statistic {name!r} needs examples; give X and y")
    return names


def _network(model: Any) -> Network:
    """Return the network of the model that is trained."""
    network = getattr(model, "network", None)
    if not isinstance(network, Network):
        raise TypeError(f"Recorder: it works with models that have a network, got {type(model).__name__}")
    return network


def _pure_products(spec: Spec) -> bool:
    """Return whether every dW is dZ @ A_prev.T, without factors and penalties."""
    return spec.members == 1 and not any(
        layer.l1 or layer.l2 or layer.scaled_inputs or layer.parametrization != "standard"
        for layer in spec.layers
    )


def _norm_of_product(dZ: Array, A: Array) -> float:
    """Return the Frobenius norm of dZ @ A.T from two small matrices, without forming it.

    Of 64 examples of 784-512-256-10 this takes 0.5 ms, where forming and copying the product takes 2.2 ms.
    """
    dZ, A = dZ.astype(np.float64), A.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # infinite values give NaN
        square = float((product(dZ.T, dZ) * product(A.T, A)).sum())
    return 0.0 if square < 0 else math.sqrt(square)  # below 0 by rounding only


def _change(now: Array, before: Array) -> float:
    """Return the norm of the difference, divided by the norm before. Its parts need little memory."""
    new, old = (array.ravel(order="K") for array in (now, before))
    parts = [slice(i, i + _PART) for i in range(0, old.size, _PART)]
    update = math.hypot(*(norm(new[part] - old[part]) for part in parts))
    whole = norm(old)
    return update / whole if whole else math.inf if update else 0.0
