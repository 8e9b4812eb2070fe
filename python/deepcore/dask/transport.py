"""How the ranks exchange numbers: by the collective of XGBoost, with a tracker on the scheduler."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from deepcore.exceptions import GroupError
from deepcore.typing import Array

__all__ = [
    "Collective",
    "lock_name",
    "meeting",
    "release_abandoned",
    "require_xgboost",
    "start_tracker",
    "stop_tracker",
]

_LOCKS = "deepcore.dask"
_trackers: dict[str, Any] = {}  # those of the trainings that use this scheduler, by their names


def require_xgboost(where: str) -> None:
    """Import XGBoost, or raise an ImportError that says where it is missing."""
    try:
        import xgboost.collective
        import xgboost.tracker  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"deepcore.dask needs xgboost-cpu (or xgboost) on the {where}: pip install 'deepcore-nn[dask]'",
            name=error.name,
        ) from error


# These functions run on the scheduler.


def start_tracker(name: str, host: str, size: int, timeout: int) -> dict[str, Any]:
    """Start a tracker, and return what ranks need to find it."""
    require_xgboost("scheduler")
    from xgboost.tracker import RabitTracker

    tracker = RabitTracker(n_workers=size, host_ip=host, sortby="task", timeout=timeout)
    tracker.start()
    _trackers[name] = tracker
    return dict(tracker.worker_args())


def stop_tracker(name: str) -> None:
    """Stop a tracker, also while ranks wait for it; what it has to say then is of no use any more."""

    def stop(tracker: Any) -> None:
        with contextlib.suppress(Exception):
            tracker.free()

    if name in _trackers:  # in a thread, because it may take seconds and the scheduler must go on
        threading.Thread(target=stop, args=(_trackers.pop(name),), daemon=True).start()


def lock_name(client: str) -> str:
    """Return a new name for what holds locks, which tells the client that it belongs to."""
    return f"{_LOCKS}/{client}/{uuid.uuid4().hex}"


def release_abandoned(dask_scheduler: Any) -> None:
    """Release the locks of trainings whose clients were killed."""
    locks = dask_scheduler.extensions["multi_locks"]
    for holder in list(locks.requests):
        kind, _, owner = str(holder).partition("/")
        if kind == _LOCKS and owner.partition("/")[0] not in dask_scheduler.clients:
            locks.release(id=holder)


# The rest runs on workers.


@contextlib.contextmanager
def meeting(
    rank: int, address: Mapping[str, Any], timeout: int, cancelled: Callable[[], bool]
) -> Iterator[Collective]:
    """Wait for the other ranks, and give the group of all of them to a ``with`` block."""
    from xgboost import collective

    try:
        collective.init(**address, dmlc_task_id=f"{rank:08d}", dmlc_timeout=timeout, dmlc_retry=3)
    except Exception as error:
        collective.finalize()
        raise GroupError(
            rank, f"fit: rank {rank} did not meet the others within {timeout} s: {_reason(error)}"
        ) from error
    try:
        yield Collective(collective.get_rank(), collective.get_world_size(), cancelled)
    finally:
        with contextlib.suppress(Exception):  # if another rank is lost, there is nobody to take leave of
            collective.finalize()


class Collective:
    """A group of ranks for ``fit(group=)``; each rank has its own rows.

    Args:
        rank: Number of this process.
        size: Number of processes.
        cancelled: Returns whether nobody waits for the result any more.
    """

    data = "own rows"

    def __init__(self, rank: int, size: int, cancelled: Callable[[], bool]) -> None:
        self.rank, self.size, self._cancelled = rank, size, cancelled

    def sum(self, array: Array) -> Array:
        """Add the arrays of all ranks; all get the same bits."""
        from xgboost import collective

        self._go_on()
        try:
            return np.asarray(collective.allreduce(array, collective.Op.SUM))
        except Exception as error:
            raise ConnectionError(_reason(error)) from error

    def broadcast(self, value: Any) -> Any:
        """Return the object of rank 0."""
        from xgboost import collective

        self._go_on()
        try:
            return collective.broadcast((value,), 0)[0]  # a tuple, because XGBoost takes no None
        except Exception as error:
            raise ConnectionError(_reason(error)) from error

    def _go_on(self) -> None:
        if self._cancelled():
            raise RuntimeError("the training was cancelled")


def _reason(error: Exception) -> str:
    """Say what happened, with the innermost line of an error of XGBoost, which has a line for each level."""
    lines = [line.rpartition("]: ")[2] for line in str(error).partition("Stack trace")[0].splitlines()]
    innermost = next((line.strip() for line in reversed(lines) if line.strip()), type(error).__name__)
    late = "timeout" in innermost.lower() or "timed out" in innermost.lower()
    what = "another rank did not answer in time" if late else "the connection to another rank was lost"
    return f"{what} ({innermost})"
