"""MNIST and Fashion-MNIST from their IDX files: at least the published accuracy of MLPClassifier."""

import numpy as np
import pytest

import deepcore as dc
from deepcore.data import load_idx


@pytest.mark.parametrize(("name", "published", "epochs"), [("mnist", 0.972, 8), ("fashion", 0.871, 8)])
def test_a_784_100_10_network_reaches_the_published_accuracy(data_dir, name, published, epochs):
    """Fashion-MNIST paper (arXiv 1708.07747), table 3, MLP relu [100]."""
    X, y, X_test, y_test = load_idx(data_dir / name)
    X, X_test = (np.asarray(images, np.float32) / 255 for images in (X, X_test))
    model = dc.mlp([784, 100, 10], activation="relu", seed=0)
    model.fit(X, y, dc.Adam(1e-3), epochs=epochs, batch_size=100)
    assert model.evaluate(X_test, y_test)["accuracy"] >= published
