"""A ``Network`` is a Spec, the compiled network and its numbers; only this module calls compiled networks.

It knows nothing of ``fit``, files or estimators; everything that trains, saves or predicts takes a Network.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from types import FrameType
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from deepcore import _checks, _core, catalog
from deepcore._course_weights import course_weights
from deepcore._network.embeddings import start_embedding, start_members
from deepcore._network.examples import (
    Examples,
    features,
    in_parts,
    sample_weights,
    slices,
    targets,
    weights,
)
from deepcore._network.parameters import BlockViews, Pieces, pieces
from deepcore._network.spec import Spec
from deepcore.typing import Array, ClassWeight, Predictor

__all__ = ["HasNetwork", "Network", "Snapshot", "TrainingStep", "network_of", "training_step"]

#: Seed and number of a step; or these and the factors on dropout and label smoothing; or these and the place
#: of the first example in its batch.
TrainingStep: TypeAlias = tuple[int, int] | tuple[int, int, float, float] | tuple[int, int, float, float, int]


class _Numbers(NamedTuple):
    parameters: Array
    running: Array


class Snapshot(_Numbers):
    """Copies of all numbers that training changes in a network.

    Attributes:
        layout: Where each parameter and each running statistic lies; None: not known.
    """

    layout: tuple[Pieces, Pieces] | None = None


class HasNetwork(Protocol):
    """What holds a network, such as a ``Model``."""

    @property
    def network(self) -> Network: ...


def network_of(who: str, model: HasNetwork) -> Network:
    """Return the network of a model.

    Raises:
        TypeError: if it is something else than a model.
    """
    network = getattr(model, "network", None)
    if not isinstance(network, Network):
        raise TypeError(f"{who}: the model must be a Model, got {type(model).__name__}")
    return network


class Computes(Protocol):
    """Predicts checked rows and is evaluated on checked examples: a network, or the mean of several."""

    @property
    def spec(self) -> Spec: ...
    def check(
        self,
        who: str,
        X: object,
        y: object,
        sample_weight: object,
        mapped: bool = False,
    ) -> Examples: ...
    def outputs(self, X: Any, threads: int, out: Array | None = None) -> Array: ...
    def evaluate(self, data: Examples, threads: int) -> tuple[float, float]: ...


class _Turn:
    """The right to change a network: ``with`` takes it, and refuses a second owner with a RuntimeError.

    The owner is the frame of the function that has the ``with``. An exception of a signal handler may leave
    that function between any two instructions, also before ``__exit__``; a frame that no longer runs, or
    whose thread a fork has left behind, owns nothing.

    Calls queue up in a list, and the first one that runs is the owner. Each change of the list is atomic, so
    that of several threads exactly one follows an owner that no longer runs.
    """

    def __init__(self, owners: list[_Owner], native: Any, who: str) -> None:
        self._owners, self._native, self._who = owners, native, who

    def __enter__(self) -> None:
        self._mine = _Owner(threading.get_ident(), sys._getframe(1))
        self._owners.append(self._mine)
        for owner in list(self._owners):
            if owner is self._mine:
                break
            if owner.runs():
                self._remove(self._mine)
                raise RuntimeError(
                    f"{self._who}: this model is already being trained (by a callback or another thread)"
                )
            self._remove(owner)
        self._native.abandon()

    def __exit__(self, *exception: object) -> None:
        self._remove(self._mine)
        del self._mine  # its frame may refer to this object

    def _remove(self, owner: _Owner) -> None:
        with suppress(ValueError):  # another thread was faster
            self._owners.remove(owner)


class _Deputy:
    """A function call in another thread that acts for the owner, for a ``with`` block."""

    def __init__(self, deputies: list[_Owner]) -> None:
        self._deputies = deputies

    def __enter__(self) -> None:
        self._deputies[:] = [_Owner(threading.get_ident(), sys._getframe(1))]

    def __exit__(self, *exception: object) -> None:
        self._deputies.clear()


class _Owner(NamedTuple):
    """A function call that changes a network."""

    thread: int
    frame: FrameType

    def runs(self) -> bool:
        """Return whether the call is still at work."""
        running = sys._current_frames().get(self.thread)
        while running is not None and running is not self.frame:
            running = running.f_back
        return running is not None


class Network:
    """A network of dense layers that computes.

    While one thread trains it, the others see the numbers of the last finished epoch, whatever they read or
    compute.

    Args:
        spec: What it is made of.
        start: Its first numbers; None: the weights that the spec's seed draws.
        copy: A compiled network with numbers that never change, for ``seen``.

    Attributes:
        spec: What it is made of.
        native: The compiled network.
        predict: ``predict(X, out=None, threads=0)`` of rows that need no check. It is the compiled function
            itself, because a prediction of one row takes microseconds.
    """

    def __init__(self, spec: Spec, start: Snapshot | None = None, copy: Any = None) -> None:
        self.spec = spec
        self.native = _compiled(spec) if copy is None else copy
        self.predict: Callable[..., Array] = self.native.predict
        #: predict_as_given(X, threads): the outputs; None where X must be converted or refused.
        self.predict_as_given: Callable[..., Array | None] = self.native.predict_as_given
        self._pieces = pieces(self.native.tensors)
        self._running_pieces = pieces(self.native.running_tensors)
        self._writable = copy is None
        self._owners: list[_Owner] = []
        self._deputies: list[_Owner] = []
        if copy is not None:
            return
        if start is None:
            self._initialize()
        else:
            self.flat[:], self.running.flat[:] = start

    def _initialize(self) -> None:
        """Draw every W by its layer's scheme.

        Embeddings and factors of members have their own rules. All other arrays start as the compiled network
        has made them: gamma, alpha and scale with ones, b and beta with zeros.
        """
        for number, (layer, drawn) in enumerate(zip(self.spec.layers, self._draws(), strict=True), start=1):
            W = self.parameters[f"W{number}"]
            W[...] = drawn if layer.parametrization == "standard" else np.sqrt(W.shape[1]) * drawn
        for embedding in self.spec.embeddings:
            start_embedding(embedding, self.parameters, self.spec.seed)
        if self.spec.members > 1:
            start_members(self.spec, self.parameters)

    def _draws(self) -> Iterator[Array]:
        spec = self.spec
        sizes = [spec.width, *spec.units]
        if spec.layers[0].initializer == "course":
            yield from course_weights(sizes, spec.seed)
            return
        for number, layer in enumerate(spec.layers, start=1):  # each depends on seed, layer and shape alone
            n_prev, n = sizes[number - 1 : number + 1]
            gain = catalog.activations[layer.activation]["gain"]
            yield _core.initialize(n, n_prev, layer.initializer, gain, spec.seed, number)

    # Its numbers

    @property
    def flat(self) -> Array:
        """All parameters as one 1-D array.

        It is live and writable. While a training runs, the other threads get a copy of the last finished
        epoch instead, which is read-only.
        """
        return self._array("parameters")

    @property
    def parameters(self) -> BlockViews:
        """Named views of ``flat``."""
        return BlockViews(self.flat, self._pieces)

    @property
    def running(self) -> BlockViews:
        """Named views of batch norm's running statistics, which are shown as ``flat`` is."""
        return BlockViews(self._array("running"), self._running_pieces)

    @property
    def epochs_trained(self) -> int:
        """Epochs so far, by which the shuffles are numbered."""
        return int((self.native.seen() or self.native).epochs)

    @epochs_trained.setter
    def epochs_trained(self, epochs: int) -> None:
        self.native.epochs = epochs

    @property
    def _layout(self) -> tuple[Pieces, Pieces]:
        return self._pieces, self._running_pieces

    def _array(self, name: str) -> Array:
        """Return an array of the compiled network; while one exists, predictions keep no packed weights."""
        copy = self.native.seen()
        array: Array = getattr(self.native if copy is None else copy, name)
        if copy is not None or not self._writable:
            array.flags.writeable = False
        return array

    def views(self, flat: Array, prefix: str) -> BlockViews:
        """Named views of an array that is laid out like ``flat``, such as a gradient."""
        return BlockViews(flat, self._pieces, prefix)

    def named(self, snapshot: Snapshot) -> dict[str, Array]:
        """Named views of the arrays of a snapshot: parameters and running statistics."""
        parameters = BlockViews(snapshot.parameters, self._pieces)
        return {**parameters, **BlockViews(snapshot.running, self._running_pieces)}

    def snapshot(self) -> Snapshot:
        """Copy the parameters and batch norm's running statistics."""
        snapshot = Snapshot(*self.native.numbers()[:2])
        snapshot.layout = self._layout
        return snapshot

    def restore(self, snapshot: Snapshot) -> None:
        """Put the numbers of a snapshot back.

        Raises:
            TypeError: if ``snapshot`` is something else.
            ValueError: if it is of a network of other sizes.
        """
        self._check_fit(snapshot)
        self.native.restore(*(np.ascontiguousarray(numbers, self.spec.dtype) for numbers in snapshot))

    def _check_fit(self, snapshot: Snapshot) -> None:
        if not isinstance(snapshot, Snapshot):
            raise TypeError(
                f"restore: snapshot must be what snapshot() returned, got {_checks.shown(snapshot)}"
            )
        sizes = [sum(rows * columns for _, rows, columns in part.values()) for part in self._layout]
        if [len(numbers) for numbers in snapshot] != sizes:
            raise ValueError(
                f"restore: snapshot must have {sizes[0]} parameters and {sizes[1]} running statistics, got "
                f"{len(snapshot.parameters)} and {len(snapshot.running)}"
            )
        for mine, other in zip(self._layout, snapshot.layout or self._layout, strict=True):
            if mine != other:
                name = next(name for name in mine if mine[name] != other.get(name))
                raise ValueError(
                    "restore: snapshot must be of a network with the same layers, got one whose "
                    f"{name} differs"
                )

    def state(self) -> tuple[Snapshot, int]:
        """Copy all numbers of one moment: those of a snapshot, and the epochs trained."""
        parameters, running, epochs = self.native.numbers()
        return Snapshot(parameters, running), epochs

    def copy(self) -> Network:
        """Make an independent network with the same spec, numbers and epochs."""
        snapshot, epochs = self.state()
        twin = Network(self.spec, snapshot)
        twin.epochs_trained = epochs
        return twin

    def seen(self) -> Network:
        """Return the network itself, or a copy of the last finished epoch while another thread trains it.

        If it is the network itself, ``changes`` tells whether another thread has changed it since.
        """
        copy = self.native.seen()
        return self if copy is None else Network(self.spec, copy=copy)

    @property
    def changes(self) -> int:
        """A number that grows with every change that a training, a step or ``restore`` makes."""
        return int(self.native.changes)

    def nonfinite_parameter(self) -> int:
        """Number of the layer that holds the first parameter that is not finite; 0 if all are finite."""
        lost = _core.first_nonfinite_row(self.flat)
        if lost < 0:
            return 0
        ends = [(offset + math.prod(shape), layer) for _, layer, *shape, offset in self.native.tensors]
        return max(1, int(next(layer for end, layer in ends if lost < end)))  # embeddings: the first layer

    # What it computes

    def check(
        self,
        who: str,
        X: object,
        y: object,
        sample_weight: object,
        mapped: bool = False,
    ) -> Examples:
        """Check examples, and return them as arrays that the compiled network takes.

        Args:
            who: Name of the calling method, the head of messages.
            X: (m, n_x).
            y: Targets, as ``Model.fit`` takes them.
            sample_weight: (m,) or None.
            mapped: Leave a memory-mapped X in its own dtype, where it lies.

        Raises:
            TypeError: if an array does not hold real numbers.
            ValueError: if a shape or a value is not allowed.
        """
        return self.weighted(who, self.examples(who, X, y, sample_weight, mapped))

    def examples(self, who: str, X: object, y: object, sample_weight: object, mapped: bool) -> Examples:
        """Check examples as ``check`` does, but leave their weights in float64, for ``weighted``."""
        spec = self.spec
        rows = features(who, X, spec.inputs, spec.dtype, mapped)
        m = rows.shape[0]
        if m == 0:
            raise ValueError(f"{who}: X must have at least one row, got none")
        y = targets(who, y, m, spec.outputs, spec.output, catalog.losses[spec.loss], spec.dtype)
        return Examples(rows, y, sample_weights(who, sample_weight, m))

    def weighted(self, who: str, data: Examples, class_weight: ClassWeight = None) -> Examples:
        """Multiply weights in float64 by those of the classes, and round them to the network's dtype."""
        spec = self.spec
        weight = weights(who, data.weight, class_weight, data.y, spec.outputs, spec.dtype)
        return replace(data, weight=weight)

    def outputs(self, X: Any, threads: int, out: Array | None = None) -> Array:
        """Compute A[L] of checked features, in parts if they are memory-mapped in another dtype."""
        dtype = self.spec.dtype
        if not in_parts(X, dtype):
            return self.predict(X, out, threads)
        A = np.empty((len(X), self.spec.outputs), dtype) if out is None else out
        for rows in slices(len(X), X.shape[1] * dtype.itemsize):
            self.predict(X[rows].astype(dtype), A[rows], threads)
        return A

    def evaluate(self, data: Examples, threads: int) -> tuple[float, float]:
        """Compute the mean loss and the accuracy of checked examples."""
        dtype = self.spec.dtype
        if not in_parts(data.X, dtype):
            return self.native.evaluate(data.X, data.y, data.weight, threads)  # type: ignore[no-any-return]
        total, weight = np.zeros(2), 0.0
        for rows in slices(len(data.X), data.X.shape[1] * dtype.itemsize):
            part = data.take(rows).converted(dtype)
            share = part.total_weight()
            if share > 0:
                total += share * np.array(self.native.evaluate(part.X, part.y, part.weight, threads))
                weight += share
        loss, accuracy = total / weight
        return loss, accuracy

    def gradient(
        self,
        data: Examples,
        into: Array,
        threads: int,
        training: TrainingStep | None = None,
        masks: Mapping[int, Array] | None = None,
        sums: bool = False,
    ) -> float:
        """The mean loss; its gradient is written to ``into``, which is laid out like ``flat``.

        Args:
            data: Checked examples in the network's dtype.
            into: The array to write to.
            threads: As the native module takes it.
            training: Seed and step, for the dropout and batch statistics of that step, and if they are not 1
                the factors on dropout and label smoothing; None: as predictions.
            masks: What dropout keeps in that step, (m, units) by the number of the layer; None: it is drawn.
                With members, an example has a row for each of them.
            sums: Leave sums over the examples, instead of means.
        """
        given = dict(masks or {})
        return float(self.native.gradient(data.X, data.y, into, data.weight, threads, training, given, sums))

    def trace(
        self, data: Examples, training: TrainingStep | None = None, kinds: Sequence[str] = ()
    ) -> dict[str, Array]:
        """Return every matrix of one step of gradient descent by name; columns are examples.

        Args:
            data: The examples.
            training: As in a step of training; None: as the network predicts.
            kinds: Which matrices to return, such as ``("A", "dW")``; none: all. The fewer, the cheaper.
        """
        return dict(self.native.trace(data.X, data.y, data.weight, training, kinds))

    def train(
        self,
        data: Examples,
        optimizer: Any,
        batch: int,
        epochs: int,
        *,
        shuffle: bool = False,
        first_epoch: int | None = None,
        threads: int = 0,
        on_epoch: Callable[[int, float], bool] | None = None,
        on_poll: Callable[[], object] | None = None,
        order: Array | None = None,
        factors: Mapping[str, _core.Schedule] | None = None,
        place: _core.Place | None = None,
        on_pause: Callable[[], None] | None = None,
        ranks: _core.Ranks | None = None,
        on_sums: Callable[..., tuple[float, float, float, float, int]] | None = None,
        skipped: _core.Skipped | None = None,
    ) -> tuple[list[float], int]:
        """Train on checked examples, in one call of the compiled network.

        Args:
            data: Checked examples in the network's dtype.
            optimizer: The native optimizer.
            batch: Examples per step.
            epochs: Passes over the examples.
            shuffle: Draw an order per epoch, by the spec's seed and the number of the epoch.
            first_epoch: Number of the first epoch, for the shuffles; None: the number of epochs trained.
            threads: As the native module takes it.
            on_epoch: Called after every epoch with its number and loss; True ends the training.
            on_poll: Called several times per second; what it raises ends the training, and True asks for a
                pause.
            order: The order of the examples, read anew in every epoch.
            factors: Of ``"dropout"`` and ``"smoothing"``: factors by step on these rates of the network.
            place: Where the first epoch starts; it is kept up to date.
            on_pause: Called between two batches after ``on_poll`` asked for it; the parameters are up to
                date.
            ranks: Which of several processes this is, and how they cut the batches.
            on_sums: Called as ``on_sums(parts, counts, total, first, totals, error)`` between the two phases
                of each step; see ``_training/ranks.py``.
            skipped: Epochs after which ``on_epoch`` is not called; it may set their number. None: no epochs.

        Returns:
            The loss of every epoch, or none if ``on_epoch`` and ``skipped`` have got them; and the step whose
            loss was not finite, or -1.
        """
        if first_epoch is None:
            first_epoch = self.native.epochs
        losses, bad = self.native.train(
            data.X, data.y, optimizer, batch, epochs, shuffle=shuffle, seed=self.spec.seed,
            first_epoch=first_epoch, sample_weight=data.weight, threads=threads, on_epoch=on_epoch,
            on_poll=on_poll, order=order, place=place, on_pause=on_pause, ranks=ranks, on_sums=on_sums,
            skipped=skipped, **(factors or {}),
        )  # fmt: skip
        return losses, int(bad)

    def first_bad_layer(self, X: Any) -> int:
        """The first layer whose Z or A is not finite on checked features; if there is none, the last."""
        return int(self.native.nonfinite_layer(X)) or len(self.spec.layers)

    def plan(self, batch: int, optimizer: Any, threads: int) -> dict[str, Any]:
        """How a step runs with a native optimizer, and what memory it takes; see ``Plan``."""
        return dict(self.native.plan(batch, optimizer, threads))

    def predictor(self, weights: str | None) -> Predictor:
        """A packed copy of the network for small predictions; see ``Model.predictor``."""
        dtype = self.spec.dtype
        if weights not in (None, "bfloat16", "int8"):
            raise ValueError(f"predictor: weights must be None, 'bfloat16' or 'int8', got {weights!r}")
        if weights is not None and dtype != np.float32:
            raise ValueError(
                f"predictor: weights={weights!r} needs a float32 model, got {dtype}; make one with "
                "dtype='float32'"
            )
        build: Any = _core.PredictorF32 if dtype == np.float32 else _core.PredictorF64
        return build(self.native, weights or "own")  # type: ignore[no-any-return]

    @property
    def scikit_learn_sums(self) -> bool:
        """Whether penalties are divided by the sum of a batch's weights, as scikit-learn does."""
        return bool(self.native.scikit_learn_sums)

    @scikit_learn_sums.setter
    def scikit_learn_sums(self, value: bool) -> None:
        self.native.scikit_learn_sums = value

    # Who may change it

    def exclusive(self, who: str) -> AbstractContextManager[None]:
        """Own the network for a ``with`` block; a second owner is refused with a RuntimeError."""
        return _Turn(self._owners, self.native, who)

    def handed_over(self) -> AbstractContextManager[None]:
        """Let the calling thread act for the owner, as callbacks of ``fit_many`` do."""
        return _Deputy(self._deputies)

    def held(self, who: str) -> AbstractContextManager[None]:
        """``exclusive``, except that callbacks of the run that owns the network may go on."""
        for one in (*self._owners, *self._deputies):
            if one.thread == threading.get_ident() and one.runs():
                return nullcontext()
        return self.exclusive(who)

    def trainer(self) -> AbstractContextManager[None]:
        """Mark the calling thread as the one that trains the network, for a ``with`` block."""
        return self.native.trainer()  # type: ignore[no-any-return]

    def share(self) -> None:
        """Within ``trainer``: an epoch has ended. The other threads see its numbers until the next call."""
        self.native.share()


