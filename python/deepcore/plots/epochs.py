"""Numbers per epoch: the learning curves of one run, and the runs of several learning rates."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from deepcore import _checks
from deepcore.metrics import upwards
from deepcore.plots import style

__all__ = ["curves", "draw_curves", "learning_curves", "rate_sweep"]

_PARTS = (("", "training"), ("val_", "validation"))
# A sweep may have more runs than fit into a picture; these are the first ones of a legend.
_MOST_RUNS = 12
_MOST_COLUMNS = 3


def learning_curves(
    history: Mapping[str, Sequence[float]],
    name: str = "loss",
    *,
    best_epoch: int | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw one number of a training against the epochs, for the training and the validation part.

    Args:
        history: What ``fit`` returns: one value per epoch under ``name``, ``"val_" + name`` or both.
        name: Such as ``"loss"`` or ``"accuracy"``.
        best_epoch: The epoch to mark, counted from 0 as ``History.best_epoch`` counts. None: the best epoch
            of the validation part, if there is one.
        ax: Axes to draw into. None: those of a new figure.
        title: Text above the picture. A long one is written on several lines.

    Raises:
        ValueError: if the history holds neither number.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = learning_curves({"loss": [0.9, 0.5], "val_loss": [0.8, 0.6]}, ax=Figure().add_subplot())
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['training', 'validation', 'best epoch: 2']
    """
    series = {prefix: history[prefix + name] for prefix, _ in _PARTS if prefix + name in history}
    if not series:
        raise ValueError(
            f"learning_curves: name must be recorded in the history, got {_checks.shown(name)}; there is "
            f"{_checks.first_names(list(history))}"
        )
    ax = style.axes(ax)
    for place, (prefix, part) in enumerate(_PARTS):
        values = series.get(prefix)
        if values is not None:
            colour, dashes = style.COLOURS[place], style.DASHES[place]
            _plot(ax, values, color=colour, linestyle=dashes, label=part)
    if best_epoch is None:
        best_epoch = _best(series.get("val_", ()), name)
    if best_epoch is not None:
        _mark(ax, best_epoch, [values for values in reversed(series.values()) if best_epoch < len(values)])
    _whole_epochs(ax, max(map(len, series.values())))
    ax.grid(alpha=0.3)
    style.legend(ax)
    return style.look(ax, "epoch", name.replace("_", " "), title)


def _plot(ax: Axes, values: Sequence[float], **look: Any) -> None:
    """Draw a line over the epochs; a value whose neighbours are missing or NaN is a point."""
    there = [False, *map(math.isfinite, values), False]
    alone = [i for i in range(len(values)) if there[i + 1] and not there[i] and not there[i + 2]]
    points: dict[str, Any] = {"marker": "o", "markevery": alone} if alone else {}
    ax.plot(range(1, len(values) + 1), values, **points, **look)


def _whole_epochs(ax: Axes, count: int) -> None:
    """Show all epochs, also those whose values are NaN, and name whole ones only."""
    ends = (1, count) if count > 1 else (0.5, 1.5)
    ax.update_datalim([(end, 0) for end in ends], updatey=False)
    ax.autoscale_view()
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _best(values: Sequence[float], name: str) -> int | None:
    """The epoch with the best finite value, from 0."""
    finite = {epoch: value for epoch, value in enumerate(values) if math.isfinite(value)}
    choose = max if upwards(name) else min
    return choose(finite, key=finite.__getitem__) if finite else None


def _mark(ax: Axes, epoch: int, series: Sequence[Sequence[float]]) -> None:
    """Draw a line at an epoch, and a ring around the first of the values there."""
    label = f"best epoch: {epoch + 1}"
    ax.axvline(epoch + 1, color="black", linewidth=1, linestyle=":", label=label)
    if series:
        ax.plot([epoch + 1], [series[0][epoch]], "o", color="black", fillstyle="none", markersize=8)


