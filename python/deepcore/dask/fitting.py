"""``fit``: train a model on the rows of Dask collections, with one rank on each worker that holds chunks."""

from __future__ import annotations

import contextlib
import math
import os
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from distributed import Client, MultiLock
from distributed.comm import get_address_host
from distributed.protocol.pickle import dumps, loads

from deepcore import _checks
from deepcore._cluster.watching import Watch
from deepcore._keywords import checked
from deepcore.callbacks import Checkpoint, EpochRecord, refuse_what_cannot_be_called
from deepcore.dask.chunks import check_saved, delayed_chunks, divided, joined, moved, places_of, rows_of
from deepcore.dask.ranks import Layout, Rank, Ready, prepare, saved_layout, train
from deepcore.dask.transport import lock_name, release_abandoned, start_tracker, stop_tracker
from deepcore.exceptions import GroupError
from deepcore.history import History
from deepcore.model import Model
from deepcore.optimizers import Optimizer
from deepcore.typing import Array, OptimizerName

__all__ = ["fit", "fit_chunks", "what_then"]

#: Pinned to one worker: the tasks of a training are of no use elsewhere, or a second time.
_PINNED: dict[str, Any] = {"allow_other_workers": False, "pure": False, "retries": 0}
#: Seconds that workers may take to import what a training needs: a busy machine needs more than a minute.
_START = 300


@checked("fit")
def fit(
    client: Client,
    model: Model,
    X: Any,
    y: Any,
    optimizer: Optimizer | OptimizerName = "adam",
    *,
    epochs: int = 10,
    batch_size: int = 4096,
    shuffle: bool = True,
    sample_weight: Any = None,
    class_weight: dict[Any, float] | None = None,
    validation_data: tuple[Any, ...] | None = None,
    callbacks: Sequence[Callable[[EpochRecord], object]] = (),
    metrics: Sequence[str | Callable[[Array, Array], float]] = (),
    threads: int | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    timeout: float = 60.0,
    transport: str | Callable[[int, int], Any] = "xgboost",
) -> tuple[Model, History]:
    """Train a model on the workers that hold the chunks of X; no row leaves its worker.

    Every worker that holds chunks is one rank of ``Model.fit(group=)``: it computes the gradient of its part
    of each batch, and all ranks make the same step. The client waits, and ends the training if a worker or
    the scheduler is lost.

    Args:
        client: The client of the cluster.
        model: What is trained. The workers train copies, and this object stays as it is.
        X: (m, n_x), an array or a frame of Dask.
        y: Targets as in ``Model.fit``, an array, a frame or a series of Dask with the chunks of X.
        optimizer: A description such as ``Adam(1e-3)``, or a name.
        epochs: Passes over the data.
        batch_size: Number of examples per step, on all workers together.
        shuffle: Draw a new order per epoch; every worker shuffles its own rows.
        sample_weight: (m,) weights of the examples, with the chunks of X.
        class_weight: ``{label: weight}``.
        validation_data: ``(X_val, y_val)`` or ``(X_val, y_val, weights)``, collections of Dask or arrays in
            memory. They come into the memory of rank 0 as a whole, which evaluates them after every epoch.
        callbacks: As in ``Model.fit``. Copies of them are called on the worker of rank 0.
        metrics: As in ``Model.fit``.
        threads: Number of threads of each rank; None: that of its worker.
        checkpoint: The file of a checkpoint, or a ``Checkpoint``. Rank 0 writes it, so it must lie where
            every worker can read it. The same call goes on from it.
        timeout: Seconds that a rank waits for the others before the training ends with an error. It must be
            longer than a step, and than validation and callbacks take. Rows that no worker of the cluster
            can compute end the training after as many seconds, or after ten if they may be computed only on
            workers that have left the cluster.
        transport: ``"xgboost"``: the collective of the package xgboost-cpu. ``"mpi"``: the workers are
            processes of one MPI job, as dask-mpi starts them. Or a function ``transport(rank, size)`` that is
            called on each worker and returns a group; see ``Model.fit``.

    Returns:
        The model and the history of rank 0.

    Raises:
        GroupError: if a worker or the scheduler is lost, no worker can compute the rows, or a rank waits
            longer than ``timeout``.
        ImportError: if a package is missing on the workers or on the scheduler.
        TypeError: if X or y are no collections of Dask, or an argument cannot be pickled.
        ValueError: if the chunks of X and y do not fit, and whatever ``Model.fit`` raises.

    Example:
        >>> import dask.array as da, deepcore as dc
        >>> from distributed import Client, LocalCluster
        >>> from deepcore.dask import fit
        >>> with LocalCluster(n_workers=2) as cluster, Client(cluster) as client:  # doctest: +SKIP
        ...     X = da.random.normal(size=(100_000, 20), chunks=(25_000, 20)).persist()
        ...     y = (X[:, 0] > X[:, 1]).astype(int)
        ...     model, history = fit(client, dc.mlp([20, 64, 1], seed=1), X, y, dc.Adam(1e-3), epochs=5)
    """
    if not isinstance(client, Client) or client.asynchronous:
        raise TypeError(f"fit: client must be a Client that is not asynchronous, got {_checks.shown(client)}")
    if not isinstance(model, Model):
        raise TypeError(f"fit: model must be a deepcore.Model, got {_checks.shown(model)}")
    if isinstance(class_weight, str):
        raise ValueError("fit: class_weight must be a mapping, because a worker does not see all labels")
    return fit_chunks(
        client, model, delayed_chunks("fit", X, y, sample_weight), optimizer,
        held_out=_validation(validation_data), callbacks=callbacks, checkpoint=checkpoint, timeout=timeout,
        transport=transport, epochs=_checks.count("fit", "epochs", epochs),
        batch_size=_checks.count("fit", "batch_size", batch_size), shuffle=bool(shuffle),
        class_weight=class_weight, metrics=metrics, threads=threads,
    )  # fmt: skip


