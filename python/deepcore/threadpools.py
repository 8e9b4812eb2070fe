"""Register deepcore with threadpoolctl, which then lists it and limits its threads.

``import deepcore`` imports this module if threadpoolctl has been imported before; otherwise import it
yourself.
"""

from __future__ import annotations

import threadpoolctl

from deepcore import _core

__all__ = ["DeepcoreController"]


class DeepcoreController(threadpoolctl.LibController):  # type: ignore[misc]
    """The number of threads that a call without ``threads=`` uses."""

    user_api = "deepcore"
    internal_api = "deepcore"
    filename_prefixes = ("_core_v", "_core_base")

    def get_num_threads(self) -> int:
        return _core.num_threads()

    def set_num_threads(self, num_threads: int) -> None:
        _core.set_num_threads(num_threads)

    def get_version(self) -> str:
        return _core.build_info()["version"]


threadpoolctl.register(DeepcoreController)
