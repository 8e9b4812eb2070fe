"""Week 4: any number of layers, relu, then sigmoid."""

from __future__ import annotations

from course.adapters_week3 import compute_cost, initialized, named_cache
from course.loop import draw, floats, train
from deepcore import functional as F

NET = {"activation": "relu", "output": "sigmoid"}


def initialize_parameters(n_x, n_h, n_y, seed=1):
    return initialized([n_x, n_h, n_y], seed, "normal")


def initialize_parameters_deep(layer_dims, seed=3):
    return initialized(layer_dims, seed, "normal")


def initialize_parameters_deep_sqrt(layer_dims, seed=1):
    return initialized(layer_dims, seed, "inverse_sqrt")


def linear_forward(A, W, b):
    Z, cache = F.linear_forward(floats(A), floats(W), floats(b))
    return {"Z": Z, "cache": cache}


def linear_activation_forward(A_prev, W, b, activation):
    A, (_, Z) = F.linear_activation_forward(floats(A_prev), floats(W), floats(b), activation)
    return {"A": A, "Z": Z}


def L_model_forward(X, parameters):
    AL, caches = F.model_forward(floats(X), floats(parameters), **NET)
    named = named_cache(AL, caches)
    lists = {letter: [named[f"{letter}{layer}"] for layer in range(1, len(caches) + 1)] for letter in "ZA"}
    return named | lists | {"AL": AL, "n_caches": len(caches)}


def linear_backward(dZ, A_prev, W, b):
    dA_prev, dW, db = F.linear_backward(floats(dZ), (floats(A_prev), floats(W), floats(b)))
    return {"dA_prev": dA_prev, "dW": dW, "db": db}


def linear_activation_backward(dA, A_prev, W, b, Z, activation):
    cache = ((floats(A_prev), floats(W), floats(b)), floats(Z))
    dA_prev, dW, db = F.linear_activation_backward(floats(dA), cache, activation)
    return {"dA_prev": dA_prev, "dW": dW, "db": db}


def sigmoid_backward(dA, Z):
    return {"dZ": F.activation_backward(floats(dA), floats(Z), "sigmoid")}


def relu_backward(dA, Z):
    return {"dZ": F.activation_backward(floats(dA), floats(Z), "relu")}


def L_model_backward(AL, Y, caches):
    ours = [((c["A"], c["W"], c["b"]), c["Z"]) for c in map(floats, caches)]
    return F.model_backward(floats(AL), floats(Y), ours, **NET)


def L_model_forward_backward(X, Y, parameters):
    AL, caches = F.model_forward(floats(X), floats(parameters), **NET)
    grads = F.model_backward(AL, floats(Y), caches, **NET)
    return grads | {"AL": AL, "cost": compute_cost(AL, Y)}


def update_parameters(parameters, grads, learning_rate=0.0075):
    return F.update_parameters(floats(parameters), floats(grads), learning_rate=learning_rate)


def two_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, seed=1, print_cost=False):
    return trained(draw(layers_dims, seed, "small"), X, Y, learning_rate, num_iterations)


def L_layer_model(X, Y, layers_dims, learning_rate=0.0075, num_iterations=3000, seed=1, print_cost=False):
    return trained(draw(layers_dims, seed, "inverse_sqrt"), X, Y, learning_rate, num_iterations)


def trained(start, X, Y, learning_rate, num_iterations):
    parameters, _, costs = train(
        start, X, Y, activation="relu", learning_rate=learning_rate, num_iterations=num_iterations
    )
    return parameters | {"costs": costs}


def predict(X, parameters, y=None, Y=None):
    return F.predict_labels(floats(X), floats(parameters), **NET)


ADAPTERS = {
    "initialize_parameters": initialize_parameters,
    "initialize_parameters_deep": initialize_parameters_deep,
    "initialize_parameters_deep_sqrt": initialize_parameters_deep_sqrt,
    "linear_forward": linear_forward,
    "linear_activation_forward": linear_activation_forward,
    "L_model_forward": L_model_forward,
    "compute_cost": compute_cost,
    "linear_backward": linear_backward,
    "linear_activation_backward": linear_activation_backward,
    "sigmoid_backward": sigmoid_backward,
    "relu_backward": relu_backward,
    "L_model_backward": L_model_backward,
    "L_model_forward_backward": L_model_forward_backward,
    "update_parameters": update_parameters,
    "two_layer_model": two_layer_model,
    "L_layer_model": L_layer_model,
    "predict": predict,
}
