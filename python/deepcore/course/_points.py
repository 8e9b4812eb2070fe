"""The points in the plane that the notebooks of course 2 load: circles and moons of scikit-learn."""

from __future__ import annotations

import numpy as np

from deepcore.course._arguments import Array

__all__ = ["circles", "moons"]


def circles(m: int, noise: float, seed: int) -> tuple[Array, Array]:
    """Return X (2, m) and Y (1, m) of two circles, as ``sklearn.datasets.make_circles`` draws them."""
    outer, inner = (np.linspace(0, 2 * np.pi, half, endpoint=False) for half in (m // 2, m - m // 2))
    rings = [
        np.stack([radius * np.cos(t), radius * np.sin(t)], axis=1)
        for t, radius in ((outer, 1.0), (inner, 0.8))
    ]
    return _drawn(rings, noise, seed)


def moons(m: int, noise: float, seed: int) -> tuple[Array, Array]:
    """Return X (2, m) and Y (1, m) of two half-circles, as ``sklearn.datasets.make_moons`` draws them."""
    upper, lower = (np.linspace(0, np.pi, half) for half in (m // 2, m - m // 2))
    arcs = [
        np.stack([np.cos(upper), np.sin(upper)], axis=1),
        np.stack([1 - np.cos(lower), 1 - np.sin(lower) - 0.5], axis=1),
    ]
    return _drawn(arcs, noise, seed)


def _drawn(curves: list[Array], noise: float, seed: int) -> tuple[Array, Array]:
    """Shuffle the points of two curves and move them by noise, with NumPy's legacy generator."""
    random = np.random.RandomState(seed)
    points, labels = np.concatenate(curves), np.repeat([0, 1], [len(curve) for curve in curves])
    order = np.arange(len(points))
    random.shuffle(order)
    X = points[order] + random.normal(scale=noise, size=points.shape)
    return np.ascontiguousarray(X.T), labels[order].reshape(1, -1)
