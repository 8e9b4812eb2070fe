"""Draw docs/images/flower.png: what a network of 17 parameters learns from two classes of points.

python docs/images/flower.py
"""

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import deepcore as dc
from deepcore import data


def draw(path):
    """Train a 2-4-1 network on the flower data, and draw its cost and its output over the plane."""
    points, labels = data.flower(400, seed=1)
    model = dc.mlp([2, 4, 1], activation="tanh", dtype="float64", seed=2)
    history = model.fit(points, labels, dc.SGD(1.2), epochs=5000, batch_size=None)

    axis = np.linspace(-4.8, 4.8, 300)
    x, y = np.meshgrid(axis, axis)
    output = model.predict(np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape)

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    left.plot(history["loss"], color="#0b6e4f")
    left.set(xlabel="iteration", ylabel="cost J", title="Cost of a 2-4-1 network")
    left.set_ylim(bottom=0)
    right.contourf(x, y, output, levels=np.linspace(0, 1, 11), cmap="coolwarm", alpha=0.6)
    right.contour(x, y, output, levels=[0.5], colors="black", linewidths=1)
    for label, colour in ((0, "#2b4c9b"), (1, "#a8242f")):
        chosen = points[labels == label]
        right.scatter(*chosen.T, s=8, color=colour, label=f"class {label}")
    right.set(xlabel="x1", ylabel="x2", title="Probability of class 1 after 5000 iterations")
    right.legend(loc="upper right", framealpha=0.9)
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    draw(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("flower.png"))
