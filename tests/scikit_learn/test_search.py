"""Searches give what scikit-learn's searches give, and their fits run side by side."""

import threading

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier  # noqa: E402
from sklearn.datasets import make_classification  # noqa: E402
from sklearn.experimental import enable_halving_search_cv  # noqa: E402, F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV  # noqa: E402
from sklearn.naive_bayes import GaussianNB  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from deepcore.sklearn import GridSearch, HalvingSearch, MLPClassifier, RandomizedSearch  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
GRID = {"alpha": [1e-4, 1.0], "hidden_layer_sizes": [(4,), (8, 4)]}


def examples(m=120):
    return make_classification(n_samples=m, random_state=0)


def small(**options):
    return MLPClassifier((8,), max_iter=5, random_state=0, **options)


def same_results(ours, theirs):
    mine, others = ours.cv_results_, theirs.cv_results_
    assert mine.keys() == others.keys()
    for name in others:
        if "time" not in name:
            assert np.array_equal(mine[name], others[name]), name
    assert (ours.best_params_, ours.best_score_, ours.best_index_) == (
        theirs.best_params_, theirs.best_score_, theirs.best_index_,
    )  # fmt: skip


@pytest.mark.parametrize("n_jobs", [None, 1, 3])
def test_a_grid_search_has_the_results_of_scikit_learns(n_jobs):
    X, y = examples()
    ours = GridSearch(small(), GRID, cv=3, n_jobs=n_jobs, return_train_score=True).fit(X, y)
    theirs = GridSearchCV(small(), GRID, cv=3, return_train_score=True).fit(X, y)
    same_results(ours, theirs)
    assert np.array_equal(ours.predict_proba(X), theirs.predict_proba(X))
    assert is_classifier(ours)
    assert clone(ours).get_params()["cv"] == 3


def test_the_estimator_keeps_its_number_of_threads():
    X, y = examples()
    search = GridSearch(small(), GRID, cv=3).fit(X, y)
    assert search.estimator.n_threads is None
    assert search.best_estimator_.n_threads is None
    assert search.get_params()["estimator__n_threads"] is None
    assert GridSearch(small(n_threads=2), GRID, cv=3).fit(X, y).best_estimator_.n_threads == 2


def test_what_the_search_sets_stays():
    X, y = examples()
    search = GridSearch(small(), {"n_threads": [2]}, cv=3).fit(X, y)
    assert search.best_estimator_.n_threads == 2
    pipeline = make_pipeline(StandardScaler(), small())
    for step in (GaussianNB(), small(n_threads=1)):  # the first has no number of threads
        search = GridSearch(pipeline, {"mlpclassifier": [step]}, cv=3).fit(X, y)
        assert search.best_estimator_[-1].get_params() == step.get_params()


def test_pipelines_and_several_scores():
    X, y = examples()
    grid = {"mlpclassifier__alpha": [1e-4, 1.0]}
    options = {"cv": 3, "scoring": ["accuracy", "neg_log_loss"], "refit": "neg_log_loss"}
    pipeline = make_pipeline(StandardScaler(), small())
    same_results(
        GridSearch(pipeline, grid, **options).fit(X, y), GridSearchCV(pipeline, grid, **options).fit(X, y)
    )


@pytest.mark.parametrize("resource", ["n_samples", "max_iter"])
def test_successive_halving_has_the_results_of_scikit_learns(resource):
    X, y = examples()
    options = {"cv": 2, "resource": resource, "random_state": 0, "factor": 2}
    if resource == "max_iter":
        options |= {"max_resources": 8, "min_resources": 2}
    ours = HalvingSearch(small(), GRID, **options).fit(X, y)
    theirs = HalvingGridSearchCV(small(), GRID, **options).fit(X, y)
    same_results(ours, theirs)
    assert ours.n_candidates_ == theirs.n_candidates_
    assert ours.n_resources_ == theirs.n_resources_


def test_random_settings_are_searched():
    X, y = examples()
    search = RandomizedSearch(small(), {"alpha": [1e-4, 1e-2, 1.0]}, n_iter=2, cv=2, random_state=0).fit(X, y)
    assert len(search.cv_results_["params"]) == 2


class Waiting(ClassifierMixin, BaseEstimator):
    """Its fits wait for each other: they end only if two of them run at the same time."""

    meeting = threading.Barrier(2)

    def __init__(self, a=0):
        self.a = a

    def fit(self, X, y):
        self.meeting.wait(timeout=20)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X), int)


def test_fits_run_at_the_same_time():
    X, y = examples()
    GridSearch(Waiting(), {"a": [0, 1]}, cv=2, n_jobs=2, refit=False).fit(X, y)
    assert not Waiting.meeting.broken


def test_the_estimator_is_given_back_after_an_error():
    X, y = examples()
    estimator = small()
    search = GridSearch(estimator, {"alpha": [-1.0]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="alpha"):
        search.fit(X, y)
    assert search.estimator is estimator
