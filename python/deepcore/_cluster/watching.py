"""The client watches its tasks: it notices by itself if a worker, the scheduler or rows are lost."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

from dask import is_dask_collection
from distributed import CancelledError, Client, Future, KilledWorker
from distributed.protocol.pickle import cloudpickle
from distributed.scheduler import NoValidWorkerError, NoWorkerError

from deepcore._cluster import waiting
from deepcore._cluster.waiting import Blocked, blocked
from deepcore.exceptions import GroupError

__all__ = ["Watch"]

cloudpickle.register_pickle_by_value(waiting)  # a scheduler may have no deepcore

#: Seconds between looks at the cluster, most seconds between looks at the tasks, and seconds that the
#: scheduler may take to answer.
_INTERVAL, _PAUSE, _ANSWER = 0.5, 0.01, 10.0
#: Seconds in which the other ranks of a training that has failed say what they know.
_LAST_WORDS = 5.0
#: Seconds in which a worker that has left the cluster may come back with the same address.
_RETURN = 10.0
#: What tasks raise in which no function has failed, and what calls raise whose tasks are gone.
_NO_WORKER = (KilledWorker, NoValidWorkerError, NoWorkerError)
_LOSS = (*_NO_WORKER, CancelledError, concurrent.futures.CancelledError)


class Watch:
    """Wait for tasks, as long as the scheduler and the workers are there.

    Args:
        who: Head of messages.
        client: The client.
        timeout: Seconds that a task may wait if no worker of the cluster can run it.
        hint: The end of messages: what to do.
    """

    def __init__(self, who: str, client: Client, timeout: float, hint: str) -> None:
        self.who, self.client, self.timeout, self.hint = who, client, timeout, hint
        self.workers: dict[str, int] = {}  # those that must be there, and their ranks
        self._blocked_since: float | None = None
        self._answers = True  # the scheduler, as far as is known

    @property
    def connected(self) -> bool:
        """Whether the client has its scheduler."""
        return bool(self.client.status == "running")

    def results(self, futures: Sequence[Future], within: float | None = None) -> list[Any]:
        """Wait as ``finished`` does, and return the results in order."""
        self.finished(futures, within)
        return list(self.ask(self.client.gather, list(futures), of=futures))

    def computed(self, given: Sequence[Any]) -> list[Any]:
        """Bring collections of Dask into the memory of this process; everything else stays as it is."""
        lazy = [each for each in given if is_dask_collection(each)]
        results = iter(self.results(self.client.compute(lazy)))
        return [next(results) if is_dask_collection(each) else each for each in given]

    def finished(self, futures: Sequence[Future], within: float | None = None) -> None:
        """Wait until all tasks have finished.

        Args:
            futures: The tasks.
            within: Seconds that they may take; None: as long as they need.

        Raises:
            GroupError: if the scheduler or a worker of the training is lost, no worker can run a task, or the
                time is over.
            Exception: what a task raised.
        """
        self._wait(futures, within, until_failure=True)
        if any(future.status != "finished" for future in futures):
            self._wait(futures, _LAST_WORDS, until_failure=False)
            raise self._failure(futures)

    def _wait(self, futures: Sequence[Future], within: float | None, until_failure: bool) -> None:
        start = time.monotonic()
        _pause(futures)
        while pending := [future for future in futures if future.status == "pending"]:
            self.look(pending)
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
            _pause(pending)

    def ask(
        self, call: Callable[..., Any], *arguments: Any, of: Sequence[Future] = (), **options: Any
    ) -> Any:
        """Return what a method of the client returns, which would wait for ever if the cluster is lost.

        Args:
            call: The method.
            arguments: Of the method.
            of: The tasks whose results it waits for.
            options: Keyword arguments of the method.

        Raises:
            GroupError: if the scheduler or a worker of the training is lost, or no worker can run a task.
            Exception: what the method raises.
        """
        answer = self._start(call, *arguments, **options)
        try:
            while not concurrent.futures.wait([answer], _INTERVAL).done:
                self.look(of)
            return answer.result()
        except (OSError, *_LOSS) as error:  # of Dask: the tasks whose results it waits for have finished
            self.look()
            raise self._lost(0, f"the cluster gave no answer ({_said(error)})") from error
        finally:
            answer.cancel()

    def tell(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        """Call a method of the client at the end of a training, whether it succeeds or not.

        A scheduler that does not answer gets the call when it goes on.
        """
        with contextlib.suppress(Exception):
            self._start(call, *arguments, **options).result(_ANSWER if self._answers else 0)

    def _start(
        self, call: Callable[..., Any], *arguments: Any, **options: Any
    ) -> concurrent.futures.Future[Any]:
        """Call a method of the client without waiting for it, whatever may happen to the scheduler.

        Timeouts of Dask are not relied on: its calls have been seen to outlast them when a worker was lost.
        """

        async def called() -> Any:
            return await call(*arguments, **options)  # within the loop of the client, its methods do not wait

        if not self.connected:
            raise self._lost(0, "the connection to the scheduler was lost")
        return asyncio.run_coroutine_threadsafe(called(), self.client.loop.asyncio_loop)

    def look(self, futures: Sequence[Future] = ()) -> None:
        """Raise a GroupError if the scheduler or a worker is lost, or no worker can run one of the tasks."""
        keys = [future.key for future in futures]
        try:
            alive = _answer(self._start(self.client.nthreads, list(self.workers) or None))
            found = _answer(self._start(self.client.run_on_scheduler, blocked, keys))
        except GroupError:
            raise
        except Exception as error:
            self._answers = False
            raise self._lost(0, "the scheduler does not answer") from error
        for worker, rank in self.workers.items():
            if worker not in alive:
                raise self._lost(rank, f"the worker {worker}, which was rank {rank}, was lost")
        self._be_patient(found)

    def _be_patient(self, found: Blocked | None) -> None:
        """Raise a GroupError if no worker could run a task for too long."""
        now = time.monotonic()
        if found is None:
            self._blocked_since = None
        elif self._blocked_since is None:
            self._blocked_since = now
        elif (waited := now - self._blocked_since) > (
            min(_RETURN, self.timeout) if found.gone else self.timeout
        ):
            raise self._lost(0, f"rows could not be computed for {waited:.0f} s, because {found.why}")

    def _failure(self, futures: Sequence[Future]) -> BaseException:
        """Find the exception that says most about a failure."""
        found: dict[int, Exception] = {
            rank: future.exception(timeout=_ANSWER)
            for rank, future in enumerate(futures)
            if future.status == "error"
        }
        for error in found.values():
            if not isinstance(error, (GroupError, *_NO_WORKER)):
                return error  # the cause; what the other ranks say are consequences
        try:
            self.look()
        except GroupError:
            if self._answers or not found:  # otherwise the scheduler has just told what the ranks say
                raise
        for rank, error in found.items():
            if isinstance(error, GroupError):
                what = str(error).removeprefix(f"{self.who}: ").partition("; the same call")[0]
                return self._lost(error.rank, what)
            return self._lost(rank if self.workers else 0, _said(error))
        return self._lost(
            0, "tasks were cancelled, or rows are gone with their worker that Dask cannot compute again"
        )

    def _rank_of(self, futures: Sequence[Future], one: Future) -> int:
        return next(rank for rank, future in enumerate(futures) if future is one)

    def _lost(self, rank: int, what: str) -> GroupError:
        return GroupError(rank, f"{self.who}: {what}; {self.hint}")

    def expect(self, workers: Sequence[str]) -> None:
        """Watch these workers from now on; their order is that of the ranks."""
        self.workers = {worker: rank for rank, worker in enumerate(workers)}


def _answer(call: concurrent.futures.Future[Any]) -> Any:
    """Return what the scheduler answers within ``_ANSWER`` seconds.

    They are counted in short waits: a machine that was stopped for a while has not waited.
    """
    for _ in range(round(_ANSWER / _INTERVAL)):
        if concurrent.futures.wait([call], _INTERVAL).done:
            break
    return call.result(0)


def _said(error: BaseException) -> str:
    """Return a message of Dask, which may have several lines, as one."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _pause(futures: Sequence[Future]) -> None:
    """Wait until a task has finished, but not for long; at first look often, for tasks of milliseconds."""
    start, waited = time.monotonic(), 0.0
    while all(future.status == "pending" for future in futures) and waited < _INTERVAL:
        time.sleep(min(0.0005 + waited / 10, _PAUSE))
        waited = time.monotonic() - start
