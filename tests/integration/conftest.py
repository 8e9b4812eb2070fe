"""Trained models and small folders of images that several tests read."""

import numpy as np
import pytest

from builders import write_idx_folder
from integration.command_line import run, write_table


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """What ``deepcore train`` without arguments printed, and its folder."""
    folder = tmp_path_factory.mktemp("digits") / "run"
    return run("train", "--out", folder), folder


@pytest.fixture(scope="session")
def flowers(tmp_path_factory):
    """A table of 120 rows with text labels, one constant and one text column, and a model trained on it."""
    folder = tmp_path_factory.mktemp("flowers")
    random = np.random.default_rng(3)
    kinds = [("lily", 0.0), ("rose", 4.0), ("tulip", 8.0)]
    rows = [
        [f"id{i}", *(centre + random.normal(0, 0.5, 2)).round(3), 5, kind]
        for i, (kind, centre) in enumerate(kinds * 40)
    ]
    table = write_table(folder / "table.csv", ["id", "length", "width", "garden", "kind"], rows)
    text = run(
        "train",
        table,
        "--drop",
        "id",
        "--epochs",
        100,
        "--learning-rate",
        0.01,
        "--layers",
        8,
        "--out",
        folder / "run",
    )
    return text, folder


@pytest.fixture
def idx_folder(tmp_path):
    """Images of 2 x 2 pixels, bright for class 1: 60 to train, 20 to test."""
    parts = []
    for m in (60, 20):
        labels = np.arange(m) % 2
        parts.append((np.full((m, 2, 2), 20) + 200 * labels[:, None, None], labels))
    return write_idx_folder(tmp_path / "bright", *parts)


@pytest.fixture(scope="module")
def client():
    """A client of a Dask cluster of two workers."""
    from integration.dask_cluster import cluster

    with cluster() as client:
        yield client
