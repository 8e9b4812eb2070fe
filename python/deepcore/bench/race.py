"""The race: contestants in separate processes take turns at one task after another."""

from __future__ import annotations

import multiprocessing
import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from deepcore.bench.contestants import NumpyTrainer, layers, mean_loss
from deepcore.bench.worker import Failure, serve
from deepcore.bench.workloads import Task, Training, make_problem
from deepcore.typing import Array

# From names to the module and the prefix of the class names.
CONTESTANTS = {
    "deepcore": "deepcore.bench.contestants:Deepcore",
    "numpy": "deepcore.bench.contestants:Numpy",
}

# One of these variables tells the library of a contestant how many threads to start; NPROC is for XLA.
_THREAD_VARIABLES = (
    "DEEPCORE_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NPROC",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)

# Each number of threads of a contestant is timed so often before the faster one is chosen.
_TRIALS = 2

# Largest allowed difference of a loss from that of NumPy in float64, relative to the decrease of the loss.
# Adam divides a gradient by its own size, so the rounding error of a tiny gradient becomes a step of full
# length: after some hundred steps of float32 the difference reaches 2e-4. A missing step, or other batches,
# make more than 1e-2.
_LOSS_TOLERANCE = {"float32": 1e-3, "float64": 1e-7}
_OUTPUT_TOLERANCE = {"float32": 1e-4, "float64": 1e-10}  # absolute: outputs are probabilities


class Race:
    """Let contestants take turns.

    Args:
        contestants: From names to ``"module:Prefix"`` of their classes; the module must be importable.
        threads: Number of threads of all contestants. Contestants other than deepcore are also tried with one
            thread, and use the faster number for the task. deepcore decides itself how many it uses.
        dtype: ``"float32"`` or ``"float64"``.
        rounds: Number of rounds; in each, every contestant is timed once.
        seconds: Approximate length of a measurement.
        least: Smallest number of epochs, which share the fixed cost of a call of ``fit``.

    Example:
        >>> from deepcore.bench import PREDICTIONS
        >>> with Race(threads=1, rounds=1, seconds=0.001, least=1) as race:
        ...     result = race.run(PREDICTIONS["30-64-32-1@1"])
        >>> sorted(result["contestants"])
        ['deepcore', 'numpy']
    """

    def __init__(
        self,
        contestants: Mapping[str, str] = CONTESTANTS,
        threads: int = 2,
        dtype: str = "float32",
        rounds: int = 7,
        seconds: float = 0.3,
        least: int = 3,
    ) -> None:
        self.dtype, self.rounds, self.seconds, self.least = dtype, rounds, seconds, least
        self._processes = [
            _Process(name, where, count)
            for name, where in contestants.items()
            for count in ([threads] if name.startswith("deepcore") else sorted({1, threads}))
        ]

    def __enter__(self) -> Race:
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self._processes:
            process.close()

    def run(self, task: Task) -> dict[str, Any]:
        """Compare the answers, and then the times.

        Returns:
            JSON data: ``task``, ``kind``, ``flops``; ``peak`` in flops per second, the median of the rounds,
                None
            without deepcore; ``contestants``: name to ``seconds`` (of an epoch or call, one number per
            round), their ``median`` and ``mad``, ``threads``, ``answer`` (the loss, or the error of the
            outputs) and ``idle_load`` (the largest part of a core that it used while others were timed);
            ``left_out``: name to reason.
        """
        judge = _Judge(task, self.dtype)
        least = self.least if isinstance(task, Training) else 1
        left_out: dict[str, str] = {}

        def ask(able: Sequence[_Process], question: Callable[[_Process], Any]) -> dict[_Process, Any]:
            replies = {}
            for process in able:
                try:
                    replies[process] = question(process)
                except Failure as failure:
                    left_out[process.name] = str(failure)
            return replies

        def measure(process: _Process) -> tuple[float, float]:
            turn: tuple[float, float] = process.ask("measure", self.seconds, least)
            return turn

        able = list(ask(self._processes, lambda process: process.ask("load", task, self.dtype)))
        answers = ask(able, lambda process: judge(*process.ask("answer")))
        able = list(ask(list(answers), lambda process: process.ask("warm", self.seconds)))
        trials = [ask(able, measure) for _ in range(_TRIALS)]
        able = _faster_settings(
            {
                process: min(trial[process][0] for trial in trials)
                for process in able
                if all(process in trial for trial in trials)
            }
        )
        peaks: list[float] = []
        turns: dict[_Process, list[tuple[float, float]]] = {process: [] for process in able}
        for number in range(self.rounds):
            asked = [process for process in able if process.name == "deepcore"]
            peaks += ask(asked, lambda process: process.ask("peak", self.seconds / 4)).values()
            first = number % max(len(able), 1)  # so that no contestant always follows the same one
            for process, turn in ask(able[first:] + able[:first], measure).items():
                turns[process].append(turn)
            able = [process for process in able if len(turns[process]) == number + 1]
        ask(self._processes, lambda process: process.ask("drop"))
        names = {process.name for process in able}
        lanes = (
            1 if self.dtype == "float32" else 2
        )  # the peak is measured in float32; registers hold half as many doubles
        return {
            "task": task.name,
            "kind": "training" if isinstance(task, Training) else "prediction",
            "flops": task.flops,
            "peak": statistics.median(peaks) / lanes if peaks else None,
            "contestants": {
                process.name: {
                    **summary([seconds for seconds, _ in turns[process]]),
                    "threads": process.threads,
                    "answer": answers[process],
                    "idle_load": max(load for _, load in turns[process]),
                }
                for process in able
            },
            "left_out": {name: reason for name, reason in left_out.items() if name not in names},
        }


