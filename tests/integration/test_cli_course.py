"""``deepcore course``: published numbers of the course next to those of this machine."""

import json
import os
from pathlib import Path

import pytest

from deepcore.course import published
from integration.command_line import fail, run

CATS = Path(os.environ.get("DEEPCORE_DATA", "")) / "cat" / "train_catvnoncat.h5"


def test_flower_prints_published_and_own_costs_side_by_side():
    lines = run("course", "flower", "--iterations", 2001).splitlines()
    assert "2-4-1 network, 10000 steps" in lines
    assert [line.split() for line in lines if line.startswith("cost")] == [
        ["cost", "0", "0.693162", "0.693162"],
        ["cost", "1000", "0.258625", "0.258625"],
        ["cost", "2000", "0.239334", "0.239334"],
    ]


def test_a_shortened_run_compares_no_accuracy_and_leaves_out_networks_without_costs():
    records = [json.loads(line) for line in run("course", "flower", "--iterations", 1, "--json").splitlines()]
    assert [record["network"] for record in records] == ["2-4-1 network, 10000 steps"]
    assert records[0]["accuracy_percent"] == {}


@pytest.mark.parametrize("number", [2, 3, 4])
def test_a_small_flower_network_reaches_the_published_accuracy(number):
    which = published.FLOWER[number]
    assert published.repeat(which, published.flower_examples()).accuracy == pytest.approx(which.accuracy)


def test_the_logistic_regression_of_the_flower_reaches_the_published_accuracy():
    which = published.FLOWER[0]
    assert published.repeat(which, published.flower_examples()).accuracy == pytest.approx(which.accuracy)


def test_cats_that_are_not_there_are_one_line(tmp_path):
    assert "is not a folder" in fail("course", "cats", tmp_path / "none")


@pytest.mark.skipif(not CATS.exists(), reason="DEEPCORE_DATA has no folder cat with the images of the course")
def test_the_cat_networks_have_the_published_first_costs():
    records = [json.loads(line) for line in run("course", "cats", "--iterations", 101, "--json").splitlines()]
    assert len(records) == 3
    for record in records:
        assert len(record["costs"]) == 2
        for pair in record["costs"].values():
            assert pair["own"] == pytest.approx(pair["published"], abs=5.1e-7)


def test_a_folder_belongs_to_the_cats():
    assert "FOLDER belongs to cats" in fail("course", "flower", "somewhere")
