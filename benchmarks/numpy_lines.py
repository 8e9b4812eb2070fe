"""The functions of ``deepcore.functional`` beside the NumPy lines that most people would write for them.

``loops.py`` compares and times them.
"""

import numpy as np

from deepcore import functional as F

# Rows and columns of the inputs, and units of the layer that reads them. The last are the images of cats.
SIZES = [
    (3, 5, 4),
    (12, 32, 12),
    (64, 100, 32),
    (256, 256, 128),
    (784, 128, 128),
    (784, 1024, 128),
    (12288, 209, 20),
]


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))


def softmax(Z):
    E = np.exp(Z - Z.max(axis=0))
    return E / E.sum(axis=0)


def gradients(dZ, A_prev, W, input_gradient=True):
    m = dZ.shape[1]
    dW, db = dZ @ A_prev.T / m, dZ.sum(axis=1, keepdims=True) / m
    return (W.T @ dZ, dW, db) if input_gradient else (dW, db)


def forward(X, p):
    A1 = np.maximum(0, p["W1"] @ X + p["b1"])
    return A1, sigmoid(p["W2"] @ A1 + p["b2"])


def backward(X, Y, p, A1, A2, input_gradient):
    dA2 = -(Y / A2) + (1 - Y) / (1 - A2)
    dA1, *second = gradients(dA2 * A2 * (1 - A2), A1, p["W2"])
    return [dA1, *second, *gradients(dA1 * (A1 > 0), X, p["W1"], input_gradient)]


def momentum(p, g, v, beta, rate):
    new_v = {f"d{name}": beta * v[f"d{name}"] + (1 - beta) * g[f"d{name}"] for name in p}
    return [p[name] - rate * new_v[f"d{name}"] for name in p], new_v


def adam(p, g, v, s, t, rate=0.01, beta1=0.9, beta2=0.999, eps=1e-8):
    new = []
    for name in p:
        d = g[f"d{name}"]
        first, second = beta1 * v[f"d{name}"] + (1 - beta1) * d, beta2 * s[f"d{name}"] + (1 - beta2) * d * d
        new.append(p[name] - rate * (first / (1 - beta1**t)) / (np.sqrt(second / (1 - beta2**t)) + eps))
    return new


def in_order(grads):
    """Return gradients of two layers in the order in which ``backward`` returns them."""
    return [grads[name] for name in ("dA1", "dW2", "db2", "dA0", "dW1", "db1") if name in grads]


