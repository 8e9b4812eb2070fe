"""Draw the figures of docs/course: a unit, a descent, activations, blocks of a network, first weights.

python docs/images/course.py
"""

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import deepcore as dc
from deepcore import functional as F

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#5b6675"  # told apart by colour-blind readers


def unit(path):
    """Draw prices of houses and the relu unit that was fitted to them."""
    random = np.random.default_rng(4)
    size = np.sort(random.uniform(0.4, 2.8, 24))
    price = np.maximum(0, 1.5 * size - 0.5 + random.normal(scale=0.25, size=24))
    model = dc.Model(1, [dc.Dense(1, "relu")], loss="half_squared_error", dtype="float64")
    model.parameters["W1"] = [[0.5]]
    model.fit(size[:, None], price, dc.SGD(0.2), epochs=1000, batch_size=None)
    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    axes.scatter(100 * size, 100 * price, s=18, color=BLUE, label="houses")
    line = np.linspace(0, 3, 200)
    axes.plot(100 * line, 100 * model.predict(line[:, None])[:, 0], color=ORANGE, label="relu unit")
    axes.set(xlabel="size in square metres", ylabel="price in 1000 dollars", title="One unit")
    axes.legend()
    save(figure, path)


def descent(path):
    """Draw the contours of the cost of logistic regression with one feature, and the path of the descent."""
    random = np.random.default_rng(0)
    x = random.normal(loc=0.4, size=60)
    y = (random.random(60) < 1 / (1 + np.exp(-(1.5 * x - 0.5)))) * 1.0
    w, b = np.meshgrid(np.linspace(-1, 3.5, 160), np.linspace(-2.5, 1.5, 160))
    z = w[..., None] * x + b[..., None]
    cost = np.mean(np.logaddexp(0, z) - y * z, axis=-1)
    point, steps = np.zeros(2), [np.zeros(2)]
    for _ in range(60):
        dz = 1 / (1 + np.exp(-(point[0] * x + point[1]))) - y
        point = point - 1.5 * np.array([np.mean(dz * x), np.mean(dz)])
        steps.append(point)
    path_w, path_b = np.array(steps).T
    figure, axes = plt.subplots(figsize=(5.4, 3.6), layout="constrained")
    lines = axes.contour(w, b, cost, levels=18, cmap="viridis", linewidths=1)
    figure.colorbar(lines, label="cost J(w, b)")
    axes.plot(path_w, path_b, "o-", color=ORANGE, markersize=3, linewidth=1, label="gradient descent")
    axes.plot(*steps[0], "s", color=BLUE, label="start at 0")
    axes.set(xlabel="w", ylabel="b", title="The cost of logistic regression is a bowl")
    axes.legend(loc="lower right")
    save(figure, path)


def activations(path):
    """Draw four activations and their slopes."""
    z = np.linspace(-5, 5, 501)[None]
    figure, panels = plt.subplots(1, 4, figsize=(11, 2.8), layout="constrained", sharex=True)
    for axes, name in zip(panels, ("sigmoid", "tanh", "relu", "leaky_relu"), strict=True):
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.plot(z[0], F.activation(z, name)[0], color=BLUE, label="g(z)")
        axes.plot(z[0], F.activation_derivative(z, name)[0], "--", color=ORANGE, label="slope g'(z)")
        axes.set(xlabel="z", title=name.replace("_", " "), ylim=(-1.2, 2.2))
    panels[0].legend(loc="upper left", fontsize=8)
    save(figure, path)


def blocks(path):
    """Draw the forward and the backward blocks of three layers, with the caches between them."""
    figure, axes = plt.subplots(figsize=(9, 3.9), layout="constrained")
    axes.set(xlim=(-0.75, 3.75), ylim=(-0.75, 2.75))
    axes.axis("off")

    def arrow(start, end, text, place, colour=GREY, align="center"):
        axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": colour})
        axes.text(*place, text, ha=align, va="center", fontsize=10)

    for layer in (1, 2, 3):
        x = layer - 0.6
        for y, colour, text in ((2, BLUE, "$W^{[%d]}, b^{[%d]}$"), (0, ORANGE, "$W^{[%d]}, dZ^{[%d]}$")):
            box = plt.Rectangle((x - 0.26, y - 0.32), 0.52, 0.64, facecolor="white", edgecolor=colour)
            axes.add_patch(box)
            axes.text(x, y, text % (layer, layer), ha="center", va="center", fontsize=9)
        cache = f"cache: $Z^{{[{layer}]}}, A^{{[{layer - 1}]}}$"
        arrow((x, 1.66), (x, 0.34), cache, (x + 0.03, 1.0), align="left")
        entering = "$X = A^{[0]}$" if layer == 1 else f"$A^{{[{layer - 1}]}}$"
        arrow((x - 0.74, 2), (x - 0.28, 2), entering, (x - 0.5, 2.2), BLUE)
        arrow((x - 0.28, 0), (x - 0.74, 0), f"$dA^{{[{layer - 1}]}}$", (x - 0.5, 0.2), ORANGE)
        arrow((x, -0.34), (x, -0.6), f"$dW^{{[{layer}]}}, db^{{[{layer}]}}$", (x + 0.02, -0.7), ORANGE)
    arrow((2.66, 2), (3.2, 2), r"$\hat Y = A^{[3]}$", (2.95, 2.2), BLUE)
    arrow((3.2, 0), (2.66, 0), "$dA^{[3]}$", (2.95, 0.2), ORANGE)
    axes.text(-0.72, 2.62, "forward", color=BLUE, fontsize=11)
    axes.text(-0.72, -0.7, "backward", color=ORANGE, fontsize=11)
    save(figure, path)


def weights(path):
    """Draw the first-layer weights of a network for digits as images."""
    X, y = dc.data.load_digits()
    model = dc.mlp([64, 16, 10], seed=3, l2=1e-3)
    model.fit(X / 16.0, y, epochs=40, batch_size=32)
    W1 = model.parameters["W1"]
    limit = np.abs(W1).max()
    figure, panels = plt.subplots(2, 8, figsize=(9, 2.9), layout="constrained")
    for axes, row in zip(panels.flat, W1, strict=True):
        image = axes.imshow(row.reshape(8, 8), cmap="PuOr_r", vmin=-limit, vmax=limit)
        axes.set(xticks=[], yticks=[])
    figure.colorbar(image, ax=panels, label="weight")
    figure.suptitle("Rows of $W^{[1]}$ as images")
    save(figure, path)


def save(figure, path):
    """Write a figure without a date or version, so that the file changes only with the picture."""
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


def draw(folder):
    """Draw all figures into a folder."""
    for picture in (unit, descent, activations, blocks, weights):
        picture(Path(folder) / f"course_{picture.__name__}.png")


if __name__ == "__main__":
    draw(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
