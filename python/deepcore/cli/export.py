"""``deepcore export``: write a model as a C header or as an ONNX file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import click
import numpy as np

from deepcore import _checks
from deepcore._network.network import Network
from deepcore.cli.output import print_pairs, print_scores, say
from deepcore.cli.saved import Examples, SavedTable, open_model
from deepcore.cli.sources import reading_options
from deepcore.data import Standardizer
from deepcore.files import c_header, onnx
from deepcore.files.chain import Affine, Table
from deepcore.prepared import PreparedModel
from deepcore.tabular import TableModel
from deepcore.typing import Array


@click.command()
@click.argument("model")
@click.option("--c", "c_file", metavar="FILE.h", help="Write a C header.")
@click.option("--onnx", "onnx_file", metavar="FILE.onnx", help="Write an ONNX file; needs the package onnx.")
@click.option("--prefix", default="net", show_default=True, help="All names in the C header begin with it.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), help="[default: that of the model]")
@click.option("--int8", is_flag=True, help="Keep each weight of the C header in one byte.")
@click.option("--data", metavar="DATA", help="Measure on these examples what the C header loses.")
@reading_options
def export(
    model: str,
    c_file: str | None,
    onnx_file: str | None,
    prefix: str,
    dtype: str | None,
    int8: bool,
    data: str | None,
    reading: dict[str, Any],
) -> None:
    """Write MODEL as a C header or as an ONNX file, which take raw numbers.

    MODEL is a model file, or the folder that train wrote. DATA is the same as for train. The standardisation
    of the inputs is part of the file. Numbers of a regression come out in the units of the labels, and the
    names of the classes are in the file.
    """
    if c_file is None and onnx_file is None:
        raise click.UsageError("give --c FILE.h, --onnx FILE.onnx, or both")
    if c_file is None and (int8 or data):
        raise click.UsageError("--int8 and --data belong to --c FILE.h")
    saved = open_model(model)
    kind = None if dtype is None else _checks.dtype("export", dtype)
    source = _of_table(saved.model, model) if isinstance(saved, SavedTable) else _of_arrays(saved.model)
    if c_file is not None:
        examples = None
        if data is not None:
            given = saved.read(data, None, reading, (), labelled=True)
            examples = source.network.check("export", *source.encoded(given), None)
        made = c_header.write(
            c_file,
            source.network,
            prefix=prefix,
            dtype=kind,
            int8=int8,
            examples=examples,
            table=source.table,
        )
        say(c_file)
        print_pairs({"constants": f"{made.constant_bytes} bytes", "call": f"{prefix}_predict(x, y)"})
        if made.scores:
            print_scores(made.scores)
    if onnx_file is not None:
        onnx.write(onnx_file, source.network, dtype=kind, table=source.table)
        say(onnx_file)


class _Source(NamedTuple):
    """What is exported.

    Attributes:
        network: The network.
        table: What stands before and behind it.
        encoded: Turns examples into inputs and targets of the network.
    """

    network: Network
    table: Table
    encoded: Callable[[Examples], tuple[Array, Array]]


def _of_arrays(model: PreparedModel) -> _Source:
    """A model of arrays: inputs and targets may be standardised."""
    spec, preparation = model.network.spec, model.preparation
    before = after = None
    if preparation.target is not None:
        mean, scale = _columns(preparation.target, spec.outputs)
        after = Affine(np.zeros(spec.outputs), scale, mean)
    if preparation.inputs is not None:
        before = Affine.standardizing(*_columns(preparation.inputs, spec.inputs))
    labels = None if preparation.labels is None else preparation.labels.classes

    def encoded(examples: Examples) -> tuple[Array, Array]:
        target = preparation.target
        y = _labelled(examples)
        return model.inputs(examples.inputs), y if target is None else target.transform(y)

    return _Source(model.network, Table(before, after, preparation.features, labels), encoded)


def _of_table(model: TableModel, path: str) -> _Source:
    """A model of a table: one network of number columns, without bounds on what it says."""
    member = model.members[0]
    encoding = member.encoding
    reasons = {
        f"{len(model.members)} networks": len(model.members) > 1,
        f"the category columns {_checks.first_names(model.columns.code_names)}": model.columns.code_names,
        "smoothly clipped inputs": encoding.clip,
        "bounded predictions": member.low is not None or member.high is not None,
        "a temperature": member.temperature != 1,
    }
    if found := [reason for reason, is_so in reasons.items() if is_so]:
        raise ValueError(
            f"export: {path} must hold one network of number columns, but it has {' and '.join(found)}; "
            "train with --recipe network"
        )
    regression = model.label.task == "regression"
    before = Affine(encoding.center, encoding.factor, np.zeros_like(encoding.center))
    after = Affine(np.zeros_like(member.scale), member.scale, member.shift) if regression else None
    labels = None if regression else list(model.label.classes)

    def encoded(examples: Examples) -> tuple[Array, Array]:
        y = _labelled(examples)
        numbers, codes = examples.inputs
        X = encoding.transform(numbers, codes, member.network.spec.dtype)
        return X, (y - member.shift) / member.scale if regression else y

    return _Source(member.network, Table(before, after, model.columns.number_names, labels), encoded)


def _labelled(examples: Examples) -> Array:
    if examples.truth is None:
        raise ValueError(f"export: {examples.name} must have labels")
    return examples.truth


def _columns(standardizer: Standardizer, count: int) -> tuple[Array, Array]:
    """Mean and scale of each column."""
    mean, scale = (
        np.broadcast_to(np.asarray(values, np.float64), (count,))
        for values in (standardizer.mean, standardizer.scale)
    )
    return mean, scale