def fit_chunks(
    client: Client,
    model: Model,
    chunks: list[Any],
    optimizer: Any,
    *,
    held_out: Any,
    callbacks: Sequence[Callable[[EpochRecord], object]],
    checkpoint: str | os.PathLike[str] | Checkpoint | None,
    timeout: float,
    transport: Any = "xgboost",
    **arguments: Any,
) -> tuple[Model, History]:
    """Do the work of ``fit`` on tasks that make chunks.

    Args:
        client: As ``fit`` takes it, like the other arguments.
        model: What is trained.
        chunks: Tasks, each of which makes a ``Chunk``.
        optimizer: The optimizer.
        held_out: Validation data: tasks that make chunks, a tuple of arrays, or None.
        callbacks: The callbacks.
        checkpoint: The checkpoint, or None.
        timeout: Seconds that a rank waits for the others.
        transport: How the ranks exchange numbers.
        arguments: Further ones of ``Model.fit``.
    """
    if not (callable(transport) or transport in ("xgboost", "mpi")):
        raise ValueError(
            f"fit: transport must be 'xgboost', 'mpi' or a function, got {_checks.shown(transport)}"
        )
    _checks.listed("fit", "callbacks", callbacks)
    refuse_what_cannot_be_called("fit", callbacks)
    _checks.threads("fit", arguments["threads"])
    seconds = math.ceil(_checks.number("fit", "timeout", timeout, positive=True))
    saver = _saver(checkpoint, callbacks)
    arguments["callbacks"] = [*callbacks, *([] if saver is None else [saver])]
    training = _Training(client, None if saver is None else saver.path, seconds, transport)
    trained, history, caught = training.run(chunks, held_out, (model, optimizer, arguments))
    for category, text in caught:
        warnings.warn(text, category, stacklevel=4)
    return trained, history


def _saver(checkpoint: Any, callbacks: Sequence[object]) -> Checkpoint | None:
    """Return the checkpoint with an absolute path: the workers may have another folder."""
    if any(isinstance(callback, Checkpoint) for callback in callbacks):
        raise ValueError("fit: callbacks must hold no Checkpoint here; give it as checkpoint=")
    if checkpoint is None:
        return None
    given = checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint(checkpoint)
    return Checkpoint(Path(given.path).absolute(), given.every_epochs, given.every_seconds)


def what_then(checkpoint: str | os.PathLike[str] | Checkpoint | None) -> str:
    """Return the end of messages: what to do after a loss."""
    if checkpoint is None:
        return "without checkpoint=, the training starts afresh"
    path = checkpoint.path if isinstance(checkpoint, Checkpoint) else checkpoint
    return f"the same call goes on from the checkpoint {path}, if it was written"


def _validation(data: Any) -> Any:
    """Return validation data as tasks that make chunks, or as they are if they are in memory."""
    if data is None:
        return None
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise TypeError("fit: validation_data must be (X, y) or (X, y, sample_weight)")
    if any(hasattr(part, "__dask_graph__") for part in data):
        return delayed_chunks("fit: validation_data", *data)
    return tuple(data)


