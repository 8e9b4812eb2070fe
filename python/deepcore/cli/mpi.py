"""``mpiexec -n 4 deepcore train``: the processes train one network; rank 0 prints and writes the files."""

from __future__ import annotations

import functools
import os
import signal
import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path

from deepcore.cli.output import readable
from deepcore.distributed import Group, GroupError

__all__ = ["Launched", "group"]

# How mpiexec of MPICH and of Open MPI tells a process that it has others beside it.
_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")


@functools.cache
def group() -> Group | None:
    """Return the processes that mpiexec started, or None if it started one or none.

    Raises:
        ImportError: If mpi4py is not installed.
    """
    sizes = [os.environ.get(name, "") for name in _SIZES]
    return Group.mpi() if any(size.isdecimal() and int(size) > 1 for size in sizes) else None


class Launched:
    """Within a ``with`` block: one of the processes that mpiexec started, or the only one.

    Rank 0 behaves as the only process does. The other ranks print nothing, leave signals to rank 0, and have
    nothing to do after the training. An exception on one rank ends all.

    Attributes:
        leads: This is rank 0, or the only process.
    """

    def __init__(self) -> None:
        self.group = group()
        self.leads = self.group is None or self.group.rank == 0
        self._quiet = ExitStack()
        self._errors = sys.stderr

    def __enter__(self) -> Launched:
        if not self.leads:
            nothing = self._quiet.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            self._quiet.enter_context(redirect_stdout(nothing))
            self._quiet.enter_context(redirect_stderr(nothing))
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # mpiexec passes them to all ranks
                if hasattr(signal, name):
                    signal.signal(getattr(signal, name), signal.SIG_IGN)
        return self

    def check(self, data: str, of_one_network: bool) -> None:
        """Refuse what several processes cannot do together.

        Raises:
            ValueError: If the data come from standard input, or more than one network is trained.
        """
        if self.group is None:
            return
        if data == "-":
            raise ValueError("DATA must be a file that every rank can read with mpiexec, got standard input")
        if not of_one_network:
            raise ValueError(
                "mpiexec trains one network of your own with several processes; add --recipe network, and "
                "leave --ensemble and --cv out"
            )

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._quiet.close()
        if self.group is None or error is None or isinstance(error, SystemExit):
            return
        # The others may wait for this rank. Rank 0 tells the errors that all of them know.
        if self.leads or not isinstance(error, GroupError):
            text = f"Error: rank {self.group.rank}: {' '.join(str(error).split()) or type(error).__name__}\n"
            self._errors.write(readable(text))
            self._errors.flush()
        from mpi4py import MPI

        MPI.COMM_WORLD.Abort(2)
