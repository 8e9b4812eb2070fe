"""Embeddings: numbers through cosines or piecewise-linear functions, categories as rows of a table."""

from __future__ import annotations

import numpy as np


def periodic(x, frequency, phase):
    """Basis (m, frequencies) of one column x (m,), and its derivative by the angle."""
    angle = 2 * np.pi * np.outer(x, frequency) + phase
    return np.cos(angle), -np.sin(angle)


def piecewise_linear(x, edges):
    """Basis (m, len(edges)) of one column: x itself, then how far x is within each bin."""
    edges = np.asarray(edges, np.float64)
    parts = (x[:, None] - edges[:-1]) / np.diff(edges)
    parts[:, 1:] = np.maximum(parts[:, 1:], 0)
    parts[:, :-1] = np.minimum(parts[:, :-1], 1)
    return np.concatenate([x[:, None], parts], axis=1)


def forward(X, spec, p):
    """A0 (width, m) of X (m, inputs), and of each embedded number its basis and derivative."""
    X, rows, bases, first = np.asarray(X, np.float64), [], [], 0
    categories = [one for one in spec.embeddings if one.kind == "categories"]
    last = X.shape[1] - sum(one.columns for one in categories)
    for one in spec.embeddings:
        if one.kind == "categories":
            continue
        first, at = (0 if one.passes else one.columns), 0
        for j in range(one.columns):
            if one.kind == "periodic":
                basis, slope = periodic(X[:, j], p["frequency0"][:, j], p["phase0"][:, j])
            else:
                basis, slope = piecewise_linear(X[:, j], one.edges[j]), None
            weight = p["weight0"][:, at : at + basis.shape[1]]
            rows.append(weight @ basis.T + p["offset0"][:, [j]])
            bases.append((X[:, j], basis, slope, at))
            at += basis.shape[1]
    rows.append(X[:, first:last].T)
    for one in categories:
        starts = np.cumsum([0, *one.sizes])
        for k in range(one.columns):
            rows.append(p["table0"][:, X[:, last + k].astype(int) + starts[k]])
    return np.concatenate(rows), bases


def backward(dA0, X, spec, p):
    """Gradients of the embeddings' arrays from dA0 (width, m)."""
    X = np.asarray(X, np.float64)
    _, bases = forward(X, spec, p)
    names = ("frequency0", "phase0", "weight0", "offset0", "table0")
    grads = {f"d{name}": np.zeros(p[name].shape) for name in names if name in p}
    row = 0
    for one in spec.embeddings:
        if one.kind == "categories":
            row, column = dA0.shape[0] - one.columns * one.units, X.shape[1] - one.columns
            starts = np.cumsum([0, *one.sizes])
            for k in range(one.columns):
                d = dA0[row : row + one.units]
                for example, code in enumerate(X[:, column + k].astype(int)):
                    grads["dtable0"][:, starts[k] + code] += d[:, example]
                row += one.units
            continue
        for j, (x, basis, slope, at) in enumerate(bases):
            d, columns = dA0[row : row + one.units], slice(at, at + basis.shape[1])
            grads["dweight0"][:, columns] = d @ basis
            grads["doffset0"][:, j] = d.sum(axis=1)
            if slope is not None:
                dangle = slope * (d.T @ p["weight0"][:, columns])
                grads["dphase0"][:, j] = dangle.sum(axis=0)
                grads["dfrequency0"][:, j] = 2 * np.pi * (x[:, None] * dangle).sum(axis=0)
            row += one.units
    return grads
