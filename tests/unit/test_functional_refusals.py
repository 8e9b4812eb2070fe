"""Wrong arguments of the functions of the notes: which array must have which shape, and why."""

import copy
import pickle

import numpy as np
import pytest

from deepcore import functional as F

A, W, B, Z = np.ones((3, 5)), np.ones((4, 3)), np.ones((4, 1)), np.ones((4, 5))
PARAMETERS = {"W1": W, "b1": B, "W2": np.ones((1, 4)), "b2": np.ones((1, 1))}
GRADS = {f"d{name}": value for name, value in PARAMETERS.items()}
CACHES = F.model_forward(A, PARAMETERS)[1]
Y = np.ones((1, 5))


def refused(call, message, error=ValueError):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.linear_forward(A, W.T, B),
            "linear_forward: W must have 3 columns, one per row of A_prev",
        ),
        (lambda: F.linear_forward(A, W.T, B), r"got shape \(3, 4\); is it transposed\?"),
        (
            lambda: F.linear_forward(A, W, B.T),
            r"b must have shape \(4, 1\), one row per row of W, got \(1, 4\)",
        ),
        (lambda: F.linear_forward(A, W, np.ones(4)), r"b must be a matrix .*rank-1 arrays are refused"),
        (lambda: F.linear_forward(np.ones(3), W, B), r"A_prev must be a matrix .*reshape\(-1, 1\)"),
        (lambda: F.linear_forward(np.ones((3, 5, 1)), W, B), r"got shape \(3, 5, 1\); examples are columns"),
        (lambda: F.linear_forward([[1.0], [1.0, 2.0]], W, B), "one rectangular array"),
        (lambda: F.linear_activation_forward(A, W, B, "rleu"), "did you mean 'relu'"),
        (lambda: F.model_forward(A.T, PARAMETERS), "model_forward: W1 must have 5 columns"),
        (lambda: F.model_forward(A, {**PARAMETERS, "W2": W}), "model_forward: W2 must have 4 columns"),
        (lambda: F.model_forward(A, {"W1": W}), "names W1, b1, ..., WL, bL, got W1"),
        (lambda: F.model_forward(A, {"W1": W, "b2": B}), "names W1, b1"),
        (lambda: F.model_forward(A, {}), "names W1, b1"),
        (lambda: F.model_forward(A, PARAMETERS, activation=["relu", "relu"]), "one name, or 1 names"),
        (lambda: F.predict_labels(A, PARAMETERS, output="tanh"), "output must be sigmoid or softmax"),
    ],
)
def test_forward(call, message):
    refused(call, message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.linear_backward(Z.T, (A, W, B)),
            r"dZ must have shape \(4, 5\), units of W by examples of A_prev",
        ),
        (lambda: F.linear_backward(Z, (A, W, B), l2=-1), "l2 must be finite and not negative"),
        (lambda: F.linear_backward(Z[:, :0], (A[:, :0], W, B)), "at least one column"),
        (
            lambda: F.linear_activation_backward(Z.T, CACHES[0]),
            r"dA must have shape \(4, 5\), the shape of Z",
        ),
        (
            lambda: F.model_backward(Y, Y.T, CACHES),
            r"Y must have shape \(1, 5\), the shape of AL, got \(5, 1\)",
        ),
        (lambda: F.model_backward(Y, np.ones(5), CACHES), "rank-1 arrays are refused"),
        (lambda: F.model_backward(Y, Y, []), "caches must have one entry per layer"),
        (lambda: F.model_backward(Y[:, :3], Y[:, :3], CACHES), r"dA must have shape \(1, 5\)"),
        (lambda: F.model_backward(Y, Y, CACHES, loss="log"), "loss must be one of"),
    ],
)
def test_backward(call, message):
    refused(call, message)


