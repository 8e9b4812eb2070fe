"""Reading of files of the kind "table model", for ``deepcore.load``."""

from __future__ import annotations

from deepcore.files import container
from deepcore.tabular.table_model import KIND, TableModel

__all__ = ["KIND", "read"]


def read(reader: container.Reader) -> TableModel:
    """Read a table model, and check everything that the file holds.

    Raises:
        ValueError: If the file is damaged, or is not that of a table model.
    """
    tensors = reader.tensors()
    try:
        return TableModel.rebuild(reader.description, tensors)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise reader.error(str(error)) from error
