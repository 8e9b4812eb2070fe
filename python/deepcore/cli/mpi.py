"""``mpiexec -n 4 deepcore train``: the processes train one network; rank 0 prints and writes the files."""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from deepcore.cli.output import readable
from deepcore.distributed import Group, GroupError

__all__ = ["among_ranks", "follows", "group"]

# How mpiexec of MPICH and of Open MPI tells a process that it is one of several.
_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")


@functools.cache
def group() -> Group | None:
    """Return the processes that mpiexec started, or None if it started one or none.

    Raises:
        ImportError: If mpi4py is not installed.
    """
    sizes = [os.environ.get(name, "") for name in _SIZES]
    return Group.mpi() if any(size.isdecimal() and int(size) > 1 for size in sizes) else None


def follows(data: str, of_one_network: bool) -> bool:
    """Return whether this process only trains, because another one prints and writes.

    Raises:
        ValueError: If the data come from standard input, or more than one network is trained.
    """
    ranks = group()
    if ranks is None:
        return False
    if data == "-":
        raise ValueError("DATA must be a file that every rank can read with mpiexec, got standard input")
    if not of_one_network:
        raise ValueError(
            "mpiexec trains one network of your own with several processes; add --recipe network, and leave "
            "--ensemble and --cv out"
        )
    return ranks.rank > 0


def among_ranks(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command be one of the processes that mpiexec started.

    Ranks after the first print nothing, and leave signals to rank 0. An exception on one rank ends all.
    """

    @functools.wraps(command)
    def call(*arguments: Any, **options: Any) -> None:
        ranks = group()
        if ranks is None:
            return command(*arguments, **options)
        errors = sys.stderr
        try:
            with ExitStack() as quiet:
                if ranks.rank > 0:
                    _hush(quiet)
                return command(*arguments, **options)
        except BaseException as error:  # the other ranks may wait for this one, also after Ctrl-C
            if ranks.rank == 0 or not isinstance(error, GroupError):  # rank 0 tells what all of them know
                text = " ".join(str(error).split()) or type(error).__name__
                errors.write(f"Error: rank {ranks.rank}: {readable(text)}\n")
                errors.flush()
            ranks.abort(2)
            raise

    return call


def _hush(quiet: ExitStack) -> None:
    nothing = quiet.enter_context(Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    quiet.enter_context(redirect_stdout(nothing))
    quiet.enter_context(redirect_stderr(nothing))
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # mpiexec passes them to all ranks
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
