"""What the processes (ranks) of a training agree on: the start, the sums, when they stop, and errors.

Rank 0 leads: it has the callbacks, the validation data and the checkpoint, and tells the others what follows.
"""

from __future__ import annotations

import functools
import math
import operator
import os
import pickle
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, NamedTuple, NoReturn, TypeVar, cast

import numpy as np

from deepcore import _checks, _core
from deepcore._network.examples import Examples
from deepcore._network.network import Network, Snapshot
from deepcore._training import identity
from deepcore._training.checkpoint import Position
from deepcore._training.signals import Signals
from deepcore.callbacks import Stopped
from deepcore.distributed.messages import HEADER, packed, unpacked
from deepcore.exceptions import GroupError
from deepcore.optimizers import OptimizerState
from deepcore.typing import Array

__all__ = ["Alone", "Lengths", "Ranks", "of_group"]

#: Sums over examples that the native loop shows: loss and weight, each with its error, and the number.
_Totals = tuple[float, float, float, float, int, int]
_DATA = ("replicated", "own rows")


class Lengths(NamedTuple):
    """The examples of this rank per step, and the steps per epoch."""

    batch: int
    steps: int


class Alone:
    """A training of one process: there is nothing to agree on. ``Ranks`` has the same methods.

    Attributes:
        leads: This process has the callbacks and the validation data.
        together: There are other processes.
    """

    leads = True
    together = False

    def guarded(self) -> AbstractContextManager[object]:
        """Surround the call of the user: the other ranks are told of an exception."""
        return nullcontext()

    def threads(self, given: int) -> int:
        """Return the number of threads, where 0 is the default of the machine."""
        return given

    def lengths(self, examples: int, batch: int | None) -> Lengths:
        """Cut an epoch into steps; ``batch`` is the number of examples of a step, of all ranks."""
        batch = examples if batch is None else min(examples, batch)
        return Lengths(batch, -(-examples // batch))

    def described(self, data: Examples, batch: int) -> dict[str, Any]:
        """Describe what all ranks must have in common of their examples and batches."""
        return {}

    def refuse_own_rows(self, what: str) -> None:
        """Refuse own rows where ranks could make different numbers of steps."""

    def agree(self, call: Callable[[], Mapping[str, Any]]) -> None:
        """Refuse ranks that make another call; ``call`` describes it."""

    def opened(
        self, finished: bool, path: str, state: OptimizerState | None, position: Position | None
    ) -> bool:
        """Give all ranks the state of rank 0, and return whether its training is finished.

        Args:
            finished: The training in the checkpoint of rank 0 has come to its end.
            path: Of the checkpoint, or ``""``.
            state: The optimizer, which is changed on the other ranks.
            position: Where the loop starts, likewise.
        """
        return finished

    def native(self, examples: int, batch: int) -> dict[str, Any]:
        """Return arguments of ``Network.train`` for a call with so many examples."""
        return {}

    def looping(self) -> AbstractContextManager[object]:
        """Surround the loop of the training."""
        return nullcontext()

    def after_epoch(self, work: Callable[[], bool], state: Any, may_write: bool) -> bool:
        """Do what follows an epoch, and return whether the run ends.

        Args:
            work: What rank 0 does; it returns whether the run ends.
            state: The optimizer, whose rate it may change.
            may_write: It may change the parameters as well.
        """
        return work()

    def after_loop(self) -> None:
        """Compare the parameters of all ranks."""

    def ended(self, state: Callable[[], Any], put: Callable[[Any], None]) -> None:
        """Give all ranks the result of rank 0."""


def of_group(group: Any, who: str, network: Network) -> Alone:
    """Return the ranks of a group, or those of a training without one.

    Raises:
        TypeError: if the group lacks a member.
        ValueError: if a member has a value that is not allowed.
    """
    return Alone() if group is None else Ranks(group, who, network)


_Method = TypeVar("_Method", bound=Callable[..., Any])


def _uninterrupted(method: _Method) -> _Method:
    """Let signals wait while a method of ``Ranks`` exchanges messages."""

    @functools.wraps(method)
    def call(self: Ranks, *arguments: Any, **options: Any) -> Any:
        with self.signals.held():
            return method(self, *arguments, **options)

    return cast(_Method, call)


class Ranks(Alone):
    """The ranks of a group, seen from one of them."""

    together = True

    def __init__(self, group: Any, who: str, network: Network) -> None:
        for name in ("rank", "size", "sum", "broadcast"):
            if not hasattr(group, name):
                raise TypeError(
                    f"{who}: group must have rank, size, sum(array) and broadcast(object), but "
                    f"{_checks.shown(group)} has no {name}; Group.mpi() of deepcore.distributed makes one"
                )
        self.who, self.group, self.network = who, group, network
        self.rank, self.size = operator.index(group.rank), operator.index(group.size)
        if not 0 <= self.rank < self.size:
            raise ValueError(
                f"{who}: group.rank must be from 0 to group.size - 1 = {self.size - 1}, got {self.rank}"
            )
        data = getattr(group, "data", _DATA[0])
        if data not in _DATA:
            raise ValueError(
                f"{who}: group.data must be 'replicated' or 'own rows', got {_checks.shown(data)}"
            )
        self.own_rows = data == _DATA[1]
        self.leads = self.rank == 0
        self.signals = Signals()
        self._add: Callable[..., Array] | None = getattr(group, "add_in_order", None)
        self._steps = self._first = 0  # with own rows: steps per epoch; examples of earlier ranks in a step
        self._entering: tuple[int, int, int] | None = None  # the next sums are the first of a native call
        self._over = False  # nobody waits for this rank any more
        self._begun = self._stopping = False
        self._epoch = 0
        self._checkpoint = self._digest = ""
        self._batches: list[int] = []  # with own rows: examples per step of each rank

    # Errors

    def guarded(self) -> AbstractContextManager[object]:
        return _Guard(self)

    @_uninterrupted
    def failed(self, error: BaseException) -> None:
        """Tell the other ranks of an exception, unless they know it."""
        if self._over:
            return
        with suppress(BaseException):  # the error itself, which is on its way already, or that of a lost rank
            self._synchronise((0, 0, 0), error)

    def _refuse(self, rank: int, what: str) -> NoReturn:
        raise self._refusal(rank, what)

    def _refusal(self, rank: int, what: str) -> GroupError:
        self._over = True
        where = f" in epoch {self._epoch}" if self._begun else ""
        saved = f"; the same call goes on from {self._checkpoint}" if self._checkpoint else ""
        return GroupError(rank, f"{self.who}: {what}{where}{saved}")

    def _call(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """Call a method of the group; what it raises is no longer known to the others."""
        if self._over:
            self._refuse(self.rank, "the ranks have lost each other")
        try:
            return method(*arguments)
        except Exception as error:
            what = f"rank {self.rank} could not reach the others: {type(error).__name__}: {error}"
            raise self._refusal(self.rank, what) from error

    def _sum(self, message: Array) -> Array:
        result = self._call(self.group.sum, message)
        result = message if result is None else np.asarray(result)
        if result.shape != message.shape:
            self._refuse(
                self.rank, f"group.sum must return an array of shape {message.shape}, got {result.shape}"
            )
        return result

    def _gather(self, value: Any) -> list[Any]:
        """Return the objects of all ranks."""
        mine = np.frombuffer(pickle.dumps(value), np.uint8)
        lengths = np.zeros(self.size)
        lengths[self.rank] = mine.size
        ends = np.cumsum(self._sum(lengths)).astype(np.int64)
        text = np.zeros(ends[-1])
        text[ends[self.rank] - mine.size : ends[self.rank]] = mine
        letters = self._sum(text).astype(np.uint8)
        return [pickle.loads(part.tobytes()) for part in np.split(letters, ends[:-1])]

    def _synchronise(self, what: tuple[int, int, int], error: BaseException | None = None) -> None:
        """Wait for all ranks, and refuse those that are about to do something else, or have an error."""
        table = np.zeros((self.size, 4))
        table[self.rank] = (*what, error is not None)
        table = self._sum(table.reshape(-1)).reshape(self.size, 4)
        if table[:, 3].any():
            self._tell(error, table[:, 3] != 0)
        if (others := np.flatnonzero((table != table[0]).any(axis=1))).size:
            self._refuse(int(others[0]), f"rank {others[0]} does not make the steps of rank 0")

    def _tell(self, error: BaseException | None, failed: Array) -> NoReturn:
        """Raise the error of this rank, or else one that names the first rank that has one."""
        stopped = isinstance(error, Stopped)
        texts = self._gather((f"{type(error).__name__}: {error}", stopped) if error is not None else None)
        if error is not None:
            self._over, self._stopping = not stopped, stopped
            raise error
        rank = int(np.flatnonzero(failed)[0])
        text, stopped = texts[rank]
        if stopped:
            self._stopping = True
            raise Stopped
        self._refuse(rank, f"rank {rank} raised {text}")

    # The start

    def threads(self, given: int) -> int:
        """Divide the cores of a machine among its ranks, unless the user has done so."""
        divided = any(name in os.environ for name in ("DEEPCORE_NUM_THREADS", "OMP_NUM_THREADS"))
        if given or divided or len(_affinity()) < (os.cpu_count() or 1):
            return given
        return max(1, _core.num_threads() // getattr(self.group, "local_size", 1))

    @_uninterrupted
    def lengths(self, examples: int, batch: int | None) -> Lengths:
        if not self.own_rows:
            return super().lengths(examples, batch)
        self._synchronise((1, 0, 0))
        rows: list[int] = self._gather(examples)
        whole = sum(rows) if batch is None else min(batch, sum(rows))
        self._steps = -(-sum(rows) // whole)
        sizes = [-(-count // self._steps) for count in rows]
        self._first = sum(sizes[: self.rank])
        self._batches = sizes
        return Lengths(sizes[self.rank], self._steps)

    def described(self, data: Examples, batch: int) -> dict[str, Any]:
        if not self.own_rows:
            return {**identity.of_examples(data), "batch_size": batch}
        whole = {name: getattr(data, name) for name in ("X", "y")}
        arrays = {name: {"columns": list(a.shape[1:]), "dtype": str(a.dtype)} for name, a in whole.items()}
        return {**arrays, "batch_size": sum(self._batches)}

    def refuse_own_rows(self, what: str) -> None:
        if self.own_rows:
            raise ValueError(
                f"{self.who}: group.data must be 'replicated' for {what}; use fit with arrays of the model's "
                "dtype for own rows"
            )

    @_uninterrupted
    def agree(self, call: Callable[[], Mapping[str, Any]]) -> None:
        if any(layer.norm == "batch" for layer in self.network.spec.layers):
            raise ValueError(
                f"{self.who}: group must be None for a network with norm='batch', whose statistics need all "
                "examples of a batch on one rank; use norm='layer'"
            )
        way = "sum" if self._add is None else "add_in_order"
        group = {"ranks": self.size, "rows": self.own_rows, "way of adding": way}
        mine = {**identity.of_network(self.network), **group, **call()}
        self._synchronise((2, 0, 0))
        calls = self._gather(mine)
        for rank, other in enumerate(calls):
            if found := identity.difference(calls[0], other):
                name, first, value = found
                what = f"{name} is {_checks.shown(first)} on rank 0 and {_checks.shown(value)} on rank {rank}"
                if name.endswith(".content"):
                    name = name.removesuffix(".content")
                    what = f"the values of {name} on rank {rank} are not those on rank 0"
                self._refuse(rank, f"{what}; all ranks must make the same call")

    @_uninterrupted
    def opened(
        self, finished: bool, path: str, state: OptimizerState | None, position: Position | None
    ) -> bool:
        assert state is not None
        assert position is not None
        mine = None
        if self.leads:
            mine = finished, path, self.network.state(), state.state(), position.state()
        self._synchronise((3, 0, 0))
        answer: tuple[bool, str, Any, Any, Any] = self._call(self.group.broadcast, mine)
        finished, self._checkpoint, (numbers, epochs), slots, place = answer
        if not self.leads:
            self.network.restore(numbers)
            self.network.epochs_trained = epochs
            state.set_state(slots)
            position.set_state(place)
            if self.own_rows:  # as many batches as rank 0 has visited
                position.place.visited = place["place"][0] // self._batches[0] * self._batches[self.rank]
        self._epoch = position.epoch
        return finished

    # The steps

    def native(self, examples: int, batch: int) -> dict[str, Any]:
        self._entering, self._begun = (4, 0, 0) if self.own_rows else (4, examples, batch), True
        cut = "own" if self.own_rows else "even" if self._add is None else "chains"
        ranks = _core.Ranks(cut, self.rank, self.size, self._steps, self._first)
        return {"ranks": ranks, "on_sums": self._exchange}

    def looping(self) -> AbstractContextManager[object]:
        return _Loop(self)

    def stopped(self, error: Stopped) -> None:
        """Tell the others that a callback ends the loop, unless they know it."""
        if not self._stopping:
            self._synchronise((0, 0, 0), error)

    def _exchange(
        self,
        parts: Array,
        counts: Sequence[int],
        total: Array,
        first: bool,
        totals: _Totals,
        error: BaseException | None,
    ) -> tuple[float, float, float, float, int]:
        """Add the parts of all ranks to ``total``, and return the totals of all ranks."""
        if self._entering is not None:
            entering, self._entering = self._entering, None
            self._synchronise(entering)
        error = self._late_error(error)
        *numbers, digest = totals
        header = np.array([*numbers, digest >> 32, digest & 0xFFFFFFFF, error is not None], np.float64)
        if self._add is not None:
            headers = self._call(self._add, parts, counts or [1] * self.size, total, first, header)
        else:
            headers = self._add_at_once(parts, total, header)
        columns = dict(zip(HEADER, headers.T, strict=True))
        if columns["failed"].any():
            self._tell(error, columns["failed"] != 0)
        for name in ("digest_high", "digest_low"):
            self._compare(columns[name])
        loss = _sum_with_error([*columns["loss"], *columns["loss_error"]])
        weight = _sum_with_error([*columns["weight"], *columns["weight_error"]])
        return (*loss, *weight, int(columns["count"].sum()))

    def _late_error(self, error: BaseException | None) -> BaseException | None:
        """Return the error of this step, or what a signal that has waited raises."""
        try:
            self.signals.let_in()
        except BaseException as raised:
            return error or raised
        return error

    def _add_at_once(self, parts: Array, total: Array, header: Array) -> Array:
        """Add by the group's plain sum this rank's only part and, behind it, the headers of all ranks."""
        note = packed(header, total.dtype)
        message = np.zeros(total.size + self.size * note.size, total.dtype)
        message[: total.size] = parts[0]
        start = total.size + self.rank * note.size
        message[start : start + note.size] = note
        result = self._sum(message)
        total[:] = result[: total.size]
        return unpacked(result[total.size :]).reshape(self.size, header.size)

    def _compare(self, values: Array) -> None:
        if (others := np.flatnonzero(values != values[0])).size:
            self._refuse(
                int(others[0]),
                f"the parameters of rank {others[0]} are no longer those of rank 0; do all ranks run on the "
                "same kind of CPU, and does group.sum give all of them the same bits?",
            )

    # Between and after the epochs

    def after_epoch(self, work: Callable[[], bool], state: Any, may_write: bool) -> bool:
        self._synchronise((5, 0, 0))
        error: BaseException | None = None
        decision: tuple[bool, float, Any, str | None] | None = None
        if self.leads:
            try:
                before = self.network.snapshot() if may_write else None
                stop = self._interruptible(work)
                decision = stop, state.rate_scale, self._changed(before), None
            except BaseException as raised:
                error = raised
                decision = False, 1.0, None, f"{type(raised).__name__}: {raised}"
        answer: tuple[bool, float, Any, str | None] = self._call(self.group.broadcast, decision)
        stop, scale, numbers, text = answer
        if error is not None:
            self._over = True
            raise error
        if text is not None:
            self._refuse(0, f"rank 0 raised {text}")
        self._epoch += 1
        if not self.leads:
            if numbers is not None:
                self.network.restore(numbers)
            if scale != state.rate_scale:
                state.rate_scale = scale
        return stop

    def _changed(self, before: Snapshot | None) -> Snapshot | None:
        """Return the numbers of the network, if they are no longer those of ``before``."""
        if before is None:
            return None
        now = self.network.snapshot()
        same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, now, strict=True))
        return None if same else now

    def _interruptible(self, work: Callable[[], bool]) -> bool:
        waited, self.signals.waiting = self.signals.waiting, False
        try:
            self.signals.let_in()
            return work()
        finally:
            self.signals.waiting = waited

    @_uninterrupted
    def after_loop(self) -> None:
        self._digest = identity.digest(self.network.flat)
        self._synchronise((6, 0, 0))
        numbers = [int(one, 16) % (1 << 52) for one in self._gather(self._digest)]
        self._compare(np.array(numbers, np.float64))

    @_uninterrupted
    def ended(self, state: Callable[[], Any], put: Callable[[Any], None]) -> None:
        mine = None
        if self.leads:
            changed = identity.digest(self.network.flat) != self._digest
            mine = self.network.snapshot() if changed else None, state()
        self._synchronise((7, 0, 0))
        answer: tuple[Snapshot | None, Any] = self._call(self.group.broadcast, mine)
        numbers, others = answer
        self._over = True
        if self.leads:
            return
        if numbers is not None:
            self.network.restore(numbers)
        put(others)


def _affinity() -> Collection[int]:
    """Return the CPUs that this process may use."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)


class _Loop:
    """Within the loop, signals wait for the next sums."""

    def __init__(self, ranks: Ranks) -> None:
        self.ranks, self.held = ranks, ranks.signals.held()

    def __enter__(self) -> None:
        self.held.__enter__()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if isinstance(error, Stopped):  # between two native calls, it may be the first that they hear
                self.ranks.stopped(error)
        finally:
            self.held.__exit__(None, None, None)


class _Guard:
    """A class and not a generator: an interrupt may prevent ``__exit__``."""

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks

    def __enter__(self) -> None:
        self.ranks.signals.__enter__()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is not None:
                self.ranks.failed(error)
        finally:
            self.ranks.signals.__exit__()


def _sum_with_error(values: list[float]) -> tuple[float, float]:
    """Return the sum of numbers, and what rounding it has lost."""
    try:
        total = math.fsum(values)
        return total, math.fsum([*values, -total])
    except (OverflowError, ValueError):  # an infinity, or several: the loss is not finite
        return float(sum(values)), 0.0
