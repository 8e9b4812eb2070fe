"""Matrices are drawn as heat maps in HTML: small ones with their numbers, large ones as pictures."""

from __future__ import annotations

import base64
import struct
import zlib
from html import escape

import numpy as np

from deepcore.typing import Array

__all__ = ["STYLE", "figure", "page"]

# A matrix of at most so many rows and columns is shown with its numbers.
_ROWS, _COLUMNS = 8, 8
# A larger one is drawn as a picture of at most so many cells, which are then maxima of groups of numbers.
_CELLS = 256
# Blue for negative and orange for positive numbers, which people with any colour vision tell apart.
_NEGATIVE, _POSITIVE = np.array([33, 102, 172]), np.array([217, 95, 2])

STYLE = """<style>
.dc{font:13px/1.4 system-ui,sans-serif;color:#111;background:#fff;padding:8px}
.dc table{border-collapse:collapse;margin:4px 0}
.dc caption{caption-side:bottom;text-align:left;padding-top:4px;color:#444}
.dc th,.dc td{padding:2px 7px;text-align:right;border:0;color:inherit;background:#fff}
.dc thead th{border-bottom:1px solid #888}
.dc .row{display:flex;flex-wrap:wrap;align-items:flex-start;gap:18px;margin:4px 0 14px}
.dc figure{margin:0}
.dc figcaption{white-space:nowrap;margin-bottom:2px}
.dc code{font:12px ui-monospace,monospace;background:none;color:inherit}
.dc .map td{font:11px ui-monospace,monospace;padding:3px 5px;border:1px solid #ddd}
.dc img{image-rendering:pixelated;border:1px solid #999;display:block}
.dc .range{color:#444;font-size:11px}
.dc h4{margin:8px 0 2px;font-size:14px}
</style>"""


def figure(name: str, formula: str, matrix: Array) -> str:
    """Return a matrix as an HTML figure with its name, shape, formula and heat map.

    Args:
        name: Such as ``"Z1"``.
        formula: Such as ``"W1 A0 + b1"``; may be empty.
        matrix: (rows, columns).
    """
    shape = f"({matrix.shape[0]}, {matrix.shape[1]})"
    shown = f"{name} = {formula}" if formula else name
    head = f"<figcaption><code><b>{escape(shown)}</b></code> {shape}</figcaption>"
    small = matrix.shape[0] <= _ROWS and matrix.shape[1] <= _COLUMNS
    return f"<figure>{head}{_numbers(matrix) if small else _picture(name, matrix)}</figure>"


def page(title: str, body: str) -> str:
    """Return a whole HTML page, which needs no other file."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
        f"<body>{body}</body></html>\n"
    )


def _shades(matrix: Array) -> tuple[Array, float]:
    """Colours of all cells, (rows, columns, 3) bytes, and the largest absolute value that is finite."""
    values = matrix.astype(np.float64)
    finite = np.isfinite(values)
    limit = float(np.abs(values[finite]).max()) if finite.any() else 0.0
    share = np.where(finite, values, 0.0) / (limit or 1.0)
    full = np.where(share[..., np.newaxis] < 0, _NEGATIVE, _POSITIVE)
    colours = 255 + np.abs(share)[..., np.newaxis] * (full - 255)
    colours[~finite] = 0  # black: not a finite number
    return np.rint(colours).astype(np.uint8), limit


def _numbers(matrix: Array) -> str:
    colours, _ = _shades(matrix)
    rows = []
    for values, shades in zip(matrix, colours, strict=True):
        cells = []
        for value, shade in zip(values, shades, strict=True):
            # the luminance of ITU-R BT.601; white text on dark cells
            dark = shade @ np.array([0.299, 0.587, 0.114]) < 140
            style = f"background:rgb({shade[0]},{shade[1]},{shade[2]});color:{'#fff' if dark else '#111'}"
            cells.append(f'<td style="{style}" title="{float(value)!r}">{float(value) + 0.0:.3g}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f'<table class="map"><tbody>{"".join(rows)}</tbody></table>'


def _picture(name: str, matrix: Array) -> str:
    grouped = _grouped(matrix)
    colours, limit = _shades(grouped)
    rows, columns = grouped.shape
    # at least 3 pixels per cell if there is room, and at least 12 for a single row or column
    width, height = (max(12, n * (6 if n <= 40 else 3 if n <= 100 else 2)) for n in (columns, rows))
    picture = base64.b64encode(_png(colours)).decode()
    scale = f"blue -{limit:.3g}, white 0, orange {limit:.3g}" if limit else "all 0"
    if grouped.shape != matrix.shape:
        scale += "; a cell shows the largest number of its group"
    return (
        f'<img alt="heat map of {escape(name)}" width="{width}" height="{height}" '
        f'src="data:image/png;base64,{picture}"><div class="range">{scale}</div>'
    )


def _grouped(matrix: Array) -> Array:
    """The matrix, with groups of rows and columns joined if there are too many of them."""
    for axis in (0, 1):
        size = -(-matrix.shape[axis] // _CELLS)
        if size > 1:
            parts = np.split(matrix, range(size, matrix.shape[axis], size), axis)
            matrix = np.stack([_largest(part, axis) for part in parts], axis)
    return matrix


def _largest(part: Array, axis: int) -> Array:
    """The numbers of the largest size along an axis, with their signs."""
    at = np.expand_dims(np.abs(part).argmax(axis), axis)
    return np.take_along_axis(part, at, axis).squeeze(axis)


def _png(colours: Array) -> bytes:
    """A PNG file of 8-bit colours, (rows, columns, 3)."""
    rows, columns, _ = colours.shape
    lines = b"".join(b"\0" + line.tobytes() for line in colours)
    head = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts
