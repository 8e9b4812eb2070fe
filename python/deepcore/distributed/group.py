"""Group: the processes that train one network together; those that mpiexec starts."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, Literal

import numpy as np

from deepcore.typing import Array

__all__ = ["Group", "OrderedGroup"]

# Values of a message that ranks pass on: so many take about as long to send as ten messages without any.
_BLOCK = 1 << 16


class Group:
    """Several processes (ranks) that train one network: ``model.fit(..., group=group)``.

    ``fit`` takes any object that has ``rank``, ``size``, ``sum`` and ``broadcast``; this class is a base for
    them. Every rank calls the methods in the same order, because each call waits for the other ranks.

    Attributes:
        rank: Number of this process, from 0.
        size: Number of processes.
        data: ``"replicated"``: every rank gives ``fit`` the same data. ``"own rows"``: every rank gives its
            own rows.
        local_size: Number of ranks on this machine, among which the default number of threads is divided.
    """

    rank: int
    size: int
    local_size: int = 1
    data: str = "replicated"

    def sum(self, array: Array) -> Array:
        """Return the element-wise sum of this 1-D array over all ranks: the same bits on every rank."""
        raise NotImplementedError

    def broadcast(self, value: Any) -> Any:
        """Return the object of rank 0."""
        raise NotImplementedError

    def abort(self, status: int) -> None:
        """End all processes at once, also those that wait for others."""
        raise NotImplementedError

    @staticmethod
    def mpi(
        comm: Any = None,
        *,
        data: Literal["replicated", "own rows"] = "replicated",
        same_bits: bool = True,
    ) -> Group:
        """Make the group of the processes that ``mpiexec`` started; it needs the package mpi4py.

        Args:
            comm: A communicator of mpi4py; None: ``MPI.COMM_WORLD``. Groups of one communicator share its
                messages: trainings that run at the same time, in several threads, need one each.
            data: See ``Group``.
            same_bits: With replicated data, add the parts of a batch in one order, so that the parameters
                after ``fit`` are the same bits for every number of ranks. False: cut each batch evenly, and
                add with MPI's own sum; this is faster if batches are smaller than 192 examples per rank.

        Raises:
            ImportError: if mpi4py is not installed.
        """
        try:
            from mpi4py import MPI
        except ImportError as error:
            raise ImportError(
                "Group.mpi needs the package mpi4py and an MPI library: pip install mpi4py mpich"
            ) from error
        machines = _of_communicator(MPI, MPI.COMM_WORLD if comm is None else comm)
        return (_OrderedMPI if same_bits else _PlainMPI)(machines, data)


class OrderedGroup(Group):
    """A group that can add the parts of all ranks in one order, whatever the number of ranks."""

    def add_in_order(
        self, parts: Array, counts: Sequence[int], total: Array, first: bool, header: Array
    ) -> Array:
        """Add the parts of all ranks to ``total``, rank after rank and part after part.

        Args:
            parts: Those of this rank, (counts[rank], total.size).
            counts: Number of parts of every rank.
            total: What earlier calls have added up, the same on every rank; it is changed in place.
            first: Ignore what is in ``total``: the sum begins with the first part.
            header: Numbers of this rank, float64.

        Returns:
            The headers of all ranks, (size, header.size).
        """
        raise NotImplementedError


class _PlainMPI(Group):
    """MPI's own sum, whose order depends on the number of ranks."""

    def __init__(self, machines: _Machines, data: str) -> None:
        self.comm, self.data, self.in_place = machines.comm, data, machines.MPI.IN_PLACE
        self.local_size = machines.local_size
        self.rank, self.size = int(self.comm.Get_rank()), int(self.comm.Get_size())

    def sum(self, array: Array) -> Array:
        self.comm.Allreduce(self.in_place, array)
        return array

    def broadcast(self, value: Any) -> Any:
        return self.comm.bcast(value, root=0)

    def abort(self, status: int) -> None:
        self.comm.Abort(status)


