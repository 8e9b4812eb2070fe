"""What an exported file of a table model computes, from raw columns to labels or targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from deepcore._network.network import Network
from deepcore.data.text import BOOLEANS
from deepcore.files.chain import chain_of
from deepcore.files.computation import SELF_TEST_EXAMPLES, Computation, RawColumn, title
from deepcore.files.steps import (
    Activation,
    Affine,
    Bounds,
    Chain,
    Complement,
    Join,
    Kept,
    Linear,
    Lookup,
    Members,
    OneHot,
    Part,
    Scaled,
    Temperature,
)
from deepcore.tabular.columns import Column, Columns
from deepcore.tabular.encoding import CLIP, Encoding
from deepcore.tabular.frame import Frame
from deepcore.typing import Array

__all__ = ["computation", "member_chain"]

_DAY = 86_400_000_000  # microseconds


class _Label(Protocol):
    """What is read of a ``Label``."""

    @property
    def outputs(self) -> int: ...
    @property
    def task(self) -> str: ...
    @property
    def classes(self) -> Sequence[Any]: ...


class _Member(Protocol):
    """What is read of a ``TableMember``."""

    encoding: Encoding
    shift: Array
    scale: Array
    low: Array | None
    high: Array | None
    temperature: float


def computation(
    who: str, columns: Columns, label: _Label, members: Sequence[_Member], networks: Sequence[Network]
) -> Computation:
    """Describe what a table model computes.

    Args:
        who: Head of messages.
        columns: What was learned of the columns.
        label: What was learned of the label.
        members: The networks with their encodings.
        networks: What is read in place of the networks of the members.

    Raises:
        ValueError: If a parameter is not finite.
    """
    classes = label.task == "classification"
    raw = [_raw_column(column) for column in columns.columns if column.kind != "ignore"]
    return Computation(
        chains=[
            member_chain(who, member, network, classes)
            for member, network in zip(members, networks, strict=True)
        ],
        inputs=len(raw),
        outputs=label.outputs,
        dtype=networks[0].spec.dtype,
        title=title(networks) + ", with the preprocessing of a table",
        examples=_examples(columns),
        features=columns.names,
        labels=label.classes if classes else None,
        columns=raw,
    )


def _raw_column(column: Column) -> RawColumn:
    if column.kind in ("number", "date"):
        return RawColumn(column.name, column.kind, column.fill, column.indicator)
    codes = {value: code for code, value in enumerate(column.values, start=1)}
    if column.kind == "boolean":
        pairs = [*BOOLEANS, ("0", "1")]
        words = [
            (word, codes[value]) for pair in pairs for word, value in zip(pair, column.values, strict=True)
        ]
        codes = {form: code for word, code in words for form in (word, word.capitalize(), word.upper())}
    return RawColumn(column.name, "category", codes=codes)


def member_chain(who: str, member: _Member, network: Network, classes: bool) -> Chain:
    """Return the steps from numbers and codes to probabilities, or to targets in the units of the label."""
    chain: Chain = [_encoded(member.encoding), *chain_of(who, network)]
    if not classes:
        chain.append(Affine(np.zeros_like(member.scale), member.scale, member.shift))
        if member.low is not None or member.high is not None:
            chain.append(Bounds(member.low, member.high))
        return chain
    output = network.spec.output
    if output == "sigmoid":
        chain.append(Complement())
    elif output == "linear":  # logits
        chain.append(Activation("softmax"))
    return chain if member.temperature == 1 else _tempered(chain, member.temperature)


def _tempered(chain: Chain, temperature: float) -> Chain:
    """Divide the logits of probabilities by a temperature: those of the mean probabilities of members."""
    last = max(i for i, step in enumerate(chain) if isinstance(step, Linear | Members))
    step = chain[last]
    if isinstance(step, Members):
        if step.output:
            return [*chain, Temperature(temperature)]
        chain[last] = replace(step, last=_divided(step.last, temperature))
    else:
        assert isinstance(step, Linear)
        chain[last] = _divided(step, temperature)
    return chain


def _divided(linear: Linear, number: float) -> Linear:
    return replace(linear, W=linear.W.times(rows=1 / number), b=linear.b / number)


def _encoded(encoding: Encoding) -> Join:
    """The encoding as one step, which reads numbers and codes."""
    n = encoding.number_count
    parts: list[Part] = []
    if n:
        limit = CLIP if encoding.clip else None
        parts.append(Scaled(0, encoding.center[:n], encoding.factor[:n], limit))
    kept: list[Part] = []
    at = n
    for j, (size, width) in enumerate(zip(encoding.sizes, encoding.one_hot_widths, strict=True)):
        if not encoding.one_hot[j]:
            kept.append(Kept(n + j, 1))
            continue
        table = _rows_of_codes(encoding, j, size)[:, at : at + width]
        at += width
        if width == 1:
            parts.append(Lookup(n + j, table))
        elif width:
            own = np.arange(width)
            parts.append(OneHot(n + j, table[0], table[own + 1, own]))
    return Join([*parts, *kept])


def _rows_of_codes(encoding: Encoding, column: int, size: int) -> Array:
    """The encoded inputs for each code of a column, other columns having the code 0."""
    codes = np.zeros((size, len(encoding.sizes)), np.int64)
    codes[:, column] = np.arange(size)
    return encoding.transform(np.zeros((size, encoding.number_count)), codes)


def _examples(columns: Columns) -> tuple[Array, Array]:
    """Rows for a self-test: raw inputs, and the numbers and codes that Python makes of them."""
    rows = np.arange(SELF_TEST_EXAMPLES)
    raw, cells = [], dict[str, Any]()
    for place, column in enumerate(columns.columns):
        if column.kind == "ignore":
            continue
        if column.values:
            codes = (rows + place) % (len(column.values) + 1)
            raw.append(codes.astype(np.float64))
            cells[column.name] = [column.values[code - 1] if code else None for code in codes]
            continue
        first = column.fill[0]
        if column.kind == "date":
            values = np.floor(first) + 37.25 * (rows - 1)
        else:
            spread = ((column.high or 0) - (column.low or 0)) / 8
            values = _in_float32(first + spread * (rows - 1))
        values[(place + 1) % SELF_TEST_EXAMPLES] = np.nan
        raw.append(values)
        cells[column.name] = _dates(values) if column.kind == "date" else values
    numbers, codes, _ = columns.apply(Frame(cells))
    return np.column_stack(raw), np.concatenate([numbers, codes], axis=1)


def _in_float32(values: Array) -> Array:
    """Round to float32, so that a header in ``float`` gets the same numbers; those beyond its range stay."""
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float32).astype(np.float64)
    return np.where(np.isfinite(rounded), rounded, values)


def _dates(days: Array) -> Array:
    """Days since 1970-01-01 as datetime64; NaN is no date."""
    moments = np.where(np.isnan(days), 0, days * _DAY).astype(np.int64).astype("datetime64[us]")
    moments[np.isnan(days)] = np.datetime64("NaT")
    return moments
