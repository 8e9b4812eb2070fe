"""Bring parts of Dask collections into memory, by the scheduler that Dask would use."""

from __future__ import annotations

from typing import Any

import dask
from dask.base import get_scheduler

__all__ = ["computed"]

#: Seconds that a task may wait if no worker of the cluster can run it.
_TIMEOUT = 60.0


def computed(who: str, *given: Any) -> list[Any]:
    """Compute collections; everything else is returned as it is.

    Args:
        who: Head of messages.
        given: Collections of Dask, and other objects.

    Raises:
        GroupError: if a cluster computes them, and is lost or has no worker that can run one of the tasks.
        Exception: what a task raised.
    """
    get = get_scheduler(collections=[each for each in given if dask.is_dask_collection(each)])
    client = getattr(get, "__self__", None)  # of a cluster; other schedulers compute in this process
    if not hasattr(client, "scheduler_info"):
        return list(dask.compute(*given))

    from deepcore._cluster.watching import Watch  # needs `distributed`, which then is there

    watch = Watch(who, client, _TIMEOUT, "call it again when the cluster is complete")
    return watch.computed(given)
