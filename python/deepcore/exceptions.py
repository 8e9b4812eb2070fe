"""Warnings that deepcore gives, and the two errors that are not built in: a KeyError and a RuntimeError."""

__all__ = ["DeadUnitsWarning", "DivergenceWarning", "GroupError", "SymmetryWarning", "UnknownNameError"]


class DeadUnitsWarning(UserWarning):
    """All units of a relu layer give 0 for every example, so the layer and those before it do not learn."""


class DivergenceWarning(UserWarning):
    """A training run ended because its loss was no longer a finite number."""


class GroupError(RuntimeError):
    """A training of several processes cannot start or go on, because of one of them.

    Attributes:
        rank: Number of that process.
    """

    def __init__(self, rank: int, message: str) -> None:
        super().__init__(rank, message)
        self.rank = rank

    def __str__(self) -> str:
        return str(self.args[1])


class SymmetryWarning(UserWarning):
    """Units of a hidden layer start equal, so they stay equal: the layer learns as if it had one unit."""


class UnknownNameError(KeyError):
    """A mapping, such as ``model.parameters``, has no item of this name; the message lists the names.

    Python prints the message of a plain KeyError in quotation marks; this one is printed as it is.
    """

    def __str__(self) -> str:
        return str(self.args[0])
