"""Tables are written as text for a terminal, and as HTML for a notebook."""

from __future__ import annotations

from collections.abc import Collection, Sequence

__all__ = ["as_html", "as_text"]

Rows = Sequence[Sequence[str]]


def as_text(rows: Rows, foot: str, left: Collection[int] = (), ruled: bool = False) -> str:
    """Write a table as aligned columns of text, with ``foot`` as the last line.

    Args:
        rows: The cells; the first row is the head.
        foot: A sentence below the table.
        left: Columns that are aligned to the left; the others are aligned to the right.
        ruled: Draw a line below the head.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    if ruled:
        lines.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join([*lines, foot])


def as_html(rows: Rows, foot: str) -> str:
    """Write the same table in HTML, with ``foot`` as its caption."""
    from html import escape

    head, *body = rows
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in body)
    return (
        f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody>"
        f"<caption>{escape(foot)}</caption></table>"
    )
