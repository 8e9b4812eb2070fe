"""``deepcore export``: write a model as a C header or as an ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import click
import numpy as np

from deepcore import _checks
from deepcore._network.network import Network
from deepcore.cli.output import print_pairs, print_scores, say
from deepcore.cli.saved import SavedArrays, SavedTable, open_file, supported
from deepcore.cli.sources import reading_options
from deepcore.data import Standardizer
from deepcore.files import c_header, computation, onnx
from deepcore.files.steps import Affine
from deepcore.prepared import PreparedModel
from deepcore.tabular import exporting
from deepcore.tabular.table_model import with_networks
from deepcore.typing import Array


@click.command()
@click.argument("model")
@click.option("--c", "c_file", metavar="FILE.h", help="Write a C header.")
@click.option("--onnx", "onnx_file", metavar="FILE.onnx", help="Write an ONNX file; needs the package onnx.")
@click.option("--prefix", default="net", show_default=True, help="All names in the C header begin with it.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    help="Number type of the weights and of all computations in the file.  [default: that of the model]",
)
@click.option("--int8", is_flag=True, help="Keep each weight of the C header in one byte.")
@click.option("--data", metavar="DATA", help="Measure on these examples what the C header loses.")
@reading_options(saved=True)
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
    """Write MODEL as a C header or as an ONNX file, which take raw numbers and categories.

    MODEL is a model file, also that of an Ensemble or of a RealMLP estimator, or the folder that train wrote.
    DATA is the same as for train. The preprocessing is part of the file: of a table it takes one input per
    column. Numbers of a regression come out in the units of the labels, and the names of the classes are in
    the file.
    """
    if c_file is None and onnx_file is None:
        raise click.UsageError("give --c FILE.h, --onnx FILE.onnx, or both")
    if c_file is None and (int8 or data):
        raise click.UsageError("--int8 and --data belong to --c FILE.h")
    kind = None if dtype is None else _checks.dtype("export", dtype)
    opened = open_file(model)
    if not isinstance(opened, SavedArrays | SavedTable) and hasattr(opened, "to_c_header"):
        if data is not None:  # an ensemble, or an estimator
            raise click.UsageError(
                "--data needs the model of a table or of arrays that deepcore train wrote, got the class "
                f"{type(opened).__name__}"
            )
        if c_file is not None:
            made = opened.to_c_header(c_file, prefix=prefix, dtype=kind, int8=int8)
            _say_header(c_file, prefix, made)
        if onnx_file is not None:
            opened.to_onnx(onnx_file, dtype=kind)
            say(onnx_file)
        return
    saved = supported(opened, model)
    if c_file is not None:
        examples = None if data is None else saved.read(data, None, reading, (), labelled=True)

        def scores(networks: Sequence[Network]) -> dict[str, float]:
            assert examples is not None
            return _with_networks(saved, networks).judged(examples).scores()

        made = c_header.write(
            c_file, _networks(saved), partial(_computation, saved), scores,
            prefix=prefix, dtype=kind, int8=int8, data=examples,
        )  # fmt: skip
        _say_header(c_file, prefix, made)
    if onnx_file is not None:
        onnx.write(onnx_file, _networks(saved), partial(_computation, saved), kind)
        say(onnx_file)


def _say_header(path: str, prefix: str, made: c_header.CHeader) -> None:
    say(path)
    print_pairs({"constants": f"{made.constant_bytes} bytes", "call": f"{prefix}_predict(x, y)"})
    if made.scores:
        print_scores(made.scores)


def _with_networks(saved: SavedArrays | SavedTable, networks: Sequence[Network]) -> SavedArrays | SavedTable:
    if isinstance(saved, SavedTable):
        return SavedTable(with_networks(saved.model, networks))
    model = saved.model
    return SavedArrays(PreparedModel(networks[0], model.preparation, model.extras))


def _networks(saved: SavedArrays | SavedTable) -> list[Network]:
    if isinstance(saved, SavedTable):
        return [member.network for member in saved.model.members]
    return [saved.model.network]


def _computation(saved: SavedArrays | SavedTable, networks: Sequence[Network]) -> computation.Computation:
    """Describe what a model computes from raw inputs."""
    if isinstance(saved, SavedTable):
        model = saved.model
        return exporting.computation("export", model.columns, model.label, model.members, networks)
    preparation, spec = saved.model.preparation, networks[0].spec
    before = after = None
    if preparation.target is not None:
        mean, scale = _columns(preparation.target, spec.outputs)
        after = Affine(np.zeros(spec.outputs), scale, mean)
    if preparation.inputs is not None:
        before = Affine.standardizing(*_columns(preparation.inputs, spec.inputs))
    return computation.of_networks(
        "export",
        networks,
        before=before,
        after=after,
        features=preparation.features,
        labels=None if preparation.labels is None else preparation.labels.classes,
    )


def _columns(standardizer: Standardizer, count: int) -> tuple[Array, Array]:
    """Mean and scale of each column."""
    mean, scale = (
        np.broadcast_to(np.asarray(values, np.float64), (count,))
        for values in (standardizer.mean, standardizer.scale)
    )
    return mean, scale
