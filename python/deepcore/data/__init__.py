"""Point sets, images and tables, and the tools that prepare them for a network. Examples are rows."""

from deepcore.data.generators import circles, flower, moons, spirals
from deepcore.data.images import images_to_columns, images_to_rows, load_cats, load_digits, load_idx, read_idx
from deepcore.data.preprocessing import LabelMap, Standardizer, one_hot
from deepcore.data.splits import split_indices, train_test_split
from deepcore.data.tables import Table, read_csv, read_npz

__all__ = [
    "LabelMap",
    "Standardizer",
    "Table",
    "circles",
    "flower",
    "images_to_columns",
    "images_to_rows",
    "load_cats",
    "load_digits",
    "load_idx",
    "moons",
    "one_hot",
    "read_csv",
    "read_idx",
    "read_npz",
    "spirals",
    "split_indices",
    "train_test_split",
]