class _Training:
    """One call of ``fit``: it places the rows, starts the ranks, and waits for their end."""

    def __init__(self, client: Client, path: str | None, timeout: int, transport: Any) -> None:
        self.client, self.path, self.timeout, self.transport = client, path, timeout, transport
        self.watch = Watch("fit", client, timeout, what_then(path))

    def run(self, tasks: list[Any], validation: Any, content: tuple[Any, ...]) -> tuple[Any, Any, list[Any]]:
        """Return the model, the history and the warnings of rank 0."""
        chunks = self.client.compute(tasks)
        held_out = self.client.compute(validation) if isinstance(validation, list) else validation
        layout = self._layout(chunks)
        workers = list(layout)
        self.watch.expect(workers)
        with self._locked(workers):
            ready = self.watch.results(
                [self._submit(prepare, worker, self.transport) for worker in workers],
                max(_START, self.timeout),
            )
            rows = [
                self._submit(joined, worker, [chunks[number] for number in numbers])
                for worker, numbers in layout.items()
            ]
            if isinstance(held_out, list):
                held_out = self._submit(joined, workers[0], held_out)
            self.watch.finished([*rows, *([held_out] if hasattr(held_out, "key") else [])])
            del chunks
            return self._train(layout, ready, rows, held_out, self._pickled(layout, *content))

    def _layout(self, chunks: list[Any]) -> dict[str, list[int]]:
        """Return which worker trains on which chunks: in the order of the ranks."""
        self.watch.finished(chunks)
        rows = self.watch.results(self.client.map(rows_of, chunks, pure=False))
        if not any(rows):
            raise ValueError("fit: X must have at least one row, got none")
        saved = None
        if self.path is not None:
            (saved,) = self.watch.results([self.client.submit(saved_layout, self.path, pure=False)])
        places = self._places(chunks)
        if saved is None:
            return divided(places, rows)
        workers = self._workers(len(saved))
        check_saved("fit", str(self.path), saved, rows, len(workers))
        return moved(saved, places, workers)

    def _workers(self, count: int) -> list[str]:
        """Return all workers. One that was lost may be just starting again, so wait for it."""
        start = time.monotonic()
        while len(workers := list(self.watch.ask(self.client.nthreads))) < count:
            if time.monotonic() - start > self.timeout:
                break
            time.sleep(0.2)
        return workers

    def _places(self, chunks: list[Any]) -> list[str]:
        keys = [chunk.key for chunk in chunks]
        while True:
            holders = self.watch.ask(self.client.who_has, chunks)
            if all(holders.get(key) for key in keys):
                return places_of(holders, keys)
            self.watch.finished(chunks)  # a worker was lost, and Dask computes its chunks again

    def _submit(self, function: Callable[..., Any], worker: str, *arguments: Any) -> Any:
        return self.client.submit(function, *arguments, workers=[worker], **_PINNED)

    @contextlib.contextmanager
    def _locked(self, workers: Sequence[str]) -> Iterator[None]:
        """Keep other trainings off the workers; XGBoost takes the same locks."""
        lock = MultiLock(sorted(workers), client=self.client)
        lock.id = lock_name(self.client.id)
        busy = time.monotonic()
        while not self.watch.ask(lock.acquire, timeout=1):
            self.watch.ask(self.client.run_on_scheduler, release_abandoned)
            if any(self.watch.ask(self.client.processing, list(workers)).values()):
                busy = time.monotonic()
            if time.monotonic() - busy > self.timeout:
                raise GroupError(
                    0,
                    "fit: the workers are locked by another training, which does nothing; is its client "
                    "stopped?",
                )
        try:
            yield
        finally:
            self.watch.tell(lock.release)

    def _pickled(
        self, layout: dict[str, list[int]], model: Model, optimizer: Any, arguments: dict[str, Any]
    ) -> bytes:
        if self.path is not None:
            arguments = {**arguments, "callbacks": [*arguments["callbacks"], Layout(list(layout.values()))]}
        try:
            return bytes(dumps((model, optimizer, arguments)))
        except Exception as error:
            raise TypeError(
                f"fit: the model, the optimizer, callbacks and metrics must be objects that pickle can copy "
                f"to the workers ({error})"
            ) from error

    def _train(
        self,
        layout: dict[str, list[int]],
        ready: Sequence[Ready],
        rows: list[Any],
        held_out: Any,
        task: bytes,
    ) -> tuple[Any, Any, list[Any]]:
        name, size = uuid.uuid4().hex, len(layout)
        tasks: list[Any] = []
        try:
            address = None
            if self.transport == "xgboost":
                host = get_address_host(self.client.scheduler.address)
                address = self.watch.ask(
                    self.client.run_on_scheduler, start_tracker, name, host, size, max(_START, self.timeout)
                )
            (content,) = self.watch.ask(self.client.scatter, [task], workers=[next(iter(layout))], hash=False)
            world = [each.world_rank for each in ready]
            for number, worker in enumerate(layout):
                rank = Rank(
                    number, size, ready[number], self.timeout, address,
                    None if address else self.transport, world,
                )  # fmt: skip
                shown = held_out if number == 0 else None
                tasks.append(self._submit(train, worker, rank, content, rows[number], shown))
            self.watch.finished(tasks)
            model, history, caught = loads(self.watch.results(tasks[:1])[0])
            return model, history, caught
        finally:
            self.watch.tell(self.client.cancel, tasks, force=True)
            if self.transport == "xgboost":
                self.watch.tell(self.client.run_on_scheduler, stop_tracker, name)
