"""L-BFGS through SciPy: where it arrives, and everything that fit does around it."""

import sys

import numpy as np
import pytest

import deepcore as dc


def problem(m=60):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(m, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def model(**options):
    return dc.mlp([2, 8, 1], activation="tanh", seed=2, **{"dtype": "float64"} | options)


@pytest.fixture
def scipy():
    """Skips the test where SciPy is not installed."""
    return pytest.importorskip("scipy.optimize", reason="SciPy is not installed (extra `scipy`)")


@pytest.mark.usefixtures("scipy")
def test_a_linear_regression_arrives_at_the_least_squares():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    net = dc.mlp([3, 1], output="linear", dtype="float64", seed=1)
    net.fit(X, y, dc.LBFGS(gtol=1e-10, ftol=0.0))
    expected = np.linalg.lstsq(np.column_stack([X, np.ones(50)]), y, rcond=None)[0]
    found = [*net.parameters["W1"][0], *net.parameters["b1"][0]]
    # the gradient is below 1e-10, the curvature of the cost about 1
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_it_is_scipy_s_minimum_of_our_cost(scipy):
    X, y = problem()
    net, twin = model(), model()
    history = net.fit(X, y, dc.LBFGS(max_iter=30))

    def cost(w):
        twin.flat_parameters[:] = w
        loss, grads = twin.gradients(X, y)
        return loss, grads.flat

    found = scipy.minimize(
        cost, model().flat_parameters.copy(), jac=True, method="L-BFGS-B",
        options={"maxiter": 30, "gtol": 1e-5, "ftol": 2.2e-9},
    )  # fmt: skip
    assert np.array_equal(net.flat_parameters, found.x)
    assert history["loss"][-1] == found.fun
    assert history.epochs == found.nit == 30


@pytest.mark.usefixtures("scipy")
def test_the_history_has_the_loss_after_each_iteration_and_it_falls():
    X, y = problem()
    net = model()
    history = net.fit(X, y, dc.LBFGS(max_iter=25), epochs=1)
    assert history.epochs == 25
    assert (np.diff(history["loss"]) < 0).all()
    # the same losses, added up by another function
    assert history["loss"][-1] == pytest.approx(net.evaluate(X, y)["loss"], rel=1e-14)


@pytest.mark.usefixtures("scipy")
def test_float32_learns_too():
    X, y = problem()
    net = model(dtype="float32")
    history = net.fit(X, y, dc.LBFGS(max_iter=60))
    assert history["loss"][-1] < 0.2 * history["loss"][0]
    assert net.flat_parameters.dtype == np.float32


@pytest.mark.usefixtures("scipy")
def test_weights_count():
    X, y = problem()
    times = np.arange(60) % 3
    one, two = model(), model()
    one.fit(X, y, dc.LBFGS(max_iter=5), sample_weight=times)
    two.fit(np.repeat(X, times, axis=0), np.repeat(y, times), dc.LBFGS(max_iter=5))
    # sums in another order; five iterations amplify that a little
    np.testing.assert_allclose(one.flat_parameters, two.flat_parameters, rtol=1e-8)


@pytest.mark.usefixtures("scipy")
def test_early_stopping_validation_and_metrics_work_as_ever():
    X, y = problem()
    net, seen = model(), []
    stop = dc.EarlyStopping("val_loss", patience=5)

    def listen(record):
        assert (record.epochs, record.optimizer) == (300, None)
        seen.append(net.flat_parameters.copy())

    history = net.fit(
        X, y, dc.LBFGS(max_iter=300), validation_split=0.4, metrics=["accuracy"], callbacks=[listen, stop]
    )
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history.epochs == stop.best_epoch + 6 < 300
    assert np.array_equal(net.flat_parameters, seen[stop.best_epoch])


@pytest.mark.usefixtures("scipy")
def test_whatever_ends_it_the_last_finished_iteration_stays():
    X, y = problem()
    net, seen = model(), []

    def interrupt(record):
        seen.append(net.flat_parameters.copy())
        if record.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y, dc.LBFGS(), callbacks=[interrupt])
    assert np.array_equal(net.flat_parameters, seen[3])


@pytest.mark.usefixtures("scipy")
def test_a_start_that_is_not_finite_is_a_divergence():
    X, y = problem()
    net = dc.mlp([2, 1], output="linear", dtype="float64", seed=1)
    net.parameters["W1"][...] = 1e200
    with pytest.warns(dc.DivergenceWarning, match="no longer finite at step 0") as caught:
        assert net.fit(X, y, dc.LBFGS()).epochs == 0
    assert caught[0].filename == __file__
    assert (net.parameters["W1"] == 1e200).all()


@pytest.mark.usefixtures("scipy")
def test_a_plateau_says_that_there_is_no_rate_to_reduce():
    X, y = problem()
    plateau = dc.ReduceOnPlateau("loss", patience=0, threshold=0.9)
    with pytest.raises(TypeError, match="ReduceOnPlateau: the optimizer of this run has no learning rate"):
        model().fit(X, y, dc.LBFGS(), callbacks=[plateau])


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        ([dc.Dense(8), dc.Dropout(0.5)], "dropout"),
        ([dc.Dense(8, max_norm=1.0)], "max_norm"),
        ([dc.Dense(8, norm="batch")], "batch norm"),
    ],
)
@pytest.mark.usefixtures("scipy")
def test_a_cost_that_changes_by_itself_is_refused(layers, name):
    X, y = problem()
    net = dc.Model(2, [*layers, dc.Dense(1, "sigmoid")])
    with pytest.raises(ValueError, match=f"LBFGS needs a loss that does not change .* a model with {name}"):
        net.fit(X, y, dc.LBFGS())


@pytest.mark.usefixtures("scipy")
def test_penalties_are_part_of_the_cost():
    X, y = problem()
    free, held = model(), dc.Model(2, [dc.Dense(8, "tanh", l2=0.1), dc.Dense(1, "sigmoid")], seed=2)
    free.fit(X, y, dc.LBFGS(max_iter=50))
    held.fit(X, y, dc.LBFGS(max_iter=50))
    assert np.linalg.norm(held.parameters["W1"]) < 0.5 * np.linalg.norm(free.parameters["W1"])


def test_without_scipy_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    X, y = problem()
    net = model()
    kept = net.flat_parameters.copy()
    with pytest.raises(
        ModuleNotFoundError, match=r"LBFGS\(\) needs SciPy.*pip install 'deepcore-nn\[scipy\]'"
    ):
        net.fit(X, y, dc.LBFGS())
    assert np.array_equal(net.flat_parameters, kept)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_iter": 0}, ValueError, "LBFGS: max_iter must be at least 1, got 0"),
        ({"memory": 2.5}, TypeError, "LBFGS: memory must be a whole number"),
        ({"gtol": -1.0}, ValueError, "LBFGS: gtol must be finite and not negative"),
        ({"ftol": float("nan")}, ValueError, "LBFGS: ftol must be finite"),
    ],
)
def test_impossible_settings_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        dc.LBFGS(**options)
