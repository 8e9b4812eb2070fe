"""A thread makes the next item of an iterator while its caller works on the one before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

__all__ = ["ReadAhead"]

#: How often a caller that waits is asked whether it wants to go on waiting, in seconds.
_PATIENCE = 0.1


# How long ``close`` waits for a thread whose source does not answer.
_LAST_SECONDS = 5.0


class _Failure(NamedTuple):
    error: BaseException


class _Shared:
    """What the thread and its caller share. The thread knows nothing else, so that it can be left behind."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.permits = threading.Semaphore(2)  # one item is used while the next one is made
        self.made: queue.SimpleQueue[Any] = queue.SimpleQueue()


class ReadAhead:
    """Take items from ``make(stopping)``, which runs in a thread; at most two of them exist at a time.

    None among the items costs nothing: it is passed on and not counted. What ``make`` raises is raised by
    ``take``. ``close`` ends the thread, and so does the end of this object.

    Args:
        make: A generator function. It should look at ``stopping.is_set()`` from time to time, and end then.
    """

    def __init__(self, make: Callable[[threading.Event], Iterator[Any]]) -> None:
        self._shared = _Shared()
        self._thread = threading.Thread(
            target=_work, args=(make, self._shared), name="deepcore reader", daemon=True
        )
        self._thread.start()

    def take(self, poll: Callable[[], object]) -> Any:
        """Return the next item, and ask ``poll`` several times per second while there is none."""
        while True:
            try:
                item = self._shared.made.get(timeout=_PATIENCE)
            except queue.Empty:
                poll()
                continue
            if isinstance(item, _Failure):
                raise item.error
            return item

    def done(self) -> None:
        """Say that the item that was taken first is no longer used."""
        self._shared.permits.release()

    def close(self) -> None:
        """End the thread. If it waits for something else for too long, it ends after that by itself."""
        self._stop()
        self._thread.join(_LAST_SECONDS)

    def _stop(self) -> None:
        self._shared.stopping.set()
        self._shared.permits.release()

    def __enter__(self) -> ReadAhead:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._stop()


def _work(make: Callable[[threading.Event], Iterator[Any]], shared: _Shared) -> None:
    try:
        items = make(shared.stopping)
        while True:
            shared.permits.acquire()
            item = None
            while item is None:
                if shared.stopping.is_set():
                    return
                item = next(items)
                shared.made.put(item)
    except StopIteration:
        return
    except BaseException as error:  # it belongs to the caller
        shared.made.put(_Failure(error))
