"""Model: what it is made of, what it predicts, and how it refuses."""

import copy
import pickle

import numpy as np
import pytest

import deepcore as dc
from deepcore import functional as F


def small(output="sigmoid", n=2, dtype="float64", **options):
    return dc.mlp([3, 4, n], activation="tanh", output=output, dtype=dtype, seed=5, **options)


# What it is made of.


def test_parameters_have_the_shapes_of_the_notes():
    model = dc.mlp([784, 512, 256, 10])
    shapes = {name: view.shape for name, view in model.parameters.items()}
    assert shapes == {
        "W1": (512, 784), "b1": (512, 1), "W2": (256, 512), "b2": (256, 1), "W3": (10, 256), "b3": (10, 1),
    }  # fmt: skip


def test_parameters_are_live_and_writable_views():
    model = small()
    model.parameters["W1"][1, 2] = 7.5
    assert 7.5 in model.flat_parameters
    model.flat_parameters[:] = 0.0
    assert model.parameters["W1"][1, 2] == 0.0


def test_assigning_a_parameter_copies_into_the_view():
    model, W = small(), np.arange(12.0).reshape(4, 3)
    view = model.parameters["W1"]
    model.parameters["W1"] = W
    assert np.array_equal(view, W)
    W[0, 0] = 99.0
    assert view[0, 0] == 0.0


def test_a_parameter_of_another_shape_is_refused_rather_than_stretched():
    with pytest.raises(ValueError, match=r"b1 must have shape \(4, 1\), got \(1,\)"):
        small().parameters["b1"] = [0.0]


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [(1 + 2j, TypeError, "b1 must hold numbers"), (1e300, ValueError, "b1 must be within the range of f")],
)
def test_a_parameter_that_is_no_number_of_its_dtype_is_refused(value, error, message):
    model = small(dtype="float32")
    with pytest.raises(error, match=message):
        model.parameters["b1"] = np.full((4, 1), value)
    assert not model.parameters["b1"].any()


def test_a_parameter_cannot_be_added_or_removed():
    parameters = small().parameters
    with pytest.raises(KeyError, match="W9"):
        parameters["W9"] = [[1.0]]
    with pytest.raises(TypeError, match="cannot be removed"):
        del parameters["W1"]


def test_views_outlive_their_model():
    view = small().parameters["W1"]
    kept = view.copy()
    [np.ones(1000) for _ in range(100)]  # would write over memory that had been freed
    assert np.array_equal(view, kept)


@pytest.mark.parametrize("init", ["he", "lecun", "normal", "inverse_sqrt", "he_uniform"])
def test_model_and_functional_start_from_the_same_parameters(init):
    model = dc.mlp([5, 4, 3, 1], init=init, dtype="float64", seed=11)
    for name, W in F.initialize_parameters([5, 4, 3, 1], init=init, seed=11).items():
        assert np.array_equal(model.parameters[name], W), name


def test_xavier_is_multiplied_by_the_gain_of_the_activation():
    weights = dc.Model(
        5, [dc.Dense(4, "relu", init="xavier"), dc.Dense(1, "sigmoid")], dtype="float64", seed=1
    )
    expected = F.initialize_parameters([5, 4], init="xavier", seed=1, scale=np.sqrt(2))["W1"]
    np.testing.assert_allclose(weights.parameters["W1"], expected, rtol=1e-15)


def test_a_float32_model_starts_from_the_rounded_float64_numbers():
    single, double = small(dtype="float32"), small(dtype="float64")
    assert np.array_equal(single.flat_parameters, double.flat_parameters.astype(np.float32))


@pytest.mark.parametrize(
    ("activation", "init"),
    [("relu", "he"), ("gelu", "he"), ("tanh", "xavier"), ("sigmoid", "xavier"), ("selu", "lecun")],
)
def test_auto_takes_the_scheme_that_fits_the_activation(activation, init):
    assert dc.Dense(3, activation).initializer == init


@pytest.mark.parametrize(
    ("output", "n", "loss"),
    [
        ("sigmoid", 2, "binary_cross_entropy"),
        ("softmax", 2, "categorical_cross_entropy"),
        ("linear", 2, "half_squared_error"),
    ],
)
def test_auto_takes_the_loss_that_belongs_to_the_output(output, n, loss):
    assert small(output, n).loss == loss


