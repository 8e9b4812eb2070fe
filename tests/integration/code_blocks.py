"""Helpers of the tests of documents: fenced blocks, and Python blocks that print what they show."""

import ast
import contextlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"(?<![\w.+-])\d+(?:[.,]\d+)*%?(?![\w-])")


@dataclass(frozen=True)
class Block:
    """One fenced block; ``line`` is the number of its first line in the document."""

    language: str
    line: int
    text: str


def blocks(document, language=None):
    """The fenced blocks of a document, of one language or all."""
    found, lines = [], None
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), start=1):
        if lines is None and line.startswith("```"):
            name, start, lines = line[3:].strip(), number + 1, []
        elif lines is not None and line == "```":
            found.append(Block(name, start, "\n".join(lines)))
            lines = None
        elif lines is not None:
            lines.append(line)
    assert lines is None, f"{document.name}: a fence is not closed"
    return [block for block in found if language in (None, block.language)]


def prose(document):
    """The text outside fenced blocks and backticks."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def comment_after(statement, lines, following):
    """The comment at the end of a statement, or else the lines of comments right below it."""
    last = lines[statement.end_lineno - 1][statement.end_col_offset :].strip()
    if last.startswith("# "):
        return last[2:]
    below = []
    for line in lines[statement.end_lineno : following]:
        if not line.startswith("# "):
            break
        below.append(line[2:])
    return "\n".join(below)


def run_block(block, namespace, where):
    """Execute a Python block; what it prints must be the comments that follow, statement by statement."""
    lines = block.text.splitlines()
    statements = ast.parse(block.text).body
    ends = [statement.lineno - 1 for statement in statements[1:]] + [len(lines)]
    for statement, following in zip(statements, ends, strict=True):
        at = f"{where}, line {block.line + statement.lineno - 1}"
        printed = io.StringIO()
        code = ast.Module([statement], type_ignores=[])
        with contextlib.redirect_stdout(printed):
            exec(compile(code, at, "exec"), namespace)
        output = "\n".join(line.rstrip() for line in printed.getvalue().splitlines())
        shown = comment_after(statement, lines, following)
        if output:
            assert output == shown, f"{at} prints\n{output}\nand the document shows\n{shown}"
        else:
            assert not NUMBER.search(shown), f"{at} shows a number that it does not print: {shown}"


def run_document(document):
    """Execute the Python blocks of a document, one after the other, as one program."""
    namespace = {"__name__": "__main__"}
    for block in blocks(document, "python"):
        run_block(block, namespace, document.name)
