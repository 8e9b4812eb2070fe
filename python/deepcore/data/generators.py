"""Two-dimensional point sets with a curved boundary: X (m, 2), y (m,), one example per row.

NumPy's legacy ``RandomState`` is used on purpose: its stream is frozen, so the published points come out on
every machine.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepcore import _checks

Points = tuple[NDArray[np.float64], NDArray[np.int64]]


def flower(m: int = 400, seed: int = 1) -> Points:
    """Petals of two interleaved classes: ``(r sin t, r cos t)`` with ``r = 4 sin 4t`` and noise on t and r.

    Args:
        m: Number of examples, even; half of them belong to each class.
        seed: Seed of the noise. ``flower(400, seed=1)`` is the point set of the course (week 3).

    Returns:
        X: shape (m, 2), float64.
        y: shape (m,), int64; class 0 first, then class 1.

    Raises:
        ValueError: if m is not a positive even number.
    """
    _check_count("flower", m, classes=2)
    if m % 2:
        msg = f"flower: m must be even, got {m}; each class has m / 2 points"
        raise ValueError(msg)
    random = np.random.RandomState(seed)
    half = m // 2
    petals = []
    for j in range(2):
        t = np.linspace(j * 3.12, (j + 1) * 3.12, half) + random.randn(half) * 0.2
        r = 4 * np.sin(4 * t) + random.randn(half) * 0.2
        petals.append(np.column_stack([r * np.sin(t), r * np.cos(t)]))
    return np.vstack(petals), np.repeat(np.arange(2, dtype=np.int64), half)


def moons(m: int = 400, noise: float = 0.2, seed: int = 1) -> Points:
    """Two interleaving half circles, shuffled, with normal noise of standard deviation ``noise``.

    Args:
        m: Number of examples, at least 2; ``m // 2`` of them are class 0.
        noise: Standard deviation, 0 or more.
        seed: Seed of the shuffle and of the noise.

    Returns:
        X: shape (m, 2), float64.
        y: shape (m,), int64.

    Raises:
        ValueError: if m or noise is out of range.

    Source: scikit-learn ``make_moons``, the same points for the same seed.
    """
    _check_count("moons", m, classes=2)
    outer = np.linspace(0, np.pi, m // 2)
    inner = np.linspace(0, np.pi, m - m // 2)
    X = np.vstack(
        [
            np.column_stack([np.cos(outer), np.sin(outer)]),
            np.column_stack([1 - np.cos(inner), 1 - np.sin(inner) - 0.5]),
        ]
    )
    return _shuffle_and_blur("moons", X, m, noise, seed)


def circles(m: int = 400, noise: float = 0.05, factor: float = 0.8, seed: int = 1) -> Points:
    """A circle inside a circle, shuffled, with normal noise of standard deviation ``noise``.

    Args:
        m: Number of examples, at least 2; ``m // 2`` of them lie on the outer circle (class 0).
        noise: Standard deviation, 0 or more.
        factor: Radius of the inner circle, between 0 and 1; the outer one has radius 1.
        seed: Seed of the shuffle and of the noise.

    Returns:
        X: shape (m, 2), float64.
        y: shape (m,), int64.

    Raises:
        ValueError: if m, noise or factor is out of range.

    Source: scikit-learn ``make_circles``, the same points for the same seed.
    """
    _check_count("circles", m, classes=2)
    if not 0 <= factor < 1:
        msg = f"circles: factor must be in [0, 1), got {factor}; it is the inner radius"
        raise ValueError(msg)
    outer = np.linspace(0, 2 * np.pi, m // 2, endpoint=False)
    inner = np.linspace(0, 2 * np.pi, m - m // 2, endpoint=False)
    X = np.vstack(
        [
            np.column_stack([np.cos(outer), np.sin(outer)]),
            np.column_stack([np.cos(inner) * factor, np.sin(inner) * factor]),
        ]
    )
    return _shuffle_and_blur("circles", X, m, noise, seed)


def spirals(m: int = 600, classes: int = 3, noise: float = 0.2, seed: int = 1) -> Points:
    """Arms that wind around the origin: ``(r sin t, r cos t)``, r from 0 to 1, noise on the angle t.

    Args:
        m: Number of examples, a multiple of ``classes``.
        classes: Number of arms, at least 2.
        noise: Standard deviation of the angle in radians, 0 or more.
        seed: Seed of the noise.

    Returns:
        X: shape (m, 2), float64.
        y: shape (m,), int64; class after class.

    Raises:
        ValueError: if m, classes or noise is out of range.

    Source: after the spiral data of Stanford's CS231n; each arm turns by 4 radians, here from evenly spaced
    starts.
    """
    if classes < 2:
        msg = f"spirals: classes must be at least 2, got {classes}"
        raise ValueError(msg)
    _check_count("spirals", m, classes)
    _checks.number("spirals", "noise", noise)
    if m % classes:
        msg = f"spirals: m must be a multiple of classes={classes}, got {m}"
        raise ValueError(msg)
    random = np.random.RandomState(seed)
    each = m // classes
    r = np.linspace(0.0, 1.0, each)
    start = np.arange(classes) * (2 * np.pi / classes)
    arms = []
    for angle in start:
        t = np.linspace(angle, angle + 4.0, each) + random.randn(each) * noise
        arms.append(np.column_stack([r * np.sin(t), r * np.cos(t)]))
    return np.vstack(arms), np.repeat(np.arange(classes, dtype=np.int64), each)


def _shuffle_and_blur(who: str, X: NDArray[Any], m: int, noise: float, seed: int) -> Points:
    """Shuffle first, then add noise: the order in which scikit-learn draws from its generator."""
    _checks.number(who, "noise", noise)
    y = np.concatenate([np.zeros(m // 2, np.int64), np.ones(m - m // 2, np.int64)])
    random = np.random.RandomState(seed)
    order = np.arange(m)
    random.shuffle(order)
    return X[order] + random.normal(scale=noise, size=X.shape), y[order]


def _check_count(who: str, m: int, classes: int) -> None:
    if m < classes:
        msg = f"{who}: m must be at least {classes}, one example for each class, got {m}"
        raise ValueError(msg)
