"""Rows of numbers as small images side by side: first-layer weights, and examples that were misclassified."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np
from matplotlib.axes import Axes

from deepcore import _checks
from deepcore.plots import style
from deepcore.plots.classes import class_numbers
from deepcore.typing import Array

__all__ = ["misclassified", "weight_images"]

# Height of the text above an image, as a part of the height of the image.
_TEXT_SHARE = 0.3
# That height in inches is needed at least.
_TEXT_HEIGHT = 0.2
# A side of an image is drawn at most so many times as long as the other one.
_MOST_ASPECT = 8


def weight_images(
    W: object,
    shape: Sequence[int],
    *,
    most: int = 64,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the weights of each unit of the first layer as an image: what the unit looks for.

    All units share one scale: grey is 0, white the largest positive weight, and black the largest negative
    one.
    Weights of colour images are shown in their three colours.

    Args:
        W: ``model.parameters["W1"]``, (n1, n_x), one row per unit.
        shape: Of an image: (height, width), or (height, width, 3) with the channels of a pixel side by side.
        most: Number of units to draw.
        ax: Axes to draw into. None: those of a new figure.
        title: Text above the picture.

    Raises:
        ValueError: if the shape does not fit the number of inputs.
    """
    weights = _checks.numbers("weight_images", "W", W)
    if weights.ndim != 2 or not weights.size:
        raise ValueError(f"weight_images: W must have the shape (units, inputs), got {weights.shape}")
    size = _image_shape("weight_images", shape, weights.shape[1])
    most = _checks.count("weight_images", "most", most, high=1024)
    images = weights[:most].reshape(-1, *size).astype(np.float64)
    limit = float(np.abs(images[np.isfinite(images)]).max(initial=0.0)) or 1.0
    texts = [f"unit {number}" for number in range(1, len(images) + 1)]
    if len(size) == 3:
        scale = f"0 is grey; the colours go from {-limit:.3g} to {limit:.3g}"
    else:
        scale = f"black {-limit:.3g}, grey 0, white {limit:.3g}"
    ax = _draw(images / (2 * limit) + 0.5, texts, ax)
    rest = f", the first {len(images)} of {len(weights)} units" if len(images) < len(weights) else ""
    return style.look(ax, f"weights of the first layer{rest} ({scale})", "", title)


