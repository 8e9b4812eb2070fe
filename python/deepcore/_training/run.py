"""One call of ``fit``, ``partial_fit`` or ``fit_batches``: where its examples come from, and its loop."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

import numpy as np

from deepcore import _checks, _core
from deepcore._network.examples import Examples, in_parts
from deepcore._network.network import Network
from deepcore._network.units import RECTIFIERS, dead_units
from deepcore._streaming.checks import for_model
from deepcore._streaming.passes import named_class_weights
from deepcore._streaming.stream import Stream
from deepcore._training import batches, checkpoint, identity
from deepcore._training.checkpoint import Position, Unsaved
from deepcore._training.epochs import Ending, Epochs, Hooks, Loop, Settings
from deepcore._training.factors import StepFactors
from deepcore._training.lbfgs import minimize
from deepcore._training.mapped import random_rows
from deepcore._training.ranks import of_group
from deepcore.callbacks import RunStart
from deepcore.exceptions import DeadUnitsWarning, SymmetryWarning
from deepcore.history import History
from deepcore.optimizers import LBFGS, Optimizer, OptimizerState, resolve, spanning_name
from deepcore.typing import ClassWeight

__all__ = ["Run", "Settings", "StreamRun", "of_group", "run_of_batches"]


class Run:
    """The run of one call of ``fit`` or ``partial_fit`` over checked examples.

    Args:
        network: What is trained.
        data: What ``Network.examples`` returned; a memory-mapped X may have another dtype.
        settings: The rest of the call's arguments.
        class_weight: Of the examples that are trained on, as ``Model.fit`` takes it.
        validation_split: Fraction of the examples that is set aside as validation data.
    """

    def __init__(
        self,
        network: Network,
        data: Examples,
        settings: Settings,
        class_weight: ClassWeight = None,
        validation_split: float = 0.0,
    ) -> None:
        self.network, self.who, self.data = network, settings.who, data
        self.epochs = Epochs(network, settings)
        self.factors = StepFactors(
            self.who, network.spec, settings.dropout_schedule, settings.smoothing_schedule
        )
        if isinstance(validation_split, np.ndarray) or validation_split:
            self._split(validation_split)
        self.data = network.weighted(self.who, self.data, class_weight)
        self.ranks, self.steps = settings.ranks, 0
        self.epochs.training = self.data

    def _split(self, part: float) -> None:
        if self.epochs.validation is not None:
            raise ValueError(f"{self.who}: validation_split and validation_data exclude each other, got both")
        if not isinstance(part, (float, np.floating)) or not 0 < part < 1:
            raise ValueError(
                f"{self.who}: validation_split must be a fraction between 0 and 1, got {_checks.shown(part)}"
            )
        m = len(self.data.y)
        if not 0 < round(m * part) < m:
            raise ValueError(
                f"{self.who}: validation_split must leave rows in both parts, got {part}; {m} are too few"
            )
        from deepcore.data.splits import split_indices  # loads all readers of data files

        rows, held_out = split_indices(m, float(part), self.network.spec.seed)
        validation, self.data = self.data.take(held_out), self.data.part(rows)
        for name, data in (("validation", validation), ("training", self.data)):
            if data.weight is not None and not data.weight.any():
                raise ValueError(f"{self.who}: validation_split must leave the {name} part weight, got none")
        if self.epochs.ranks.leads:
            self.epochs.validation = self.network.weighted(self.who, validation)

    def lengths(self, epochs: int, batch_size: int | None) -> tuple[int, int, int]:
        """Check and return the numbers of epochs, of examples per step, and of steps in all."""
        epochs = _checks.count(self.who, "epochs", epochs)
        whole = None if batch_size is None else _checks.count(self.who, "batch_size", batch_size)
        batch, self.steps = self.ranks.lengths(len(self.data.y), whole)
        return epochs, batch, epochs * self.steps

    def train(self, state: OptimizerState | LBFGS, epochs: int, batch: int, shuffle: bool) -> History:
        """Train: all epochs in one native call, unless the examples have to be converted in parts."""
        if self.ranks.leads:
            _warn_if_symmetric(self.who, self.network)
        self._announce(state, epochs, batch, shuffle)
        mapped = in_parts(self.data.X, self.network.spec.dtype)
        if mapped or self.epochs.metrics or isinstance(state, LBFGS):  # the native run copies labels itself
            self.data = self.epochs.training = self.data.kept()
        if isinstance(state, LBFGS):
            if self.ranks.together:
                raise ValueError(
                    f"{self.who}: group must be None with LBFGS(), which has no steps to share; use another "
                    "optimizer"
                )
            if self.factors:
                raise ValueError(
                    f"{self.who}: schedules must be None with LBFGS(), which has no steps to count"
                )
            if checkpoint.find(self.who, self.epochs.listeners):
                raise ValueError(
                    f"{self.who}: callbacks must not hold a Checkpoint with LBFGS(), whose state is in SciPy "
                    "and cannot be saved; use another optimizer"
                )
            return self.epochs.run(self._descent(state), state.max_iter, None, Unsaved())
        position = Position(self.network.epochs_trained, state.steps)
        make = self._in_parts if mapped else self._in_one_call
        if mapped:
            self.ranks.refuse_own_rows("a memory-mapped X of another dtype than the model's")
        self.ranks.agree(lambda: self._call(state, epochs, batch, shuffle))
        file = self._file(state, position, epochs, batch, shuffle)
        sample = _sample(self.network, self.data) if self.who == "fit" and self.ranks.leads else None
        with random_rows(self.who, self.data.X, shuffle and batch < len(self.data.y)):
            history = self.epochs.run(
                make(state, batch, epochs, shuffle, position), epochs, state, file, position
            )
        if sample is not None:
            _warn_if_dead(self.who, self.network, sample)
        return history

    def _announce(self, state: OptimizerState | LBFGS, epochs: int, batch: int, shuffle: bool) -> None:
        told = [listener for listener in self.epochs.listeners if hasattr(listener, "on_run")]
        if told:
            held = self.epochs.validation
            validation = held if isinstance(held, Examples) else None  # rows of a stream are read when needed
            start = RunStart(
                self.network, self.data, validation, state, epochs, batch, shuffle, self.epochs.history,
            )  # fmt: skip
            for listener in told:
                listener.on_run(start)

    def _file(
        self, state: OptimizerState, position: Position, epochs: int, batch: int, shuffle: bool
    ) -> Unsaved:
        examples = identity.cached(self.data)

        def describe(steps: int) -> dict[str, Any]:
            return {
                **examples(),
                "batch_size": batch,
                "shuffle": shuffle,
                **self.epochs.described(state, steps),
                **self.factors.described(steps),
            }

        length = epochs, epochs * self.steps
        spanning = spanning_name(state.optimizer) or self.factors.spanning_name()
        return self.epochs.file(state, position, describe, length, spanning)

    def _call(self, state: OptimizerState, epochs: int, batch: int, shuffle: bool) -> dict[str, Any]:
        """Describe what must be the same on all ranks."""
        steps = state.steps + epochs * self.steps
        return {
            "method": self.who,
            "epochs": epochs,
            **self.ranks.described(self.data, batch),
            "shuffle": shuffle,
            "optimizer": identity.of_optimizer(state.optimizer, steps),
            **self.factors.described(steps),
        }

    def _descent(self, optimizer: LBFGS) -> Loop:
        def loop(hooks: Hooks) -> Ending:
            return minimize(
                self.network, self.data, optimizer, hooks.on_epoch, hooks.on_poll, self.epochs.threads
            )

        return loop

    def _in_one_call(
        self, state: OptimizerState, batch: int, epochs: int, shuffle: bool, position: Position
    ) -> Loop:
        network, data, steps = self.network, self.data, self.steps

        def loop(hooks: Hooks) -> Ending:
            last = position.first_step + epochs * steps
            state.prepare(last - state.steps)
            position.begin(state.steps, batch)

            def counted(epoch: int, loss: float) -> bool:
                hooks.on_end()
                position.epoch = epoch - position.first_epoch  # some epochs may have been skipped
                position.epoch_ended(state.steps)
                network.epochs_trained = epoch + 1  # a copy that a callback makes goes on from here
                return hooks.on_epoch is not None and hooks.on_epoch(epoch, loss)

            try:
                losses, bad = network.train(
                    data, state.native, batch, epochs - position.epoch, shuffle=shuffle,
                    first_epoch=position.first_epoch + position.epoch, threads=self.epochs.threads,
                    on_epoch=None if hooks.on_epoch is None else counted, on_poll=hooks.on_poll,
                    factors=self.factors.native(last), place=position.place, on_pause=hooks.on_pause,
                    skipped=hooks.skipped, **self.ranks.native(len(data.y), batch),
                )  # fmt: skip
                return losses, bad, network.first_bad_layer(data.X) if bad >= 0 else 0
            finally:
                # also after Ctrl-C: the next run must not draw the orders that were used
                begun = -(-(state.steps - position.first_step) // steps)
                network.epochs_trained = position.first_epoch + begun

        return loop

    def _in_parts(
        self, state: OptimizerState, batch: int, epochs: int, shuffle: bool, position: Position
    ) -> Loop:
        network, data = self.network, self.data
        shuffled = shuffle and batch < len(data.y)  # as in the native loop

        def slabs(epoch: int, skipped: int) -> Iterator[batches.Slab]:
            seed, number = network.spec.seed, position.first_epoch + epoch
            rows = _core.permutation(seed, number, len(data.y)) if shuffled else None
            return batches.of_rows(data, rows, batch, network.spec.dtype, skipped)

        def loop(hooks: Hooks) -> Ending:
            factors = self.factors.native(position.first_step + epochs * self.steps)
            return _train_on_slabs(network, state, slabs, epochs, hooks, self.epochs, position, factors)

        return loop


class BatchRun:
    """The run of one call of ``fit_batches``: batches come from elsewhere, and each is one step."""

    def __init__(self, network: Network, given: object, epochs: int, settings: Settings) -> None:
        self.network = network
        self.count = _checks.count("fit_batches", "epochs", epochs)
        self.given = given
        self.batches = batches.reiterable(given, self.count)
        self.epochs = Epochs(network, settings)
        self.epochs.refuse_metrics_of_nothing()

    def _steps(self, optimizer: object) -> int:
        """Return the number of steps of the whole run; 1 if it is not known and no schedule needs it."""
        if isinstance(self.given, Sized):
            return max(1, self.count * len(self.given))
        if spanning := _starting(optimizer):
            raise ValueError(
                f"fit_batches: {spanning} spans the whole run, but the number of batches is not known; give "
                "the schedule steps=, or pass a list of batches"
            )
        return 1

    def train(self, optimizer: object) -> History:
        """Train until the last epoch's batches end."""
        network, steps, ranks = self.network, self._steps(optimizer), self.epochs.ranks
        state = resolve(optimizer, network, steps, "fit_batches")
        if ranks.leads:
            _warn_if_symmetric("fit_batches", network)
        position = Position(network.epochs_trained, state.steps)

        def slabs(_: int, skipped: int) -> Iterable[batches.Slab]:
            return islice(batches.of_batches(network, self.batches()), skipped, None)

        def loop(hooks: Hooks) -> Ending:
            return _train_on_slabs(network, state, slabs, self.count, hooks, self.epochs, position)

        number = {"number of batches": len(self.given) if isinstance(self.given, Sized) else None}

        def describe(steps: int) -> dict[str, Any]:
            return {**number, **self.epochs.described(state, steps)}

        def call() -> dict[str, Any]:
            ranks.refuse_own_rows("the batches of fit_batches")
            optimizer = identity.of_optimizer(state.optimizer, state.steps + steps)
            return {"method": "fit_batches", "epochs": self.count, **number, "optimizer": optimizer}

        ranks.agree(call)
        file = self.epochs.file(
            state, position, describe, (self.count, steps), spanning_name(state.optimizer)
        )
        return self.epochs.run(loop, self.count, state, file, position)


