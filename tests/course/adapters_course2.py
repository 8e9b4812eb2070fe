"""Course 2: initialisations, L2, dropout, gradient checking, mini-batches, optimizers, decay."""

from __future__ import annotations

import warnings

import numpy as np

import deepcore as dc
from course.adapters_week3 import initialized
from course.loop import floats
from deepcore import functional as F
from deepcore import schedules
from deepcore.graph import Graph, variable

NET = {"activation": "relu", "output": "sigmoid"}
LOSS = "binary_cross_entropy"


def initialize_parameters_zeros(layer_dims, seed=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dc.SymmetryWarning)  # this exercise shows what the warning says
        return F.initialize_parameters(layer_dims, init="zeros")


def initialize_parameters_random(layer_dims, seed=3):
    return initialized(layer_dims, seed, "normal", scale=1000.0)


def initialize_parameters_he(layer_dims, seed=3):
    return initialized(layer_dims, seed, "he")


def cost_with_l2(Y, parameters, lambd, A3=None, AL=None):
    AL = floats(A3 if AL is None else AL)
    return F.compute_cost(AL, floats(Y), loss=LOSS, l2=lambd, parameters=floats(parameters))


def backward(X, Y, cache, l2=0.0, keep_prob=1.0):
    """From the output down with every dZ and dA; it starts from dZ = A - Y, like the course."""
    cache = floats(cache)
    depth = sum(name.startswith("W") for name in cache)
    A = [floats(X), *(cache[f"A{layer}"] for layer in range(1, depth + 1))]
    result = {f"dZ{depth}": (variable(A[depth], "A") - floats(Y)).value}
    for layer in range(depth, 0, -1):
        linear_cache = (A[layer - 1], cache[f"W{layer}"], cache[f"b{layer}"])
        dA, dW, db = F.linear_backward(result[f"dZ{layer}"], linear_cache, l2=l2)
        result |= {f"dW{layer}": dW, f"db{layer}": db}
        if layer > 1:
            if f"D{layer - 1}" in cache:
                dA = F.dropout_backward(dA, keep_prob, cache[f"D{layer - 1}"])
            result[f"dA{layer - 1}"] = dA
            result[f"dZ{layer - 1}"] = F.activation_backward(dA, cache[f"Z{layer - 1}"], "relu")
    return result


def backward_with_l2(X, Y, cache, lambd):
    return backward(X, Y, cache, l2=lambd)


def forward_with_dropout(X, parameters, keep_prob, mask_seed=1):
    parameters, random = floats(parameters), np.random.RandomState(mask_seed)
    depth = len(parameters) // 2
    A, result = floats(X), {}
    for layer in range(1, depth + 1):
        name = "sigmoid" if layer == depth else "relu"
        A, _ = F.linear_activation_forward(A, parameters[f"W{layer}"], parameters[f"b{layer}"], name)
        if layer < depth:
            mask = random.rand(*A.shape) < keep_prob
            A = F.dropout_forward(A, keep_prob, mask)
            result[f"D{layer}"] = mask
        result[f"A{layer}"] = A
    return result


def backward_with_dropout(X, Y, cache, keep_prob):
    return backward(X, Y, cache, keep_prob=keep_prob)


def gradient_check_1d(x, theta, epsilon=1e-7, J="theta*x"):
    assert J == "theta*x"
    cost_node = variable(theta, "theta")
    dtheta = Graph(cost_node * x).derivative(cost_node)
    return {
        "value": dc.gradient_check(
            lambda t: (variable(t) * x).value, theta, dtheta, epsilon=epsilon
        ).difference
    }


def checked(X, Y, parameters, epsilon, change=lambda grads: None):
    """The gradient check of a relu net; ``change`` plants errors."""
    X, Y, parameters = floats(X), floats(Y), floats(parameters)

    def cost(trial):
        return F.compute_cost(F.model_forward(X, trial, **NET)[0], Y, loss=LOSS)

    AL, caches = F.model_forward(X, parameters, **NET)
    grads = F.model_backward(AL, Y, caches, **NET)
    change(grads)
    difference = dc.gradient_check(cost, parameters, grads, epsilon=epsilon).difference
    return {"difference": difference, "value": difference}


def gradient_check_n(X, Y, parameters, epsilon=1e-7):
    return checked(X, Y, parameters, epsilon)


def gradient_check_n_detects_error(X, Y, parameters, epsilon=1e-7, planted="dW2 doubled and db1 times 4"):
    assert planted == "dW2 doubled and db1 times 4"

    def change(grads):
        grads["dW2"] = 2 * grads["dW2"]
        grads["db1"] = 4 * grads["db1"]

    return checked(X, Y, parameters, epsilon, change)


def update_parameters_with_gd(parameters, grads, learning_rate):
    return F.update_parameters(floats(parameters), floats(grads), learning_rate=learning_rate)


def random_mini_batches(X, Y, mini_batch_size=64, seed=0):
    order = np.random.RandomState(seed).permutation(X.shape[1])
    batches = F.mini_batches(X, Y, mini_batch_size, permutation=order)
    return {"batches": [[X_batch, Y_batch] for X_batch, Y_batch in batches]}


def initialize_velocity(parameters):
    return F.initialize_velocity(floats(parameters))


def initialize_adam(parameters):
    return dict(zip("vs", F.initialize_adam(floats(parameters)), strict=True))


def update_parameters_with_momentum(parameters, grads, v, beta=0.9, learning_rate=0.01):
    parameters, v = F.update_parameters_with_momentum(
        floats(parameters), floats(grads), floats(v), beta, learning_rate
    )
    return {"parameters": parameters, "v": v}


def update_parameters_with_adam(
    parameters, grads, v, s, t, learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8
):
    parameters, v, s = F.update_parameters_with_adam(
        floats(parameters), floats(grads), floats(v), floats(s), t, learning_rate, beta1, beta2, epsilon
    )
    return {"parameters": parameters, "v": v, "s": s}


def decayed(learning_rate0, epoch_num, decay_rate, time_interval=None):
    return schedules.InverseTime(learning_rate0, decay=decay_rate, every=time_interval or 1)(epoch_num)


ADAPTERS = {
    "initialize_parameters_zeros": initialize_parameters_zeros,
    "initialize_parameters_random": initialize_parameters_random,
    "initialize_parameters_he": initialize_parameters_he,
    "cost_with_l2": cost_with_l2,
    "compute_cost_with_regularization": cost_with_l2,
    "backward_with_l2": backward_with_l2,
    "backward_propagation_with_regularization": backward_with_l2,
    "forward_with_dropout": forward_with_dropout,
    "forward_propagation_with_dropout": forward_with_dropout,
    "backward_with_dropout": backward_with_dropout,
    "backward_propagation_with_dropout": backward_with_dropout,
    "gradient_check_1d": gradient_check_1d,
    "gradient_check_n": gradient_check_n,
    "gradient_check_n_detects_error": gradient_check_n_detects_error,
    "update_parameters_with_gd": update_parameters_with_gd,
    "random_mini_batches": random_mini_batches,
    "initialize_velocity": initialize_velocity,
    "initialize_adam": initialize_adam,
    "update_parameters_with_momentum": update_parameters_with_momentum,
    "update_parameters_with_adam": update_parameters_with_adam,
    "update_lr": decayed,
    "schedule_lr_decay": decayed,
}
