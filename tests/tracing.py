"""Interrupts at the k-th instruction of a call."""

import sys


class Tracer:
    """Raises KeyboardInterrupt at instruction number ``at``, in whatever Python function that is."""

    def __init__(self, at):
        self.at, self.count, self.place = at, 0, None

    def __call__(self, frame, event, arg):
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
