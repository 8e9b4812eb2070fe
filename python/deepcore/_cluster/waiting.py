"""Why a task waits: the scheduler knows whether any worker may run it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

__all__ = ["Blocked", "blocked"]


class Blocked(NamedTuple):
    """A task that no worker of the cluster can run now.

    Attributes:
        why: Completes the sentence "... could not be computed, because".
        gone: Whether it may run only on workers that have left the cluster. A worker that starts again has
            another address as a rule, so that they do not come back.
    """

    why: str
    gone: bool


def blocked(keys: Iterable[Any], dask_scheduler: Any) -> Blocked | None:
    """Find a task that these tasks wait for and that no worker can run; None if there is none.

    This function runs on the scheduler.
    """
    if dask_scheduler.running and not dask_scheduler.unrunnable:
        return None
    for task in _awaited(keys, dask_scheduler):
        if task.state == "no-worker" or (task.state == "queued" and not dask_scheduler.running):
            return _explained(task, dask_scheduler)
    return None


def _awaited(keys: Iterable[Any], scheduler: Any) -> Iterator[Any]:
    """Yield the tasks that have not been computed yet, and all that they need."""
    found = {scheduler.tasks[key] for key in keys if key in scheduler.tasks}
    waiting = list(found)
    while waiting:
        task = waiting.pop()
        if task.state != "memory":
            yield task
            new = task.dependencies - found
            found |= new
            waiting.extend(new)


def _explained(task: Any, scheduler: Any) -> Blocked:
    addresses = sorted(task.worker_restrictions or ())
    hosts = sorted(task.host_restrictions or ())
    resources = dict(task.resource_restrictions or {})
    wanted = [
        *([f"on {' or '.join(addresses)}"] if addresses else []),
        *([f"on the host {' or '.join(hosts)}"] if hosts else []),
        *([f"with the resources {resources}"] if resources else []),
    ]
    if wanted:
        what = f"the task {str(task.key)[:80]} may run only {' and '.join(wanted)}"
        known = any(address in scheduler.workers for address in addresses)
        return Blocked(f"{what}, and no such worker takes tasks", bool(addresses) and not known and not hosts)
    if not scheduler.workers:
        return Blocked("the cluster has no worker", False)
    states = sorted({worker.status.name for worker in scheduler.workers.values()})
    return Blocked(f"the workers of the cluster take no tasks, but are {' or '.join(states)}", False)
