"""The functions of the notes: formulas, shapes, dtypes, refusals. Columns are examples."""

import numpy as np
import pytest

import deepcore as dc
from deepcore import functional as F

ELEMENTWISE = [name for name in dc.catalog.activations if name != "softmax"]


def layer(rng, n=4, n_prev=3, m=5):
    return rng.normal(size=(n_prev, m)), rng.normal(size=(n, n_prev)), rng.normal(size=(n, 1))


# Formulas.


def test_linear_forward_adds_b_to_every_column(rng):
    A_prev, W, b = layer(rng)
    Z, _ = F.linear_forward(A_prev, W, b)
    np.testing.assert_allclose(Z, W @ A_prev + b, rtol=1e-14, atol=1e-15)  # three terms a number


def test_linear_backward_takes_means_over_the_examples(rng):
    A_prev, W, b = layer(rng)
    dZ = rng.normal(size=(4, 5))
    dA_prev, dW, db = F.linear_backward(dZ, (A_prev, W, b))
    # sums of five numbers of size one, in another order than NumPy's
    np.testing.assert_allclose(dW, dZ @ A_prev.T / 5, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(db, dZ.mean(axis=1, keepdims=True), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(dA_prev, W.T @ dZ, rtol=1e-13, atol=1e-15)


def test_the_bias_gradient_is_one_mean_for_each_unit(rng):
    A_prev, W, b = layer(rng)
    dZ = np.array([[1.0], [2.0], [3.0], [4.0]]) * np.ones((1, 5))
    assert F.linear_backward(dZ, (A_prev, W, b))[2].tolist() == [[1.0], [2.0], [3.0], [4.0]]


def test_weight_penalty_and_its_gradient_agree(rng):
    parameters = {"W1": rng.normal(size=(4, 3)), "b1": rng.normal(size=(4, 1))}
    A_prev, dZ = rng.normal(size=(3, 5)), np.zeros((4, 5))
    _, dW, db = F.linear_backward(dZ, (A_prev, parameters["W1"], parameters["b1"]), l2=0.7)
    check = dc.gradient_check(
        lambda p: F.weight_penalty(p, 0.7, 5), parameters, {"dW1": dW, "db1": db}, epsilon=1e-4
    )
    assert check.difference < 1e-9  # a parabola: central differences are exact up to rounding / epsilon


def test_the_caches_are_those_of_the_notes(rng):
    A_prev, W, b = layer(rng)
    _, cache = F.linear_forward(A_prev, W, b)
    assert cache[0] is A_prev
    assert cache[1] is W
    assert cache[2] is b
    A, (linear_cache, Z) = F.linear_activation_forward(A_prev, W, b, "tanh")
    assert [array is own for array, own in zip(linear_cache, (A_prev, W, b), strict=True)] == [True] * 3
    assert np.array_equal(A, F.tanh(Z))


def test_model_forward_is_the_chain_of_its_layers(rng):
    parameters, X = F.initialize_parameters([3, 4, 2], seed=1), rng.normal(size=(3, 5))
    A1, cache1 = F.linear_activation_forward(X, parameters["W1"], parameters["b1"], "relu")
    A2, _ = F.linear_activation_forward(A1, parameters["W2"], parameters["b2"], "sigmoid")
    AL, caches = F.model_forward(X, parameters)
    assert np.array_equal(AL, A2)
    assert np.array_equal(caches[0][1], cache1[1])


def test_each_hidden_layer_may_have_its_own_activation(rng):
    parameters, X = F.initialize_parameters([3, 4, 4, 1], seed=1), rng.normal(size=(3, 5))
    _, caches = F.model_forward(X, parameters, activation=["tanh", "relu"])
    assert np.array_equal(caches[1][0][0], F.tanh(caches[0][1]))
    assert np.array_equal(caches[2][0][0], F.relu(caches[1][1]))


def test_model_backward_names_dA_after_its_A(rng):
    parameters, X, Y = F.initialize_parameters([3, 4, 1], seed=1), rng.normal(size=(3, 5)), np.ones((1, 5))
    AL, caches = F.model_forward(X, parameters)
    grads = F.model_backward(AL, Y, caches)
    assert {name: grads[name].shape for name in grads} == {
        "dW1": (4, 3), "db1": (4, 1), "dA1": (4, 5), "dW2": (1, 4), "db2": (1, 1),
    }  # fmt: skip
    dA1, _, _ = F.linear_activation_backward(F.loss_backward(AL, Y), caches[1], "sigmoid")
    assert np.array_equal(grads["dA1"], dA1)


@pytest.mark.parametrize("activation", ["tanh", "leaky_relu", "elu"])
@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ("sigmoid", "binary_cross_entropy"),
        ("softmax", "categorical_cross_entropy"),
        ("linear", "half_squared_error"),
        ("linear", "squared_error"),
        ("sigmoid", "half_squared_error"),
    ],
)
def test_model_backward_is_the_derivative_of_the_cost(activation, output, loss, rng):
    options = {"activation": activation, "output": output}
    options |= {} if activation == "tanh" else {"parameter": 0.3}
    parameters, X = F.initialize_parameters([3, 4, 2], seed=1), rng.normal(size=(3, 6))
    Y = F.one_hot([0, 1, 1, 0, 1, 0], 2)

    def cost(trial):
        return F.compute_cost(F.model_forward(X, trial, **options)[0], Y, loss, l2=0.1, parameters=trial)

    AL, caches = F.model_forward(X, parameters, **options)
    grads = F.model_backward(AL, Y, caches, loss=loss, l2=0.1, **options)
    # epsilon^2 = 1e-10 of the gradient, and rounding of the cost / epsilon = 1e-11
    assert dc.gradient_check(cost, parameters, grads, epsilon=1e-5).difference < 1e-8


