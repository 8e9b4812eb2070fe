"""Hive-partitioned folders of Parquet files, such as ``year=2024/month=1/part-0.parquet``.

The names of the folders are columns of the tables in them. Arrow reads both.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from deepcore._streaming.libraries import of_fragments
from deepcore._streaming.tables import Columns, PiecesPart

__all__ = ["PartitionedFile", "is_partitioned", "partitioned_files"]


class PartitionedFile(NamedTuple):
    """A file of a partitioned folder.

    Attributes:
        name: Its path.
        columns: Names of the columns, those of the folders last.
        schema: That of the whole folder.
        fragment: The file as Arrow knows it.
    """

    name: str
    columns: list[str]
    schema: Any
    fragment: Any

    def part(self, columns: Columns) -> PiecesPart:
        """Return the rows of the file; its pieces are row groups."""
        return of_fragments(self.name, self.schema, [self.fragment], columns)


def is_partitioned(folder: Path, files: Sequence[Path]) -> bool:
    """Return whether the files lie in folders that are called ``name=value``."""
    return any("=" in name for file in files for name in file.relative_to(folder).parent.parts)


def partitioned_files(folder: Path, files: Sequence[Path]) -> list[PartitionedFile]:
    """Find the columns of each file of a partitioned folder.

    Raises:
        ImportError: if pyarrow is missing.
        ValueError: if a file is not a valid Parquet file.
    """
    try:
        ds: Any = importlib.import_module("pyarrow.dataset")
        arrow: Any = importlib.import_module("pyarrow")
    except ModuleNotFoundError as error:
        raise ImportError(
            f"stream: {folder} has folders that are called name=value, which need pyarrow: pip install "
            "pyarrow; or give a list of its files, to read them without these columns"
        ) from error
    factory_options = ds.FileSystemFactoryOptions(
        partition_base_dir=str(folder), partitioning=ds.HivePartitioning.discover()
    )
    try:
        factory = ds.FileSystemDatasetFactory(
            importlib.import_module("pyarrow.fs").LocalFileSystem(),
            [str(file) for file in files],
            ds.ParquetFileFormat(),
            factory_options,
        )
        # Permissive, because a column may be in the files too, with more bits.
        schema = factory.inspect(promote_options="permissive")
        data = factory.finish(schema)
        keys = data.partitioning.schema.names
        return [
            PartitionedFile(fragment.path, _with(fragment.physical_schema.names, keys), schema, fragment)
            for fragment in data.get_fragments()
        ]
    except arrow.ArrowException as error:
        raise ValueError(
            f"stream: {folder} must hold Parquet files with the same columns: {error}"
        ) from error


def _with(names: Sequence[str], keys: Sequence[str]) -> list[str]:
    return [*names, *(key for key in keys if key not in names)]
