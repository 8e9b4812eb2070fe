"""Two-dimensional point sets with a curved boundary: X (m, 2), y (m,), one example per row.

They are drawn with NumPy's legacy ``RandomState`` on purpose: its stream never changes, so every machine gets
the published points.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepcore import _checks

Points = tuple[NDArray[np.float64], NDArray[np.int64]]


def flower(m: int = 400, seed: int = 1) -> Points:
    """Draw petals of two classes: ``(r sin t, r cos t)`` with ``r = 4 sin 4t``, and noise on t and r.

    Args:
        m: Number of examples, even; half of them belong to each class.
        seed: Seed, 0 to 2**32 - 1, of the noise. ``flower(400, seed=1)`` is the point set of week 3 of Andrew
            Ng's course "Neural Networks and Deep Learning".

    Returns:
        X: shape (m, 2), float64.
        y: shape (m,), int64; class 0 first, then class 1.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If m is not a positive even number, or the seed is out of range.
    """
    _check_count("flower", m, classes=2)
    if m % 2:
        raise ValueError(f"flower: m must be even, got {m}; each class has m / 2 points")
    random = _random("flower", seed)
    half = m // 2
    petals = []
    for j in range(2):
        t = np.linspace(j * 3.12, (j + 1) * 3.12, half) + random.randn(half) * 0.2
        r = 4 * np.sin(4 * t) + random.randn(half) * 0.2
        petals.append(np.column_stack([r * np.sin(t), r * np.cos(t)]))
    return np.vstack(petals), np.repeat(np.arange(2, dtype=np.int64), half)


def moons(m: int = 400, noise: float = 0.2, seed: int = 1) -> Points:
    """Draw two interleaving half circles, shuffled, with normal noise of standard deviation ``noise``.

    Args:
        m: Number of examples, at least 2; ``m // 2`` of them are class 0.
        noise: Standard deviation, 0 or more.
        seed: Seed, 0 to 2**32 - 1, of the shuffle and of the noise.

    Returns:
        X: shape (m, 2), float64.
        y: shape (m,), int64.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If m, noise or the seed is out of range.

    Source: scikit-learn's ``make_moons``, which draws the same points for the same seed.
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
    """Draw a circle inside a circle, shuffled, with normal noise of standard deviation ``noise``.

    Args:
        m: Number of examples, at least 2; ``m // 2`` of them lie on the outer circle (class 0).
        noise: Standard deviation, 0 or more.
        factor: Radius of the inner circle, between 0 and 1; the outer one has radius 1.
        seed: Seed, 0 to 2**32 - 1, of the shuffle and of the noise.

    Returns:
        X: shape (m, 2), float64.
        y: shape (m,), int64.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If m, noise, factor or the seed is out of range.

    Source: scikit-learn's ``make_circles``, which draws the same points for the same seed.
    """
    _check_count("circles", m, classes=2)
    _checks.number("circles", "factor", factor, below=1)
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
    """Draw arms around the origin: ``(r sin t, r cos t)`` with r from 0 to 1, and noise on the angle t.

    Args:
        m: Number of examples, a multiple of ``classes``.
        classes: Number of arms, at least 2.
        noise: Standard deviation of the angle in radians, 0 or more.
        seed: Seed, 0 to 2**32 - 1, of the noise.

    Returns:
        X: shape (m, 2), float64.
        y: shape (m,), int64; sorted by class.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If m, classes, noise or the seed is out of range.

    Source: The spiral data of Stanford's course CS231n. Each arm turns by 4 radians; here the arms start at
    evenly spaced angles.
    """
    _checks.count("spirals", "classes", classes, low=2)
    _check_count("spirals", m, classes)
    _checks.number("spirals", "noise", noise)
    if m % classes:
        raise ValueError(f"spirals: m must be a multiple of classes={classes}, got {m}")
    random = _random("spirals", seed)
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
    random = _random(who, seed)
    order = np.arange(m)
    random.shuffle(order)
    return X[order] + random.normal(scale=noise, size=X.shape), y[order]


def _check_count(who: str, m: int, classes: int) -> None:
    """Refuse fewer examples than classes."""
    _checks.count(who, "m", m, low=classes)


def _random(who: str, seed: int) -> np.random.RandomState:
    return np.random.RandomState(_checks.count(who, "seed", seed, low=0, high=2**32 - 1))
