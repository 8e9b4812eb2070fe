"""Tables: read them, learn the types of their columns, and predict from raw tables."""

from deepcore.data.text import MISSING
from deepcore.tabular.columns import Columns
from deepcore.tabular.encoding import Encoding
from deepcore.tabular.frame import Frame
from deepcore.tabular.label import Label
from deepcore.tabular.reading import read_table
from deepcore.tabular.table_model import TableMember, TableModel

__all__ = [
    "MISSING",
    "Columns",
    "Encoding",
    "Frame",
    "Label",
    "TableMember",
    "TableModel",
    "read_table",
]