def misclassified(
    images: object,
    y: object,
    predicted: object,
    *,
    shape: Sequence[int],
    classes: Sequence[object] | None = None,
    most: int = 25,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the examples whose predicted class is wrong, with the true and the predicted class above each.

    Args:
        images: Examples (m, n_x), one row each, with pixels of any range.
        y: True class numbers, (m,).
        predicted: Predicted class numbers, (m,); or probabilities, (m, k), or of class 1, (m, 1), and then
            the examples that the model is most certain of come first.
        shape: Of an image: (height, width), or (height, width, 3) with the channels of a pixel side by side.
        classes: Names of the classes. None: their numbers.
        most: Number of examples to draw.
        ax: Axes to draw into. None: those of a new figure.
        title: Text above the picture.

    Raises:
        ValueError: if the shapes do not fit.
    """
    who = "misclassified"
    rows = _checks.numbers(who, "images", images)
    if not len(rows):
        raise ValueError(f"{who}: there must be at least one example")
    rows = rows.reshape(len(rows), -1)
    size = _image_shape(who, shape, rows.shape[1])
    most = _checks.count(who, "most", most, high=400)
    true = class_numbers(who, "y", y)
    outputs = _checks.numbers(who, "predicted", predicted)
    if outputs.ndim == 2 and outputs.shape[1] == 1:  # the probability of class 1
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    certain = outputs.max(axis=1) if outputs.ndim == 2 else np.zeros(len(outputs))
    found = outputs.argmax(axis=1) if outputs.ndim == 2 else class_numbers(who, "predicted", outputs)
    if not len(rows) == len(true) == len(found):
        raise ValueError(
            f"{who}: images, y and predicted must have the same length, got {len(rows)}, {len(true)} and "
            f"{len(found)}"
        )
    if classes is not None and len(classes) < (count := 1 + int(max(true.max(), found.max()))):
        raise ValueError(f"{who}: classes must have {count} names, got {len(classes)}")
    wrong = np.flatnonzero(true != found)
    shown = wrong[np.argsort(-certain[wrong], kind="stable")][:most]
    label = f"{len(wrong)} of {len(true)} examples are misclassified"
    label += f"; these {len(shown)} of them" if len(shown) < len(wrong) else ""
    label += " (true class, then predicted class)" if len(shown) else ""
    if not len(shown):
        ax = style.axes(ax, 4.0, 1.0)
        ax.set(xticks=[], yticks=[])
        return style.look(ax, label, "", title)
    names = None if classes is None else style.distinct(classes, 12)
    texts = [
        f"{i if names is None else names[i]} \u2192 {j if names is None else names[j]}"
        for i, j in zip(true[shown].tolist(), found[shown].tolist(), strict=True)
    ]
    pixels = rows[shown].reshape(-1, *size).astype(np.float64)
    low, high = float(pixels.min()), float(pixels.max())
    return style.look(_draw((pixels - low) / ((high - low) or 1.0), texts, ax), label, "", title)


def _image_shape(who: str, shape: Sequence[int], inputs: int) -> tuple[int, ...]:
    if isinstance(shape, Integral):
        raise TypeError(f"{who}: shape must be (height, width), such as (28, 28), got {shape}")
    size = tuple(_checks.count(who, "shape", side) for side in shape)
    if len(size) not in (2, 3) or (len(size) == 3 and size[2] not in (1, 3)) or np.prod(size) != inputs:
        raise ValueError(
            f"{who}: shape must be (height, width) or (height, width, 3) with {inputs} numbers, got {size}"
        )
    return size[:2] if size[2:] == (1,) else size


def _columns(count: int, aspect: float) -> int:
    """A number of columns that makes about a square, with few empty places in the last row."""
    ideal = max(round(float(np.sqrt(count * aspect))), 1)
    near = range(max(ideal - 1, min(ideal, 2)), min(ideal + 3, count) + 1)
    return min(near, key=lambda columns: (-count % columns, abs(columns - ideal)), default=count)


def _draw(images: Array, texts: Sequence[str], ax: Axes | None) -> Axes:
    """Put images of numbers from 0 to 1 in rows, each with its text above."""
    # Pixels of an image that is nearly a line are stretched, so that it can be seen.
    height = max(images.shape[1], images.shape[2] / _MOST_ASPECT)
    width = max(images.shape[2], images.shape[1] / _MOST_ASPECT)
    side = 1.0 if len(images) > 36 else 1.25
    gap, text = 0.08 * width, max(_TEXT_SHARE * height, _TEXT_HEIGHT / side * width)
    aspect = (height + text) / width
    columns = _columns(len(images), aspect)
    rows = -(-len(images) // columns)
    ax = style.axes(ax, max(4.0, side * columns), side * aspect * rows + 0.5)
    letters = max(map(len, texts))
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        x, y = column * (width + gap), row * (height + text)
        ax.imshow(
            image, extent=(x, x + width, y + height, y), interpolation="nearest", cmap="gray", vmin=0,
            vmax=1,
        )  # fmt: skip
        ax.text(
            x + width / 2, y - 0.06 * height, texts[number], ha="center", va="bottom",
            fontsize=max(4.0, min(9.0, 90 * side / letters / 1.15)), parse_math=False,
        )  # fmt: skip
    ax.set_xlim(-gap, columns * (width + gap))
    ax.set_ylim(rows * (height + text) - text + gap, -text)
    ax.set(xticks=[], yticks=[], aspect="equal")
    ax.spines[:].set_visible(False)
    return ax
