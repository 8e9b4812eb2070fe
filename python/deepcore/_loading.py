"""``deepcore.load`` gives back what was saved, whatever kind of file it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from deepcore import _checks
from deepcore.files import container, model_file
from deepcore.model import Model

__all__ = ["load"]


def load(path: str | os.PathLike[str]) -> Any:
    """Read what ``Model.save`` or another ``save`` of deepcore wrote.

    Args:
        path: A file that deepcore wrote.

    Returns:
        What was saved: of ``Model.save`` the same model, bit for bit, with its ``extras``.

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
    with container.Reader(path) as reader:
        kind = reader.description.get("kind", "model")  # files of format 1 have no kind
        if kind not in _READERS:
            known = ", ".join(_READERS)
            raise reader.error(f"kind must be one of {known}, got {_checks.shown(kind)}; update deepcore-nn")
        return _READERS[kind](reader)


def _model(reader: container.Reader) -> Model:
    return Model.from_network(*model_file.contents(reader))


_READERS: dict[str, Callable[[container.Reader], Any]] = {"model": _model}
