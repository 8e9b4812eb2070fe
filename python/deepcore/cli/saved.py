"""The argument MODEL: a file that ``train`` wrote, or any other file of ``Model.save``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepcore._loading import load
from deepcore.cli.recipe import Part, Recipe
from deepcore.cli.sources import Dataset
from deepcore.model import Model
from deepcore.typing import Array

MODEL_FILE = "model.safetensors"


@dataclass(frozen=True)
class Saved:
    """A model and the recipe that came with it."""

    model: Model
    recipe: Recipe

    @classmethod
    def open(cls, path: str) -> "Saved":
        """Load MODEL: a model file, or the folder into which ``train`` wrote one.

        Raises:
            OSError: If it cannot be read.
            ValueError: If it is not a valid model file.
        """
        file = located(path)
        model = load(file)
        values = model.extras.get("preprocessing")
        recipe = Recipe() if values is None else Recipe.from_dict(values)
        if not recipe.fits(model.inputs, model.outputs):
            raise ValueError(f"{file}: the preprocessing in this model file does not fit its network")
        return cls(model, recipe)

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError unless the examples have as many features as the model has inputs."""
        if dataset.X.shape[1] != self.model.inputs:
            raise ValueError(
                f"{dataset.name} has {dataset.X.shape[1]} features, but the model takes {self.model.inputs}"
            )

    def score(self, part: Part) -> dict[str, float]:
        """Return the number of examples, the loss, and the accuracy or the errors in the units of the "
        "labels."""
        scores = {"examples": len(part.y), **self.model.evaluate(part.X, part.y)}
        if "accuracy" not in scores:
            y = part.raw_labels.reshape(len(part.y), -1).astype(np.float64)
            outputs = self.recipe.decode_outputs(self.model.predict(part.X))
            # Relative to the largest value, so that squares of huge labels do not overflow.
            unit = max(float(np.abs(y).max()), float(np.abs(outputs).max())) or 1.0
            error, y = outputs / unit - y / unit, y / unit
            spread = np.square(y - y.mean(axis=0)).sum()
            scores["rmse"] = float(np.sqrt(np.square(error).mean())) * unit
            # R^2 compares with predicting the mean; it has no value if the labels do not vary.
            if spread > 0:
                scores["r2"] = float(1 - np.square(error).sum() / spread)
        return scores

    def save(self, path: Path, training: dict[str, Any], results: dict[str, Any]) -> None:
        """Write the model with its recipe, how it was trained, and how well."""
        self.model.save(
            path, extras={"preprocessing": self.recipe.to_dict(), "training": training, "results": results}
        )


def located(path: str) -> Path:
    """Return the file that MODEL means: itself, or the model file in the folder that it names."""
    return Path(path) / MODEL_FILE if Path(path).is_dir() else Path(path)


def choose_part(dataset: Dataset, part: str | None, recipe: Recipe) -> tuple[Array, Array | None]:
    """Return the examples of a part: ``"all"``, ``"train"``, ``"test"``; None: the data's own test part, or "
    "all.

    Data without parts of their own are split as they were split for training.

    Raises:
        ValueError: If there are no such parts.
    """
    if dataset.test is not None:
        X_test, y_test = dataset.test
        if part == "all" and dataset.y is not None:
            return np.concatenate([dataset.X, X_test]), np.concatenate([dataset.y, y_test])
        return (dataset.X, dataset.y) if part == "train" else (X_test, y_test)
    if part in (None, "all"):
        return dataset.X, dataset.y
    split = recipe.split
    if split is None or split.examples != len(dataset.X):
        trained = "no split" if split is None else f"a split of {split.examples} examples"
        raise ValueError(
            f"--part {part}: the model file records {trained}, but {dataset.name} has {len(dataset.X)} "
            "examples"
        )
    rows = split.indices()[0 if part == "train" else 1]
    return dataset.X[rows], None if dataset.y is None else dataset.y[rows]
