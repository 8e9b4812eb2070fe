"""How good a classifier is: which classes it confuses, and how far its probabilities can be trusted."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from deepcore import _checks
from deepcore._scores import confusion
from deepcore.plots import style
from deepcore.typing import Array

__all__ = ["calibration", "class_numbers", "confusion_matrix"]

# More classes than this have no room for numbers in the cells, and more than twice as many none for names.
_MOST_NUMBERS = 20
# More classes than this are quantities by mistake; the table of their counts would fill the memory.
_MOST_CLASSES = 1000


def confusion_matrix(
    y: object,
    predicted: object,
    *,
    classes: Sequence[object] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Count the examples of each true class (row) that were predicted as each class (column).

    A cell is the darker the larger its share of the examples of its row.

    Args:
        y: True class numbers from 0, (m,).
        predicted: Predicted class numbers, (m,).
        classes: Names of the classes. None: their numbers.
        ax: Axes to draw into. None: those of a new figure.
        title: Text above the picture.

    Raises:
        ValueError: if the lengths differ, or a number has no class.
    """
    who = "confusion_matrix"
    true, found = class_numbers(who, "y", y), class_numbers(who, "predicted", predicted)
    if true.shape != found.shape:
        raise ValueError(f"{who}: predicted must have {len(true)} values like y, got {len(found)}")
    count = 1 + int(max(true.max(), found.max()))
    if count > _MOST_CLASSES:
        raise ValueError(f"{who}: y must hold at most {_MOST_CLASSES} classes, got the class {count - 1}")
    if classes is not None and len(classes) < count:
        raise ValueError(f"{who}: classes must have {count} names, got {len(classes)}")
    names = style.distinct(range(count) if classes is None else classes)
    table = confusion(true, found, len(names))
    rows = table.sum(axis=1, keepdims=True)
    shares = table / np.maximum(rows, 1)
    side = min(max(3.6, 0.5 * len(names)), 10.0)
    ax = style.axes(ax, side + 1.4, side)
    picture = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    if len(names) <= _MOST_NUMBERS:
        for (row, column), number in np.ndenumerate(table):
            colour = "white" if shares[row, column] > 0.55 else "black"
            ax.text(column, row, f"{number}", ha="center", va="center", color=colour, fontsize="small")
    _name_ticks(ax, names)
    root = ax.get_figure(root=True)
    assert root is not None
    bar = root.colorbar(picture, ax=ax, fraction=0.05, pad=0.03)
    bar.set_label("share of the true class")
    return style.look(ax, "predicted class", "true class", title)


def _name_ticks(ax: Axes, names: Sequence[str]) -> None:
    every = -(-len(names) // (2 * _MOST_NUMBERS))
    places = list(range(0, len(names), every))
    shown = [names[place] for place in places]
    level = max(map(len, shown)) * len(shown) <= 30
    ax.set_xticks(places, shown, parse_math=False)
    ax.tick_params(axis="x", labelrotation=0 if level else 90)
    ax.set_yticks(places, shown, parse_math=False)


def class_numbers(who: str, name: str, value: object) -> Array:
    """Return class numbers from 0 as int64, (m,)."""
    numbers = _checks.numbers(who, name, value)
    if numbers.ndim != 1 or not len(numbers):
        raise ValueError(f"{who}: {name} must have the shape (m,) with m > 0, got {numbers.shape}")
    with np.errstate(invalid="ignore"):  # NaN is refused below
        whole = numbers.astype(np.int64)
    if (whole != numbers).any() or whole.min() < 0:
        raise ValueError(f"{who}: {name} must hold class numbers 0, 1, 2, ..., got {_checks.shown(numbers)}")
    return whole


def calibration(
    y: object,
    probabilities: object,
    *,
    bins: int = 10,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Compare predicted probabilities with how often they come true.

    The examples are put into bins by their probability. On the diagonal, of the examples with probability 0.8
    exactly 80% are of the class. Bars show how many examples each bin has, and lines how far chance alone may
    move its point.

    Args:
        y: True class numbers, (m,).
        probabilities: Of class 1, (m,) or (m, 1), or of two classes, (m, 2). Of more classes, (m, k): the
            probability of the predicted class is compared with how often the prediction is right.
        bins: Number of bins of equal width.
        ax: Axes to draw into. None: those of a new figure.
        title: Text above the picture.

    Raises:
        ValueError: if a shape or a value is not allowed.

    Source: DeGroot and Fienberg (1983); the expected calibration error is that of Guo et al. (2017), and the
    interval that of Wilson (1927).
    """
    who = "calibration"
    true = class_numbers(who, "y", y)
    p = _checks.numbers(who, "probabilities", probabilities).astype(np.float64)
    p = p[:, 0] if p.ndim == 2 and p.shape[1] == 1 else p
    if p.shape[:1] != true.shape or p.ndim > 2 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(
            f"{who}: probabilities must be from 0 to 1, one row for each of the {len(true)} examples, got an "
            f"array of shape {p.shape}"
        )
    if true.max() >= (count := p.shape[1] if p.ndim == 2 else 2):
        raise ValueError(f"{who}: y must hold class numbers below {count}, got {true.max()}")
    bins = _checks.count(who, "bins", bins, high=100)
    if p.ndim == 2 and p.shape[1] > 2:
        event, p, what = p.argmax(axis=1) == true, p.max(axis=1), "predictions that are right"
    else:
        event, p, what = true == 1, p[:, 1] if p.ndim == 2 else p, "examples of class 1"
    place = np.minimum((p * bins).astype(int), bins - 1)
    size = np.bincount(place, minlength=bins)
    there = size > 0
    mean = np.bincount(place, p, bins)[there] / size[there]
    share = np.bincount(place, event, bins)[there] / size[there]
    error = float((size[there] * np.abs(mean - share)).sum() / len(true))

    ax = style.axes(ax, 5.0, 4.6)
    middles = (np.arange(bins) + 0.5) / bins
    ax.bar(middles, size / len(true), 0.9 / bins, color="0.8", label="share of all examples")
    ax.plot([0, 1], [0, 1], ":", color="black", linewidth=1, label="perfect calibration")
    label = f"model (expected error {error:.3f})"
    ax.plot(mean, share, "-o", color=style.COLOURS[0], label=label)
    ax.vlines(mean, *_interval(share, size[there]), color=style.COLOURS[0], label="95% interval of its bin")
    ax.set(xlim=(0, 1), ylim=(0, 1.03))
    ax.grid(alpha=0.3)
    style.legend(ax, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize="small")
    return style.look(ax, "predicted probability", f"share of {what}", title)


def _interval(share: Array, size: Array) -> tuple[Array, Array]:
    """The ends of Wilson's interval of a share among so many examples."""
    z = 1.96  # of 95%
    middle = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    return middle - half, middle + half