def test_mlp_ends_in_a_sigmoid_for_one_output_and_a_softmax_for_several():
    assert dc.mlp([3, 1]).layers[-1].activation == "sigmoid"
    assert dc.mlp([3, 2]).layers[-1].activation == "softmax"


def test_one_seed_gives_one_start_and_another_seed_another():
    assert np.array_equal(small().flat_parameters, small().flat_parameters)
    other = dc.mlp([3, 4, 2], activation="tanh", output="sigmoid", dtype="float64", seed=6)
    assert not np.array_equal(small().flat_parameters, other.flat_parameters)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: dc.Dense(0), ValueError, "units must be at least 1, got 0"),
        (lambda: dc.Dense(2**70), ValueError, "units must be at most"),
        (lambda: dc.mlp([2**31 - 1] * 2), MemoryError, "deepcore: not enough memory; Model.plan tells"),
        (lambda: dc.Dense(2.5), TypeError, "units must be a whole number"),
        (lambda: dc.Dense(True), TypeError, "units must be a whole number"),
        (lambda: dc.Dense(3, "relu", init="hi"), ValueError, "init must be one of"),
        (lambda: dc.Dense(3, "relu", parameter=0.1), ValueError, "parameter must be None for relu"),
        (lambda: dc.Dense(3, "leaky_relu", parameter=-0.1), ValueError, "finite and not negative"),
        (lambda: dc.mlp([3]), ValueError, "at least two numbers"),
        (lambda: dc.Model(3, []), TypeError, "at least one Dense"),
        (lambda: dc.Model(3, 4), TypeError, "layers must be a list of Dense, Dropout and Scale, got 4"),
        (lambda: dc.Dense(3, l2=10**400), ValueError, "l2 must be finite and not negative"),
        (lambda: dc.Model(3, [4, 1]), TypeError, "layers must be Dense, Dropout and Scale, got 4"),
        (lambda: dc.Model(0, [dc.Dense(1)]), ValueError, "inputs must be at least 1"),
        (lambda: dc.mlp([3, 1], dtype="float16"), ValueError, "dtype must be float32 or float64"),
        (lambda: dc.mlp([3, 1], dtype="nonsense"), ValueError, "must be float32 or float64, got 'nonsense'"),
        (lambda: dc.mlp([3, 1], seed=-1), ValueError, "seed must be at least 0"),
        (lambda: dc.mlp([3, 1], seed=2**64), ValueError, "seed must be at most"),
        (lambda: dc.mlp([3, 1], output="softmax"), ValueError, "softmax needs at least 2 units"),
        (lambda: dc.mlp([3, 3, 1], activation="softmax"), ValueError, "softmax must be in the last layer"),
        (lambda: dc.mlp([3, 1], output="tanh"), ValueError, "loss must be named for a tanh output"),
        (lambda: dc.mlp([3, 1], output="linear", loss="binary_cross_entropy"), ValueError, "needs a sigmoid"),
    ],
)
def test_a_wrong_description_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_constant_hidden_layers_are_warned_about_when_the_model_is_made():
    with pytest.warns(dc.SymmetryWarning, match="equal units"):
        dc.mlp([3, 4, 1], init="zeros")


def test_logistic_regression_may_start_at_zero():
    model = dc.mlp([3, 1], init="zeros")  # a warning would be an error
    assert not model.flat_parameters.any()


# Prediction.


@pytest.mark.parametrize("output", ["sigmoid", "softmax", "linear"])
def test_predict_is_the_forward_pass_of_the_notes(output, rng):
    model, X = small(output), rng.normal(size=(7, 3))
    AL, _ = F.model_forward(X.T, dict(model.parameters), activation="tanh", output=output)
    assert np.array_equal(model.predict(X), AL.T)


def test_one_example_gives_one_row_without_an_axis(rng, dtype):
    model, x = small(dtype=dtype), rng.normal(size=3).astype(dtype)
    assert model.predict(x).shape == (2,)
    assert np.array_equal(model.predict(x), model.predict(x[np.newaxis])[0])


