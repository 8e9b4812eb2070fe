"""The process of a contestant: it answers messages, and sleeps on its pipe between them."""

from __future__ import annotations

import gc
import importlib
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from deepcore import _core
from deepcore.bench.contestants import mean_loss
from deepcore.bench.workloads import Problem, Task, Training, make_problem
from deepcore.typing import Array

# Thread pools spin before they sleep. A process is asleep if it used less than this part of a core in one
# look.
_QUIET, _LOOK_SECONDS, _LOOKS = 0.05, 0.02, 50


class Failure(Exception):
    """The reason why a contestant is left out."""


def serve(connection: Connection, contestant: str, threads: int) -> None:
    """Answer messages ``(method of Worker, arguments...)`` until the pipe closes."""
    worker: Worker | None = None
    while True:
        try:
            method, *arguments = connection.recv()
        except EOFError:
            return
        try:
            worker = worker or Worker(contestant, threads)
            reply = getattr(worker, method)(*arguments)
            worker.settle()
        except Exception as error:  # a library may raise anything; the race continues without it
            reply = Failure(str(error) or type(error).__name__)
        connection.send(reply)


class Worker:
    """One contestant, which does one task after another."""

    def __init__(self, contestant: str, threads: int) -> None:
        module, self.head = contestant.split(":")
        self.module, self.threads = importlib.import_module(module), threads
        self.settle()

    def load(self, task: Task, dtype: str) -> None:
        """Prepare the contestant for a task."""
        kind = "Trainer" if isinstance(task, Training) else "Predictor"
        make = getattr(self.module, self.head + kind, None)
        if make is None:
            raise NotImplementedError("it does not train" if kind == "Trainer" else "it does not predict")
        self.task = task
        self.problem: Problem | None = make_problem(task, dtype)
        self.contestant: Any = make(task, self.problem, self.threads)

    def drop(self) -> None:
        """Free the memory of the task."""
        self.problem = self.contestant = None
        gc.collect()

    def answer(self) -> tuple[float | Array, float | None]:
        """Return the loss after the epochs of the check, or the outputs; and the first loss."""
        if not isinstance(self.task, Training):
            return np.asarray(self.contestant.answer()), None
        assert self.problem is not None
        self.contestant.reset()
        self.contestant.run(self.task.check_epochs)
        loss = mean_loss(self.task, self.problem, self.contestant.answer())
        return loss, getattr(self.contestant, "first_loss", None)

    def warm(self, seconds: float) -> None:
        """Run longer and longer, until the time of an epoch or call is known well enough to plan with."""
        self.contestant.reset()
        self.contestant.run(1)
        count, elapsed = 1, 0.0
        while elapsed < seconds / 4:
            elapsed = self._time(count)
            count *= 4

    def measure(self, seconds: float, least: int) -> tuple[float, float]:
        """Return the seconds per unit of at least ``least`` units, and the load while others were timed."""
        wall, cpu = time.perf_counter() - self.asleep_since[0], time.process_time() - self.asleep_since[1]
        load = cpu / wall if wall > _LOOK_SECONDS else 0.0  # in less time no other contestant has run
        self.contestant.reset()
        gc.collect()
        gc.disable()
        try:
            self._time(max(least, round(seconds / self.estimate)))
        finally:
            gc.enable()
        if isinstance(self.task, Training):
            for parameter in self.contestant.answer():
                if not np.isfinite(parameter).all():
                    raise ArithmeticError("training diverged, so its epochs cannot be compared")
        return self.estimate, load

    def _time(self, count: int) -> float:
        start = time.perf_counter()
        done = self.contestant.run(count)
        elapsed = time.perf_counter() - start
        self.estimate = elapsed / done
        return elapsed

    def peak(self, seconds: float) -> float:
        """Return the limit of this CPU variant: multiply-adds in registers, in flops per second, float32."""
        return 1e9 * _core.peak_gflops(self.threads, seconds)

    def settle(self) -> None:
        """Wait, at most a second, until all threads of this process sleep and do not disturb the next one."""
        for _ in range(_LOOKS):
            cpu = time.process_time()
            time.sleep(_LOOK_SECONDS)
            if time.process_time() - cpu < _QUIET * _LOOK_SECONDS:
                break
        self.asleep_since = time.perf_counter(), time.process_time()
