"""scikit-learn's own tests of its MLPs, from the installed package, run on deepcore's two classes."""

import importlib.util

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `sklearn`)")

from deepcore.sklearn import MLPClassifier, MLPRegressor

# What is left out, and why: both live inside scikit-learn's own implementation.
PRIVATE = {
    "test_fit": "writes coefs_, n_layers_, _coef_grads, ... before any fit",
    "test_gradient": "calls _loss_grad_lbfgs with scikit-learn's own work arrays",
}

spec = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
if spec is None:
    pytest.skip("this scikit-learn was installed without its tests", allow_module_level=True)
theirs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(theirs)
theirs.MLPClassifier, theirs.MLPRegressor = MLPClassifier, MLPRegressor


@pytest.fixture(autouse=True)
def theirs_would_be_noticed(monkeypatch):
    """No test may train scikit-learn's own class, or it would pass without saying anything of ours."""

    def refuse(*_, **__):
        raise AssertionError("scikit-learn's own estimator was fitted")

    monkeypatch.setattr("sklearn.neural_network._multilayer_perceptron.BaseMultilayerPerceptron._fit", refuse)


@pytest.fixture
def global_random_seed():
    """scikit-learn's fixture of that name, at its default."""
    return 42


def estimators_replaced(marks):
    """Parameters of a test that are one of the two classes, by their namesakes here."""
    ours = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}
    for mark in marks:
        names, values = mark.args
        yield pytest.mark.parametrize(
            names, [ours.get(getattr(value, "__name__", None), value) for value in values]
        )


def adopt(name, function):
    function.pytestmark = [
        *estimators_replaced([m for m in getattr(function, "pytestmark", []) if m.name == "parametrize"]),
        *[m for m in getattr(function, "pytestmark", []) if m.name != "parametrize"],
        # theirs are written for warnings that are shown
        pytest.mark.filterwarnings("default"),
    ]
    globals()[name] = function


for name, function in list(vars(theirs).items()):
    if name.startswith("test_") and name not in PRIVATE:
        adopt(name, function)


@pytest.mark.parametrize("name", PRIVATE)
def test_what_is_left_out_is_still_there(name):
    assert hasattr(theirs, name)
