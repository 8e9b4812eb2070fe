"""The training runs that the course prints, and their repetition by a ``Model`` with ``init="course"``.

``CATS`` and ``FLOWER`` list the runs with their settings and published numbers; ``repeat`` trains one.

Example:
    >>> from deepcore.course import published
    >>> run = published.FLOWER[1]
    >>> run.title
    '2-4-1 network, 10000 steps'
    >>> costs = published.repeat(run, published.flower_examples(), iterations=1).costs
    >>> round(costs[0], 6), run.costs[0]
    (0.693162, 0.693162)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from deepcore import data
from deepcore._mlp import mlp
from deepcore.optimizers import SGD
from deepcore.typing import ActivationName, Array

__all__ = ["CATS", "FLOWER", "PublishedRun", "Repetition", "cat_examples", "flower_examples", "repeat"]


@dataclass(frozen=True)
class PublishedRun:
    """A training run of the course: full-batch gradient descent with a sigmoid at the end.

    Args:
        kind: What the network is called.
        sizes: n[0], ..., n[L].
        hidden: Activation of the hidden layers.
        seed: Seed of the initial weights.
        learning_rate: Step size.
        iterations: Number of steps.
        costs: Published cost before the step of that number, counted from 0.
        accuracy: Published accuracy after training in percent, by the name of the data.
    """

    kind: str
    sizes: tuple[int, ...]
    hidden: ActivationName
    seed: int
    learning_rate: float
    iterations: int
    costs: Mapping[int, float] = field(default_factory=dict)
    accuracy: Mapping[str, float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Sizes, kind and number of steps in words."""
        return f"{'-'.join(map(str, self.sizes))} {self.kind}, {self.iterations} steps"


class Repetition(NamedTuple):
    """Costs by iteration, and accuracies in percent by the name of the data."""

    costs: dict[int, float]
    accuracy: dict[str, float]


#: Examples as rows and labels, by the name of the data.
Examples = Mapping[str, tuple[Array, Array]]


def _by_hundreds(*costs: float) -> dict[int, float]:
    return {100 * number: cost for number, cost in enumerate(costs)}


#: Weeks 2 and 4: is there a cat in the image?
CATS = (
    PublishedRun(
        "logistic regression", (12288, 1), "relu", 1, 0.005, 2000,
        _by_hundreds(
            0.693147, 0.584508, 0.466949, 0.376007, 0.331463, 0.303273, 0.279880, 0.260042,
            0.242941, 0.228004, 0.214820, 0.203078, 0.192544, 0.183033, 0.174399, 0.166521,
            0.159305, 0.152667, 0.146542, 0.140872,
        ),
        {"train": 99.04, "test": 70.0},
    ),
    PublishedRun(
        "network", (12288, 7, 1), "relu", 1, 0.0075, 2500,
        {
            0: 0.693050, 100: 0.646432, 200: 0.632514, 500: 0.515830, 1000: 0.339428, 1500: 0.174483,
            2000: 0.074391, 2400: 0.048555,
        },
        {"train": 100.0, "test": 72.0},
    ),
    PublishedRun(
        "network", (12288, 20, 7, 5, 1), "relu", 1, 0.0075, 2500,
        _by_hundreds(
            0.771749, 0.672053, 0.648263, 0.611507, 0.567047, 0.540138, 0.527930, 0.465477,
            0.369126, 0.391747, 0.315187, 0.272700, 0.237419, 0.199601, 0.189263, 0.161189,
            0.148214, 0.137775, 0.129740, 0.121225, 0.113821, 0.107839, 0.102855, 0.100897,
            0.092878,
        ),
        {"train": 98.56, "test": 80.0},
    ),
)  # fmt: skip

# After 5000 steps with seed 2, by the number of hidden units.
_FLOWER_SIZES = {1: 67.5, 2: 67.25, 3: 90.75, 4: 90.5, 5: 91.25, 20: 90.0, 50: 90.25}

#: Week 3: the flower. The course prints 90% for four units, the integer part of the accuracy. After about
#: 6000 steps the costs oscillate: a change in the last bit of a weight moves them by up to 2e-4.
FLOWER = (
    PublishedRun("logistic regression", (2, 1), "tanh", 3, 1.2, 5000, {}, {"train": 47.0}),
    PublishedRun(
        "network", (2, 4, 1), "tanh", 3, 1.2, 10000,
        {
            0: 0.693162, 1000: 0.258625, 2000: 0.239334, 3000: 0.230802, 4000: 0.225528, 5000: 0.221845,
            6000: 0.219094, 7000: 0.220590, 8000: 0.219405, 9000: 0.218524,
        },
        {"train": 90.0},
    ),
    *(
        PublishedRun("network", (2, units, 1), "tanh", 2, 1.2, 5000, {}, {"train": percent})
        for units, percent in _FLOWER_SIZES.items()
    ),
)  # fmt: skip


def cat_examples(folder: str | os.PathLike[str] = "cat") -> dict[str, tuple[Array, Array]]:
    """Read the cat images, divided by 255: 209 for training and 50 for testing, one per row.

    Args:
        folder: The folder with ``train_catvnoncat.h5`` and ``test_catvnoncat.h5``, see ``data.load_cats``.
    """
    X, y, X_test, y_test = data.load_cats(folder)
    return {"train": (X / 255.0, y), "test": (X_test / 255.0, y_test)}


def flower_examples() -> dict[str, tuple[Array, Array]]:
    """Make the 400 points of the flower, one per row."""
    return {"train": data.flower(400, seed=1)}


def repeat(run: PublishedRun, examples: Examples, iterations: int | None = None) -> Repetition:
    """Train the network of a published run in float64.

    Args:
        run: A member of ``CATS`` or ``FLOWER``.
        examples: ``cat_examples()`` or ``flower_examples()``.
        iterations: Number of steps; None: those of the course.

    Returns:
        costs: The cost before each of the steps whose cost is published.
        accuracy: The accuracies after the last step.
    """
    steps = run.iterations if iterations is None else iterations
    model = mlp(run.sizes, activation=run.hidden, init="course", dtype="float64", seed=run.seed)
    X, y = examples["train"]
    losses = model.fit(X, y, SGD(run.learning_rate), epochs=steps, batch_size=None)["loss"]
    accuracy = {name: 100 * model.evaluate(*examples[name])["accuracy"] for name in run.accuracy}
    return Repetition({step: losses[step] for step in run.costs if step < steps}, accuracy)
