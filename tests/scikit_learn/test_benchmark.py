"""benchmarks/estimators.py compares losses, then times. Nothing here is timed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="benchmarks/ is not beside the tests")


@pytest.fixture
def estimators(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location("estimators", FOLDER / "estimators.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PAUSE", 0)
    return module


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_times_and_scores_are_printed(estimators, capsys):
    arguments = ["--cases", "iris", "diabetes", "--dtypes", "float32", "--rounds", "1"]
    assert estimators.main([*arguments, "--seconds", "0.002", "--seeds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "| iris float32 | " in printed
    assert "| diabetes | " in printed


def test_losses_that_differ_end_the_benchmark(estimators):
    curves = {"scikit-learn": np.ones(5), "deepcore": np.full(5, 1.00001)}
    estimators.compare("iris", "float32", curves)
    with pytest.raises(SystemExit, match="losses of iris in float64 differ by 1"):
        estimators.compare("iris", "float64", curves)
