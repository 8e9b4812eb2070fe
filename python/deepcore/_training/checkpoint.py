"""Save a run to the file of a ``deepcore.Checkpoint`` while it trains, and continue it from the file.

A run consists of its network and of parts with ``state()`` and ``set_state(state)``: where it stands, its
history, its optimizer, the callbacks that have both.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np

from deepcore import _checks, _core
from deepcore._network.network import Network
from deepcore._regular import status
from deepcore._training import identity
from deepcore._training.states import decoded, encoded
from deepcore._training.writing import Contents, Savings, Writer
from deepcore.callbacks import Checkpoint, Stopped
from deepcore.files import container, model_file
from deepcore.files.atomic import check_target
from deepcore.typing import Array

__all__ = ["Checkpoints", "Part", "Position", "RunFile", "Unsaved", "find"]

KIND = "checkpoint"
#: Before the names of a network's last numbers, if callbacks put others in their place at the end.
_LAST = "last/"
_NUMBERS = ("first_epoch", "first_step", "epoch", "slab", "loss", "weight")


class Part(Protocol):
    """Something that changes during a run, and that can be saved."""

    def state(self) -> dict[str, Any]: ...
    def set_state(self, state: Any) -> None: ...


class Position:
    """Where a run stands. The loops start from it, and keep it up to date.

    Attributes:
        first_epoch: Number of epochs of the network before the run, by which the shuffles are numbered.
        first_step: Number of steps of the optimizer before the run.
        epoch: Whole epochs of the run so far.
        slab: Whole slabs of this epoch so far, if the run trains on slabs.
        loss: Sum over these slabs of their losses times their weights.
        weight: Sum of their weights.
        place: Where the native run stands within the epoch, or within the slab.
    """

    def __init__(self, first_epoch: int, first_step: int) -> None:
        self.first_epoch, self.first_step = first_epoch, first_step
        self.epoch = self.slab = 0
        self.loss = self.weight = 0.0
        self.place = _core.Place()
        self._step, self._batch = first_step, 1

    def begin(self, steps: int, batch: int) -> None:
        """Note that the native run starts at the place, after ``steps`` steps, with batches of this size."""
        self._batch = batch
        self._step = steps - -(-self.place.visited // batch)

    def agrees(self, steps: int) -> bool:
        """Return whether the place belongs to this number of steps."""
        return steps == self._step - (-self.place.visited // self._batch)

    def slab_ended(self, loss: float, weight: float) -> None:
        """Count a slab with its mean loss and its weight."""
        self.slab += 1
        self.loss += loss * weight
        self.weight += weight

    def epoch_ended(self, steps: int) -> None:
        """Count an epoch, which ended after ``steps`` steps of the optimizer."""
        self.epoch += 1
        self._step = steps
        self.slab, self.loss, self.weight = 0, 0.0, 0.0

    def state(self) -> dict[str, Any]:
        place = self.place
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        return numbers | {"place": [place.visited, *place.loss, *place.weight]}

    def set_state(self, state: Any) -> None:
        for name in _NUMBERS:
            setattr(self, name, state[name])
        self.place.visited = int(state["place"][0])
        self.place.loss, self.place.weight = state["place"][1:3], state["place"][3:5]


def find(who: str, callbacks: Iterable[object]) -> Checkpoint | None:
    """Return the checkpoint among the callbacks, or None.

    Raises:
        ValueError: if there are several.
    """
    found = [callback for callback in callbacks if isinstance(callback, Checkpoint)]
    if len(found) > 1:
        raise ValueError(f"{who}: callbacks must hold at most one Checkpoint, got {len(found)}")
    return found[0] if found else None


class Checkpoints:
    """The checkpoints of several trainings of one call, such as the folds of a cross-validation.

    The first training has the file that was given. The others have its name with their number, counted from
    1, before the suffix: ``run.safetensors``, ``run.2.safetensors``, ...

    Attributes:
        stopping: ``stop`` was called.
        listening: A training looks at ``stopping`` after every epoch.
    """

    def __init__(self, first: Checkpoint) -> None:
        self._all = [first]
        self.stopping = self.listening = False

    def several(self, count: int) -> list[Checkpoint]:
        """Return the checkpoints of trainings that run at the same time; the first one stops all of them."""
        found = [self.of(number) for number in range(count)]
        found[0].others = found[1:]
        return found

    def of(self, number: int) -> Checkpoint:
        """Return the checkpoint of a training, whose number counts from 0."""
        first = self._all[0]
        path = Path(first.path)
        for new in range(len(self._all) + 1, number + 2):
            name = path.with_name(f"{path.stem}.{new}{path.suffix}")
            self._all.append(Checkpoint(name, first.every_epochs, first.every_seconds))
        return self._all[number]

    @property
    def path(self) -> str:
        """The file of the first training."""
        return self._all[0].path

    @property
    def in_use(self) -> bool:
        """Whether ``stop`` will be heard."""
        return self.listening or any(checkpoint.in_use for checkpoint in self._all)

    @property
    def resumed(self) -> bool:
        """Whether a training went on from its file."""
        return any(checkpoint.resumed for checkpoint in self._all)

    def sum_up(self) -> None:
        """Let the first checkpoint tell about a call that had all of them."""
        first = self._all[0]
        first.resumed = self.resumed
        first.finished = all(checkpoint.finished for checkpoint in self._all)

    def stop(self) -> None:
        """Ask the trainings to save their states and to end; see ``Checkpoint.stop``."""
        self.stopping = True
        for checkpoint in self._all:
            checkpoint.stop()


class Unsaved:
    """Do nothing, for a run that is not saved; ``RunFile`` saves one with the same methods.

    Attributes:
        stopped: A callback or a divergence ended the run.
        between: The run is between two epochs: some parts have counted the last one, and some have not.
    """

    def __init__(self) -> None:
        self.stopped = self.between = False

    @property
    def stopping(self) -> bool:
        """Whether the run was asked to save its state and to end."""
        return False

    def open(self) -> bool:
        """Go on from the file if there is one, and return whether its run is finished."""
        self.read()
        return self.go_on()

    def read(self) -> None:
        """Read the file if there is one, and refuse it if it belongs to another run; nothing changes."""

    def go_on(self) -> bool:
        """Put the state that was read back, and return whether its run is finished."""
        return False

    def started(self) -> None:
        """Put the states of the callbacks back, now that they have been started."""

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Surround the loop, which an exception or a callback may end."""
        try:
            yield
        except Stopped:
            self.stopped = True

    def interrupted(self) -> None:
        """Save the state before the unfinished batch, after an exception has ended the loop."""

    def epoch_ended(self, last: bool = False) -> bool:
        """Save after an epoch if it is time or if it is the last one; return True if the run must end now."""
        return False

    def due(self) -> bool:
        """Return whether to save within an epoch; asked several times per second."""
        return False

    def pause(self) -> None:
        """Save between two batches, and raise ``Stopped`` if the run must end now."""

    def loop_ended(self, diverged: bool) -> None:
        """Keep the state in which the epochs ended, before callbacks put another model in its place."""

    def close(self, ended: bool) -> None:
        """Write the last state; if the run came to its end, write its result."""


