"""Groups of processes that train one network together: ``model.fit(..., group=Group.mpi())``."""

from deepcore.distributed.group import Group, OrderedGroup
from deepcore.exceptions import GroupError

__all__ = ["Group", "GroupError", "OrderedGroup"]
