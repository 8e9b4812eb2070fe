"""Places for the boxes of a graph: columns from left to right, ordered so that few edges cross."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["Box", "Layout", "place"]

# Passes over all columns; small graphs do not change any more after a few.
_SWEEPS = 12
# Distances between boxes, in pixels.
GAP_X, GAP_Y = 46.0, 16.0


@dataclass(eq=False)
class Box:
    """A rectangle of the drawing, or a point that a long edge passes through.

    Attributes:
        width: In pixels; 0 for a point.
        height: In pixels.
        x: Left border.
        y: Middle.
    """

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0


@dataclass
class Layout:
    """Boxes with their places.

    Attributes:
        width: Of the whole drawing, in pixels.
        height: Likewise.
        paths: The points that each edge passes through between its ends, in the order of the edges.
    """

    width: float
    height: float
    paths: list[list[Box]] = field(default_factory=list)


def place(boxes: Sequence[Box], edges: Sequence[tuple[int, int]]) -> Layout:
    """Give every box its place.

    Args:
        boxes: Each after the boxes that it has edges from.
        edges: Pairs of positions in ``boxes``.
    """
    columns_of = _columns(len(boxes), edges)
    columns: list[list[Box]] = [[] for _ in range(max(columns_of) + 1)]
    for box, column in zip(boxes, columns_of, strict=True):
        columns[column].append(box)
    before: dict[Box, list[Box]] = {}
    after: dict[Box, list[Box]] = {}
    paths = []
    for start, end in edges:
        points = [Box(0.0, 4.0) for _ in range(columns_of[start] + 1, columns_of[end])]
        for column, point in enumerate(points, start=columns_of[start] + 1):
            columns[column].append(point)
        chain = [boxes[start], *points, boxes[end]]
        for left, right in pairwise(chain):
            after.setdefault(left, []).append(right)
            before.setdefault(right, []).append(left)
        paths.append(points)
    _order(columns, before, after)
    _stack(columns, before, after)
    width, height = _finish(columns)
    return Layout(width, height, paths)


def _columns(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The column of each box: right of all that it depends on; inputs directly before their first use."""
    column = [0] * count
    for start, end in sorted(edges, key=lambda edge: edge[1]):
        column[end] = max(column[end], column[start] + 1)
    inputs = set(range(count)) - {end for _, end in edges}
    for one in inputs:
        uses = [column[end] for start, end in edges if start == one]
        column[one] = min(uses, default=1) - 1
    return column


Neighbours = Mapping[Box, list[Box]]


def _order(columns: list[list[Box]], before: Neighbours, after: Neighbours) -> None:
    """Sort each column by the mean place of its neighbours, and keep the order with the fewest crossings."""
    best, fewest = [list(column) for column in columns], _crossings(columns, after)
    for sweep in range(_SWEEPS):
        neighbours = before if sweep % 2 == 0 else after
        step = 1 if sweep % 2 == 0 else -1
        for column in columns[::step]:
            rank = {box: i for other in columns for i, box in enumerate(other)}
            own = {box: float(i) for i, box in enumerate(column)}
            for box in column:
                if near := neighbours.get(box):
                    own[box] = sum(rank[other] for other in near) / len(near)
            column.sort(key=own.__getitem__)
        crossings = _crossings(columns, after)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
    columns[:] = best


def _crossings(columns: list[list[Box]], after: Neighbours) -> int:
    """Number of pairs of edges between neighbouring columns that cross."""
    total = 0
    for column, following in pairwise(columns):
        rank = {box: i for i, box in enumerate(following)}
        ends = [rank[box] for start in column for box in sorted(after.get(start, ()), key=rank.__getitem__)]
        total += sum(one > other for i, one in enumerate(ends) for other in ends[i + 1 :])
    return total


def _stack(columns: list[list[Box]], before: Neighbours, after: Neighbours) -> None:
    """Move each box to the mean height of its neighbours, as far as the order and the gaps allow."""
    for column in columns:
        top = 0.0
        for box in column:
            box.y = top + box.height / 2
            top += box.height + GAP_Y
    for sweep in range(_SWEEPS):
        for column in columns[:: 1 if sweep % 2 == 0 else -1]:
            wanted = []
            for box in column:
                near = [*before.get(box, ()), *after.get(box, ())]
                wanted.append(sum(other.y for other in near) / len(near) if near else box.y)
            _spread(column, wanted)


def _spread(column: list[Box], wanted: list[float]) -> None:
    """Place boxes as near to the wanted heights as possible, in order and without overlap."""
    groups: list[list[tuple[Box, float]]] = []  # boxes that touch, with their offsets from the first
    for box, y in zip(column, wanted, strict=True):
        box.y = y
        groups.append([(box, 0.0)])
        while len(groups) > 1 and _overlap(groups[-2], groups[-1]):
            lower, upper = groups.pop(), groups.pop()
            groups.append(_joined(upper, lower, dict(zip(column, wanted, strict=True))))


def _overlap(upper: list[tuple[Box, float]], lower: list[tuple[Box, float]]) -> bool:
    above, below = upper[-1][0], lower[0][0]
    return above.y + above.height / 2 + GAP_Y > below.y - below.height / 2 + 1e-9


def _joined(
    upper: list[tuple[Box, float]], lower: list[tuple[Box, float]], wanted: Mapping[Box, float]
) -> list[tuple[Box, float]]:
    """One group of touching boxes, at the mean of the places that its boxes want."""
    above, offset = upper[-1]
    shift = offset + (above.height + lower[0][0].height) / 2 + GAP_Y
    group = [*upper, *((box, own + shift) for box, own in lower)]
    start = sum(wanted[box] - own for box, own in group) / len(group)
    for box, own in group:
        box.y = start + own
    return group


def _finish(columns: list[list[Box]]) -> tuple[float, float]:
    """Give each column its place from the left, move everything below 0, and return the size."""
    x = 0.0
    for column in columns:
        width = max(box.width for box in column)
        for box in column:
            box.x = x + (width - box.width) / 2
        x += width + GAP_X
    boxes = [box for column in columns for box in column]
    top = min(box.y - box.height / 2 for box in boxes)
    for box in boxes:
        box.y -= top
    return x - GAP_X, max(box.y + box.height / 2 for box in boxes)
