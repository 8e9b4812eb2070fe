"""What decides how a table is read: the format of its numbers, names of ids, and types of Excel's columns."""

import io

import numpy as np
import pytest

from deepcore.data.text import NumberFormat
from deepcore.tabular import Columns, read_table


@pytest.mark.parametrize(
    "hosts",
    [["192.168.100.200", "10.0.0.1"], ["1.100.200", "1.20.3", "2.0.1"], ["192.168.100.200", "1.2.3.4"]],
)
def test_names_that_look_like_numbers_do_not_decide_how_numbers_are_written(hosts):
    rows = "".join(f"{host},849.673\n" for host in hosts)
    assert read_table(io.StringIO(f"host,seconds\n{rows}")).number_format == NumberFormat(".", "")


def test_points_between_thousands_and_decimal_points_are_a_question():
    text = "a,b\n1.100.200,1.5\n1.101.000,0.25\n"
    with pytest.raises(
        ValueError, match=r"points between groups of digits in column 'a' .* decimal points in column 'b'"
    ):
        read_table(io.StringIO(text))
    assert read_table(io.StringIO(text), decimal=".").number_format == NumberFormat(".", "")


def test_names_of_any_script_are_words():
    values = np.random.default_rng(0).permutation(1000)[:40]
    names = [
        "\u043f\u043b\u043e\u0449\u0430\u0434\u044c",
        "\u5e74\u9f62",
        "\u03c4\u03b9\u03bc\u03ae",
        "gr\u00f6\u00dfe",
        "breit",
        "#",
        "kundenId",
        "id \u043f\u043b\u043e\u0449\u0430\u0434\u044c",
    ]
    kinds = [column.kind for column in Columns.fit(dict.fromkeys(names, values) | {"x": values / 7}).columns]
    assert kinds == ["number"] * 5 + ["ignore"] * 3 + ["number"]
