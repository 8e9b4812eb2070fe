"""``deepcore export``: write a model as a C header or as an ONNX file."""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from deepcore import _checks
from deepcore._network.network import Network
from deepcore.cli.output import print_pairs, print_scores, say
from deepcore.cli.saved import SavedArrays, SavedTable, open_model
from deepcore.cli.sources import reading_options
from deepcore.data import Standardizer
from deepcore.files import c_header, onnx
from deepcore.files.chain import Affine, Table
from deepcore.prepared import PreparedModel
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
    network, table = _parts(saved, model)
    if c_file is not None:
        examples = None
        if data is not None:
            given = saved.read(data, None, reading, (), labelled=True)
            X = saved.model.inputs(given.inputs) if isinstance(saved, SavedArrays) else given.inputs
            examples = network.check("export", X, _targets(saved, given.truth), None)
        made = c_header.write(
            c_file, network, prefix=prefix, dtype=kind, int8=int8, examples=examples, table=table
        )
        say(c_file)
        print_pairs({"constants": f"{made.constant_bytes} bytes", "call": f"{prefix}_predict(x, y)"})
        if made.scores:
            print_scores(made.scores)
    if onnx_file is not None:
        onnx.write(onnx_file, network, dtype=kind, table=table)
        say(onnx_file)


def _parts(saved: SavedArrays | SavedTable, path: str) -> tuple[Network, Table]:
    """The network, and what stands before and behind it."""
    if isinstance(saved, SavedTable):
        raise ValueError(
            f"{path} is a model of a table with {len(saved.model.members)} networks, which cannot be "
            "exported; train a network on arrays, such as an NPZ file"
        )
    return saved.model.network, _table(saved.model)


def _targets(saved: SavedArrays | SavedTable, truth: Array | None) -> Array:
    """Class numbers, or the standardised labels of a regression."""
    target = saved.model.preparation.target if isinstance(saved, SavedArrays) else None
    if truth is None:
        raise ValueError("--data: the examples must have labels")
    return truth if target is None else target.transform(truth)


def _table(model: PreparedModel) -> Table:
    """The preparation as the exporters take it."""
    spec, preparation = model.network.spec, model.preparation
    after = None
    if preparation.target is not None:
        mean, scale = _columns(preparation.target, spec.outputs)
        after = Affine(np.zeros(spec.outputs), scale, mean)
    before = None
    if preparation.inputs is not None:
        before = Affine.standardizing(*_columns(preparation.inputs, spec.inputs))
    labels = None if preparation.labels is None else preparation.labels.classes
    return Table(before, after, preparation.features, labels)


def _columns(standardizer: Standardizer, count: int) -> tuple[Array, Array]:
    """Mean and scale of each column."""
    mean, scale = (
        np.broadcast_to(np.asarray(values, np.float64), (count,))
        for values in (standardizer.mean, standardizer.scale)
    )
    return mean, scale
