"""A fit of an estimator that is stopped anywhere and called again ends with the bits of one that is not."""

import copy

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")

from sklearn.datasets import load_iris

import deepcore as dc
from builders import classifier, regressor
from resuming import Killed, killed_in, stopped_after_every_batch

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)

SETTINGS = {
    "adam": {"shuffle": True},
    "no shuffling": {"shuffle": False},
    "adaptive rate": {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.9, "tol": 0.1,
                      "n_iter_no_change": 1},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 2, "learning_rate_init": 0.1},
    "dropout and batch norm": {"dropout": 0.2, "norm": "batch"},
}  # fmt: skip


def numbers(fitted):
    """What a fit leaves, besides its parameters."""
    shown = ("n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "validation_scores_")
    return [getattr(fitted, name) for name in shown] + [fitted._no_improvement_count]


def check_same(one, two):
    assert all(np.array_equal(a, b) for a, b in zip(one.coefs_, two.coefs_, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(one.intercepts_, two.intercepts_, strict=True))
    assert np.array_equal(one.model_.running.flat, two.model_.running.flat)
    assert numbers(one) == numbers(two)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_classifier_goes_on_after_every_batch(tmp_path, name):
    settings = {"batch_size": 60, "max_iter": 4, **SETTINGS[name]}

    def call(callbacks):
        return classifier(callbacks=callbacks, **settings).fit(X, y)

    check_same(classifier(**settings).fit(X, y), stopped_after_every_batch(tmp_path / "run", call))


def test_a_regressor_goes_on_after_an_exception(tmp_path):
    data = X[:, :3], X[:, 3], {"validation_data": (X[::3, :3], X[::3, 3])}
    with pytest.raises(Killed):
        fit(regressor(callbacks=[dc.Checkpoint(tmp_path / "run"), killed_in(3)]), *data)
    checkpoint = dc.Checkpoint(tmp_path / "run")
    again = fit(regressor(callbacks=[checkpoint]), *data)
    assert checkpoint.resumed
    check_same(fit(regressor(), *data), again)


def fit(estimator, X, y, options):
    return estimator.fit(X, y, **options)


def test_a_finished_fit_returns_its_result(tmp_path):
    settings = {"early_stopping": True, "n_iter_no_change": 2, "learning_rate_init": 0.1, "max_iter": 50}
    first = classifier(callbacks=[dc.Checkpoint(tmp_path / "run")], **settings).fit(X, y)
    checkpoint = dc.Checkpoint(tmp_path / "run")
    again = classifier(callbacks=[checkpoint, killed_in(0)], **settings).fit(X, y)
    assert checkpoint.resumed
    assert checkpoint.finished
    check_same(first, again)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"random_state": 1}, "the network does not start from the same numbers"),
        ({"alpha": 0.5}, "l2"),
        ({"tol": 0.5}, "tol is 0.0001 in the file and 0.5"),
        ({"learning_rate_init": 0.5}, r"optimizer\.learning_rate"),
        ({"hidden_layer_sizes": 9}, "units"),
    ],
)
def test_another_fit_is_refused(tmp_path, change, what):
    classifier(callbacks=[dc.Checkpoint(tmp_path / "run")]).fit(X, y)
    with pytest.raises(ValueError, match=f"another training: .*{what}"):
        classifier(callbacks=[dc.Checkpoint(tmp_path / "run")], **change).fit(X, y)


def test_solvers_and_calls_that_cannot_be_saved_are_refused(tmp_path):
    callbacks = [dc.Checkpoint(tmp_path / "run")]
    with pytest.raises(ValueError, match="must not hold a Checkpoint with solver='lbfgs'"):
        classifier(solver="lbfgs", callbacks=callbacks).fit(X, y)
    with pytest.raises(ValueError, match="random_state must be an integer if there is a Checkpoint"):
        classifier(random_state=None, callbacks=callbacks).fit(X, y)
    with pytest.raises(ValueError, match="partial_fit: callbacks must not hold a Checkpoint"):
        classifier(callbacks=callbacks).partial_fit(X, y, classes=[0, 1, 2])


def test_a_diverging_fit_raises_its_error_again(tmp_path):
    for _ in range(2):
        estimator = classifier(
            solver="sgd", learning_rate_init=1e300, callbacks=[dc.Checkpoint(tmp_path / "run")]
        )
        with pytest.raises(ValueError, match="non-finite"):
            estimator.fit(X, y)


def test_an_estimator_with_a_checkpoint_is_copied(tmp_path):
    estimator = classifier(callbacks=[dc.Checkpoint(tmp_path / "run")]).fit(X, y)
    check_same(estimator, copy.deepcopy(estimator))