def training_step(
    who: str, seed: int, step: int | None, dropout_scale: float, smoothing_scale: float, first: int = 0
) -> TrainingStep | None:
    """Check the arguments that say as what step a batch is seen; None: as ``predict`` sees it."""
    scales = (
        _checks.number(who, "dropout_scale", dropout_scale),
        _checks.number(who, "smoothing_scale", smoothing_scale),
    )
    if step is None:
        if scales != (1.0, 1.0):
            raise ValueError(f"{who}: step must be given where a scale is not 1, got {scales}")
        if first != 0:
            raise ValueError(f"{who}: step must be given where first is not 0, got {first}")
        return None
    place = _checks.count(who, "first", first, low=0)
    return seed, _checks.count(who, "step", step, low=0), *scales, place


def _compiled(spec: Spec) -> Any:
    """The compiled network of a spec; its parameters are not set yet."""
    build: Any = _core.NetworkF32 if spec.dtype == np.float32 else _core.NetworkF64
    layers = [
        (
            layer.units,
            layer.activation,
            catalog.native_parameter(layer.activation, layer.parameter),
            {
                "l1": layer.l1,
                "l2": layer.l2,
                "max_norm": layer.max_norm or 0.0,
                "dropout": layer.dropout,
                "norm": layer.norm or "none",
                "parametric": layer.parametric,
                "scaled_inputs": layer.scaled_inputs,
                "ntk": layer.parametrization == "ntk",
                "rate": dict(layer.rate or {}),
                "decay": dict(layer.decay or {}),
            },
        )
        for layer in spec.layers
    ]
    embeddings: dict[str, Any] = {"members": spec.members}
    for embedding in spec.embeddings:
        embeddings |= embedding.native()
    return build(
        spec.inputs, layers, spec.loss, spec.loss_parameter, spec.label_smoothing, spec.input_dropout,
        embeddings,
    )  # fmt: skip
