"""What the options of ``deepcore train`` say, checked, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from deepcore import catalog
from deepcore.data.text import clean
from deepcore.optimizers import Optimizer, by_name

__all__ = ["NETWORK_DEFAULTS", "Settings", "option_name"]

#: Options that describe a network of your own, and their defaults.
NETWORK_DEFAULTS: Mapping[str, Any] = {
    "layers": (128, 64),
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": None,
    "batch_size": 32,
    "dropout": 0.0,
    "l2": 0.0,
}


@dataclass(frozen=True)
class Settings:
    """The options of a training; the names are those of the options.

    The options of a network of your own are None if they were not given: see ``network``.
    """

    task: str = "auto"
    recipe: str = "auto"
    label: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    skip_unlabelled: bool = False
    test_size: float = 0.2
    validation_size: float | None = None
    class_weight: tuple[str, ...] = ()
    ensemble: int = 1
    cv: int | None = None
    layers: tuple[int, ...] | None = None
    activation: str | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    dropout: float | None = None
    l2: float | None = None
    epochs: int | None = None
    patience: int | None = None
    time_limit: float | None = None
    seed: int = 0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.activation is not None:
            catalog.lookup(catalog.activations, self.activation, "--activation")
        self.rule()  # raises if the learning rate is wrong

    @property
    def own_network(self) -> list[str]:
        """The options that describe a network of your own and were given, as they are typed."""
        given = [name for name in NETWORK_DEFAULTS if getattr(self, name) is not None]
        return list(map(option_name, given))

    def with_clean_names(self) -> Settings:
        """Return the settings with the names of columns in the form in which a Frame has them."""
        label, drop, ids = (tuple(map(clean, names)) for names in (self.label, self.drop, self.id))
        return replace(self, label=label, drop=drop, id=ids)

    def for_table(self) -> Settings:
        """Return the settings with ``--recipe auto`` decided for a table.

        Raises:
            ValueError: If an option does not belong to the recipe.
        """
        if self.recipe == "auto":
            return replace(self, recipe="network" if self.own_network else "realmlp")
        wrong = [name for name in self.own_network if name in ("--activation", "--optimizer", "--l2")]
        if self.recipe != "network" and wrong:
            verb, pronoun = ("describes", "it") if len(wrong) == 1 else ("describe", "them")
            raise ValueError(
                f"{', '.join(wrong)} {verb} a network of your own; use {pronoun} with --recipe network"
            )
        return self

    def network(self, name: str) -> Any:
        """Return the value of an option of a network of your own, or its default."""
        value = getattr(self, name)
        return NETWORK_DEFAULTS[name] if value is None else value

    def kinds(self) -> dict[str, str]:
        """Return the kinds of columns that were given as ``COLUMN=KIND``."""
        pairs = [word.rpartition("=") for word in self.kind]
        wrong = [word for word, (name, _, kind) in zip(self.kind, pairs, strict=True) if not name or not kind]
        if wrong:
            raise ValueError(f"--kind must be COLUMN=KIND, got {', '.join(map(repr, wrong))}")
        return {name: kind for name, _, kind in pairs}

    def rule(self) -> Optimizer:
        """Return the optimizer with its learning rate."""
        rate = {} if self.learning_rate is None else {"learning_rate": self.learning_rate}
        rule: Optimizer = by_name[self.network("optimizer")](**rate)
        return rule

    def class_weights(self, classes: list[Any]) -> dict[int, float] | str | None:
        """Return the weights by class number: of ``balanced``, or of words such as ``yes=5``.

        Raises:
            ValueError: If a word is neither, or names an unknown class, or there are no classes.
        """
        if not self.class_weight:
            return None
        if not classes:
            raise ValueError("--class-weight needs classes, but this is a regression; leave it out")
        if self.class_weight == ("balanced",):
            return "balanced"
        numbers = {str(name): code for code, name in enumerate(classes)}
        weights, wrong = dict.fromkeys(range(len(classes)), 1.0), []
        for word in self.class_weight:
            name, equals, text = word.rpartition("=")
            weight = _positive(text) if equals and name in numbers else None
            if weight is None:
                wrong.append(word)
            else:
                weights[numbers[name]] = weight
        if wrong:
            raise ValueError(
                "--class-weight must be balanced, or CLASS=NUMBER with a number above 0, got "
                f"{', '.join(map(repr, wrong))}; the classes are {', '.join(list(numbers)[:20])}"
            )
        return weights


def option_name(name: str) -> str:
    """Return the option of a setting, as it is typed."""
    return f"--{name.replace('_', '-')}"


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None