def test_compute_cost_is_the_mean_of_the_losses(rng):
    A, Y = rng.uniform(0.1, 0.9, size=(2, 6)), rng.integers(2, size=(2, 6))
    losses = F.compute_cost(A, Y, reduction="none")
    assert losses.shape == (1, 6)
    assert F.compute_cost(A, Y) == pytest.approx(losses.mean(), rel=1e-14)
    assert F.compute_cost(A, Y, reduction="sum") == pytest.approx(losses.sum(), rel=1e-14)


def test_a_wrong_certainty_costs_inf_and_a_right_one_nothing():
    assert F.compute_cost([[0.0, 1.0]], [[1, 0]], reduction="none").tolist() == [[np.inf, np.inf]]
    assert F.compute_cost([[0.0, 1.0]], [[0, 1]]) == 0.0


def test_log_likelihood_is_minus_m_times_the_cost(rng):
    A, Y = rng.uniform(0.1, 0.9, size=(1, 6)), rng.integers(2, size=(1, 6))
    assert F.log_likelihood(A, Y) == pytest.approx(-6 * F.compute_cost(A, Y), rel=1e-14)
    assert F.log_likelihood(A, Y) == pytest.approx(np.log(np.where(Y, A, 1 - A)).sum(), rel=1e-13)


# Activations.


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_activation_keeps_any_shape(name):
    for shape in [(), (3,), (2, 3), (2, 3, 4), (0, 2)]:
        Z = np.zeros(shape)
        assert np.shape(F.activation(Z, name)) == shape
        assert np.shape(F.activation_derivative(Z, name)) == shape


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_activation_backward_multiplies_by_the_derivative(name, rng):
    Z, dA = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    expected = dA * F.activation_derivative(Z, name)
    np.testing.assert_allclose(F.activation_backward(dA, Z, name), expected, rtol=1e-14)


def test_relu_has_derivative_0_at_0_and_leaky_relu_its_slope():
    assert F.activation_derivative(0.0, "relu") == 0.0
    assert F.activation_derivative(0.0, "leaky_relu", parameter=0.2) == 0.2


def test_softmax_works_along_columns(rng):
    A = F.softmax(rng.normal(size=(4, 3)))
    np.testing.assert_allclose(A.sum(axis=0), 1.0, rtol=1e-15)