class _Process:
    """A worker process, and this end of its pipe."""

    def __init__(self, name: str, contestant: str, threads: int) -> None:
        self.name, self.threads = name, threads
        context = multiprocessing.get_context(
            "spawn"
        )  # a forked process would inherit thread pools that do not run
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, contestant, threads), daemon=True)
        with _environment(threads):
            self._process.start()
        theirs.close()

    def ask(self, method: str, *arguments: Any) -> Any:
        try:
            self._connection.send((method, *arguments))
            reply = self._connection.recv()
        except (EOFError, OSError) as error:
            raise Failure(f"its process ended ({type(error).__name__})") from error
        if isinstance(reply, Failure):
            raise reply
        return reply

    def close(self) -> None:
        self._connection.close()
        self._process.join()


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _faster_settings(trials: Mapping[_Process, float]) -> list[_Process]:
    best: dict[str, _Process] = {}
    for process, seconds in trials.items():
        if process.name not in best or seconds < trials[best[process.name]]:
            best[process.name] = process
    return list(best.values())


class _Judge:
    """Check an answer against NumPy in float64: return the loss or error to report, or raise Failure."""

    def __init__(self, task: Task, dtype: str) -> None:
        problem = make_problem(task, dtype).to_double()
        self.training, self.dtype = isinstance(task, Training), dtype
        if isinstance(task, Training):
            trainer = NumpyTrainer(task, problem, 1)
            trainer.run(task.check_epochs)
            self.loss = mean_loss(task, problem, trainer.answer())
            learned = abs(mean_loss(task, problem, problem.parameters) - self.loss)
            self.tolerance = _LOSS_TOLERANCE[dtype] * learned
        else:
            self.outputs: Array = layers(task.activation, problem.parameters, problem.X)[-1]

    def __call__(self, answer: Any, first_loss: float | None) -> float:
        if not self.training:
            if answer.shape != self.outputs.shape:
                raise Failure(f"its outputs have shape {answer.shape} instead of {self.outputs.shape}")
            error = float(np.abs(answer - self.outputs).max())
            if not error <= _OUTPUT_TOLERANCE[self.dtype]:
                raise Failure(f"its outputs differ from NumPy's by {error:.2g}")
            return error
        if first_loss is None and not abs(answer - self.loss) <= self.tolerance:
            raise Failure(f"its loss is {answer:.8g} where NumPy has {self.loss:.8g}")
        if first_loss is not None and not answer < first_loss:
            raise Failure(f"it does not learn: its loss is {answer:.8g} after {first_loss:.8g}")
        return float(answer)


def format_seconds(seconds: float) -> str:
    """Format a time with three digits and a unit.

    Example:
        >>> format_seconds(0.01234)
        '12.3 ms'
    """
    scale, unit = next(
        ((scale, unit) for scale, unit in ((1.0, "s"), (1e-3, "ms")) if seconds >= scale), (1e-6, "us")
    )
    return f"{seconds / scale:#.3g}".rstrip(".") + f" {unit}"


def summary(seconds: list[float]) -> dict[str, Any]:
    """Return the times, their median, and the median of the distances from it (MAD)."""
    median = statistics.median(seconds)
    mad = statistics.median([abs(s - median) for s in seconds])
    return {"median": median, "mad": mad, "seconds": seconds}