@pytest.mark.parametrize(
    "call",
    [
        lambda: F.linear_backward(Z, CACHES[0]),
        lambda: F.linear_activation_backward(Z, CACHES[0][0]),
        lambda: F.linear_activation_backward(Z, [*CACHES[0]]),
    ],
)
def test_a_cache_of_another_form_is_a_type_error(call):
    refused(call, "as the forward function returned it", TypeError)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.compute_cost(Y, Y, reduction="max"), "reduction must be 'mean', 'sum' or 'none'"),
        (lambda: F.compute_cost(Y, Y, l2=0.1), "l2 needs parameters"),
        (
            lambda: F.compute_cost(Y, Y, "binary_cross_entropy", "sum", 0.1, PARAMETERS),
            "l2 needs .* reduction='mean'",
        ),
        (lambda: F.compute_cost(Y, Y, l2=-0.1, parameters=PARAMETERS), "l2 must be finite"),
        (lambda: F.compute_cost(Y[:, :0], Y[:, :0]), "at least one column"),
        (lambda: F.compute_cost(np.ones((2, 5)), Y), r"Y must have shape \(2, 5\)"),
    ],
)
def test_cost(call, message):
    refused(call, message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.update_parameters(PARAMETERS, GRADS, -1.0),
            "learning_rate must be finite and not negative",
        ),
        (lambda: F.update_parameters(PARAMETERS, GRADS, float("nan")), "learning_rate must be finite"),
        (lambda: F.update_parameters(PARAMETERS, {"dW1": W}, 0.1), "grads must have db1, got dW1"),
        (
            lambda: F.update_parameters(PARAMETERS, {**GRADS, "db1": B.T}, 0.1),
            r"db1 must have shape \(4, 1\)",
        ),
        (
            lambda: F.update_parameters_with_momentum(PARAMETERS, GRADS, GRADS, 1.0, 0.1),
            "beta must be at least 0",
        ),
        (lambda: F.update_parameters_with_momentum(PARAMETERS, GRADS, {}, 0.9, 0.1), "slot 1 must have dW1"),
        (lambda: F.update_parameters_with_adam(PARAMETERS, GRADS, GRADS, GRADS, t=0), "t must be at least 1"),
        (lambda: F.update_parameters_with_adam(PARAMETERS, GRADS, GRADS, {}, t=1), "slot 2 must have dW1"),
    ],
)
def test_update(call, message):
    refused(call, message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.initialize_parameters([3]), "at least two numbers"),
        (lambda: F.initialize_parameters([3, 0]), r"layer_dims\[1\] must be at least 1"),
        (lambda: F.initialize_parameters([3, 1], init="randn"), "init must be one of"),
        (lambda: F.initialize_parameters([3, 1], dtype="int32"), "dtype must be float32 or float64"),
        (lambda: F.initialize_parameters([3, 1], scale=float("inf")), "scale must be a finite number"),
        (lambda: F.shape_table([3, 1], m=0), "m must be at least 1"),
        (lambda: F.mini_batches(A, np.ones(5)), r"Y must be a matrix with 2 dimensions, got \(5,\)"),
        (lambda: F.mini_batches(A, Y[:, :4]), "Y must have 5 columns like X"),
        (lambda: F.mini_batches(A, Y, permutation=[0, 1, 2, 3, 3]), "each of 0..4 exactly once"),
        (lambda: F.weight_penalty({"W1": [[1.0]], "b1": [[0.0]]}, 0.1, 0), "m must be at least 1, got 0"),
        (lambda: F.mini_batches(A, Y, seed=-1), "seed must be at least 0, got -1"),
        (lambda: F.mini_batches(A, Y, batch_size=0), "batch_size must be at least 1"),
        (lambda: F.one_hot([0, 3], 3), "labels must be from 0 to 2"),
        (lambda: F.one_hot([[0], [1]], 3), r"shape \(m,\) or \(1, m\)"),
        (lambda: F.dropout_forward(A, 0.0, A), "keep_prob must be above 0"),
        (lambda: F.dropout_forward(A, 0.5, A[:, :1]), r"mask must have shape \(3, 5\), the shape of A"),
        (lambda: F.dropout_forward(A, 0.5, 2 * A), "mask must hold only 0 and 1"),
    ],
)
def test_initialisation_batches_and_dropout(call, message):
    refused(call, message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.dropout_forward(A, np.array([0.5]), A), "dropout_forward: keep_prob must be a number"),
        (lambda: F.dropout_backward(A, ".5", A), "dropout_backward: keep_prob must be a number, got '.5'"),
        (lambda: F.activation(Z, "leaky_relu", "a"), "activation: parameter must be a finite number"),
        (lambda: F.update_parameters(PARAMETERS, [1], 0.1), r"grads must be a mapping, got \[1\]"),
        (lambda: F.update_parameters([1], GRADS, 0.1), "update_parameters: parameters must be a mapping"),
        (lambda: F.model_forward(A, [1]), "model_forward: parameters must be a mapping"),
        (lambda: F.model_backward(Y, Y, None), "model_backward: caches must be a list, got None"),
    ],
)
def test_arguments_of_another_type_are_named(call, message):
    refused(call, message, TypeError)


