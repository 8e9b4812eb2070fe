"""Pictures of data, networks and trainings, drawn with matplotlib, which is part of the extra ``cli``.

Every function draws one picture and returns its ``matplotlib.axes.Axes``. With ``ax=`` it draws into Axes
that exist already, and otherwise into a new figure of pyplot: a notebook shows it, and
``ax.figure.savefig(path)`` writes it. Colours are those that colour-blind readers can tell apart, and dashes,
markers or brightness say the same in grey.

Example:
    >>> import deepcore as dc
    >>> from matplotlib.figure import Figure
    >>> history = {"loss": [0.9, 0.5, 0.3], "val_loss": [0.9, 0.6, 0.7]}
    >>> ax = dc.plots.learning_curves(history, ax=Figure().add_subplot())
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('epoch', 'loss')
"""

try:
    import matplotlib  # noqa: F401, ICN001
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "deepcore.plots needs matplotlib: pip install 'deepcore-nn[cli]'", name="matplotlib"
    ) from _error

from deepcore.plots.boundary import decision_boundary
from deepcore.plots.classes import calibration, confusion_matrix
from deepcore.plots.diagram import network_diagram
from deepcore.plots.epochs import curves, draw_curves, learning_curves, rate_sweep
from deepcore.plots.images import misclassified, weight_images
from deepcore.plots.numbers import importance, predicted_against_true
from deepcore.plots.percentiles import distributions
from deepcore.plots.style import save

__all__ = [
    "calibration",
    "confusion_matrix",
    "curves",
    "decision_boundary",
    "distributions",
    "draw_curves",
    "importance",
    "learning_curves",
    "misclassified",
    "network_diagram",
    "predicted_against_true",
    "rate_sweep",
    "save",
    "weight_images",
]
