"""What the commands print: lines, two-column tables and scores.

Names in data files and model files may hold anything. Control characters never reach the terminal, and a
character that the terminal's encoding does not have is written as an escape.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Collection, Mapping
from typing import Any, TextIO

import click

from deepcore._text_table import Rows, as_text

__all__ = [
    "Escaping",
    "in_options",
    "print_pairs",
    "print_scores",
    "print_table",
    "readable",
    "say",
    "score_rows",
    "to_json",
    "warn",
]

_PLACES = {"loss": ".4f", "accuracy": ".4f", "rmse": ".6g", "mae": ".6g", "r2": ".4f", "examples": "d"}

# Control characters except the line feed, line separators, marks that reverse the direction of writing, and
# halves of surrogate pairs, which stand for bytes of a file name that are not text.
_UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def to_json(value: Any, indent: int | None = None) -> str:
    """Return numbers, texts, lists and objects as JSON text, in which a number that is not finite is null."""

    def plain(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: plain(member) for key, member in part.items()}
        if isinstance(part, (list, tuple)):
            return [plain(item) for item in part]
        return None if isinstance(part, float) and not math.isfinite(part) else part

    return json.dumps(plain(value), indent=indent, allow_nan=False)


def readable(text: str) -> str:
    """Return the text with every control character replaced by its escape, such as ``\\x1b``."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


# Arguments of the library that are options of the same name.
_ARGUMENTS = "task|decimal|thousands|separator|encoding|skip_lines|index_column|sheet|test_size"
# How messages of the library name an argument, and how the command line does.
_OPTIONS = (
    (r"kinds=\{'([^']+)': '([^']+)'\}", r"--kind '\1=\2'"),
    (r"header=False", "--no-header"),
    (r"header=True", "--header"),
    (r"index_column=False", "--index-column none"),
    (r"if a mark such as NA is a class, pass missing=\[\]", "--skip-unlabelled leaves them out"),
    (r"missing=\[\.\.\.\]", "--missing"),
    (r"missing=\[([^\]]*)\]", r"--missing \1"),
    (rf"\b({_ARGUMENTS})=(['\"]?)([^\s'\",;)]*)\2", r"--\1 \3"),
)


def in_options(text: str) -> str:
    """Return a message of the library with its arguments, ``task='regression'``, as options."""
    for pattern, option in _OPTIONS:
        text = re.sub(pattern, option, text)
    text = re.sub(r"--(\w+)_(\w+)", r"--\1-\2", text)
    return re.sub(r"(--[\w-]+) +([,.;)])", r"\1\2", text)


def _encodable(text: str, stream: TextIO) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return readable(text).encode(encoding, "backslashreplace").decode(encoding)


class Escaping:
    """A text stream that escapes control characters, and what the encoding of the stream does not have."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the escaped text."""
        return self._stream.write(_encodable(text, self._stream))


def say(text: str = "") -> None:
    """Print lines, which are never wrapped."""
    click.echo(_encodable(text, sys.stdout))


def warn(text: str) -> None:
    """Print one line on the standard error stream."""
    click.echo(f"Warning: {_encodable(text, sys.stderr)}", err=True)


def print_pairs(pairs: Mapping[str, Any]) -> None:
    """Print names and values in two columns."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        say(f"  {name:<{width}}  {value}")


def print_table(rows: Rows, left: Collection[int] = (0,)) -> None:
    """Print a table; a narrow terminal cuts nothing. The columns in ``left`` are aligned to the left."""
    say(as_text(rows, "", left=left).rstrip("\n"))


def score_rows(scores: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """Return one row per part of the data, and one column per score, below a head."""
    columns = list(dict.fromkeys(name for row in scores.values() for name in row))
    body = [
        [part, *(format(row[name], _PLACES.get(name, "")) if name in row else "-" for name in columns)]
        for part, row in scores.items()
    ]
    return [["", *columns], *body]


def print_scores(scores: Mapping[str, Mapping[str, float]]) -> None:
    """Print one row per part of the data, and one column per score."""
    print_table(score_rows(scores))
