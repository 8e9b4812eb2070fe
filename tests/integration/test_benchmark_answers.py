"""Every contestant of the benchmarks does the mathematics of plain NumPy in float64."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

import numpy as np
import pytest

from deepcore import bench
from deepcore.bench import contestants as own

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
TASKS = bench.WORKLOADS | bench.PREDICTIONS


def small(name):
    task = TASKS[name]
    return dataclasses.replace(task, examples=min(task.examples, 40))  # a whole batch of digits and a rest


@pytest.fixture
def scripts(monkeypatch):
    """benchmarks/ as it is when one of its programs runs."""
    if not BENCHMARKS.is_dir():
        pytest.skip("benchmarks/ is not beside the tests")
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def check_trainer(make, task, dtype, tolerance):
    problem = bench.make_problem(task, dtype)
    trainer, judge = make(task, problem, 1), own.NumpyTrainer(task, problem.to_double(), 1)
    trainer.reset()
    assert trainer.run(task.check_epochs) == task.check_epochs
    judge.run(task.check_epochs)
    got, right = (own.mean_loss(task, problem, contestant.answer()) for contestant in (trainer, judge))
    learned = own.mean_loss(task, problem, problem.parameters) - right
    assert learned > 0
    assert got == pytest.approx(right, abs=tolerance * learned)


@pytest.mark.parametrize("name", bench.WORKLOADS)
def test_deepcore_learns_what_numpy_learns(name):
    # float64: some dozen steps leave a rounding of 1e-16 far below this; other mathematics is far above
    check_trainer(own.DeepcoreTrainer, small(name), "float64", 1e-8)


@pytest.mark.parametrize("make", [own.DeepcorePredictor, own.MethodPredictor, own.NumpyPredictor])
@pytest.mark.parametrize("name", bench.PREDICTIONS)
def test_predictions_agree(make, name):
    task = small(name)
    problem = bench.make_problem(task, "float64")
    predictor = make(task, problem, 1)
    assert predictor.run(2) == 2
    right = own.layers(task.activation, problem.parameters, problem.X)[-1]
    np.testing.assert_allclose(predictor.answer(), right, rtol=1e-10)  # sums of up to 784 terms in float64


@pytest.mark.peers
@pytest.mark.parametrize("name", ["flower", "digits", "tabular"])
@pytest.mark.parametrize(
    ("library", "module", "head"), [("torch", "pytorch", "Torch"), ("jax", "xla", "Jax")]
)
def test_a_peer_learns_what_numpy_learns(scripts, library, module, head, name):
    pytest.importorskip(library, reason=f"{library} is not installed (extra `peers`)")
    module = importlib.import_module(f"contestants.{module}")
    # float32: the tolerance of the race, which says where it comes from
    check_trainer(getattr(module, head + "Trainer"), small(name), "float32", 1e-3)


@pytest.mark.peers
def test_scikit_learn_learns(scripts):
    pytest.importorskip("sklearn", reason="sklearn is not installed (extra `peers`)")
    from contestants.scikit import SklearnTrainer

    task = small("digits")
    problem = bench.make_problem(task)
    trainer = SklearnTrainer(task, problem, 1)
    assert trainer.run(5) == 5
    assert own.mean_loss(task, problem, trainer.answer()) < trainer.first_loss


@pytest.mark.peers
@pytest.mark.parametrize("name", ["30-64-32-1@1", "784-128-10@64"])
@pytest.mark.parametrize(
    ("library", "module", "head"),
    [
        ("torch", "pytorch", "Torch"),
        ("jax", "xla", "Jax"),
        ("sklearn", "scikit", "Sklearn"),
        ("onnxruntime", "onnx_runtime", "Onnxruntime"),
    ],
)
def test_a_peer_predicts_what_numpy_predicts(scripts, library, module, head, name):
    pytest.importorskip(library, reason=f"{library} is not installed (extra `peers`)")
    module = importlib.import_module(f"contestants.{module}")
    task = small(name)
    problem = bench.make_problem(task)
    predictor = getattr(module, head + "Predictor")(task, problem, 1)
    assert predictor.run(2) == 2
    right = own.layers(task.activation, problem.parameters, problem.X)[-1]
    np.testing.assert_allclose(predictor.answer(), right, atol=1e-5)  # probabilities in float32