def test_softmax_has_no_elementwise_derivative():
    with pytest.raises(ValueError, match="Jacobian"):
        F.activation_derivative([[0.0]], "softmax")


# Prediction.


def test_predict_counts_one_half_as_zero():
    parameters = {"W1": np.array([[1.0]]), "b1": np.array([[0.0]])}
    assert F.predict_labels([[0.0, 1e-12, -1e-12]], parameters).tolist() == [[0, 1, 0]]


def test_predict_takes_the_largest_softmax_output():
    parameters = {"W1": np.eye(3), "b1": np.zeros((3, 1))}
    assert F.predict_labels(np.eye(3)[:, ::-1], parameters, output="softmax").tolist() == [[2, 1, 0]]


# Updates.


def parameters_and_grads(rng):
    parameters = F.initialize_parameters([3, 2, 1], seed=3)
    return parameters, {f"d{name}": rng.normal(size=value.shape) for name, value in parameters.items()}


def test_update_parameters_descends_and_leaves_its_inputs_alone(rng):
    parameters, grads = parameters_and_grads(rng)
    kept = {name: value.copy() for name, value in parameters.items()}
    new = F.update_parameters(parameters, grads, learning_rate=0.1)
    for name, value in kept.items():
        # one product and one difference: exact up to the last bit, which fused arithmetic may change
        np.testing.assert_allclose(new[name], value - 0.1 * grads[f"d{name}"], rtol=1e-15, atol=1e-17)
        assert np.array_equal(parameters[name], value)
        assert not np.shares_memory(new[name], parameters[name])


def test_momentum_is_the_course_s_average(rng):
    parameters, grads = parameters_and_grads(rng)
    v = {name: rng.normal(size=grad.shape) for name, grad in grads.items()}
    new, new_v = F.update_parameters_with_momentum(parameters, grads, v, beta=0.9, learning_rate=0.1)
    for name, value in parameters.items():
        expected = 0.9 * v[f"d{name}"] + 0.1 * grads[f"d{name}"]
        np.testing.assert_allclose(new_v[f"d{name}"], expected, rtol=1e-14, atol=1e-16)
        np.testing.assert_allclose(new[name], value - 0.1 * expected, rtol=1e-14, atol=1e-16)


def test_the_first_step_of_adam_has_the_size_of_the_learning_rate(rng):
    parameters, grads = parameters_and_grads(rng)
    v, s = F.initialize_adam(parameters)
    new, v, s = F.update_parameters_with_adam(parameters, grads, v, s, t=1, learning_rate=0.1)
    for name, value in parameters.items():
        # epsilon = 1e-8 beside gradients of at least 1e-3
        np.testing.assert_allclose(new[name], value - 0.1 * np.sign(grads[f"d{name}"]), atol=1e-5)
        np.testing.assert_allclose(v[f"d{name}"], 0.1 * grads[f"d{name}"], rtol=1e-14)
        np.testing.assert_allclose(s[f"d{name}"], 0.001 * grads[f"d{name}"] ** 2, rtol=1e-12)


# Initialisation, batches, dropout, shapes.


def test_hidden_layers_of_zeros_are_warned_about_and_one_layer_is_not():
    with pytest.warns(dc.SymmetryWarning, match="equal units"):
        F.initialize_parameters([3, 2, 1], init="zeros")
    assert not F.initialize_parameters([3, 1], init="zeros")["W1"].any()


def test_scale_multiplies_the_weights():
    one, ten = (F.initialize_parameters([3, 2], seed=1, scale=scale) for scale in (1.0, 10.0))
    assert np.array_equal(ten["W1"], 10.0 * one["W1"])


def test_mini_batches_hold_every_column_once():
    X, Y = np.arange(14.0).reshape(2, 7), np.arange(7).reshape(1, 7)
    batches = F.mini_batches(X, Y, batch_size=3, seed=1)
    assert [Y_batch.shape for _, Y_batch in batches] == [(1, 3), (1, 3), (1, 1)]
    order = np.concatenate([Y_batch[0] for _, Y_batch in batches])
    assert sorted(order) == list(range(7))
    assert np.array_equal(np.concatenate([X_batch for X_batch, _ in batches], axis=1), X[:, order])


