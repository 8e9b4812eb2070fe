"""What a worker does in a training: it says that it is ready, and then trains as one of the ranks."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from distributed import get_worker
from distributed.protocol.pickle import dumps, loads

from deepcore._regular import status
from deepcore.dask.chunks import Chunk
from deepcore.dask.transport import meeting, require_xgboost
from deepcore.exceptions import GroupError
from deepcore.files import container

__all__ = ["Layout", "Rank", "Ready", "prepare", "saved_layout", "train"]

_LAYOUT = "chunks of the ranks"


@dataclass(frozen=True)
class Ready:
    """A worker that can take part.

    Attributes:
        name: A name of this process, which another one that replaces it does not have.
        world_rank: Its number in MPI's ``COMM_WORLD``, or -1.
    """

    name: str
    world_rank: int = -1


def prepare(transport: object) -> Ready:
    """Import what a training needs, before any rank waits for another one."""
    import deepcore.model  # noqa: F401

    world_rank = -1
    if transport == "xgboost":
        require_xgboost("workers")
    if transport == "mpi":
        from mpi4py import MPI

        world_rank = MPI.COMM_WORLD.Get_rank()
    return Ready(get_worker().id, world_rank)


class Layout:
    """A callback that keeps in the checkpoint which rank has which chunks; ``saved_layout`` reads it."""

    def __init__(self, chunks: Sequence[Sequence[int]]) -> None:
        self.chunks = [list(each) for each in chunks]

    def __call__(self, record: object) -> None:
        """Do nothing: it is asked for its state."""

    def state(self) -> dict[str, Any]:
        """Return the chunks of each rank."""
        return {_LAYOUT: self.chunks}

    def set_state(self, state: object) -> None:
        """Do nothing: the chunks were laid out before the training."""


def saved_layout(path: str) -> list[list[int]] | None:
    """Read the chunks of each rank from a checkpoint; None if there is no file, or ``fit`` will refuse it."""
    if status(path) is None:
        return None
    with container.Reader(path) as reader:
        states = reader.description.get("run", {}).get("callbacks", [])
    found = [state[_LAYOUT] for state in states if isinstance(state, dict) and _LAYOUT in state]
    return found[0] if found else None


@dataclass(frozen=True)
class Rank:
    """One rank of a training.

    Attributes:
        number: From 0.
        size: Number of ranks.
        worker: The process that it was given to.
        timeout: Seconds that it waits for the others.
        address: What XGBoost needs to find the tracker; None with another transport.
        transport: ``"xgboost"``, ``"mpi"``, or a function that makes the group.
        world_ranks: Of all ranks, for MPI.
    """

    number: int
    size: int
    worker: Ready
    timeout: int
    address: dict[str, Any] | None
    transport: Any
    world_ranks: Sequence[int]

    @contextlib.contextmanager
    def group(self, cancelled: Callable[[], bool]) -> Any:
        """Give the group to a ``with`` block."""
        if self.address is not None:
            with meeting(self.number, self.address, self.timeout, cancelled) as group:
                yield group
        elif self.transport == "mpi":
            from mpi4py import MPI

            from deepcore.distributed import Group

            world = MPI.COMM_WORLD
            comm = world.Create_group(world.Get_group().Incl(list(self.world_ranks)))
            yield Group.mpi(comm, data="own rows")
            comm.Free()  # MPI has a few thousand; after an error the other ranks may not wait for this one
        else:
            yield self.transport(self.number, self.size)


def train(rank: Rank, task: bytes, rows: Chunk, validation: Chunk | None) -> bytes | None:
    """Train one rank; rank 0 returns the model, the history and the warnings, the others return None.

    Args:
        rank: Which one.
        task: The pickled model and arguments of ``fit``; each rank unpickles objects of its own.
        rows: Those of this rank.
        validation: Validation data, or None.
    """
    worker = get_worker()
    if worker.id != rank.worker.name:
        raise GroupError(rank.number, f"fit: the worker of rank {rank.number} was started again")
    key = worker.get_current_task()

    def cancelled() -> bool:
        known = worker.state.tasks.get(key)
        return known is None or known.state == "cancelled"

    model, optimizer, arguments = loads(task)
    if arguments["threads"] is None:
        arguments["threads"] = worker.state.nthreads
    if validation is not None:
        arguments["validation_data"] = tuple(part for part in validation if part is not None)
    with warnings.catch_warnings(record=True) as caught, rank.group(cancelled) as group:
        warnings.simplefilter("always")
        history = model.fit(rows.X, rows.y, optimizer, sample_weight=rows.weight, group=group, **arguments)
    if rank.number > 0:
        return None
    return bytes(dumps((model, history, [(each.category, str(each.message)) for each in caught])))
