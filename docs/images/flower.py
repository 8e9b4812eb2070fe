"""Draw docs/images/flower.png: what a network of 17 parameters learns from two classes of points.

python docs/images/flower.py
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

import deepcore as dc
from deepcore import data


def draw(path):
    """Train a 2-4-1 network on the flower data, and draw its cost and its classes over the plane."""
    points, labels = data.flower(400, seed=1)
    model = dc.mlp([2, 4, 1], activation="tanh", dtype="float64", seed=2)
    history = model.fit(points, labels, dc.SGD(1.2), epochs=5000, batch_size=None)

    figure = Figure(figsize=(9.4, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    dc.plots.learning_curves(history, ax=left, title="cost of a 2-4-1 network")
    left.set(xlabel="step", ylabel="cost J", ylim=(0, None))
    dc.plots.decision_boundary(model, points, labels, ax=right, title="predicted class after 5000 steps")
    figure.savefig(path, dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    draw(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("flower.png"))
