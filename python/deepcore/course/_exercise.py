"""What an exercise is: a function of a notebook, its formula with mistakes, and arguments to try it on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from deepcore.course._mistakes import Choice, Mistakes

# The name of one returned array, or the names of several that are returned together.
Names: TypeAlias = "str | tuple[Names, ...]"


@dataclass(frozen=True)
class Exercise:
    """A function that the learner writes.

    Attributes:
        name: Its name in the course.
        arguments: Names of its arguments, in order.
        formula: Takes a ``Mistakes`` object and the arguments; returns what the function must return.
        cases: Returns lists of arguments to try; the first one has shapes that all differ.
        returns: Names of what is returned. Keys of a dictionary are their own names.
        items: Names of what each element of a returned list holds.
        order: Names in the order in which they are computed, if it is another than that of the result.
        helpers: Functions of the course that it may call.
        aliases: Other names of the function.
        required: How many arguments it must take, if the last ones are optional in some edition; 0: all.
        seed: NumPy's global generator is seeded with it before the function is called.
        first_only: Whether the learner may return more values after the first ones.
        rest_optional: Whether the first value alone is enough, such as A without the cache.
        optional: Whether keys of a returned dictionary may be missing.
        only_if: Names of the first parameters; a function with other ones is another function of this name.
        changes_arguments: Whether it is usual that the function changes its arguments.
    """

    name: str
    arguments: tuple[str, ...]
    formula: Callable[..., Any]
    cases: Callable[[], list[list[Any]]]
    returns: Names = "result"
    items: Names = ()
    order: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    required: int = 0
    seed: int | None = None
    first_only: bool = False
    rest_optional: bool = False
    optional: frozenset[str] = field(default_factory=frozenset)
    only_if: tuple[str, ...] = ()
    changes_arguments: bool = False

    def right(self, arguments: Sequence[Any], *chosen: Choice) -> Any:
        """Return what the function must return, or what it returns with the chosen mistakes."""
        return self.formula(Mistakes(*chosen), *arguments)

    def causes(self, arguments: Sequence[Any]) -> dict[Choice, str]:
        """Return the mistakes that the formula knows, with their causes in words."""
        at = Mistakes()
        self.formula(at, *arguments)
        return at.causes
