"""Signals that wait: what a handler raises must not reach a process that others wait for."""

from __future__ import annotations

import signal
import threading
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any

__all__ = ["Signals"]


class Signals:
    """Within a ``with`` block: handlers of signals, such as that of Ctrl-C, are called when it is time.

    Attributes:
        waiting: While it is True, a signal waits for ``let_in``; otherwise its handler is called at once.
    """

    def __init__(self) -> None:
        self.waiting = False
        self._pending: list[tuple[int, FrameType | None]] = []
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # Python calls handlers in the main thread only
        for number in signal.valid_signals():
            handler = signal.getsignal(number)
            if callable(handler):
                self._handlers[number] = handler
                signal.signal(number, self._arrived)

    def __exit__(self, *exception: object) -> None:
        self.waiting = False
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._arrived:  # otherwise somebody has chosen another one
                signal.signal(number, handler)
        self.let_in()

    def held(self) -> AbstractContextManager[object]:
        """Return a context in which signals wait; at the end of the outermost one they are let in."""
        return _Held(self)

    def let_in(self) -> None:
        """Call the handlers of the signals that wait; what they raise is raised here."""
        while self._pending:
            number, frame = self._pending.pop(0)
            self._handlers[number](number, frame)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        if self.waiting:
            self._pending.append((number, frame))
        else:
            self._handlers[number](number, frame)


class _Held:
    def __init__(self, signals: Signals) -> None:
        self.signals, self.before = signals, signals.waiting

    def __enter__(self) -> None:
        self.signals.waiting = True

    def __exit__(self, *exception: object) -> None:
        self.signals.waiting = self.before
        if not self.before:
            self.signals.let_in()
