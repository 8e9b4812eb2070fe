"""An L-layer network as the notes write it: examples are columns, W[l] (n[l], n[l-1]), b[l] (n[l], 1).

A network is a list of layers ``(units, activation, parameter)`` beside a list of ``(W, b)``.
"""

from __future__ import annotations

import numpy as np

from . import activations, losses


def one_hot(labels, classes):
    """Integer labels (m,) -> Y (classes, m)."""
    return np.eye(classes)[:, labels]


def forward(X, parameters, layers):
    """Returns [A0, A1, ..., AL] and [None, Z1, ..., ZL]."""
    A, Z = [np.asarray(X, dtype=np.float64)], [None]
    for (W, b), (_, activation, parameter) in zip(parameters, layers, strict=True):
        Z.append(W @ A[-1] + b)
        A.append(activations.forward(Z[-1], activation, parameter))
    return A, Z


def log_softmax(Z):
    Z = Z - Z.max(axis=0, keepdims=True)
    return Z - np.log(np.exp(Z).sum(axis=0, keepdims=True))


def loss_values(A, Z, Y, loss, activation):
    """The loss of each example (m,); from Z where loss and output belong together: nothing saturates."""
    if (loss, activation) == ("binary_cross_entropy", "sigmoid"):
        return (activations.softplus(Z) - Y * Z).sum(axis=0)
    if (loss, activation) == ("categorical_cross_entropy", "softmax"):
        return -(Y * log_softmax(Z)).sum(axis=0)
    return losses.values(A, Y, loss)


def cost(X, Y, parameters, layers, loss, weights=None):
    """The mean loss over examples, weighted by ``weights`` (m,) if given."""
    A, Z = forward(X, parameters, layers)
    return float(np.average(loss_values(A[-1], Z[-1], Y, loss, layers[-1][1]), weights=weights))


def backward(X, Y, parameters, layers, loss, weights=None):
    """Returns [None, dZ1, ..., dZL] and [(dW1, db1), ...], the derivatives of the cost."""
    A, Z = forward(X, parameters, layers)
    m, L = A[0].shape[1], len(layers)
    share = np.full(m, 1.0 / m) if weights is None else np.asarray(weights, np.float64) / np.sum(weights)
    dZ, gradients = [None] * (L + 1), [None] * L
    for l in range(L, 0, -1):  # noqa: E741 - l is the layer, as in the notes
        _, activation, parameter = layers[l - 1]
        if l == L and losses.LOSSES[loss].output == activation:
            dZ[l] = (A[l] - Y) * share
        else:
            dA = losses.gradient(A[l], Y, loss) * share if l == L else parameters[l][0].T @ dZ[l + 1]
            dZ[l] = activations.backward(dA, Z[l], activation, parameter)
        gradients[l - 1] = (dZ[l] @ A[l - 1].T, dZ[l].sum(axis=1, keepdims=True))
    return dZ, gradients


def views(flat, tensors):
    """{"W1": ..., "b1": ..., ...}, views of a flat vector; tensors: (name, layer, rows, columns, offset)."""
    return {
        f"{name}{layer}": flat[offset : offset + rows * cols].reshape(cols, rows).T
        for name, layer, rows, cols, offset in tensors
    }


def unpack(flat, tensors):
    """[(W, b), ...], float64 copies from a flat vector."""
    arrays = views(np.array(flat, dtype=np.float64), tensors)
    return [(arrays[f"W{layer}"], arrays[f"b{layer}"]) for name, layer, *_ in tensors if name == "W"]


def distance_to_kinks(X, Y, parameters, layers, loss):
    """The smallest distance of any z, or of a[L] - y, to a point where a derivative jumps."""
    A, Z = forward(X, parameters, layers)
    nearest = [np.inf]
    for z, (_, activation, _) in zip(Z[1:], layers, strict=True):
        nearest += [np.abs(z - kink).min() for kink in activations.ACTIVATIONS[activation].kinks]
    nearest += [np.abs(A[-1] - Y - kink).min() for kink in losses.LOSSES[loss].kinks]
    return min(nearest)