def test_predict_writes_into_out_and_returns_it(rng, dtype):
    model, X = small(dtype=dtype), rng.normal(size=(5, 3)).astype(dtype)
    out, one = np.empty((5, 2), dtype), np.empty(2, dtype)
    assert model.predict(X, out=out) is out
    assert np.array_equal(out, model.predict(X))
    assert model.predict(X[0], out=one) is one
    assert np.array_equal(one, model.predict(X[0]))


@pytest.mark.parametrize("out", [np.empty((2, 5)), np.empty((5, 2), np.float32), [0.0]])
def test_an_out_that_does_not_fit_is_refused(out):
    with pytest.raises(ValueError, match=r"predict: out must be an array of shape \(5, 2\)"):
        small().predict(np.zeros((5, 3)), out=out)


def test_no_examples_give_no_predictions():
    assert small().predict(np.empty((0, 3))).shape == (0, 2)


@pytest.mark.parametrize("form", ["fortran", "strided", "reversed", "read_only", "misaligned", "big_endian"])
def test_the_memory_layout_of_X_does_not_matter(form, rng):
    model, X = small(), rng.normal(size=(6, 3))
    expected = model.predict(X)
    raw = np.zeros(X.nbytes + 1, np.uint8)[1:].view(np.float64).reshape(X.shape)
    raw[...] = X
    wide = np.zeros((12, 6))
    wide[::2, ::2] = X
    forms = {
        "fortran": np.asfortranarray(X),
        "strided": wide[::2, ::2],
        "reversed": np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
        "read_only": X.copy(),
        "misaligned": raw,
        "big_endian": X.astype(">f8"),
    }
    forms["read_only"].setflags(write=False)
    assert np.array_equal(model.predict(forms[form]), expected)


@pytest.mark.parametrize("kind", [bool, np.int8, np.uint8, np.int64, np.float16, np.float32, np.longdouble])
def test_other_numbers_become_the_model_s_dtype(kind):
    model, X = small(dtype="float32"), np.eye(3).astype(kind)
    assert np.array_equal(model.predict(X), model.predict(np.eye(3, dtype=np.float32)))


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros((5, 3), complex), TypeError, "predict: X must hold numbers, got dtype complex128"),
        (np.array([["a", "b", "c"]]), TypeError, "map labels to integers"),
        (np.array([[None] * 3]), TypeError, "got dtype object"),
        ([[1.0, 2.0, 3.0], [1.0]], ValueError, "one rectangular array"),
        (np.zeros((3, 5)), ValueError, r"X must have 3 columns, got shape \(3, 5\); is it transposed\?"),
        (np.zeros((5, 4)), ValueError, "X must have 3 columns"),
        (np.zeros((2, 3, 1)), ValueError, r"X must have shape \(m, 3\)"),
        (np.float64(3), ValueError, r"X must have shape \(m, 3\)"),
        (np.array([[0, 0, 0], [0, np.nan, 0]]), ValueError, r"got nan in row 1, column 1; .*\(1 of 2\)"),
        (np.ma.masked_less(np.eye(3), 1), ValueError, "X must have no masked values; use X.filled"),
        (np.array([[0, 0, np.inf]]), ValueError, "got inf in row 0, column 2"),
    ],
)
def test_a_wrong_X_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        small().predict(X)


def test_an_integer_too_large_for_float64_is_refused():
    with pytest.raises(ValueError, match="predict: X must be finite in float64"):
        small().predict([[10**400, 0, 0]])


def test_a_number_too_large_for_float32_is_refused():
    with pytest.raises(ValueError, match="must be finite in float32, got inf in row 0, column 1"):
        small(dtype="float32").predict([[0.0, 1e300, 0.0]])


def test_numbers_whose_sum_overflows_are_finite():
    X = np.full((2, 3), 3e38, np.float32)
    assert np.isfinite(small(dtype="float32").predict(X)).all()