def test_epochs_of_mini_batches_differ():
    X, Y = np.arange(50.0).reshape(1, 50), np.zeros((1, 50))
    first, second = (F.mini_batches(X, Y, 50, seed=1, epoch=epoch)[0][0] for epoch in (0, 1))
    assert not np.array_equal(first, second)


def test_dropout_keeps_the_expectation_and_masks_both_ways(rng):
    A, mask = rng.normal(size=(3, 4)), rng.random((3, 4)) < 0.8
    assert np.array_equal(F.dropout_forward(A, 0.8, mask), A * mask / 0.8)
    assert np.array_equal(F.dropout_backward(A, 0.8, mask), A * mask / 0.8)


def test_the_shape_table_lists_every_matrix():
    table = F.shape_table([2, 3, 5, 4, 2, 1], m=7)
    assert len(table) == 1 + 8 * 5
    assert (table["W3"], table["db3"], table["dZ3"], table["A0"]) == ((4, 5), (4, 1), (4, 7), (2, 7))
    assert table.parameter_count == 66


def test_the_shape_table_prints_and_shows_in_a_notebook():
    table = F.shape_table([12288, 20, 7, 5, 1], m=209)
    assert "(20, 12288)" in str(table)
    assert repr(table) == str(table)
    assert table._repr_html_().count("<tr>") == 6


# Types.


def test_float32_stays_float32_and_everything_else_is_float64(rng):
    A_prev, W, b = (array.astype(np.float32) for array in layer(rng))
    assert F.linear_forward(A_prev, W, b)[0].dtype == np.float32
    assert F.linear_forward(A_prev, W.astype(np.float64), b)[0].dtype == np.float64
    assert F.linear_forward(np.ones((3, 5), np.uint8), W, b)[0].dtype == np.float32
    assert F.linear_forward([[1]], [[2]], [[3]])[0].dtype == np.float64
    assert F.sigmoid(0).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, complex, object])
def test_other_dtypes_are_refused_by_name(dtype):
    with pytest.raises(TypeError, match=rf"linear_forward: W must .*{np.dtype(dtype)}"):
        F.linear_forward(np.ones((1, 1)), np.ones((1, 1), dtype), np.ones((1, 1)))


