"""The decimal mark and the thousands mark of a text file, found in its cells or asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deepcore import _checks
from deepcore.data.delimited import TextTable
from deepcore.data.text import NumberFormat, clean, missing_marks

__all__ = ["find_number_format"]

_LIKE = re.compile(r"[+-]?[0-9][0-9.,' ]*(?:[eE][+-]?[0-9]+)?")
# A mark that is not followed by three digits, or follows 0 or four and more digits, is a decimal mark.
_PROOF = r"[+-]?(?:[0-9]+{0}(?:[0-9]{{1,2}}|[0-9]{{4,}})|0{0}[0-9]+|[0-9]{{4,}}{0}[0-9]+)(?:[eE][+-]?[0-9]+)?"
_COMMA_PROOF = re.compile(_PROOF.format(","))
_COMMA_WITH_POINTS = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+")
_POINTS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}")
_COMMAS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+\.[0-9]+|(?:,[0-9]{3}){2,})")
_POINT_PROOF = re.compile(_PROOF.format(r"\."))
_EITHER = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
_PLAIN = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)?(?:[eE][+-]?[0-9]+)?")
_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:([ '])[0-9]{3})(?:\1[0-9]{3})*(?:[.,][0-9]+)?")


def find_number_format(
    who: str,
    name: str,
    table: TextTable,
    decimal: str | None,
    thousands: str | None,
    missing: Sequence[str],
) -> NumberFormat:
    """Find how a file writes numbers; what is given is not searched for.

    Args:
        who: Name of the caller, the head of messages.
        name: Name of the source.
        table: The cells.
        decimal: ``"."``, ``","`` or None.
        thousands: A mark, ``""`` or None.
        missing: Marks of missing values.

    Raises:
        ValueError: If a mark is not allowed, or the cells may be read in two ways.
    """
    if decimal is not None and decimal not in (".", ","):
        raise ValueError(f"{who}: decimal must be '.' or ',', got {_checks.shown(decimal)}")
    if thousands is not None and (thousands not in ("", ".", ",", " ", "'", "_") or thousands == decimal):
        raise ValueError(
            f"{who}: thousands must be '', '.', ',', ' ', \"'\" or '_', and not the decimal mark, got "
            f"{_checks.shown(thousands)}"
        )
    if decimal is None and thousands in (".", ","):
        decimal = "," if thousands == "." else "."
    if decimal is not None and thousands is not None:
        return NumberFormat(decimal, thousands)
    marks = missing_marks(missing)
    seen: dict[str, tuple[str, str]] = {}
    for column, cells in zip(table.names, table.columns, strict=True):
        for proof, cell in _proofs(cells.values, marks).items():
            seen.setdefault(proof, (column, cell))
    return _decided(who, name, seen, decimal, thousands)


def _proofs(different: Sequence[str], marks: frozenset[str]) -> dict[str, str]:
    """What the different cells of one column prove, each with a cell that does."""
    if not any(any(mark in cell for mark in ",' \u00a0\u202f\u2019") or "." in cell for cell in different):
        return {}
    texts = [text for text in map(_unified, different) if text.casefold() not in marks]
    like = [text for text in texts if _LIKE.fullmatch(text)]
    if 2 * len(like) < len(texts):
        return {}
    found: dict[str, str] = {}
    for whole in like:
        text = whole
        grouped = _GROUPED.fullmatch(whole)
        if grouped:
            found.setdefault(f"thousands{grouped[1]}", whole)
            text = whole.replace(grouped[1], "")
        if _COMMA_PROOF.fullmatch(text):
            found.setdefault("decimal,", text)
        elif _COMMA_WITH_POINTS.fullmatch(text):
            found.setdefault("decimal,", text)
            found.setdefault("thousands.", text)
        elif _POINTS.fullmatch(text):
            found.setdefault("thousands.", text)
        elif _COMMAS.fullmatch(text):
            found.setdefault("thousands,", text)
        elif _POINT_PROOF.fullmatch(text):
            found.setdefault("decimal.", text)
        elif _EITHER.fullmatch(text):
            found.setdefault("either", text)
        elif not _PLAIN.fullmatch(text):  # such as 10.0.0.1: what looks like numbers here are names
            return {}
    return found


def _unified(cell: str) -> str:
    return clean(cell).replace("\u2019", "'")


def _decided(
    who: str, name: str, seen: dict[str, tuple[str, str]], decimal: str | None, thousands: str | None
) -> NumberFormat:
    commas = seen.get("decimal,") or (seen.get("thousands.") if thousands is None else None)
    points = seen.get("decimal.") or seen.get("thousands,")
    if decimal is None and commas and points:
        (column, cell), (other, text) = commas, points
        what = "decimal commas" if "decimal," in seen else "points between groups of digits"
        raise ValueError(
            f"{who}: {name} has {what} in column {column!r} ({cell!r}) and decimal points in column "
            f"{other!r} ({text!r}); pass decimal=',' or decimal='.', and the other column is text"
        )
    comma = decimal == "," if decimal is not None else commas is not None
    point = decimal == "." if decimal is not None else points is not None
    if thousands is None:
        marks = [mark for mark in " '" if f"thousands{mark}" in seen]
        if comma and "thousands." in seen:
            marks.append(".")
        if not comma and ("thousands," in seen or (point and "either" in seen)):
            marks.append(",")
        if len(marks) > 1:
            raise ValueError(
                f"{who}: {name} has several thousands marks, {' and '.join(map(repr, marks))}; pass "
                "thousands="
            )
        thousands = marks[0] if marks else ""
    if "either" in seen and not comma and not point and thousands != ",":
        column, cell = seen["either"]
        raise ValueError(
            f"{who}: column {column!r} of {name} holds cells such as {cell!r}, which may be "
            f"{cell.replace(',', '.')} or {cell.replace(',', '')}; pass decimal=',' or thousands=','"
        )
    return NumberFormat("," if comma else ".", thousands)
