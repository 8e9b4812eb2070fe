"""Week 2: logistic regression, the one-layer case of deepcore's functions; arrays run through the graph."""

from __future__ import annotations

from course.loop import floats, train
from deepcore import data, graph
from deepcore import functional as F


def sigmoid(x):
    return F.activation(x, "sigmoid")


def sigmoid_derivative(x):
    return F.activation_derivative(x, "sigmoid")


def image2vector(image):
    return data.images_to_columns(image[None])


def flatten_images(images):
    return data.images_to_columns(images)


def normalize_rows(x):
    x = graph.variable(x, "x")
    return (x / (x * x).sum(axis=1, keepdims=True) ** 0.5).value


def softmax_rows(x):
    return F.softmax(floats(x).T).T


def total_loss(yhat, y, loss):
    return F.compute_cost(floats(yhat).reshape(1, -1), floats(y).reshape(1, -1), loss=loss, reduction="sum")


def L1(yhat, y):
    return total_loss(yhat, y, "absolute_error")


def L2(yhat, y):
    return total_loss(yhat, y, "squared_error")


def dot(a, b):
    return graph.dot(a, b).value


def outer(a, b):
    return graph.dot(floats(a).reshape(-1, 1), floats(b).reshape(1, -1)).value


def elementwise(a, b):
    return (graph.variable(a, "a") * b).value


def sum_keepdims(A):
    A = graph.variable(A, "A")
    sums = {f"axis{axis}": A.sum(axis=axis).value for axis in (0, 1)}
    return sums | {f"axis{axis}_keep": A.sum(axis=axis, keepdims=True).value for axis in (0, 1)}


def initialize_with_zeros(dim):
    parameters = F.initialize_parameters([dim, 1], init="zeros")
    return {"w": parameters["W1"].T, "b": parameters["b1"].item()}


def one_layer(w, b):
    """w (n, 1) and the number b of the course as W1 (1, n) and b1 (1, 1)."""
    return {"W1": floats(w).reshape(1, -1), "b1": floats(b).reshape(1, 1)}


def course_names(parameters, grads):
    """W1, b1, dW1, db1 as the course's w, b, dw, db."""
    return {
        "w": parameters["W1"].T,
        "b": parameters["b1"].item(),
        "dw": grads["dW1"].T,
        "db": grads["db1"].item(),
    }


def propagate(w, b, X, Y):
    X, Y, parameters = floats(X), floats(Y), one_layer(w, b)
    AL, caches = F.model_forward(X, parameters, output="sigmoid")
    grads = F.model_backward(AL, Y, caches, output="sigmoid")
    return course_names(parameters, grads) | {"cost": F.compute_cost(AL, Y, loss="binary_cross_entropy")}


def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, costs_every=100, print_cost=False):
    parameters, grads, costs = train(
        one_layer(w, b), X, Y, activation="linear", learning_rate=learning_rate,
        num_iterations=num_iterations, costs_every=costs_every,
    )  # fmt: skip
    return course_names(parameters, grads) | {"costs": costs}


def predict(w, b, X):
    return F.predict_labels(floats(X), one_layer(w, b), output="sigmoid")


def model(X_train, Y_train, X_test, Y_test=None, num_iterations=2000, learning_rate=0.5, print_cost=False):
    start = initialize_with_zeros(len(X_train))
    result = optimize(start["w"], start["b"], X_train, Y_train, num_iterations, learning_rate)
    predictions = {
        f"Y_prediction_{part}": predict(result["w"], result["b"], X)
        for part, X in (("train", X_train), ("test", X_test))
    }
    return result | predictions | {"learning_rate": learning_rate, "num_iterations": num_iterations}


ADAPTERS = {
    "sigmoid": sigmoid,
    "basic_sigmoid": sigmoid,
    "sigmoid_derivative": sigmoid_derivative,
    "image2vector": image2vector,
    "flatten_images": flatten_images,
    "normalize_rows": normalize_rows,
    "normalizeRows": normalize_rows,
    "softmax_rows": softmax_rows,
    "softmax": softmax_rows,
    "L1": L1,
    "L2": L2,
    "dot": dot,
    "outer": outer,
    "elementwise": elementwise,
    "sum_keepdims": sum_keepdims,
    "initialize_with_zeros": initialize_with_zeros,
    "propagate": propagate,
    "optimize": optimize,
    "predict": predict,
    "model": model,
}
