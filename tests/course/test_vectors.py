"""Every vector of the file through deepcore: adapters translate the arguments, deepcore computes."""

from __future__ import annotations

import numpy as np
import pytest

from course import adapters, vectors

ALL = vectors.section("vectors")


def run(vector):
    """What deepcore answers to the vector's arguments."""
    function = adapters.find(vector.get("unit", ""), vector["function"])
    return function(**vectors.decode(vector["args"]))


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector["id"])
def test_deepcore_gives_the_number_of_the_course(vector):
    actual = run(vector)
    expected = vectors.decode(vector["expected"])
    assert not vectors.differences(actual, expected, vector.get("rtol", 1e-9), vector.get("atol", 1e-12))
    if isinstance(expected, dict) and "below" in expected:
        assert actual["value"] < expected["below"]
    if "published" in vector:
        printed = vectors.decode(vector["published"])
        rtol = vector.get("published_rtol", 0.0)
        assert not vectors.differences(
            actual, printed, rtol, vector["published_atol"], "published", shapes=False
        )


@pytest.mark.parametrize(
    "vector", [v for v in ALL if v.get("function") == "bias_gradient"], ids=lambda v: v["id"]
)
def test_the_bias_gradient_is_not_summed_over_units_as_the_notes_write_it(vector):
    slip = vector["expected"]["literal_reading_of_notes"]
    assert not np.isclose(run(vector)["db"], slip, rtol=1e-3).any()


def test_a_function_without_an_adapter_is_a_failure():
    with pytest.raises(AssertionError, match="no adapter"):
        adapters.find("c1w9", "not_in_the_course")


def test_a_changed_digit_is_a_difference():
    assert vectors.differences(
        {"W1": np.ones((2, 2))}, {"W1": np.array([[1, 1], [1, 1 + 1e-6]])}, 1e-9, 1e-12
    )


def test_a_transposed_result_is_a_difference():
    assert vectors.differences(np.ones((1, 3)), np.ones((3, 1)), 1e-9, 1e-12)


def test_a_missing_result_is_a_difference():
    assert vectors.differences({"W1": 0.0}, {"W1": 0.0, "b1": 0.0}, 1e-9, 1e-12)


def test_the_file_holds_vectors():
    assert ALL