@pytest.mark.parametrize(
    ("output", "n", "expected"),
    [("softmax", 3, [2, 0]), ("sigmoid", 1, [0, 1]), ("sigmoid", 2, [[0, 0], [1, 0]])],
)
def test_labels_are_the_largest_output_or_strictly_above_one_half(output, n, expected):
    model = dc.mlp([3, n], output=output, dtype="float64")
    model.parameters["b1"][...] = 0.0
    weights = {
        ("softmax", 3): np.eye(3),
        ("sigmoid", 1): [[1.0, 0, 0]],
        ("sigmoid", 2): [[1.0, 0, 0], [0, 0, 0]],
    }
    model.parameters["W1"] = weights[output, n]
    X = np.array([[0.0, 0.0, 0.5], [1.0, 0.0, 0.0]])  # sigmoid(0) is one half, which is not above it
    assert model.predict_labels(X).tolist() == expected
    assert model.predict_labels(X[1]).tolist() == expected[1]


@pytest.mark.parametrize("threshold", ["x", None, float("nan")])
def test_a_threshold_that_is_no_number_is_refused(threshold):
    with pytest.raises(ValueError, match="predict_labels: threshold must be a number"):
        small().predict_labels(np.eye(3), threshold=threshold)


def test_labels_of_a_regression_are_refused():
    with pytest.raises(ValueError, match="output must be sigmoid or softmax, got linear"):
        small("linear").predict_labels(np.zeros((1, 3)))


# Loss and gradient.


def test_evaluate_gives_the_cost_of_the_notes(rng):
    model, X, y = small(), rng.normal(size=(9, 3)), rng.integers(2, size=(9, 2))
    AL = model.predict(X).T
    score = model.evaluate(X, y)
    # the engine takes the loss from Z, the notes from A: both err by some ulps of numbers near 1
    assert score["loss"] == pytest.approx(F.compute_cost(AL, y.T), rel=1e-13)
    assert score["accuracy"] == np.mean(((AL > 0.5) == y.T).all(axis=0))


def test_a_regression_has_no_accuracy(rng):
    assert set(small("linear").evaluate(rng.normal(size=(4, 3)), rng.normal(size=(4, 2)))) == {"loss"}


def test_saturated_outputs_have_a_finite_loss():
    model = dc.mlp([1, 1], dtype="float64")
    model.parameters["W1"], model.parameters["b1"] = [[1.0]], [[0.0]]
    # from A alone this would be -log(0): the engine sees Z
    assert model.evaluate([[1000.0], [-1000.0]], [0, 1])["loss"] == 1000.0


def test_gradients_are_those_of_the_notes(rng):
    model, X, y = small(), rng.normal(size=(9, 3)), rng.integers(2, size=(9, 2))
    AL, caches = F.model_forward(X.T, dict(model.parameters), activation="tanh")
    expected = F.model_backward(AL, y.T, caches, activation="tanh")
    loss, grads = model.gradients(X, y)
    assert loss == model.evaluate(X, y)["loss"]
    assert set(grads) == {"dW1", "db1", "dW2", "db2"}
    for name, gradient in grads.items():
        # the notes go through dA[L], whose division costs a few ulps
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-12, atol=1e-15)


def test_trace_shows_every_matrix_in_the_orientation_of_the_notes(rng):
    model, X, y = small(), rng.normal(size=(9, 3)), rng.integers(2, size=(9, 2))
    trace, table = model.trace(X, y), F.shape_table([3, 4, 2], m=9)
    assert {name: matrix.shape for name, matrix in trace.items()} == {
        name: shape for name, shape in table.items() if name[0] not in "Wb"
    }
    assert np.array_equal(trace["A0"], X.T)
    assert np.array_equal(trace["A2"], model.predict(X).T)
    np.testing.assert_allclose(trace["dZ2"], (trace["A2"] - y.T) / 9, rtol=1e-15)
    for name, gradient in model.gradients(X, y)[1].items():
        assert np.array_equal(trace[name], gradient)


# Copies.


@pytest.mark.parametrize("how", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_predicts_the_same_and_shares_nothing(how, rng):
    model, X = small(), rng.normal(size=(5, 3))
    model.extras, model.epochs_trained = {"labels": ["a"]}, 3
    twin = how(model)
    assert np.array_equal(twin.predict(X), model.predict(X))
    assert (twin.extras, twin.epochs_trained, repr(twin)) == (model.extras, 3, repr(model))
    twin.flat_parameters[:] = 0.0
    assert model.flat_parameters.any()
