"""Interrupts at the k-th instruction of a call."""

import sys
import threading


class Tracer:
    """Raises KeyboardInterrupt at instruction number ``at``, in whatever Python function that is.

    The module ``threading`` is left out: what an interrupt between its instructions leaves is not ours.
    """

    def __init__(self, at):
        self.at, self.count, self.place = at, 0, None

    def __call__(self, frame, event, arg):
        if frame.f_code.co_filename == threading.__file__:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self.trace

    def trace(self, frame, event, arg):
        if event == "opcode":
            if self.count == self.at:
                self.place = f"{frame.f_code.co_filename}:{frame.f_lineno} ({frame.f_code.co_name})"
                raise KeyboardInterrupt
            self.count += 1
        return self.trace


def traced(action, at):
    """Run an action; returns the tracer and whether the action came to its end."""
    tracer, before = Tracer(at), sys.gettrace()
    sys.settrace(tracer)
    try:
        action()
    except KeyboardInterrupt:
        return tracer, False
    finally:
        sys.settrace(before)
    return tracer, True
