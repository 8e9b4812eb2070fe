"""A network as one C header: C99 that is C++ too, without allocation, global state or other files.

Weights are constants, batch norms and input scales are part of them, and a self-test is included.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepcore import _checks, _core
from deepcore._network.network import Network
from deepcore.files import c_code
from deepcore.files.atomic import replacing
from deepcore.files.c_steps import chain_lines
from deepcore.files.c_table import code_function, column_comment, prepare_function
from deepcore.files.c_writer import Writer
from deepcore.files.computation import Computation
from deepcore.files.moment import at_one_moment
from deepcore.typing import Array

__all__ = ["CHeader", "write"]


@dataclass(frozen=True)
class CHeader:
    """What was written, and what it costs.

    Attributes:
        constant_bytes: Size of the weights and other constants, which lie in flash memory.
        scores: ``{"model": {"loss": ..., "accuracy": ...}, "header": ...}`` on the examples that were given,
            else empty.
    """

    constant_bytes: int
    scores: dict[str, dict[str, float]]

    def __repr__(self) -> str:
        return f"CHeader({self.constant_bytes} bytes of constants, scores={self.scores})"


def write(
    path: str | os.PathLike[str],
    networks: Sequence[Network],
    describe: Callable[[Sequence[Network]], Computation],
    *,
    prefix: str = "net",
    dtype: np.dtype[Any] | None = None,
    int8: bool = False,
    scores: Mapping[str, dict[str, float]] | None = None,
) -> CHeader:
    """Write a header to ``path``, atomically and without a copy of large weights.

    Args:
        path: The file.
        networks: The networks, which other threads may train meanwhile.
        describe: Called with what may be read of them; returns what is computed.
        prefix: All names in the file begin with it.
        dtype: float32 for ``float`` and float64 for ``double``; None: that of the computation.
        int8: Keep weights in one byte; the networks must be those that ``with_int8_weights`` made.
        scores: What the caller has measured.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If the prefix is no identifier, or a parameter is not finite in ``dtype``.
    """
    _check_prefix(prefix)

    def act(seen: Sequence[Network], refuse_changes: Callable[[], None]) -> CHeader:
        computation = describe(seen)
        writer = Writer(prefix, computation.dtype if dtype is None else dtype, int8)
        pieces = _pieces(writer, computation)
        with replacing(path) as file:
            for number, piece in enumerate(pieces):
                file.write(b"\n" if number else b"")
                for line in [piece] if isinstance(piece, str) else piece():
                    file.write(line.encode("ascii"))
            refuse_changes()
        return CHeader(writer.constant_bytes, dict(scores or {}))

    return at_one_moment(networks, act)


def _check_prefix(prefix: object) -> None:
    if not isinstance(prefix, str):
        raise TypeError(f"to_c_header: prefix must be a name, got {_checks.shown(prefix)}")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", prefix):
        raise ValueError(
            f"to_c_header: prefix must be letters, digits and _, and begin with a letter, got "
            f"{_checks.shown(prefix)}"
        )


def _pieces(writer: Writer, computation: Computation) -> list[str | Callable[[], Iterator[str]]]:
    """Return the parts of the file: texts, and functions that return lines."""
    columns = computation.columns
    prepared = computation.examples[1].shape[1]
    before = [] if columns is None else [prepare_function(writer, columns), *code_function(writer, columns)]
    members = _predict(writer, computation, "x" if columns is None else "v", prepared)
    classes, test = _classes(writer, computation), _self_test(writer, computation)
    return [
        _head(writer, computation),
        *([] if columns is None else [column_comment(columns, writer.names["p"])]),
        *writer.constants,
        *writer.functions.values(),
        *before,
        *members,
        *classes,
        test,
        f"#endif /* {writer.names['P']}_H */\n",
    ]


def _predict(writer: Writer, computation: Computation, source: str, prepared: int) -> list[str]:
    """Return the function that computes the outputs, and one for each of several networks."""
    p, T = writer.names["p"], writer.names["T"]
    before = [f"{T} v[{prepared}];", f"{p}_prepare(x, v);"] if source == "v" else []
    if len(computation.chains) == 1:
        lines = chain_lines(writer, computation.chains[0], prepared, source)
        return [_function(writer, c_code.PREDICT, [*before, *lines])]
    found = []
    for number, chain in enumerate(computation.chains, start=1):
        lines = chain_lines(writer, chain, prepared, "x", f"{number}_")
        found.append(_function(writer, c_code.MEMBER, lines, number=number))
    k = len(computation.chains)
    loop = f"for (j = 0; j < {computation.outputs}; ++j)"
    lines = [*before, f"{T} e[{computation.outputs}];", "int j;", f"{p}_member1({source}, y);"]
    for number in range(2, k + 1):
        lines += [f"{p}_member{number}({source}, e);", loop, "    y[j] += e[j];"]
    lines += [loop, f"    y[j] *= {writer.literal(1 / k)};"]
    return [*found, _function(writer, c_code.PREDICT, lines)]


def _function(writer: Writer, text: str, lines: Sequence[str], **values: object) -> str:
    return writer.filled(text, lines="\n".join(f"    {line}" for line in lines), **values)


def _head(writer: Writer, computation: Computation) -> str:
    needs_bits = any(name.endswith("_minus") for name in writer.functions)
    needs_strings = needs_bits or any(column.codes for column in computation.columns or ())
    headers = ["math.h", *(["stdint.h"] if needs_bits else []), *(["string.h"] if needs_strings else [])]
    return writer.filled(
        c_code.HEAD,
        title=computation.title[0].upper() + computation.title[1:],
        weights="signed char, with a scale per unit" if writer.int8 else writer.names["T"],
        bytes=writer.constant_bytes,
        version=_core.build_info()["version"],
        includes="\n".join(f"#include <{name}>" for name in headers),
        inputs=computation.inputs,
        outputs=computation.outputs,
        fast="FP_FAST_FMAF" if writer.names["f"] else "FP_FAST_FMA",
        guard=writer.names["P"],
    )


def _classes(writer: Writer, computation: Computation) -> list[str]:
    found = []
    if computation.gives_classes:
        found.append(writer.filled(c_code.LARGEST))
    if computation.labels is not None:
        found.append(_strings(writer, "label", "Name of a class.", computation.labels))
    if computation.features is not None:
        found.append(_strings(writer, "feature", "Name of an input.", computation.features))
    return found


def _strings(writer: Writer, name: str, what: str, values: Sequence[object]) -> str:
    texts = ",\n        ".join(map(writer.text, values))
    return writer.filled(c_code.STRINGS, name=name, what=what, texts=texts, count=len(values))


def _self_test(writer: Writer, computation: Computation) -> str:
    """Examples, and what Python computes for them."""
    X, read = computation.examples
    with np.errstate(over="ignore"):  # what float does not hold is refused below
        Y = computation.predict(read.astype(writer.dtype))
    tolerance = (1e-4 if writer.dtype == np.float32 else 1e-9) * max(1.0, float(np.abs(Y).max()))
    return writer.filled(
        c_code.SELF_TEST, count=len(X), x=_rows(writer, X), y=_rows(writer, Y),
        tolerance=writer.literal(tolerance),
    )  # fmt: skip


def _rows(writer: Writer, values: Array) -> str:
    rows = (writer.numbers(row, missing=True).replace("\n", "\n    ") for row in values)
    return "{\n    " + ",\n    ".join(rows) + "\n    }"
