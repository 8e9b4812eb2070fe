"""The raw columns of a table as inputs of an ONNX graph: they become numbers and codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deepcore.files.computation import RawColumn
from deepcore.files.onnx_nodes import Nodes

__all__ = ["add_columns"]


def add_columns(nodes: Nodes, columns: Sequence[RawColumn]) -> list[Any]:
    """Append the nodes that make one float64 tensor (m, numbers + codes), and return the inputs.

    Numbers and features of dates come first, missing ones filled, then the indicators of missing values,
    then the codes of categories.
    """
    helper, types = nodes.onnx.helper, nodes.onnx.TensorProto
    numbers, indicators, codes, inputs = [], [], [], []
    with nodes.in_float64():
        for column, name in [(column, nodes.named(column.name)) for column in columns]:
            kind = types.STRING if column.kind == "category" else types.DOUBLE
            inputs.append(helper.make_tensor_value_info(name, kind, ["m", 1]))
            if column.kind == "category":
                codes.append(_codes(nodes, name, column))
                continue
            missing = nodes.add("IsNaN", name)
            values = _date_features(nodes, name) if column.kind == "date" else name
            fill = nodes.constant("fill", np.array(column.fill))
            numbers.append(nodes.add("Where", missing, fill, values))
            if column.indicator:
                indicators.append(nodes.add("Cast", missing, to=types.DOUBLE))
        nodes.to("Concat", *numbers, *indicators, *codes, axis=1)
    return inputs


def _codes(nodes: Nodes, name: str, column: RawColumn) -> str:
    keys, values = [nodes.text(key) for key in column.codes], list(column.codes.values())
    code = nodes.add(
        "LabelEncoder", name, domain="ai.onnx.ml", keys_strings=keys, values_int64s=values,
        default_int64=0,
    )  # fmt: skip
    return nodes.add("Cast", code, to=nodes.onnx.TensorProto.DOUBLE)


def _date_features(nodes: Nodes, days: str) -> str:
    """The eight features of days since 1970-01-01; see ``deepcore.tabular.dates.date_features``."""

    def number(value: float) -> str:
        return nodes.constant("number", np.array(float(value)))

    def wave(part: str) -> list[str]:
        angle = nodes.add("Mul", part, number(2 * np.pi))
        quarter = nodes.add("Add", angle, number(np.pi / 2))  # ONNX Runtime has no cosine of float64
        return [nodes.add("Sin", angle), nodes.add("Sin", quarter)]

    def new_year(year: str) -> str:
        """Day of the first of January in the Gregorian calendar, from 1970-01-01."""
        before = nodes.add("Sub", year, number(1))
        terms = [nodes.add("Mul", before, number(365)), number(-719162)]
        for years, sign in ((4, 1), (100, -1), (400, 1)):
            leap = nodes.add("Floor", nodes.add("Div", before, number(years)))
            terms.append(nodes.add("Mul", leap, number(sign)))
        return nodes.add("Sum", *terms)

    def as_number(condition: str) -> str:
        return nodes.add("Cast", condition, to=nodes.onnx.TensorProto.DOUBLE)

    day = nodes.add("Floor", days)
    clock = nodes.add("Sub", days, day)
    near = nodes.add("Floor", nodes.add("Div", day, number(365.2425)))
    guess = nodes.add("Add", near, number(1970))  # right, or one too large or too small
    low = nodes.add("Sub", guess, as_number(nodes.add("Greater", new_year(guess), day)))
    following = new_year(nodes.add("Add", low, number(1)))
    year = nodes.add("Add", low, as_number(nodes.add("LessOrEqual", following, day)))
    of_year = nodes.add("Div", nodes.add("Sub", day, new_year(year)), number(365.25))
    weeks = nodes.add("Div", nodes.add("Add", day, number(3)), number(7))
    of_week = nodes.add("Sub", weeks, nodes.add("Floor", weeks))
    return nodes.add("Concat", days, year, *wave(of_year), *wave(of_week), *wave(clock), axis=1)