def make_pairs(features, examples, units, dtype):
    """Return ``{name: (function of deepcore, lines of NumPy)}``, both without arguments."""
    rng = np.random.default_rng(1)

    def draw(*shape):
        return rng.normal(size=shape).astype(dtype)

    X, W, b = draw(features, examples), draw(units, features), draw(units, 1)
    W /= dtype(np.sqrt(features))
    dA, Z, dX = draw(units, examples), draw(units, examples), draw(features, examples)
    XF, p = (
        np.asfortranarray(X),
        {"W1": W, "b1": b, "W2": draw(1, units) / dtype(np.sqrt(units)), "b2": draw(1, 1)},
    )
    P, T = sigmoid(X), (dX > 0).astype(dtype)
    Y, mask, labels = T[:1], dX > -1, np.arange(examples) % 10
    one = {"W1": W, "b1": b}
    g = {"dW1": draw(units, features), "db1": draw(units, 1)}
    v, s = {n: a / 2 for n, a in g.items()}, {n: a * a for n, a in g.items()}
    (A2, caches), A1 = F.model_forward(X, p), forward(X, p)[0]
    return {
        "linear_forward": (lambda: F.linear_forward(X, W, b)[0], lambda: W @ X + b),
        "linear_forward, columns": (lambda: F.linear_forward(XF, W, b)[0], lambda: W @ XF + b),
        "linear_activation_forward": (
            lambda: F.linear_activation_forward(X, W, b, "relu")[0], lambda: np.maximum(0, W @ X + b)
        ),
        "model_forward": (lambda: F.model_forward(X, p)[0], lambda: forward(X, p)[1]),
        "predict_labels": (lambda: F.predict_labels(X, p), lambda: (forward(X, p)[1] > 0.5).astype(int)),
        "linear_backward": (lambda: F.linear_backward(dA, (X, W, b)), lambda: gradients(dA, X, W)),
        "linear_backward, columns": (lambda: F.linear_backward(dA, (XF, W, b)), lambda: gradients(dA, XF, W)),
        "linear_backward without dA": (
            lambda: F.linear_backward(dA, (X, W, b), input_gradient=False)[1:],
            lambda: gradients(dA, X, W, False),
        ),
        "linear_activation_backward": (
            lambda: F.linear_activation_backward(dA, ((X, W, b), Z), "relu"),
            lambda: gradients(dA * (Z > 0), X, W),
        ),
        "model_backward": (
            lambda: in_order(F.model_backward(A2, Y, caches, input_gradient=True)),
            lambda: backward(X, Y, p, A1, A2, True)
        ),
        "model_backward without dA0": (
            lambda: in_order(F.model_backward(A2, Y, caches)),
            lambda: backward(X, Y, p, A1, A2, False),
        ),
        "sigmoid": (lambda: F.sigmoid(X), lambda: sigmoid(X)),
        "sigmoid, columns": (lambda: F.sigmoid(XF), lambda: sigmoid(XF)),
        "tanh": (lambda: F.tanh(X), lambda: np.tanh(X)),
        "relu": (lambda: F.relu(X), lambda: np.maximum(0, X)),
        "softmax": (lambda: F.softmax(X), lambda: softmax(X)),
        "activation_backward, relu": (lambda: F.activation_backward(dX, X, "relu"), lambda: dX * (X > 0)),
        "activation_derivative, tanh": (
            lambda: F.activation_derivative(X, "tanh"), lambda: 1 - np.tanh(X) ** 2
        ),
        "compute_cost": (
            lambda: F.compute_cost(P, T),
            lambda: -np.sum(T * np.log(P) + (1 - T) * np.log(1 - P)) / examples,
        ),
        "loss_backward": (lambda: F.loss_backward(P, T), lambda: -(T / P) + (1 - T) / (1 - P)),
        "weight_penalty": (
            lambda: F.weight_penalty(one, 0.1, examples), lambda: 0.1 / (2 * examples) * np.sum(np.square(W))
        ),
        "update_parameters": (
            lambda: list(F.update_parameters(one, g, 0.1).values()),
            lambda: [value - 0.1 * g[f"d{name}"] for name, value in one.items()],
        ),
        "update_parameters_with_momentum": (
            lambda: list(F.update_parameters_with_momentum(one, g, v, 0.9, 0.1)[0].values()),
            lambda: momentum(one, g, v, 0.9, 0.1)[0],
        ),
        "update_parameters_with_adam": (
            lambda: list(F.update_parameters_with_adam(one, g, v, s, 2)[0].values()),
            lambda: adam(one, g, v, s, 2),
        ),
        "dropout_forward": (lambda: F.dropout_forward(X, 0.8, mask), lambda: X * mask / 0.8),
        "one_hot": (lambda: F.one_hot(labels, 10), lambda: np.eye(10)[:, labels]),
    }  # fmt: skip


def agree(got, expected, dtype):
    """Return whether both results are the same up to rounding."""
    tolerance = 2e-3 if dtype is np.float32 else 1e-10
    mine, others = (x if isinstance(x, (list, tuple)) else [x] for x in (got, expected))
    scale = [max(1.0, float(np.abs(b).max())) for b in others]
    return len(mine) == len(others) and all(
        np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=tolerance, atol=tolerance * s)
        for a, b, s in zip(mine, others, scale, strict=True)
    )
