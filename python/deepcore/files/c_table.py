"""The raw columns of a table in C: they become numbers and codes, and texts become codes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from deepcore.files.c_code import quoted
from deepcore.files.c_writer import Writer
from deepcore.files.computation import RawColumn

__all__ = ["code_function", "column_comment", "prepare_function"]

_PREPARE = """\
/* Numbers and features of dates, missing ones filled; then where they were missing; then codes. */
static inline void ${p}_prepare(const $T *x, $T *v)
{
$lines
}
"""

_DATE = """\
/* The first of January, in days since 1970-01-01. */
${P}_INLINE $T ${p}_new_year($T year)
{
    const $T before = year - 1;
    return 365 * before + floor$f(before / 4) - floor$f(before / 100) + floor$f(before / 400) - 719162;
}

/* Eight features of a day since 1970-01-01: itself, the year, and the place in year, week and day. */
static inline void ${p}_date($T days, const $T *fill, $T *v)
{
    const $T turn = $turn, day = floor$f(days), clock = days - day;
    $T year = 1970 + floor$f(day / $year), part[3];
    int j;
    if (isnan(days)) {
        for (j = 0; j < 8; ++j)
            v[j] = fill[j];
        return;
    }
    if (${p}_new_year(year) > day)
        year -= 1;
    else if (${p}_new_year(year + 1) <= day)
        year += 1;
    part[0] = (day - ${p}_new_year(year)) / $leap;
    part[1] = (day + 3 - 7 * floor$f((day + 3) / 7)) / 7; /* whole numbers, so that nothing is rounded */
    part[2] = clock;
    v[0] = days;
    v[1] = year;
    for (j = 0; j < 3; ++j) {
        v[2 + 2 * j] = sin$f(turn * part[j]);
        v[3 + 2 * j] = cos$f(turn * part[j]);
    }
}
"""

_CODES = """\
/* The code of a text in the category column i of the inputs; 0 if it is unknown or missing. */
static inline int ${p}_code(int i, const char *text)
{
    static const struct {
        int column;
        int code;
        const char *text;
    } known[$count] = {
        $rows
    };
    int j;
    for (j = 0; j < $count; ++j)
        if (known[j].column == i && strcmp(known[j].text, text) == 0)
            return known[j].code;
    return 0;
}
"""


def prepare_function(writer: Writer, columns: Sequence[RawColumn]) -> str:
    """Return the function that makes what the networks read of the raw columns."""
    lines: list[str] = []
    at = 0
    numbered = list(enumerate(columns))
    others = [pair for pair in numbered if pair[1].kind != "category"]
    # neighbours of one kind are one loop
    for (kind, _), pairs in groupby(others, lambda pair: (pair[1].kind, pair[0] - others.index(pair))):
        run = list(pairs)
        first, count = run[0][0], len(run)
        fill = writer.constant(f"fill{first}", np.array([one.fill for _, one in run]))
        lines.append(f"for (j = 0; j < {count}; ++j)")
        if kind == "date":
            constants = {"turn": 2 * np.pi, "year": 365.2425, "leap": 365.25}
            values = {name: writer.literal(value) for name, value in constants.items()}
            writer.function("date", writer.filled(_DATE, **values))
            call = f"{writer.names['p']}_date(x[{first} + j], {fill} + 8 * j, v + {at} + 8 * j);"
            lines.append(f"    {call}")
        else:
            lines.append(f"    v[{at} + j] = isnan(x[{first} + j]) ? {fill}[j] : x[{first} + j];")
        at += count * (8 if kind == "date" else 1)
    for i, column in others:
        if column.indicator:
            lines.append(f"v[{at}] = isnan(x[{i}]) ? 1 : 0;")
            at += 1
    for i, column in numbered:
        if column.kind == "category":
            lines.append(f"v[{at}] = x[{i}];")
            at += 1
    if others:
        lines.insert(0, "int j;")
    return writer.filled(_PREPARE, lines="\n".join(f"    {line}" for line in lines))


def code_function(writer: Writer, columns: Sequence[RawColumn]) -> list[str]:
    """Return the function that gives the code of a text, if there are categories."""
    known = [
        f"{{{i}, {code}, {writer.text(text)}}}"
        for i, column in enumerate(columns)
        for text, code in column.codes.items()
    ]
    return [writer.filled(_CODES, count=len(known), rows=",\n        ".join(known))] if known else []


def column_comment(columns: Sequence[RawColumn], prefix: str) -> str:
    """Return a comment that says what each raw input is."""
    kinds = {
        "number": "a number; NaN is missing",
        "date": "days since 1970-01-01, with the fraction of the day; NaN is missing",
    }
    lines = []
    for i, column in enumerate(columns):
        name = quoted(column.name).replace("*/", "* /").replace("/*", "/ *")
        what = kinds.get(column.kind, f"{prefix}_code({i}, text)")
        lines.append(f"   x[{i}]  {name}: {what}")
    return "/* Inputs, one per column of the table:\n\n" + "\n".join(lines) + " */\n"
