"""scikit-learn's check_estimator: what a third party's estimator has to do."""

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")

from sklearn.utils.estimator_checks import parametrize_with_checks

from deepcore.sklearn import MLPClassifier, MLPRegressor

# They compare two fits at 1e-7, the spacing of float32; test_equivalences.py compares within its bound.
FINER_THAN_FLOAT32 = {
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
}


@pytest.mark.filterwarnings(
    "ignore"
)  # 200 epochs of five examples have not converged, and sparse warnings of SciPy
@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_scikit_learns_check(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([MLPClassifier(dtype="float32"), MLPRegressor(dtype="float32")])
def test_scikit_learns_check_in_float32(estimator, check):
    if check.func.__name__ in FINER_THAN_FLOAT32:
        pytest.skip("compares at 1e-7, finer than float32; test_equivalences.py compares within its bound")
    check(estimator)