def test_sizes_that_are_no_whole_numbers_are_a_type_error():
    refused(lambda: F.shape_table([3, 1.5], m=1), "must be a whole number", TypeError)


def test_labels_that_are_no_integers_are_a_type_error():
    refused(lambda: F.one_hot([0.5], 3), "labels must be integers", TypeError)


# What learners pass by mistake is named, with the cure.


def layers():
    return F.initialize_parameters([2, 3, 1], seed=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.model_forward(np.zeros((400, 2)), layers()),
            r"model_forward: W1 must have 400 columns, one per row of X, got shape \(3, 2\); X has shape "
            r"\(400, 2\): are its examples rows\? use X.T",
        ),
        (lambda: F.predict_labels(np.zeros((400, 2)), layers()), "are its examples rows.* use X.T"),
        (lambda: F.linear_forward(np.zeros((400, 2)), np.ones((3, 2)), np.ones((3, 1))), "use A_prev.T"),
        (lambda: F.model_forward(np.zeros((4, 9)), layers()), r"one per row of X.*X has shape \(4, 9\)$"),
        (
            lambda: F.linear_forward(np.ones((2, 4)), np.ones((1, 2)), 0.5),
            r"b must be a matrix .* use np.full\(\(n, 1\), 0.5\)",
        ),
    ],
)
def test_a_learner_s_slip_is_named(call, message):
    refused(call, message)


@pytest.mark.parametrize("other", ["relu", "sigmoid", "linear"])
def test_another_activation_than_that_of_the_forward_pass_is_refused(other):
    AL, caches = F.model_forward(np.ones((2, 5)), layers(), activation="tanh")
    message = f"activation must be 'tanh' as in the forward pass that made the cache, got '{other}'"
    refused(lambda: F.model_backward(AL, np.ones((1, 5)), caches, activation=other), message)
    refused(lambda: F.linear_activation_backward(np.ones((3, 5)), caches[0], other), message)


def test_another_slope_than_that_of_the_forward_pass_is_refused():
    AL, caches = F.model_forward(np.ones((2, 5)), layers(), activation="leaky_relu", parameter=0.2)
    refused(
        lambda: F.model_backward(AL, np.ones((1, 5)), caches, activation="leaky_relu"),
        "parameter must be 0.2 as in the forward pass",
    )


def test_a_cache_is_a_tuple_and_survives_a_copy():
    _, caches = F.model_forward(np.ones((2, 5)), layers(), activation="tanh")
    for cache in (caches[0], copy.deepcopy(caches[0]), pickle.loads(pickle.dumps(caches[0]))):
        (A_prev, W, b), Z = cache
        assert (A_prev.shape, W.shape, b.shape, Z.shape) == ((2, 5), (3, 2), (3, 1), (3, 5))
        with pytest.raises(ValueError, match="must be 'tanh'"):
            F.linear_activation_backward(Z, cache, "relu")


def test_a_cache_of_plain_tuples_is_believed():
    dA, A, W, Z = np.ones((3, 5)), np.ones((2, 5)), np.ones((3, 2)), np.full((3, 5), 0.5)
    F.linear_activation_backward(dA, ((A, W, np.ones((3, 1))), Z), "relu")
