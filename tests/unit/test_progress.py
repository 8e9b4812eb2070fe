"""Progress: a bar of tqdm or rich where there is one, else a line."""

import importlib.util
import io

import numpy as np
import pytest

import deepcore as dc
from builders import Terminal
from deepcore import progress


def fit(show, epochs=4):
    X = np.arange(12.0).reshape(6, 2)
    dc.mlp([2, 3, 1], seed=2).fit(X, X[:, 0] > 4, epochs=epochs, callbacks=[show])


@pytest.mark.parametrize("style", ["tqdm", "rich"])
def test_a_bar_shows_the_last_epoch_and_its_numbers(style):
    pytest.importorskip(style, reason=f"{style} is not installed")
    stream = Terminal()
    fit(dc.Progress(stream, style=style))
    assert "4/4" in stream.getvalue()
    assert "loss 0." in stream.getvalue()


@pytest.mark.parametrize("style", ["tqdm", "rich", "line"])
def test_one_object_serves_several_runs(style):
    if style != "line":
        pytest.importorskip(style, reason=f"{style} is not installed")
    stream = Terminal()
    show = dc.Progress(stream, style=style)
    fit(show, 3)
    fit(show, 5)
    assert "3/3" in stream.getvalue()
    assert "5/5" in stream.getvalue()


@pytest.mark.parametrize(
    ("installed", "style"), [({"tqdm", "rich"}, "tqdm"), ({"rich"}, "rich"), (set(), "line")]
)
def test_auto_takes_the_first_that_is_installed(monkeypatch, installed, style):
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    monkeypatch.setattr(progress, "_installed", lambda name: name in installed)
    assert dc.Progress()._style == style


def test_auto_is_a_line_where_nobody_looks(monkeypatch):
    monkeypatch.setattr(progress.sys, "stderr", io.StringIO())
    assert dc.Progress()._style == "line"


def test_an_unknown_style_and_a_missing_library_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="style must be one of auto, line, lines, tqdm, rich, got 'dots'"):
        dc.Progress(style="dots")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="Progress: style 'tqdm' needs tqdm"):
        dc.Progress(style="tqdm")


def test_the_style_lines_writes_about_ten_lines_while_the_run_goes_on():
    stream = io.StringIO()
    fit(dc.Progress(stream, style="lines"), epochs=40)
    lines = stream.getvalue().splitlines()
    assert [int(line.split()[1].split("/")[0]) for line in lines] == [1, *range(4, 41, 4)]


def test_the_time_left_is_the_time_per_epoch_times_the_epochs_to_come(monkeypatch):
    clock = iter([100.0, 103.0, 106.0])  # the start, then 3 s per epoch
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    stream = Terminal()
    line = progress._Line(stream)
    line.show(1, 5, "loss 0.1")
    assert stream.getvalue().endswith("epoch 1/5  loss 0.1  3.0 s, 12.0 s left")
    line.show(2, 5, "loss 0.1")
    assert stream.getvalue().endswith("epoch 2/5  loss 0.1  6.0 s, 9.0 s left")
