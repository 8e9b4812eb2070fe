"""``deepcore.load`` gives back what was saved, whatever kind of file it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from deepcore import _checks
from deepcore.files import container, model_file
from deepcore.model import Model
from deepcore.prepared import PreparedModel, is_prepared
from deepcore.tabular import table_file

__all__ = ["load", "read"]


def load(path: str | os.PathLike[str]) -> Any:
    """Read what ``Model.save``, a ``Checkpoint`` or another ``save`` of deepcore wrote.

    Args:
        path: A file that deepcore wrote.

    Returns:
        What was saved, bit for bit: a ``Model`` or an ``Ensemble`` with its ``extras``; an estimator of
        ``deepcore.sklearn``; or what ``deepcore train`` writes: a ``TableModel``, which predicts from raw
        tables, or a ``PreparedModel``, which predicts from raw arrays. The file of a ``Checkpoint`` gives the
        model of its training.

    Raises:
        OSError: if the file cannot be read, or is not a regular file.
        ValueError: if it is not such a file, is damaged, or was written by a newer deepcore.

    Example:
        >>> import os, tempfile, deepcore as dc
        >>> model = dc.mlp([2, 3, 1])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.safetensors")
        ...     model.save(path, extras={"labels": ["no", "yes"]})
        ...     dc.load(path).extras
        {'labels': ['no', 'yes']}
    """
    return read(os.fsdecode(path))


def read(source: str | bytes) -> Any:
    """Do what ``load`` does, with a path or with the bytes of a file."""
    with container.Reader(source) as reader:
        if reader.kind not in _READERS:
            known, got = ", ".join(_READERS), _checks.shown(reader.kind)
            raise reader.error(f"kind must be one of {known}, got {got}; update deepcore-nn")
        return _READERS[reader.kind](reader)


def _model(reader: container.Reader) -> Model | PreparedModel:
    contents = model_file.contents(reader)
    if not is_prepared(contents.extras):
        return Model.from_network(*contents)
    try:
        return PreparedModel.of(*contents)
    except ValueError as error:
        raise reader.error(str(error)) from error


def _estimator(reader: container.Reader) -> Any:
    from deepcore.sklearn import MLPClassifier, MLPRegressor, saving  # it needs scikit-learn

    return saving.restored(reader, (MLPClassifier, MLPRegressor))


def _table_estimator(reader: container.Reader) -> Any:
    from deepcore.sklearn import RealMLPClassifier, RealMLPRegressor, table_saving  # it needs scikit-learn

    return table_saving.restored(reader, (RealMLPClassifier, RealMLPRegressor))


def _ensemble(reader: container.Reader) -> Any:
    from deepcore.ensemble import Ensemble  # most files do not need it

    members, extras = model_file.read_members(reader)
    return Ensemble([Model.from_network(*member) for member in members], extras)


_READERS: dict[str, Callable[[container.Reader], Any]] = {
    "model": _model,
    "checkpoint": _model,  # of the training that it holds
    "estimator": _estimator,
    "table estimator": _table_estimator,
    "ensemble": _ensemble,
    table_file.KIND: table_file.read,
}
