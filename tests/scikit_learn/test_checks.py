"""scikit-learn's check_estimator: what a third party's estimator has to do."""

from functools import partial

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")

from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from deepcore.sklearn import MLPClassifier, MLPRegressor

# They compare two fits whose sums differ in length, so in rounding.
TWO_FITS = {
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
def test_scikit_learns_check_in_float32(estimator, check, monkeypatch):
    """All of them, two fits at 1e-2: the check is written with 1e-7, the spacing of float32.

    Their gradients differ in the last bit, and adam makes the noise of a gradient near 0 a whole step of
    1e-3; 1e-2 leaves room for some of them. An estimator that does not hear of the weights fails by far.
    """
    if check.func.__name__ in TWO_FITS:
        name = "assert_allclose_dense_sparse"
        monkeypatch.setattr(estimator_checks, name, partial(getattr(estimator_checks, name), rtol=1e-2))
    check(estimator)
