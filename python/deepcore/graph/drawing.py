"""A graph is drawn as SVG, without Graphviz: boxes with values and derivatives, and edges between them."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import pairwise

import numpy as np

from deepcore.graph.derivatives import Derivative, derivatives
from deepcore.graph.layout import Box, Layout, place
from deepcore.graph.nodes import Array, Node
from deepcore.graph.steps import compact, derivative_name, steps_order

__all__ = ["svg"]

# A line of text is so high, and a letter of the monospaced font so wide at this size, in pixels.
_FONT, _LINE, _LETTER = 12, 16, 7.3
_MARGIN, _PADDING, _LONGEST = 10, 8, 36
_VALUE, _SLOPE = "#1f5fa8", "#b3261e"


@dataclass(frozen=True)
class _Line:
    text: str
    colour: str = "#111"
    bold: bool = False


def svg(nodes: list[Node], steps: int | None = None) -> str:
    """Draw a graph.

    Args:
        nodes: All nodes in their order, the output last.
        steps: Draw the values and derivatives of so many steps only; None: all.
    """
    lines = _texts(nodes, steps)
    boxes = [
        Box(max(len(line.text) for line in text) * _LETTER + 2 * _PADDING, len(text) * _LINE + _PADDING)
        for text in lines
    ]
    at = {node: i for i, node in enumerate(nodes)}
    edges = [(at[parent], at[child]) for child in nodes for parent in child.parents]
    layout = place(boxes, edges)
    parts = _edges(boxes, edges, layout)
    parts += [
        _box(node, box, text, node is nodes[-1]) for node, box, text in zip(nodes, boxes, lines, strict=True)
    ]
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-_MARGIN} {-_MARGIN} {width:.0f} {height:.0f}" font-family="DejaVu Sans Mono,Consolas,'
        f'Menlo,monospace" font-size="{_FONT}"><defs><marker id="deepcore-arrow" viewBox="0 0 8 8" refX="7" '
        'refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#666"/>'
        f'</marker></defs><rect x="{-_MARGIN}" y="{-_MARGIN}" width="100%" height="100%" fill="#fff"/>'
        f"{''.join(parts)}</svg>"
    )


def _texts(nodes: list[Node], steps: int | None) -> list[list[_Line]]:
    """The lines of text in the box of each node."""
    there = steps_order(nodes)
    d = derivatives(nodes) if nodes[-1].data.size == 1 else {}
    shown = len(nodes) * 2 if steps is None else steps
    valued = set(there[:shown])
    sloped = set(list(reversed(there))[: max(0, shown - len(there))])
    return [_text(node, nodes[-1], node in valued, d.get(node) if node in sloped else None) for node in nodes]


def _text(node: Node, output: Node, valued: bool, slope: Derivative | None) -> list[_Line]:
    if node.is_constant:
        return [_Line(node.name)]
    named = node.operation is not None and node.name != node.formula
    lines = [_Line(_cut(f"{node.name} = {node.formula}" if named else node.name), bold=True)]
    values = _rows(compact(node.data, node.scale)) if valued else ["?"]
    lines += [_Line(row, _VALUE) for row in values]
    if slope is not None:
        name = derivative_name(output, node) if node.name.isidentifier() else "derivative"
        first, *others = _rows(compact(slope.value, slope.scale))
        head = [f"{name} =", first] if others else [f"{name} = {first}"]
        lines += [_Line(row, _SLOPE) for row in (*head, *others)]
    return lines


def _rows(text: str) -> list[str]:
    """The rows of a matrix, such as ``[1 2; 3 4]``, each on a line of its own."""
    return [row.strip() for row in text.strip("[]").split(";")] if ";" in text else [text]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _box(node: Node, box: Box, lines: list[_Line], last: bool) -> str:
    top = box.y - box.height / 2
    fill = "#fff" if node.operation is not None else "#eceff3"
    thick = 2 if last else 1
    texts = "".join(
        f'<text x="{box.x + box.width / 2:.1f}" y="{top + (i + 1) * _LINE:.1f}" text-anchor="middle" '
        f'fill="{line.colour}"{" font-weight=" + chr(34) + "bold" + chr(34) if line.bold else ""}>'
        f"{escape(line.text)}</text>"
        for i, line in enumerate(lines)
    )
    title = f"<title>{escape(_whole(node.name, node.data))}</title>"
    return (
        f'<g>{title}<rect x="{box.x:.1f}" y="{top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
        f'rx="5" fill="{fill}" stroke="#444" stroke-width="{thick}"/>{texts}</g>'
    )


def _whole(name: str, array: Array) -> str:
    """What the mouse shows: the name and all numbers, of a large array the first ones."""
    with np.printoptions(precision=6, threshold=100, edgeitems=3):
        return f"{name} = {array}"


def _edges(boxes: list[Box], edges: list[tuple[int, int]], layout: Layout) -> list[str]:
    """One curve per edge; those that end at one box arrive at different heights, in order."""
    arriving: dict[int, list[int]] = {}
    for i, (_, end) in enumerate(edges):
        arriving.setdefault(end, []).append(i)
    height = {}
    for end, numbers in arriving.items():
        numbers.sort(key=lambda i: (layout.paths[i][-1] if layout.paths[i] else boxes[edges[i][0]]).y)
        step = min(14.0, (boxes[end].height - 8) / len(numbers))
        for place_, i in enumerate(numbers):
            height[i] = boxes[end].y + (place_ - (len(numbers) - 1) / 2) * step
    curves = []
    for i, (start, end) in enumerate(edges):
        one, other = boxes[start], boxes[end]
        points = [(one.x + one.width, one.y), *((p.x, p.y) for p in layout.paths[i]), (other.x, height[i])]
        curve = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
        for (x0, y0), (x1, y1) in pairwise(points):
            bend = (x1 - x0) / 2
            curve += f"C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
        curves.append(
            f'<path d="{curve}" fill="none" stroke="#666" stroke-width="1.2" '
            'marker-end="url(#deepcore-arrow)"/>'
        )
    return curves
