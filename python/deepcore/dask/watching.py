"""The client watches a training: it notices by itself if a worker or the scheduler is lost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from distributed import CancelledError, Client, Future, KilledWorker, TimeoutError, wait

from deepcore.exceptions import GroupError

__all__ = ["Watch"]

#: Seconds between two looks at the workers, and seconds that an answer of the scheduler may take.
_INTERVAL, _ANSWER = 0.5, 10.0
#: Seconds in which the other ranks of a training that has failed say what they know.
_LAST_WORDS = 5.0
#: Seconds that a cluster may take to start its first worker.
_NO_WORKER = 300


class Watch:
    """Wait for tasks, as long as the scheduler and the workers are there.

    Args:
        who: Head of messages.
        client: The client.
        checkpoint: File of the training, or None.
    """

    def __init__(self, who: str, client: Client, checkpoint: str | None) -> None:
        self.who, self.client, self.checkpoint = who, client, checkpoint
        self.workers: dict[str, int] = {}  # those that must be there, and their ranks
        self._seen = time.monotonic()  # when the cluster last had a worker

    @property
    def connected(self) -> bool:
        """Whether the client has its scheduler."""
        return bool(self.client.status == "running")

    def results(self, futures: Sequence[Future], within: float | None = None) -> list[Any]:
        """Wait as ``finished`` does, and return the results in order."""
        self.finished(futures, within)
        return list(self.client.gather(list(futures)))

    def finished(self, futures: Sequence[Future], within: float | None = None) -> None:
        """Wait until all tasks have finished.

        Args:
            futures: The tasks.
            within: Seconds that they may take; None: as long as they need.

        Raises:
            GroupError: if the scheduler or a worker of the training is lost, or the time is over.
            Exception: what a task raised.
        """
        self._wait(futures, within, until_failure=True)
        if any(future.status != "finished" for future in futures):
            self._wait(futures, _LAST_WORDS, until_failure=False)
            raise self._failure(futures)

    def _wait(self, futures: Sequence[Future], within: float | None, until_failure: bool) -> None:
        start = time.monotonic()
        while pending := [future for future in futures if future.status == "pending"]:
            self.look()
            failed = any(future.status not in ("pending", "finished") for future in futures)
            late = within is not None and time.monotonic() - start > within
            if late and until_failure:
                raise self._lost(
                    self._rank_of(futures, pending[0]),
                    f"{len(pending)} of {len(futures)} workers did not answer within {within:g} s; they are "
                    "busy or do not respond",
                )
            if late or (failed and until_failure):
                return
            with contextlib.suppress(TimeoutError, CancelledError):
                wait(pending, timeout=_INTERVAL, return_when="FIRST_COMPLETED")

    def look(self) -> None:
        """Raise a GroupError if the scheduler or a worker of the training is lost."""
        if not self.connected:
            raise self._lost(0, "the connection to the scheduler was lost")
        try:
            alive = self.client.nthreads(list(self.workers) or None, callback_timeout=_ANSWER)
        except Exception as error:
            raise self._lost(0, "the scheduler does not answer") from error
        now = time.monotonic()
        if alive:
            self._seen = now
        elif not self.workers and now - self._seen > _NO_WORKER:
            raise self._lost(0, f"the cluster has had no worker for {_NO_WORKER} s")
        for worker, rank in self.workers.items():
            if worker not in alive:
                raise self._lost(rank, f"the worker {worker}, which was rank {rank}, was lost")

    def _failure(self, futures: Sequence[Future]) -> BaseException:
        """Find the exception that says most about a failure."""
        found: dict[int, Exception] = {
            rank: future.exception(timeout=_ANSWER)
            for rank, future in enumerate(futures)
            if future.status == "error"
        }
        for error in found.values():
            if not isinstance(error, (GroupError, KilledWorker)):
                return error  # the cause; what the other ranks say are consequences
        self.look()
        for rank, error in found.items():
            if isinstance(error, GroupError):
                what = str(error).removeprefix(f"{self.who}: ").partition("; the same call")[0]
                return self._lost(error.rank, what)
            return self._lost(rank, f"the worker of rank {rank} was lost")
        return self._lost(0, "the tasks of the training were cancelled")

    def _rank_of(self, futures: Sequence[Future], one: Future) -> int:
        return next(rank for rank, future in enumerate(futures) if future is one)

    def _lost(self, rank: int, what: str) -> GroupError:
        how = "without checkpoint=, the training starts afresh"
        if self.checkpoint is not None:
            how = f"the same call goes on from the checkpoint {self.checkpoint}, if it was written"
        return GroupError(rank, f"{self.who}: {what}; {how}")

    def expect(self, workers: Sequence[str]) -> None:
        """Watch these workers from now on; their order is that of the ranks."""
        self.workers = {worker: rank for rank, worker in enumerate(workers)}

    def forget(self) -> None:
        """Watch no worker any more."""
        self.workers = {}
