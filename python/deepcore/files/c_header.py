"""A network as one C header: C99 that is C++ too, without allocation, global state or other files.

Weights are constants, batch norms and input scales are part of them, and a self-test is included.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from deepcore import _checks, _core
from deepcore._network.network import Network
from deepcore.files import c_code
from deepcore.files.atomic import replacing
from deepcore.files.c_steps import chain_lines
from deepcore.files.c_table import code_function, column_comment, prepare_function
from deepcore.files.c_writer import Writer
from deepcore.files.computation import Computation, with_int8_weights
from deepcore.files.moment import at_one_moment
from deepcore.files.steps import rounded
from deepcore.typing import Array

__all__ = ["CHeader", "write"]


_WHO = "to_c_header"  # the head of messages


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
    scores: Callable[[Sequence[Network]], dict[str, float]],
    *,
    prefix: object,
    dtype: object,
    int8: object,
    data: object,
) -> CHeader:
    """Write a header to ``path``, atomically and without a copy of large weights.

    Args:
        path: The file.
        networks: The networks, which other threads may train meanwhile.
        describe: Called with what may be read of them; returns what is computed.
        scores: Called if there is ``data``, with the networks, and with copies that have the weights of the
            header if these differ; returns the scores of a model with these networks.
        prefix: All names in the file begin with it.
        dtype: ``"float32"`` for ``float`` and ``"float64"`` for ``double``; None: that of the computation.
        int8: Keep every weight in one byte.
        data: The examples that ``scores`` takes; None: the model and the header are not compared.

    Raises:
        OSError: If the file cannot be written.
        TypeError: If an argument has another type.
        ValueError: If the prefix is no identifier, or a number is not finite in ``dtype``.
    """
    kind = None if dtype is None else _checks.dtype(_WHO, dtype)
    whole = _checks.flag(_WHO, "int8", int8)
    name = _checked_prefix(prefix)
    compared = {} if data is None else _compared(networks, whole, scores)

    def act(seen: Sequence[Network], refuse_changes: Callable[[], None]) -> CHeader:
        computation = describe(seen)
        writer = Writer(name, computation.dtype if kind is None else kind, whole)
        _check_columns(writer, computation)
        pieces = _pieces(writer, computation)
        with replacing(path) as file:
            for number, piece in enumerate(pieces):
                file.write(b"\n" if number else b"")
                for line in [piece] if isinstance(piece, str) else piece():
                    file.write(line.encode("ascii"))
            refuse_changes()
        return CHeader(writer.constant_bytes, compared)

    return at_one_moment(networks, act)


def _compared(
    networks: Sequence[Network], int8: bool, scores: Callable[[Sequence[Network]], dict[str, float]]
) -> dict[str, dict[str, float]]:
    """Return the scores of a model, and those that it has with the weights of the header."""
    own = scores(networks)
    return {
        "model": own,
        "header": scores([with_int8_weights(_WHO, one) for one in networks]) if int8 else dict(own),
    }


def _checked_prefix(prefix: object) -> str:
    if not isinstance(prefix, str):
        raise TypeError(f"{_WHO}: prefix must be a name, got {_checks.shown(prefix)}")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", prefix):
        raise ValueError(
            f"{_WHO}: prefix must be letters, digits and _, and begin with a letter, got "
            f"{_checks.shown(prefix)}"
        )
    return prefix


def _pieces(writer: Writer, computation: Computation) -> list[str | Callable[[], Iterator[str]]]:
    """Return the parts of the file: texts, and functions that return lines."""
    columns = computation.columns
    prepared = computation.examples[1].shape[1]
    before = [] if columns is None else [prepare_function(writer, columns), *code_function(writer, columns)]
    members = _predict(writer, computation, "x" if columns is None else "v", prepared)
    classes = _classes(writer, computation)
    return [
        _head(writer, computation),
        *([] if columns is None else [column_comment(columns, writer.names["p"])]),
        *writer.constants,
        *writer.functions.values(),
        *before,
        *members,
        *classes,
        lambda: iter([_self_test(writer, computation)]),  # after the constants, which are refused first
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
    if writer.int8:
        computation = replace(computation, chains=[rounded(chain) for chain in computation.chains])
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused
        Y = computation.predict(read.astype(writer.dtype))
        _check_outputs(writer, X, Y)
    tolerance = (1e-4 if writer.dtype == np.float32 else 1e-9) * max(1.0, float(np.abs(Y).max()))
    return writer.filled(
        c_code.SELF_TEST, count=len(X), x=_rows(writer, X), y=_rows(writer, Y),
        tolerance=writer.literal(tolerance),
    )  # fmt: skip


def _check_columns(writer: Writer, computation: Computation) -> None:
    """Refuse columns whose values are beyond the range of the type; the self-test has some of them."""
    X, _ = computation.examples
    with np.errstate(over="ignore"):
        found = np.argwhere(np.isinf(X.astype(writer.dtype)))  # NaN is a missing value
    if len(found):
        row, column = found[0]
        name = column if computation.features is None else _checks.shown(computation.features[column])
        raise ValueError(
            f"{_WHO}: the values of column {name} must be finite in {writer.dtype}, but the model learned "
            f"from values like {X[row, column]:.3g}; {_cure(writer)}"
        )


def _check_outputs(writer: Writer, X: Array, Y: Array) -> None:
    """Refuse outputs of the self-test that are not finite in the type."""
    found = np.argwhere(~np.isfinite(Y.astype(writer.dtype)))
    if len(found):
        row, unit = found[0]
        where = "x = 0" if not X[row].any() else f"the inputs {_checks.shown(X[row].tolist())}"
        raise ValueError(
            f"{_WHO}: the outputs must be finite in {writer.dtype}, but output {unit} is {Y[row, unit]:.3g} "
            f"at {where}; {_cure(writer)}"
        )


def _cure(writer: Writer) -> str:
    if writer.dtype == np.float32:
        return "use dtype='float64', or scale the data and train again"
    return "scale the data and train again"


def _rows(writer: Writer, values: Array) -> str:
    rows = (writer.numbers(row, missing=True).replace("\n", "\n    ") for row in values)
    return "{\n    " + ",\n    ".join(rows) + "\n    }"