@pytest.mark.parametrize("form", ["fortran", "strided", "reversed", "read_only"])
def test_the_memory_layout_does_not_matter(form, rng):
    A_prev, W, b = layer(rng)
    forms = {
        "fortran": np.asfortranarray,
        "strided": lambda M: np.repeat(np.repeat(M, 2, axis=0), 2, axis=1)[::2, ::2],
        "reversed": lambda M: np.ascontiguousarray(M[::-1, ::-1])[::-1, ::-1],
        "read_only": lambda M: np.frombuffer(M.tobytes()).reshape(M.shape),
    }
    change = forms[form]
    Z, cache = F.linear_forward(change(A_prev), change(W), change(b))
    assert np.array_equal(Z, F.linear_forward(A_prev, W, b)[0])
    for ours, theirs in zip(F.linear_backward(Z, cache), F.linear_backward(Z, (A_prev, W, b)), strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gradient_of_the_inputs_can_be_left_out(dtype, rng):
    X, Y = rng.normal(size=(30, 200)).astype(dtype), (rng.random((1, 200)) > 0.5).astype(dtype)
    parameters = {name: p.astype(dtype) for name, p in F.initialize_parameters([30, 4, 1], seed=1).items()}
    AL, caches = F.model_forward(X, parameters)
    whole, part = (F.model_backward(AL, Y, caches, input_gradient=answer) for answer in (True, False))
    assert whole.keys() - part.keys() == {"dA0"}
    for name, gradient in part.items():
        assert gradient.dtype == dtype
        assert np.array_equal(gradient, whole[name])
    assert F.linear_backward(caches[0][1], caches[0][0], input_gradient=False)[0] is None


# Sizes around the packets, panels, groups and runs of the products, and layouts of both factors.

PRODUCTS = [
    (1, 1, 1),
    (3, 4, 5),
    (1, 30, 200),
    (13, 193, 25),
    (25, 385, 289),
    (12, 96, 300),
    (70, 5, 3),
    (2, 500, 97),
    (1, 21, 4101),
    (40, 193, 1),
]
LAYOUTS = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "gaps": lambda M: np.repeat(M, 2, axis=1)[:, ::2],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("n", "n_prev", "m"), PRODUCTS)
def test_products_of_every_size_and_layout_are_right_and_have_the_same_bits(n, n_prev, m, layout, dtype, rng):
    A_prev, W, b, dZ = (
        rng.normal(size=shape).astype(dtype) for shape in ((n_prev, m), (n, n_prev), (n, 1), (n, m))
    )
    change = LAYOUTS[layout]
    Z, cache = F.linear_forward(change(A_prev), change(W), change(b))
    results = [Z, *F.linear_backward(change(dZ), cache)]
    exact = [array.astype(np.float64) for array in (A_prev, W, b, dZ)]
    expected = [
        exact[1] @ exact[0] + exact[2],
        exact[1].T @ exact[3],
        exact[3] @ exact[0].T / m,
        exact[3].mean(axis=1, keepdims=True),
    ]
    # Sums of up to 500 numbers of size one: some hundred roundings.
    tolerance = 200 * np.finfo(dtype).eps
    for got, right in zip(results, expected, strict=True):
        np.testing.assert_allclose(got, right, rtol=tolerance, atol=tolerance)
    plain = [F.linear_forward(A_prev, W, b)[0], *F.linear_backward(dZ, (A_prev, W, b))]
    assert [a.tobytes() for a in results] == [a.tobytes() for a in plain]
    assert np.array_equal(F.linear_forward(A_prev, W[-1:], b[-1:])[0], Z[-1:])
    assert np.array_equal(F.linear_forward(A_prev[:, -1:], W, b)[0], Z[:, -1:])


@pytest.mark.parametrize("name", ["sigmoid", "gelu", "softmax"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (9, 33), (40, 1100)])
def test_activations_of_every_layout_have_the_same_bits(name, shape, rng):
    Z, dA = rng.normal(size=shape), rng.normal(size=shape)
    A, dZ = F.activation(Z, name), F.activation_backward(dA, Z, name)
    for change in LAYOUTS.values():
        for other in LAYOUTS.values():
            assert np.array_equal(F.activation(change(Z), name), A)
            assert np.array_equal(F.activation_backward(other(dA), change(Z), name), dZ)


@pytest.mark.parametrize("change", LAYOUTS.values(), ids=LAYOUTS)
def test_updates_of_every_layout_have_the_same_bits(change, rng):
    parameters, grads = parameters_and_grads(rng)
    v, s = F.initialize_adam(parameters)
    expected = F.update_parameters_with_adam(parameters, grads, v, s, t=1)
    changed = [
        {name: change(array) for name, array in arrays.items()} for arrays in (parameters, grads, v, s)
    ]
    for got, right in zip(F.update_parameters_with_adam(*changed, t=1), expected, strict=True):
        for name, array in right.items():
            assert np.array_equal(got[name], array)


def test_losses_accept_targets_that_are_whole_numbers_or_bools(rng):
    AL, Y = rng.uniform(0.1, 0.9, size=(2, 7)), rng.integers(2, size=(2, 7))
    for kind in (np.int64, np.uint8, bool):
        assert F.compute_cost(AL, Y.astype(kind)) == F.compute_cost(AL, Y.astype(float))
        assert np.array_equal(F.loss_backward(AL, Y.astype(kind)), F.loss_backward(AL, Y.astype(float)))


def test_a_subclass_of_an_array_is_checked_and_converted():
    class Own(np.ndarray):
        pass

    assert F.relu(np.array([[-1.0, 2.0]]).view(Own)).tolist() == [[0.0, 2.0]]
    with pytest.raises(ValueError, match="masked"):
        F.relu(np.ma.masked_array([[1.0, 2.0]], mask=[[True, False]]))
