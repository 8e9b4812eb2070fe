"""``at_one_moment``: write networks as they are at one moment, while other threads may train them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from deepcore._network.network import Network

__all__ = ["at_one_moment"]

_T = TypeVar("_T")


class _Changed(Exception):
    """Another thread has changed a network while it was read."""


def at_one_moment(
    networks: Sequence[Network], act: Callable[[Sequence[Network], Callable[[], None]], _T]
) -> _T:
    """Do something with networks that no other thread changes meanwhile, without copying them if possible.

    Args:
        networks: The networks.
        act: Called with what may be read of them, and with a function. It must call this function when it has
            read all, before it replaces a file; if another thread has begun to train, the function raises,
            and ``act`` is called once more with copies.

    Returns:
        What ``act`` returned.
    """
    changes = [network.changes for network in networks]  # before seen(): what begins in between counts too
    seen = [network.seen() for network in networks]

    def refuse_changes() -> None:
        for network, shown, before in zip(networks, seen, changes, strict=True):
            if shown is network and network.changes != before:
                raise _Changed

    try:
        return act(seen, refuse_changes)
    except _Changed:
        copies = [network.copy() for network in networks]
    return act(copies, lambda: None)
