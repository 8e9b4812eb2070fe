"""Embeddings and encoded columns as lines of C: the parts of a ``Join``."""

from __future__ import annotations

import numpy as np

from deepcore.files.c_writer import Writer
from deepcore.files.steps import Coded, Join, Kept, Lookup, OneHot, Part, Periodic, PiecewiseLinear, Scaled

__all__ = ["element", "join_lines"]

_CLIPPED = """\
/* z for small z, and never above limit: z / sqrt(1 + (z / limit)^2). */
${P}_INLINE $T ${p}_clipped($T z, $T limit)
{
    const $T share = z / limit;
    return z / sqrt$f(1 + share * share);
}
"""

_LOOKUP = """\
/* The n numbers of a code; what is not a code counts as code 0. */
${P}_INLINE void ${p}_lookup($T x, int codes, int n, const $T *table, $T *y)
{
    const int code = x >= 0 && x < ($T)codes ? (int)x : 0;
    int j;
    for (j = 0; j < n; ++j)
        y[j] = table[code * n + j];
}
"""

_CODED = """\
/* The code of a number: its place among the n known ones, from 1; 0 if it is not known. */
${P}_INLINE $T ${p}_coded($T x, int n, const $T *known)
{
    int code = 0, j;
    for (j = 0; j < n; ++j)
        code = x == known[j] ? j + 1 : code;
    return ($T)code;
}
"""

_PERIODIC = """\
/* n numbers of each column x: offset + sum of weight * cos(frequency * x + phase) over k frequencies. */
static inline void ${p}_periodic(int columns, int k, int n, const $T *x, const $T *frequency,
                                 const $T *phase, const $T *weight, const $T *offset, $T *y)
{
    int i, j, c;
    for (c = 0; c < columns; ++c, frequency += k, phase += k, offset += n, y += n) {
        for (i = 0; i < n; ++i)
            y[i] = offset[i];
        for (j = 0; j < k; ++j, weight += n) {
            const $T wave = cos$f(frequency[j] * x[c] + phase[j]);
            for (i = 0; i < n; ++i)
                y[i] += wave * weight[i];
        }
    }
}
"""

_PIECEWISE = """\
/* n numbers of each column x, which are linear between its edges; the parts go from 0 to 1 between two edges,
   but the first one has no lower limit and the last one no upper limit. */
static inline void ${p}_piecewise(int columns, int n, const int *bins, const $T *x, const $T *edge,
                                  const $T *weight, const $T *offset, $T *y)
{
    int i, j, c;
    for (c = 0; c < columns; ++c, ++edge, offset += n, y += n) {
        for (i = 0; i < n; ++i)
            y[i] = offset[i] + weight[i] * x[c];
        weight += n;
        for (j = 0; j < bins[c]; ++j, ++edge, weight += n) {
            $T part = (x[c] - edge[0]) / (edge[1] - edge[0]);
            if (j > 0 && part < 0)
                part = 0;
            if (j + 1 < bins[c] && part > 1)
                part = 1;
            for (i = 0; i < n; ++i)
                y[i] += part * weight[i];
        }
    }
}
"""


def join_lines(writer: Writer, step: Join, tag: str, source: str, target: str) -> list[str]:
    """Return the lines that compute a ``Join``.

    Args:
        writer: It gets the constants and functions.
        step: The parts.
        tag: Ending of the names of constants.
        source: The array that the parts read.
        target: The array that they write.
    """
    found: list[str] = []
    at = 0
    for number, part in enumerate(step.parts, start=1):
        found += _part_lines(writer, part, f"{tag}_{number}", source, _plus(target, at))
        at += part.units
    return found


def _plus(array: str, offset: int) -> str:
    return f"{array} + {offset}" if offset else array


def element(array: str) -> str:
    """Return element j of an array with an offset, such as ``a + 8``, as C writes it."""
    name, _, offset = array.partition(" + ")
    return f"{name}[{offset} + j]" if offset else f"{name}[j]"


def _part_lines(writer: Writer, part: Part, tag: str, source: str, target: str) -> list[str]:
    loop, y = f"for (j = 0; j < {part.units}; ++j)", element(target)
    if isinstance(part, Lookup):
        return [_lookup(writer, part, tag, source, target)]
    if isinstance(part, OneHot):
        one, zero = (writer.constant(f"{name}{tag}", getattr(part, name)) for name in ("one", "zero"))
        T = writer.names["T"]
        return [loop, f"    {y} = {source}[{part.column}] == ({T})(j + 1) ? {one}[j] : {zero}[j];"]
    if isinstance(part, Coded):
        writer.function("coded", writer.filled(_CODED))
        known = writer.constant(f"known{tag}", part.known)
        call = f"{writer.names['p']}_coded({source}[{part.column}], {part.known.size}, {known})"
        name, _, offset = target.partition(" + ")
        return [f"{name}[{offset or 0}] = {call};"]
    x = _plus(source, part.first)
    if isinstance(part, Kept):
        return [loop, f"    {y} = {element(x)};"]
    if isinstance(part, Scaled):
        centre, factor = (
            writer.constant(f"{name}{tag}", getattr(part, name)) for name in ("centre", "factor")
        )
        z = f"({element(x)} - {centre}[j]) * {factor}[j]"
        if part.limit is not None:
            writer.function("clipped", writer.filled(_CLIPPED))
            z = f"{writer.names['p']}_clipped({z}, {writer.literal(part.limit)})"
        return [loop, f"    {y} = {z};"]
    return [_periodic(writer, part, tag, x, target) if isinstance(part, Periodic)
            else _piecewise(writer, part, tag, x, target)]  # fmt: skip


def _lookup(writer: Writer, part: Lookup, tag: str, source: str, target: str) -> str:
    writer.function("lookup", writer.filled(_LOOKUP))
    table = writer.constant(f"table{tag}", part.table)
    codes, n = part.table.shape
    return f"{writer.names['p']}_lookup({source}[{part.column}], {codes}, {n}, {table}, {target});"


def _periodic(writer: Writer, part: Periodic, tag: str, x: str, target: str) -> str:
    writer.function("periodic", writer.filled(_PERIODIC))
    values = (part.frequency, part.phase, part.weight.transpose(0, 2, 1), part.offset)
    names = ("frequency", "phase", "weight", "offset")
    arrays = [writer.constant(f"{name}{tag}", value) for name, value in zip(names, values, strict=True)]
    columns, n, k = part.weight.shape
    return f"{writer.names['p']}_periodic({columns}, {k}, {n}, {x}, {', '.join(arrays)}, {target});"


def _piecewise(writer: Writer, part: PiecewiseLinear, tag: str, x: str, target: str) -> str:
    writer.function("piecewise", writer.filled(_PIECEWISE))
    bins = writer.whole(f"bins{tag}", np.array([len(edges) - 1 for edges in part.edges]), "int")
    weight = np.concatenate([one.T.ravel() for one in part.weights])
    values = (np.concatenate(part.edges), weight, part.offset)
    names = ("edge", "weight", "offset")
    arrays = [writer.constant(f"{name}{tag}", value) for name, value in zip(names, values, strict=True)]
    columns, n = part.offset.shape
    return f"{writer.names['p']}_piecewise({columns}, {n}, {bins}, {x}, {', '.join(arrays)}, {target});"