class StreamRun:
    """The run of one call of ``fit`` or ``fit_batches`` over a stream."""

    def __init__(
        self,
        network: Network,
        stream: Stream,
        epochs: int,
        settings: Settings,
        class_weight: ClassWeight = None,
    ) -> None:
        self.network, self.stream, self.who = network, stream, settings.who
        self.count = _checks.count(self.who, "epochs", epochs)
        self.epochs = Epochs(network, settings)
        self.epochs.refuse_metrics_of_nothing()
        self.factors = StepFactors(
            self.who, network.spec, settings.dropout_schedule, settings.smoothing_schedule
        )
        self.layout = stream.layout(self.who, network.spec.inputs, network.spec.dtype)
        self.class_weights = named_class_weights(self.who, stream, network.spec, class_weight)

    def _steps(self, optimizer: object) -> int:
        """Return the number of steps of the whole run; 1 if it is not known and no schedule needs it."""
        if self.stream.steps is not None:
            return self.count * self.stream.steps
        if spanning := _starting(optimizer) or self.factors.spanning_name():
            raise ValueError(
                f"{self.who}: {spanning} spans the whole run, but the number of rows of this stream is not "
                "known; give the schedule steps="
            )
        return 1

    def train(self, optimizer: object) -> History:
        """Train for all epochs, while a thread reads ahead."""
        network, steps, ranks = self.network, self._steps(optimizer), self.epochs.ranks
        state = resolve(optimizer, network, steps, self.who)
        if ranks.leads:
            _warn_if_symmetric(self.who, network)
        position = Position(network.epochs_trained, state.steps)
        examples = cache(
            lambda: {
                "stream": self.stream.described(self.layout),
                "class weights": self.class_weights and repr(self.class_weights),
            }
        )

        def describe(steps: int) -> dict[str, Any]:
            return {
                **examples(),
                **self.epochs.described(state, steps),
                **self.factors.described(steps),
            }

        def call() -> dict[str, Any]:
            ranks.refuse_own_rows("a stream")
            last = state.steps + steps
            return {
                "method": self.who,
                "epochs": self.count,
                **examples(),
                "optimizer": identity.of_optimizer(state.optimizer, last),
                **self.factors.described(last),
            }

        ranks.agree(call)
        spanning = spanning_name(state.optimizer) or self.factors.spanning_name()
        file = self.epochs.file(state, position, describe, (self.count, steps), spanning)
        return self.epochs.run(self._loop(state, position, steps), self.count, state, file, position)

    def _loop(self, state: OptimizerState, position: Position, steps: int) -> Loop:
        network, spec, batch = self.network, self.network.spec, self.layout.batch

        def loop(hooks: Hooks) -> Ending:
            factors = self.factors.native(position.first_step + steps)
            numbers = range(position.first_epoch + position.epoch, position.first_epoch + self.count)
            check = for_model(self.who, spec, self.class_weights)
            with self.stream.reading(
                self.layout, spec.inputs, spec.dtype, check, numbers, position.slab
            ) as reader:

                def slabs(_: int, skipped: int) -> Iterator[batches.Slab]:
                    while (filled := reader.take(hooks.on_poll)) is not None:
                        yield batches.Slab(filled.data, batch, filled.order)
                        reader.done()

                return _train_on_slabs(
                    network, state, slabs, self.count, hooks, self.epochs, position, factors, self.who
                )

        return loop


