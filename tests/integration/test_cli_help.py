"""The help of the commands says the defaults that hold."""

import pytest

from deepcore._realmlp.recipe import Recipe
from integration.command_line import run

pytest.importorskip("click", reason="click is not installed (extra `cli`)")


def help_of(command):
    return " ".join(run(command, "--help").split()).replace("- ", "-")  # lines also end after a hyphen


def test_the_help_of_train_says_the_defaults_of_realmlp_too():
    text, recipe, slower = help_of("train"), Recipe.of("td_s", True), Recipe.of("td", True)
    hidden = ",".join(map(str, recipe.hidden))
    assert f"[default: 128,64; realmlp: {hidden}]" in text
    assert f"[default: 30; realmlp: {recipe.epochs}]" in text
    assert f"[default: 32; realmlp: {recipe.batch_size} or more]" in text
    assert f"[default: 0.0; realmlp: {recipe.dropout}; realmlp-td: {slower.dropout}]" in text
    assert text.count("; realmlp: cannot be changed]") == 3


@pytest.mark.parametrize("command", ["predict", "evaluate", "export"])
def test_options_of_reading_are_by_default_those_of_the_training(command):
    text = help_of(command)
    assert "such as latin-1. [default: as given to train, else UTF-8]" in text
    assert text.count("[default: as given to train, else ") == 8
    assert "as given to train" not in help_of("train")
