"""Collections of Dask are refused by calls that need their data in memory; no test here needs Dask."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

import deepcore as dc


class Lazy:
    """What Dask's collections have in common; to read its elements fails, as it would fill the memory."""

    shape, dtype, ndim, chunks = (4, 2), np.dtype(np.float64), 2, ((2, 2), (2,))

    def __dask_graph__(self):
        return {}

    def __array__(self, *arguments, **options):
        raise AssertionError("the whole array was converted")

    def __iter__(self):
        raise AssertionError("the array was read row by row")

    def __len__(self):
        return 4


X, y = np.eye(4, 2), np.array([0, 1, 0, 1])


def model():
    return dc.mlp([2, 3, 1], seed=1)


CALLS = {
    "fit X": lambda lazy: model().fit(lazy, y),
    "fit y": lambda lazy: model().fit(X, lazy),
    "fit sample_weight": lambda lazy: model().fit(X, y, sample_weight=lazy),
    "fit validation_data": lambda lazy: model().fit(X, y, validation_data=(lazy, y)),
    "partial_fit": lambda lazy: model().partial_fit(lazy, y),
    "fit_batches": lambda lazy: model().fit_batches(lazy),
    "a batch": lambda lazy: model().fit_batches([(lazy, y)]),
    "fit_many": lambda lazy: dc.fit_many([model()], lazy, y),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_training_refuses_a_dask_array_and_names_the_call_that_takes_it(call):
    with pytest.raises(TypeError, match=r"must be in memory, got a Lazy of Dask; use deepcore\.dask\.fit\("):
        CALLS[call](Lazy())


def test_a_prediction_names_map_blocks():
    with pytest.raises(TypeError, match=r"^predict: X must be .* such as model\.predict to X\.map_blocks"):
        model().predict(Lazy())


def test_an_evaluation_names_compute():
    with pytest.raises(TypeError, match=r"^evaluate: X must be .* call X\.compute\(\) first"):
        model().evaluate(Lazy(), y)


def test_an_object_without_a_graph_is_in_memory():
    class Plain(Lazy):
        def __dask_graph__(self):
            return None

        def __array__(self, *arguments, **options):
            return X

    assert np.array_equal(model().predict(Plain()), model().predict(X))


@pytest.mark.skipif(importlib.util.find_spec("sklearn") is None, reason="needs scikit-learn")
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "RealMLPClassifier", "RealMLPRegressor"])
def test_an_estimator_refuses_dask_arrays(name):
    import deepcore.sklearn

    estimator = getattr(deepcore.sklearn, name)()
    for arguments in ((Lazy(), y), (X, Lazy())):
        with pytest.raises(TypeError, match=r"of Dask; use deepcore\.dask\.fit\("):
            estimator.fit(*arguments)


def test_deepcore_dask_names_what_to_install_where_dask_is_missing():
    code = "import sys; sys.modules['dask'] = None; import deepcore.dask"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "needs Dask and its scheduler: pip install 'deepcore-nn[dask]'" in run.stderr