def _starting(optimizer: object) -> str:
    """Name of a rate whose schedule spans the run and would start in it, or ``""``."""
    if isinstance(optimizer, OptimizerState):
        return spanning_name(optimizer.optimizer) if optimizer.starts_again(1) else ""
    return spanning_name(optimizer) if isinstance(optimizer, Optimizer) else ""


def run_of_batches(network: Network, given: object, epochs: int, settings: Settings) -> BatchRun | StreamRun:
    """Return the run of ``fit_batches`` over what the user gave it."""
    if isinstance(given, Stream):
        return StreamRun(network, given, epochs, settings)
    return BatchRun(network, given, epochs, settings)


def _train_on_slabs(
    network: Network,
    state: OptimizerState,
    slabs: Callable[[int, int], Iterable[batches.Slab]],
    epochs: int,
    hooks: Hooks,
    run: Epochs,
    position: Position,
    factors: Mapping[str, _core.Schedule] | None = None,
    who: str = "fit_batches",
) -> Ending:
    """The loop of the native ``train`` over slabs: losses, the step that was not finite or -1, its layer.

    ``slabs(epoch, skipped)`` are those of an epoch of the run without the first ones.
    """
    losses: list[float] = []
    network.share()
    while position.epoch < epochs:
        # also if Ctrl-C ends the epoch: its order is used up
        network.epochs_trained = position.first_epoch + position.epoch
        for data, batch, order in slabs(position.epoch, position.slab):
            network.epochs_trained = position.first_epoch + position.epoch + 1
            steps = -(-(len(data.y) - position.place.visited) // batch)
            state.prepare(steps)
            position.begin(state.steps, batch)
            share = data.total_weight()
            if share == 0:  # as in the native loop, the steps count and nothing moves
                state.skip(steps)
                position.slab_ended(0.0, 0.0)
                position.begin(state.steps, batch)
                continue
            (*loss,), bad = network.train(
                data, state.native, batch, 1, first_epoch=position.first_epoch + position.epoch,
                threads=run.threads, on_poll=hooks.on_poll, order=order, factors=factors,
                place=position.place, on_pause=hooks.on_pause, **run.ranks.native(len(data.y), batch),
            )  # fmt: skip
            if bad >= 0:
                return losses, bad, network.first_bad_layer(data.X)
            position.slab_ended(loss[0], share)
            position.begin(state.steps, batch)  # an exception while the next slab is made leaves this state
        if position.weight == 0:
            raise ValueError(
                f"{who}: batches must hold an example with weight, got none in epoch {position.epoch}"
            )
        hooks.on_end()
        losses.append(position.loss / position.weight)
        position.epoch_ended(state.steps)
        network.share()
        if hooks.on_epoch is not None and hooks.on_epoch(position.epoch - 1, losses[-1]):
            break
    return losses, -1, 0


# Largest number of examples on which the layers are looked at after a training, and of parameters: more would
# cost time and memory.
_LOOKED_AT = 128
_LARGEST = 100_000


def _sample(network: Network, data: Examples) -> Examples | None:
    """A copy of some examples, as they are before the training; None if layers are not looked at."""
    layers = network.spec.layers
    if network.flat.size > _LARGEST or not any(layer.activation in RECTIFIERS for layer in layers):
        return None
    if any(layer.initializer == "zeros" for layer in layers[:-1]):
        return None  # the model warned when it was made
    step = -(-len(data.y) // _LOOKED_AT)
    some = data.take(slice(None, None, step))
    return replace(some, weight=None).converted(network.spec.dtype).copy()


def _warn_if_dead(who: str, network: Network, sample: Examples) -> None:
    """Warn if all units of a relu layer are dead: then the network gives every example the same output."""
    outputs = network.outputs(sample.X, 1)
    if not np.isfinite(outputs).all() or np.ptp(outputs, axis=0).any():
        return
    spec, trace = network.spec, network.trace(sample, kinds=("A",))
    for number, layer in enumerate(spec.layers, start=1):
        if dead_units(spec, number, trace[f"A{number}"]).size == layer.units:
            warnings.warn(
                f"{who}: every unit of layer {number} is dead ({layer.activation} gives 0 for each of "
                f"{len(sample.y)} examples), so this layer and those before it do not learn; use a smaller "
                "learning rate, other initial weights or leaky_relu",
                DeadUnitsWarning,
                stacklevel=5,
            )
            return


def _warn_if_symmetric(who: str, network: Network) -> None:
    """Warn if all units of a hidden layer are equal on both sides: they get equal gradients for ever."""
    layers, parameters = network.spec.layers, network.parameters
    if any(layer.initializer == "zeros" for layer in layers[:-1]):
        return  # the model warned when it was made
    for number, layer in enumerate(layers[:-1], start=1):
        W, b, W_next = (parameters[name] for name in (f"W{number}", f"b{number}", f"W{number + 1}"))
        # the first two units decide in almost every case, so the whole comparison is rarely made
        if layer.units == 1 or not np.array_equal(W[0], W[1]):
            continue
        if (W[0] == W).all() and (b == b[0]).all() and not np.ptp(W_next, axis=1).any():
            warnings.warn(
                f"{who}: all units of hidden layer {number} are equal and will stay equal; start from random "
                "weights (init='auto')",
                SymmetryWarning,
                stacklevel=5,
            )
