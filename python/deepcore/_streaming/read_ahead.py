"""A thread makes the next item of an iterator while its caller works on the one before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

__all__ = ["ReadAhead", "Stopping"]

# How often a caller that waits is asked whether it wants to go on waiting, in seconds.
_PATIENCE = 0.1
# How long ``close`` waits for a thread whose source does not answer.
_LAST_SECONDS = 5.0
#: Returns whether nobody needs more items.
Stopping = Callable[[], bool]


class _Failure(NamedTuple):
    error: BaseException


class _Shared:
    """What the thread and its caller share. The thread knows nothing else, so that it can be left behind.

    Simple queues are used in place of locks, because an interrupt between two instructions of the caller
    leaves them whole.
    """

    def __init__(self) -> None:
        self.stopping = False
        self.permits: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.made: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(2):  # one item is used while the next one is made
            self.permits.put(None)

    def stop(self) -> None:
        self.stopping = True
        self.permits.put(None)


class ReadAhead:
    """Take items from ``make(stopping)``, which runs in a thread; at most two of them exist at a time.

    None among the items costs nothing: it is passed on and not counted. What ``make`` raises is raised by
    ``take``. ``close`` ends the thread, and so does the end of this object.

    Args:
        make: A generator function. It should call ``stopping()`` from time to time, and end if it is True.
    """

    def __init__(self, make: Callable[[Stopping], Iterator[Any]]) -> None:
        self._shared = _Shared()
        self._thread = threading.Thread(
            target=_work, args=(make, self._shared), name="deepcore reader", daemon=True
        )
        self._thread.start()

    def take(self, poll: Callable[[], object]) -> Any:
        """Return the next item, and call ``poll`` several times per second while there is none."""
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
        self._shared.permits.put(None)

    def close(self) -> None:
        """End the thread. If its source does not answer for too long, it ends when that does."""
        self._shared.stop()
        self._thread.join(_LAST_SECONDS)

    def __enter__(self) -> ReadAhead:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        if (shared := getattr(self, "_shared", None)) is not None:  # an interrupt may have come before
            shared.stop()


def _work(make: Callable[[Stopping], Iterator[Any]], shared: _Shared) -> None:
    try:
        items = make(lambda: shared.stopping)
        while True:
            shared.permits.get()
            item = None
            while item is None:
                if shared.stopping:
                    return
                item = next(items)
                shared.made.put(item)
    except StopIteration:
        return
    except BaseException as error:  # it belongs to the caller
        shared.made.put(_Failure(error))
