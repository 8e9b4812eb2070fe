"""The help of the commands says the defaults that hold."""

import pytest

from integration.command_line import run

pytest.importorskip("click", reason="click is not installed (extra `cli`)")


def help_of(command):
    return " ".join(run(command, "--help").split())


@pytest.mark.parametrize("command", ["predict", "evaluate", "export"])
def test_options_of_reading_are_by_default_those_of_the_training(command):
    text = help_of(command)
    assert "such as latin-1. [default: as given to train, else UTF-8]" in text
    assert text.count("[default: as given to train, else ") == 8
    assert "as given to train" not in help_of("train")