class _OrderedMPI(_PlainMPI, OrderedGroup):
    """Ranks that are all on one machine add in shared memory; others send messages, in one of two ways.

    Attributes:
        memory: What the ranks share; None: they send messages.
    """

    def __init__(self, machines: _Machines, data: str) -> None:
        super().__init__(machines, data)
        self.memory = machines.memory()

    def add_in_order(
        self, parts: Array, counts: Sequence[int], total: Array, first: bool, header: Array
    ) -> Array:
        headers = np.empty((self.size, header.size))
        told = self.comm.Iallgather(header, headers)
        begins = first and sum(counts[: self.rank]) == 0  # the sum begins with the first part of this rank
        if self.memory is not None:
            told.Wait()  # so that nobody reads the memory any more for an earlier call
            self._in_memory(self.memory, parts, total, first, begins)
        elif (max(counts) - 2) * total.size > self.size * _BLOCK:
            self._in_turn(parts, total, begins)
        else:
            self._in_slices(parts, counts, total, first)
        told.Wait()
        return headers

    def _in_memory(
        self, memory: _SharedMemory, parts: Array, total: Array, first: bool, begins: bool
    ) -> None:
        """Let the ranks add their parts to the total in shared memory, one after the other in each block."""
        for number, start in enumerate(range(0, total.size, memory.length)):
            mine = total[start : start + memory.length]
            shared = memory.area(number % 2, total.dtype)[: mine.size]
            for place in range(0, mine.size, _BLOCK):
                block = shared[place : place + _BLOCK]
                if self.rank > 0:
                    memory.wait_for(self.rank - 1)
                elif not first:
                    block[:] = mine[place : place + _BLOCK]
                _add(parts[:, start + place : start + place + block.size], block, begins)
                if self.rank < self.size - 1:
                    memory.tell(self.rank + 1)
            memory.meet()
            mine[:] = shared

    def _in_turn(self, parts: Array, total: Array, begins: bool) -> None:
        """Let the total go from rank to rank, block by block; each of them adds its parts."""
        sent = []
        for start in range(0, total.size, _BLOCK):
            block = total[start : start + _BLOCK]
            if self.rank > 0:
                self.comm.Recv(block, self.rank - 1)
            _add(parts[:, start : start + _BLOCK], block, begins)
            if self.rank < self.size - 1:
                sent.append(self.comm.Isend(block, self.rank + 1))
        for message in sent:
            message.Wait()
        self.comm.Bcast(total, self.size - 1)

    def _in_slices(self, parts: Array, counts: Sequence[int], total: Array, first: bool) -> None:
        """Let every rank add up one slice of the parts of all ranks; then all ranks get all slices."""
        bounds = [total.size * rank // self.size for rank in range(self.size + 1)]
        widths = [end - start for start, end in pairwise(bounds)]
        slices = [parts[:, start:end] for start, end in pairwise(bounds)]
        outgoing = parts if len(parts) == 1 else np.concatenate([part.reshape(-1) for part in slices])
        sent = [part.size for part in slices]
        mine = total[bounds[self.rank] : bounds[self.rank + 1]]
        received = [count * mine.size for count in counts]
        incoming = np.empty((sum(counts), mine.size), total.dtype)
        self.comm.Alltoallv([outgoing, (sent, _starts(sent))], [incoming, (received, _starts(received))])
        if first:
            mine[:] = incoming[0]
        for row in incoming[int(first) :]:
            mine += row
        self.comm.Allgatherv(self.in_place, [total, (widths, bounds[:-1])])


class _Machines:
    """What all groups of one communicator of the caller use."""

    def __init__(self, MPI: Any, comm: Any) -> None:
        self.MPI = MPI
        self.comm = comm.Dup()  # messages of the caller cannot meet those of the training
        local = comm.Split_type(MPI.COMM_TYPE_SHARED)
        self.local_size = int(local.Get_size())
        local.Free()
        self._memory: _SharedMemory | None = None

    def memory(self) -> _SharedMemory | None:
        """Return memory of all ranks; None if there are several machines, or only one rank."""
        if self._memory is None and 1 < self.comm.Get_size() == self.local_size:
            self._memory = _SharedMemory(self.MPI, self.comm)
        return self._memory

    def free(self) -> None:
        if self._memory is not None:
            self._memory.free()
        self.comm.Free()


@functools.cache
def _key(MPI: Any) -> int:
    """Return the key of a communicator's ``_Machines``, which it frees when it is freed itself."""

    def free(comm: Any, key: int, machines: _Machines) -> None:
        if comm != MPI.COMM_WORLD:  # which MPI frees last, when it can make nothing any more
            machines.free()

    return int(MPI.Comm.Create_keyval(delete_fn=free))


def _of_communicator(MPI: Any, comm: Any) -> _Machines:
    """Return what groups of this communicator use: MPI has a few thousand communicators at most."""
    found: _Machines | None = comm.Get_attr(_key(MPI))
    if found is None:
        found = _Machines(MPI, comm)
        comm.Set_attr(_key(MPI), found)
    return found


class _SharedMemory:
    """Two areas that all ranks of a machine read and write, and signals between the ranks.

    There are two so that ranks can write into one while others still read the other.
    """

    length = 8 * _BLOCK  # values of one area

    def __init__(self, MPI: Any, comm: Any) -> None:
        self.MPI, self.comm, self.nothing = MPI, comm, np.empty(0)
        self.window: Any = None

    @functools.cached_property
    def areas(self) -> tuple[Array, Array]:
        """Made with the first sums, when the ranks have agreed that all of them add in this way."""
        size = self.length * np.dtype(np.float64).itemsize
        bytes_here = 2 * size if self.comm.Get_rank() == 0 else 0
        self.window = self.MPI.Win.Allocate_shared(bytes_here, 1, comm=self.comm)
        self.window.Lock_all()
        memory = np.frombuffer(self.window.Shared_query(0)[0], np.uint8)
        return memory[:size], memory[size:]

    def free(self) -> None:
        if self.window is not None:
            self.window.Unlock_all()
            self.window.Free()

    def area(self, number: int, dtype: np.dtype[np.floating]) -> Array:
        values: Array = self.areas[number].view(dtype)[: self.length]
        return values

    def tell(self, rank: int) -> None:
        """Let a rank that waits read what this one has written."""
        self.window.Sync()
        self.comm.Send(self.nothing, rank)

    def wait_for(self, rank: int) -> None:
        self.comm.Recv(self.nothing, rank)
        self.window.Sync()

    def meet(self) -> None:
        """Wait until all ranks have written."""
        self.window.Sync()
        self.comm.Barrier()
        self.window.Sync()


def _add(parts: Array, total: Array, begins: bool) -> None:
    """Add the parts to the total one after the other; if the sum begins with them, ignore what is in it."""
    for number, part in enumerate(parts):
        if begins and number == 0:
            total[:] = part
        else:
            total += part


def _starts(counts: Sequence[int]) -> list[int]:
    return [0, *accumulate(counts)][:-1]