def curves(series: Mapping[str, Sequence[float]], title: str, best_epoch: int | None = None) -> Figure:
    """Draw every recorded number against the epochs, each in a panel of its own; return the figure.

    Args:
        series: One list per number, such as ``loss``, and with ``val_`` for the validation part.
        title: Text above the picture. A long one is written on several lines.
        best_epoch: The epoch to mark in every panel, from 0. None: the one with the best validation loss, if
            there is one.
    """
    panels = list(dict.fromkeys(name.removeprefix("val_") for name in series))
    columns = min(max(len(panels), 1), _MOST_COLUMNS)
    rows = -(-len(panels) // columns)
    picture = style.figure(5 * columns, 3.6 * rows)
    if title:
        style.add_title(picture.suptitle(title), title, picture.bbox.width)
    if best_epoch is None:
        best_epoch = _best(series.get("val_loss", ()), "loss")
    for number, name in enumerate(panels, start=1):
        ax = picture.add_subplot(rows, columns, number)
        learning_curves(series, name, best_epoch=best_epoch, ax=ax)
    return picture


def draw_curves(
    file: BinaryIO, series: Mapping[str, Sequence[float]], title: str, best_epoch: int | None = None
) -> None:
    """Write ``curves(series, title, best_epoch)`` as a PNG picture to an open binary file."""
    style.save(curves(series, title, best_epoch), file)


def rate_sweep(
    histories: Mapping[float, Mapping[str, Sequence[float]]],
    name: str = "loss",
    *,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the same number of several runs, one for each learning rate, over each other.

    The legend has the last value of each run, and says which one is the best. A run that diverged ends where
    its values are no longer finite.

    Args:
        histories: ``{learning_rate: history}``; at most 12 runs.
        name: A number that every history has. A loss that spans more than a factor of ten is drawn on a
            logarithmic axis.
        ax: Axes to draw into. None: those of a new figure.
        title: Text above the picture.

    Raises:
        ValueError: if there are no runs or too many, or a history has no such number.

    Example:
        >>> from matplotlib.figure import Figure
        >>> runs = {0.1: {"loss": [0.7, 0.6]}, 1.0: {"loss": [0.7, 0.2]}, 100.0: {"loss": [9.0, math.nan]}}
        >>> ax = rate_sweep(runs, ax=Figure().add_subplot())
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['0.1: 0.6', '1: 0.2 (best)', '100: diverged']
    """
    if not 1 <= len(histories) <= _MOST_RUNS:
        raise ValueError(f"rate_sweep: histories must hold from 1 to {_MOST_RUNS} runs, got {len(histories)}")
    runs: dict[float, list[float]] = {}
    for rate in sorted(histories):
        if name not in histories[rate]:
            raise ValueError(
                f"rate_sweep: every history must have {_checks.shown(name)}, but that of {rate:g} has "
                f"{_checks.first_names(list(histories[rate]))}"
            )
        runs[rate] = list(histories[rate][name])
    ax = style.axes(ax, 6.0)
    last = {rate: values[-1] for rate, values in runs.items() if values and math.isfinite(values[-1])}
    best = (max if upwards(name) else min)(last, key=last.__getitem__) if last else None
    for place, (rate, values) in enumerate(runs.items()):
        ended = f"{last[rate]:.4g}" + (" (best)" if rate == best else "") if rate in last else "diverged"
        _plot(
            ax,
            values,
            color=style.COLOURS[place % len(style.COLOURS)],
            linestyle=style.DASHES[place % len(style.DASHES)],
            linewidth=2.5 if rate == best else 1.2,
            label=f"{rate:g}: {ended}",
        )
    finite = [value for values in runs.values() for value in values if math.isfinite(value)]
    if not upwards(name) and finite and min(finite) > 0 and max(finite) > 10 * min(finite):
        ax.set_yscale("log")
        if max(finite) < 100 * min(finite):  # there are few powers of ten to name
            ax.yaxis.set_major_formatter("{x:g}")
            ax.yaxis.set_minor_formatter("{x:g}")
        ax.set_ylim(top=min(max(finite), 1000 * float(np.median(finite))) * 1.2)
    _whole_epochs(ax, max(map(len, runs.values())))
    ax.grid(alpha=0.3)
    style.legend(ax, title="learning rate", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return style.look(ax, "epoch", name.replace("_", " "), title)
