"""What the commands print and write as JSON is JSON."""

import json

import pytest

pytest.importorskip("click", reason="click is not installed (extra `cli`)")

from deepcore.cli.output import to_json


def test_a_number_that_is_not_finite_is_null():
    text = to_json({"loss": [0.5, float("inf")], "r2": float("nan"), "epochs": 3}, indent=1)
    assert json.loads(text, parse_constant=pytest.fail) == {"loss": [0.5, None], "r2": None, "epochs": 3}
