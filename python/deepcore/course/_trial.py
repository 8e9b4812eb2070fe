"""A learner's function tried on the cases of an exercise, and the search for the cause of a difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations, islice
from typing import Any

import numpy as np

from deepcore.course import _calls, _compare
from deepcore.course._compare import Difference, Sizes, WrongForm
from deepcore.course._exercise import Exercise
from deepcore.course._mistakes import ALSO_RIGHT, Choice

# Bound of pairs of mistakes times mistakes of the formula: the search for two mistakes takes a few seconds.
MOST_WORK = 120_000


class Trial:
    """A function tried on every case of an exercise."""

    def __init__(self, exercise: Exercise, function: Callable[..., Any]) -> None:
        self.exercise = exercise
        self.function = function
        self.form = _compare.Form(exercise.returns, exercise.items, exercise.optional)
        # With this form the results of mistakes are read.
        self.quick_form = replace(self.form, find_order=False)
        self.cases = exercise.cases()
        self.outcomes = [_calls.call(function, exercise, case) for case in self.cases]
        self.differences = [self._difference(i, self._right(i)) for i in range(len(self.cases))]
        if any(self.differences):
            self._accept_other_editions()

    @property
    def right(self) -> bool:
        return not any(self.differences)

    @property
    def remark(self) -> str:
        changed = sorted({name for outcome in self.outcomes for name in outcome.changed})
        if not changed:
            return ""
        return f"{self.exercise.name} changes its argument {', '.join(changed)} in place; work on a copy."

    def _right(self, i: int, *chosen: Choice) -> Any:
        with np.errstate(all="ignore"):
            return self.exercise.right(self.cases[i], *chosen)

    def _difference(self, i: int, expected: Any, final: bool = True) -> Difference | None:
        """How the outcome of a case differs from a result."""
        outcome, exercise = self.outcomes[i], self.exercise
        if outcome.error is not None:
            return Difference("result", None, "a result", _error(outcome.error), "")
        try:
            form = self.form if final else self.quick_form
            got = form.values(self._first(outcome.value, expected), expected)
        except WrongForm as wrong:
            return wrong.difference
        right = self.quick_form.values(expected, expected)
        found = _compare.first_difference(got, right, exercise.order)
        if found is None and final and outcome.changed and not exercise.changes_arguments:
            cause = f"The argument {outcome.changed[0]} is changed in place (mutated): work on a copy of it."
            form_of = "an unchanged argument", "a changed argument"
            return Difference(outcome.changed[0], None, *form_of, cause, changed=True)
        return found

    def _first(self, value: Any, expected: Any) -> Any:
        """The values that are compared, if the function may return more of them, or fewer."""
        if self.exercise.rest_optional and value is not None and not isinstance(value, tuple | list):
            return (value, *expected[1:])
        if not self.exercise.first_only or value is None:
            return value
        if isinstance(expected, tuple):
            wanted = len(expected)
            both = isinstance(value, tuple) and len(value) > 1 and isinstance(expected[0], Mapping)
            if both and not isinstance(value[0], Mapping):
                cause = "Wrong return order: the parameters are returned first (swapped)."
                raise WrongForm(Difference("result", None, "parameters first", "another order", cause))
            return (
                tuple(value[:wanted])
                if isinstance(value, tuple | list)
                else (value,)
                if wanted == 1
                else value
            )
        return value[0] if isinstance(value, tuple | list) and len(value) else value

    def _accept_other_editions(self) -> None:
        for choice, cause in self._causes().items():
            if cause == ALSO_RIGHT:
                found = [self._difference(i, self._tried(i, choice)) for i in range(len(self.cases))]
                if not any(found):
                    self.differences = found
                    return

    def _causes(self) -> dict[Choice, str]:
        causes: dict[Choice, str] = {}
        with np.errstate(all="ignore"):
            for case in self.cases:
                causes |= self.exercise.causes(case)
        return causes

    def _tried(self, i: int, *chosen: Choice) -> Any:
        """The result of a case with mistakes; None if they raise an error."""
        try:
            return self._right(i, *chosen)
        except Exception:
            return None

    def explained(self) -> Difference:
        """Return the first difference with its likely cause."""
        wrong = [i for i, found in enumerate(self.differences) if found]
        valued = [i for i in wrong if self.outcomes[i].error is None]
        first = next(self.differences[i] for i in valued or wrong)
        if first is None:
            raise ValueError("check: a right function was to be explained")
        order = _calls.in_another_order(self.function, self.exercise)
        if order:
            written = f"({', '.join(self.exercise.arguments)})"
            cause = f"Wrong argument order: the function takes {order} instead of {written} (swapped)."
            return Difference(first.array, first.element, first.expected, first.got, cause)
        # A missing key or value can have a known cause too; it is then said in addition.
        cause = " ".join(filter(None, (first.cause, self._known_cause(with_parts=not first.cause))))
        error = next((outcome.error for outcome in self.outcomes if outcome.error is not None), None)
        if error is not None:
            cause = f"It raises {_error(error)}. {cause or _hint(error) or self._guessed(valued)}".rstrip()
        cause = cause or self._guessed(valued)
        return Difference(first.array, first.element, first.expected, first.got, cause)

    def _guessed(self, valued: list[int]) -> str:
        for i in valued:
            found = self.differences[i]
            if found is not None and found.arrays is not None:
                got, right = found.arrays
                if found.holds and got.any():
                    return (
                        f"{found.array} holds the values of {found.holds}: the two are swapped, or mixed up."
                    )
                if (
                    self.exercise.name.startswith("initialize")
                    and self.exercise.seed is not None
                    and got.shape == right.shape
                ):
                    return _random_cause(found.array, right, self.exercise.seed)
                return _compare.guess(
                    self.exercise.name, found.array, got, right, _sizes(self.exercise, self.cases[i])
                )
        return ""

    def _known_cause(self, with_parts: bool) -> str:
        """The cause of the mistake that gives the function's results, or of two mistakes.

        Args:
            with_parts: Whether it is enough that the first wrong array is explained.
        """
        causes = self._causes()
        editions: list[list[Choice]] = [[], *([c] for c, cause in causes.items() if cause == ALSO_RIGHT)]
        choices = _from_the_result_backwards([c for c, cause in causes.items() if cause != ALSO_RIGHT])
        for whole in (True, False) if with_parts else (True,):
            for choice in choices:
                if any(self._explains(whole, *edition, choice) for edition in editions):
                    return causes[choice]
        pairs = combinations(self._with_effect(choices), 2) if with_parts else ()
        for pair in islice((p for p in pairs if p[0][0] != p[1][0]), MOST_WORK // max(len(causes), 1)):
            if self._explains(False, *pair):
                return " ".join(causes[choice] for choice in reversed(pair))
        return ""

    def _with_effect(self, choices: list[Choice]) -> list[Choice]:
        """The mistakes that change the first wrong array of the first case with one, without an error."""
        for i, found in enumerate(self.differences):
            if found is not None and found.arrays is not None:
                return [c for c in choices if self._changes(i, found.array, c)]
        return []

    def _changes(self, i: int, array: str, choice: Choice) -> bool:
        result = self._tried(i, choice)
        if result is None:
            return False
        try:
            right = self._right(i)
            values = self.quick_form.values(result, right)
            return array in values and not _compare.same(
                values[array], self.quick_form.values(right, right)[array]
            )
        except WrongForm:
            return False

    def _explains(self, whole: bool, *chosen: Choice) -> bool:
        """Whether the mistakes give the whole result, or its first wrong array, in every case that ran."""
        name = next((found.array for found in self.differences if found is not None and found.arrays), "")
        explained = False
        for i, outcome in enumerate(self.outcomes):
            if outcome.error is not None:
                continue
            result = self._tried(i, *chosen)
            if result is None:
                return False
            found = self.differences[i]
            if whole:
                same = not self._difference(i, result, final=False)
                if not same or not _same_keys(outcome.value, result, self._right(i)):
                    return False
            elif not self._gives(i, name if found is None else found.array, result):
                return False
            explained = explained or (found is not None and found.tells)
        return explained

    def _gives(self, i: int, array: str, result: Any) -> bool:
        """Whether a result has the same array as the outcome of a case."""
        try:
            expected = self._right(i)
            got = self.quick_form.values(self._first(self.outcomes[i].value, expected), expected)
            values = self.quick_form.values(result, expected)
        except WrongForm:
            return False
        return array in got and array in values and _compare.same(got[array], values[array])


def _from_the_result_backwards(choices: list[Choice]) -> list[Choice]:
    """Mistakes near the result first: they are the simpler explanation. The order within a place stays."""
    places = list(dict.fromkeys(place for place, _ in choices))
    return sorted(choices, key=lambda choice: -places.index(choice[0]))


def _same_keys(got: Any, result: Any, right: Any) -> bool:
    """Whether a mistake leaves out the keys that the function left out, and no others."""
    if isinstance(right, Mapping) and isinstance(got, Mapping) and isinstance(result, Mapping):
        return {key for key in got if key in right} <= result.keys()
    return True


def _random_cause(name: str, right: Any, seed: int) -> str:
    if not right.any():
        return f"The biases are random or another number instead of zero: {name} is np.zeros."
    return (
        f"The random seed is not used: the numbers of {name} are not those of np.random.seed({seed}) and "
        "np.random.randn. Another generator (rand instead of randn?), seed, order or factor is used."
    )


def _sizes(exercise: Exercise, case: list[Any]) -> Sizes:
    """The numbers of examples and units of a case, and its learning rate."""
    named = dict(zip(exercise.arguments, case, strict=False))
    m = 1
    for name in ("X", "Y", "AL", "A2", "dZ", "dA", "A", "A_prev"):
        if np.ndim(named.get(name, 0)) == 2:
            m = named[name].shape[1]
            break
    others = frozenset(size for value in case for size in _dimensions(value)) - {1, m}
    return Sizes(m, others, named.get("learning_rate"))


def _dimensions(value: Any) -> list[int]:
    if isinstance(value, Mapping):
        return _dimensions(list(value.values()))
    if isinstance(value, tuple | list):
        return [size for part in value for size in _dimensions(part)]
    return list(np.shape(value))


def _error(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _hint(error: Exception) -> str:
    text = str(error)
    if isinstance(error, KeyError) and text.startswith("'dA"):
        return (
            f"{text} is read before it is computed, or its name is wrong: the loop over the layers must run "
            "backwards, from the last layer to the first."
        )
    if isinstance(error, KeyError):
        return "The key is missing in the dictionary: check its name, and the number of layers L."
    if "not aligned" in text or "matmul" in text or "mismatch in its core dimension" in text:
        return (
            "A matrix is transposed (or a transpose is missing), or the factors of the product are swapped."
        )
    if "must have" in text and "shape" in text:
        return "A matrix is transposed, or the array of another layer is passed on."
    if "broadcast" in text:
        return (
            "Shapes disagree: is an elementwise product (*) used for a matrix product, a matrix transposed, "
            "or keepdims=True missing?"
        )
    if isinstance(error, IndexError) and "boolean" not in text:
        return (
            "An index is out of range: was m taken from the wrong axis (shape[0] for shape[1]), "
            "or is the range off by one?"
        )
    if "boolean index" in text:
        return "The array of another layer is passed on: the cache and dA do not belong together."
    if "cannot reshape" in text:
        return "The shape is wrong: it is transposed, or shape[0] stands for shape[1]."
    if "converted to Python scalar" in text or "only length-1" in text or "only size-1" in text:
        return (
            "An array stands where one number is needed: np.squeeze or a sum is missing, or math is used in "
            "place of np."
        )
    if isinstance(error, NameError):
        return "A name is not defined."
    if "positional argument" in text:
        return "The function takes other arguments than in the course."
    if "inhomogeneous" in text or "'tuple'" in text:
        return "A tuple stands where an array is needed: the cache is not unpacked, or in another order."
    if "unpack" in text:
        return "The cache or a result is unpacked into another number of values, or in another order."
    return ""
