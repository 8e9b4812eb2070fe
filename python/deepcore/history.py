"""A ``History`` holds what a training run recorded: one value per epoch for each number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from deepcore import _checks
from deepcore._text_table import as_html
from deepcore.exceptions import UnknownNameError

__all__ = ["History"]


class History(dict[str, list[float]]):
    """A dict with one list per recorded number, such as ``history["loss"]``, and in it one value per epoch.

    ``pandas.DataFrame(history)`` has one row per epoch, and ``json.dumps(history)`` works.

    Attributes:
        diverged_at_step: Step of the first loss that is not finite, counted from 0 by the optimizer, or the
            step after the last one if that left parameters that are not finite; None if there was neither.
            The parameters are those before that step.
        diverged_at_layer: The first layer whose parameters, Z or A are no longer finite; the last layer if
            only the loss is not finite; None if nothing diverged.

    Example:
        >>> import numpy as np, deepcore as dc
        >>> history = dc.mlp([2, 1], seed=1).fit(np.eye(2), [0, 1], dc.SGD(0.1), epochs=3)
        >>> list(history), history.epochs, history.best("loss") == history["loss"][2]
        (['loss'], 3, True)
    """

    def __init__(self) -> None:
        super().__init__(loss=[])
        self.diverged_at_step: int | None = None
        self.diverged_at_layer: int | None = None

    def __missing__(self, name: str) -> list[float]:
        raise UnknownNameError(
            f"{_checks.shown(name)} was not recorded; there is {_checks.first_names(list(self))}"
        )

    def append(self, values: Mapping[str, float]) -> None:
        """Record the numbers of one finished epoch."""
        for name, value in values.items():
            self.setdefault(name, []).append(float(value))

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return len(self["loss"])

    def best_epoch(self, name: str = "val_loss") -> int:
        """Find the epoch, counted from 0, with the best value of a number, which is its largest or smallest.

        Args:
            name: A recorded number. ``deepcore.metrics.upwards`` says whether larger is better.

        Raises:
            KeyError: if the number was not recorded.
            ValueError: if no epoch was finished, or all values are NaN.
        """
        from deepcore.metrics import upwards

        values = {epoch: value for epoch, value in enumerate(self[name]) if not math.isnan(value)}
        if not values:
            raise ValueError(f"best: {_checks.shown(name)} must have a value that is a number, got none")
        choose = max if upwards(name) else min
        return choose(values, key=values.__getitem__)

    def best(self, name: str = "val_loss") -> float:
        """Find the best value of a number; its epoch is ``best_epoch(name)``."""
        return self[name][self.best_epoch(name)]

    def plot(self, path: Any = None, title: str = "Training") -> Any:
        """Draw every recorded number against the epochs, and mark the best epoch; needs matplotlib.

        Args:
            path: A file to write as PNG, by name or open in binary mode. None: return the picture.
            title: Stands above the picture.

        Returns:
            A ``matplotlib.figure.Figure``, which a notebook shows; None if ``path`` is given.
        """
        from deepcore import plots

        if path is None:
            return plots.curves(self, title)
        if hasattr(path, "write"):
            plots.draw_curves(path, self, title)
            return None
        from deepcore.files.atomic import replacing

        with replacing(path) as file:
            plots.draw_curves(file, self, title)
        return None

    def to_dict(self) -> dict[str, Any]:
        """Copy the lists into a plain dict."""
        return {name: list(values) for name, values in self.items()}

    def __repr__(self) -> str:
        last = "".join(f", {name} {values[-1]:.6g}" for name, values in self.items() if values)
        diverged = ""
        if self.diverged_at_step is not None:
            diverged = f", diverged at step {self.diverged_at_step} in layer {self.diverged_at_layer}"
        return f"History({self.epochs} epochs{last}{diverged})"

    def _repr_html_(self) -> str:
        """Show the losses as a picture, and one row per epoch: of a long run the first 3 and the last 7."""
        epochs = list(range(self.epochs))
        shown = epochs if len(epochs) <= 10 else [*epochs[:3], *epochs[-7:]]
        rows = [(f"{epoch + 1}", *(f"{values[epoch]:.6g}" for values in self.values())) for epoch in shown]
        foot = f"{self.epochs} epochs"
        if any(map(math.isfinite, self.get("val_loss", ()))):
            foot += f"; best val_loss {self.best():.6g} in epoch {self.best_epoch() + 1}"
        if self.diverged_at_step is not None:
            foot += f"; diverged at step {self.diverged_at_step} in layer {self.diverged_at_layer}"
        return _drawing(self["loss"], self.get("val_loss", [])) + as_html((("epoch", *self), *rows), foot)


_WIDTH, _HEIGHT, _LEFT, _TOP = 420, 150, 70, 12  # of the picture, in pixels, and its margins
_MOST_POINTS = 400  # of a line; the picture is not wider


def _drawing(loss: list[float], val_loss: list[float]) -> str:
    """Both losses against the epochs as SVG, which a notebook shows without matplotlib."""
    finite = [value for value in (*loss, *val_loss) if math.isfinite(value)]
    if len(loss) < 2 or not finite:
        return ""
    low, high = min(finite), max(finite)
    right, bottom = _WIDTH - 12, _HEIGHT - 34
    last = len(loss) - 1
    drawn = sorted({*range(0, last, -(-len(loss) // _MOST_POINTS)), last})

    def point(epoch: int, value: float) -> str:
        x = _LEFT + (right - _LEFT) * epoch / last
        y = bottom - (bottom - _TOP) * ((value - low) / ((high - low) or 1.0))
        return f"{x:.1f},{y:.1f}"

    def line(values: list[float], style: str) -> str:
        there = [epoch for epoch in drawn if epoch < len(values) and math.isfinite(values[epoch])]
        points = " ".join(point(epoch, values[epoch]) for epoch in there)
        return f'<polyline points="{points}" fill="none" stroke-width="1.5" {style}/>'

    def text(x: float, y: float, anchor: str, words: str) -> str:
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>'

    legend = "loss (solid)" + ", val_loss (dashed)" * bool(val_loss)
    parts = [
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#888"/>',
        line(loss, 'stroke="#0072b2"'),
        line(val_loss, 'stroke="#d55e00" stroke-dasharray="5 3"') if val_loss else "",
        text(_LEFT - 6, _TOP + 8, "end", f"{high:.4g}"),
        text(_LEFT - 6, bottom, "end", f"{low:.4g}"),
        text(_LEFT, bottom + 14, "middle", "1"),
        text(right, bottom + 14, "end", f"{len(loss)}"),
        text((_LEFT + right) / 2, bottom + 28, "middle", f"epoch; {legend}"),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-label="{legend} by epoch" font-size="11" font-family="sans-serif" fill="currentColor">'
        f"{''.join(parts)}</svg>"
    )