class RunFile(Unsaved):
    """The file of one run.

    Args:
        who: Name of the method that the user called, the head of messages.
        checkpoint: Path and times.
        network: What is trained.
        extras: Of its model.
        position: Where the run stands.
        parts: What else changes, by name; ``"optimizer"`` is the one that steps the network.
        callbacks: All of the run; those that can be saved take part.
        describe: Returns everything that must be the same when the run goes on. Its argument is a number of
            steps: rates that are functions of the step are compared as far as there.
        length: Numbers of epochs and of steps of the whole run.
        spanning: The name of a schedule that spans the run, or ``""``.
        savings: The time that saving takes, if the call has several files.
    """

    def __init__(
        self,
        who: str,
        checkpoint: Checkpoint,
        network: Network,
        extras: Mapping[str, Any],
        position: Position,
        parts: Mapping[str, Part],
        callbacks: Iterable[object],
        describe: Callable[[int], dict[str, Any]],
        length: tuple[int, int],
        spanning: str = "",
        savings: Savings | None = None,
    ) -> None:
        super().__init__()
        self.who, self.checkpoint, self.network, self.extras = who, checkpoint, network, extras
        self.position, self.parts = position, {"position": position, **parts}
        self.callbacks: list[Any] = [callback for callback in callbacks if _takes_part(callback)]
        self.epochs, self.steps = length
        self.spanning = spanning
        self._describe = describe
        self._run: dict[str, Any] = {}  # what is written in every file of the run
        self._states: list[Any] = []  # of the callbacks, until they were started
        self._found: Contents | None = None  # in the file, until it is put back
        self._ending: Contents = {}, {}
        self._savings = savings or Savings()
        self._writer = Writer(who, checkpoint.path, self._savings)
        self._saved_at = time.perf_counter()
        self._saved_step = 0  # number of steps of the optimizer when it was saved last, or when the run began
        self._saved_history: Any = None  # in the last file, if its run is finished
        self._whole = True  # the file has the result if the run in it is finished

    @property
    def stopping(self) -> bool:
        return self.checkpoint.stopping

    # Going on

    def read(self) -> None:
        """``Unsaved.read``.

        Raises:
            OSError: if the file cannot be read, or its folder does not exist.
            ValueError: if it is not the file of this run; nothing has been changed then.
        """
        checkpoint = self.checkpoint
        checkpoint.resumed = checkpoint.finished = checkpoint.stopping = False
        self._run = {
            "epochs": self.epochs,
            "start": {name: identity.digest(*arrays) for name, arrays in self._numbers().items()},
            "first": [self.position.first_epoch, self.position.first_step],
        }
        self._saved_step = self._step()
        self._settle()
        model_file.describe(self.network, self.extras)  # refuses extras that cannot be written
        if status(checkpoint.path) is None:
            check_target(checkpoint.path)
            folder = Path(os.path.realpath(checkpoint.path)).parent
            if not folder.is_dir():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
            return
        self._found = self._read()
        with self._errors_named():
            self._compare(self._found[0]["run"])

    def go_on(self) -> bool:
        if self._found is None:
            return False
        (description, tensors), self._found = self._found, None
        with self._errors_named():
            self._restore(description, tensors)
        run, checkpoint = description["run"], self.checkpoint
        checkpoint.resumed = True
        checkpoint.finished = run["stopped"] or (run["finished"] and self.epochs <= run["epochs"])
        self._whole = run["finished"]  # a kill came before the result was written
        self._saved_step = self._step()
        return bool(checkpoint.finished)

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{self.who}: {self.checkpoint.path} must be a checkpoint of this version of deepcore, but "
                f"its state cannot be put back ({type(error).__name__}: {error}); remove it to start afresh"
            ) from error

    def started(self) -> None:
        self.checkpoint.in_use = True
        for callback, state in zip(self.callbacks, self._states, strict=False):
            callback.set_state(state)
        self._states = []
        self._capture()  # a state that cannot be saved is refused now, and not after hours

    def _read(self) -> Contents:
        path = self.checkpoint.path
        description, tensors = container.read(path)
        if (kind := description.get("kind", "model")) != KIND:
            raise ValueError(
                f"{self.who}: {path} must be a checkpoint, got a file of the kind {_checks.shown(kind)}; "
                "give Checkpoint another path"
            )
        return description, tensors

    def _restore(self, description: Mapping[str, Any], tensors: Mapping[str, Array]) -> None:
        run = description["run"]
        parts, states = (decoded(run[name], tensors) for name in ("parts", "callbacks"))
        numbers = self.network.snapshot()
        for name, view in self.network.named(numbers).items():
            view[...] = tensors.get(_LAST + name, tensors[name])
        for name, part in self.parts.items():
            part.set_state(parts[name])
        self.network.restore(numbers)
        self.network.epochs_trained = description["epochs_trained"]
        self._states = states
        self.stopped = run["stopped"]
        self._run |= {name: run[name] for name in ("start", "first")}
        self._settle()

    def _settle(self) -> None:
        """Describe the run as far as its last step."""
        steps = self.position.first_step + self.steps
        self._run |= {"steps": steps, "settings": self._settings(steps)}

    # Comparing

    def _settings(self, steps: int) -> dict[str, Any]:
        """Everything that must be the same, as JSON data."""
        settings = {
            "method": self.who,
            **identity.of_network(self.network),
            **self._describe(steps),
            "callbacks with a state": [identity.of_callback(callback) for callback in self.callbacks],
        }
        return encoded(settings, {}, "settings")  # type: ignore[no-any-return]

    def _numbers(self) -> dict[str, list[Array]]:
        """What the run starts from."""
        optimizer = self.parts["optimizer"].state()
        slots = [np.ravel(slot) for slot in optimizer["slots"].values()]
        return {
            "network": [self.network.flat, self.network.running.flat],
            "optimizer": [np.array(optimizer["steps"]), *slots],
        }

    def _compare(self, run: Mapping[str, Any]) -> None:
        settings = self._settings(run["steps"])
        if run["start"] is None:  # a training that began in C++, which writes less
            settings = identity.limited(settings, run["settings"])
        found = identity.difference(run["settings"], settings)
        if found is not None:
            name, old, new = found
            if name.endswith(".content"):
                self._refuse(f"the values of {name.removesuffix('.content')} are not those of the file")
            self._refuse(f"{name} is {_checks.shown(old)} in the file and {_checks.shown(new)} in this call")
        self._compare_start(run)
        self._compare_length(run)

    def _compare_start(self, run: Mapping[str, Any]) -> None:
        """Refuse other first numbers, unless there was training since: then they were those of this run."""
        if run["start"] is None:
            return
        (first_epoch, first_step), start = run["first"], self._run["start"]
        since = {
            "network": 0 < self.position.first_epoch - first_epoch <= run["epochs"],
            "optimizer": self.position.first_step - first_step > 0,
        }
        for name, trained in since.items():
            if start[name] != run["start"][name] and not trained:
                self._refuse(f"the {name} does not start from the same numbers")

    def _compare_length(self, run: Mapping[str, Any]) -> None:
        old, new = run["epochs"], self.epochs
        if old == new:
            return
        if self.spanning:
            self._refuse(
                f"epochs is {old} in the file and {new} in this call, and {self.spanning} spans all of them"
            )
        position = run["parts"]["position"]
        done = position["epoch"] + (position["slab"] > 0 or position["place"][0] > 0)
        if new < done:
            self._refuse(f"epochs is {new} in this call, and the file has begun {done}")

    def _refuse(self, what: str) -> NoReturn:
        raise ValueError(
            f"{self.who}: {self.checkpoint.path} is the checkpoint of another training: {what}; repeat the "
            "call that wrote it, give Checkpoint another path, or remove the file to start afresh"
        )

    # Saving

    @contextmanager
    def saving(self) -> Iterator[None]:
        try:
            yield
        except Stopped:
            self.stopped = not self.checkpoint.stopping
        except GeneratorExit:  # an interrupt has kept it from its end: too late to save
            raise
        except BaseException:
            self.interrupted()
            raise

    def interrupted(self) -> None:
        steps = self._step()
        if not self.between and steps != self._saved_step and self.position.agrees(steps):
            self._save()

    def epoch_ended(self, last: bool = False) -> bool:
        every, done = self.checkpoint.every_epochs, self.position.epoch
        regular = every is not None and done % every == 0 and not self._savings.too_large()
        if self.checkpoint.stopping or last or regular or self._late():
            self._save(last)
        return self.checkpoint.stopping

    def due(self) -> bool:
        self._writer.go_on()
        return self.checkpoint.stopping or self._late()

    def pause(self) -> None:
        self._save()
        if self.checkpoint.stopping:
            raise Stopped

    def loop_ended(self, diverged: bool) -> None:
        self.stopped = self.stopped or diverged
        self._ending = self._capture()

    def close(self, ended: bool) -> None:
        self.checkpoint.in_use = False
        try:
            if ended or (self.checkpoint.finished and not self._whole and self._ending[0]):
                self.checkpoint.finished = self.stopped or self.position.epoch >= self.epochs
                description, tensors = self._result()
                if not (self._has_result(description, tensors) and self._writer.wait()):
                    self._writer.put(description, tensors)
        finally:
            self._writer.flush()

    def _result(self) -> Contents:
        """The state in which the epochs ended, with the model and the history as they are now."""
        (description, tensors), (now, numbers) = self._ending, self._capture()
        description["run"]["parts"]["history"] = now["run"]["parts"]["history"]
        description["run"] |= {"finished": self.checkpoint.finished, "stopped": self.stopped}
        tensors |= {name: array for name, array in numbers.items() if name.startswith("run/history")}
        for name in model_file.tensors(self.network):
            if not np.array_equal(tensors[name], numbers[name], equal_nan=True):
                tensors[_LAST + name], tensors[name] = tensors[name], numbers[name]
        return description, tensors

    def _has_result(self, description: Mapping[str, Any], tensors: Mapping[str, Array]) -> bool:
        """Return whether the last save was already that of a finished run with this result."""
        same = self._saved_history == description["run"]["parts"]["history"]  # also its divergence
        return same and not any(name.startswith(_LAST) for name in tensors)

    def _late(self) -> bool:
        every = self.checkpoint.every_seconds
        return every is not None and time.perf_counter() - self._saved_at >= every

    def _step(self) -> int:
        optimizer: Any = self.parts["optimizer"]
        return int(optimizer.steps)

    def _save(self, last: bool = False) -> None:
        start = time.perf_counter()
        description, tensors = self._capture()
        finished = last and not self.callbacks  # these may put another network in its place
        description["run"]["finished"] = finished
        self._saved_history = description["run"]["parts"]["history"] if finished else None
        self._writer.put(description, tensors)
        self._saved_at, self._saved_step = time.perf_counter(), self._step()
        self._savings.seconds += self._saved_at - start

    def _capture(self) -> Contents:
        """Copy everything, which takes as long as copying the parameters and the slots."""
        tensors = {name: view.copy("K") for name, view in model_file.tensors(self.network).items()}
        run = {
            **self._run,
            "finished": False,
            "stopped": self.stopped,
            "parts": {name: encoded(p.state(), tensors, f"run/{name}") for name, p in self.parts.items()},
            "callbacks": [
                encoded(callback.state(), tensors, f"run/callback{number}")
                for number, callback in enumerate(self.callbacks)
            ],
        }
        return {"kind": KIND, **model_file.describe(self.network, self.extras), "run": run}, tensors


def _takes_part(callback: object) -> bool:
    return callable(getattr(callback, "state", None)) and callable(getattr(callback, "set_state", None))
