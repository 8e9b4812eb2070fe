"""Targets of any size are scaled for training, and predictions come back on their own scale."""

import numpy as np
import pytest

from deepcore._realmlp.targets import Numbers


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e-170, 1e160, 2.0**1000])
def test_targets_of_every_scale_are_encoded_alike(scale, rng):
    y = rng.normal(size=(50, 2)) * [1.0, 8.0] + 3.0
    one, scaled = Numbers.fit(y, True), Numbers.fit(y * scale, True)
    encoded = scaled.encode(y * scale, np.float64)
    assert np.allclose(encoded.std(axis=0), 1)
    assert np.allclose(encoded, one.encode(y, np.float64), rtol=1e-9, atol=1e-9)
    assert np.allclose(scaled.decode(encoded) / scale, y, rtol=1e-12)
    off = y * scale * 1.25
    assert np.isclose(scaled.error(y * scale, off) / scale, one.error(y, y * 1.25), rtol=1e-12)


def test_mean_and_deviation_are_those_of_numpy_bit_for_bit(rng):
    y = rng.normal(size=(99, 3)) * [1e-3, 1.0, 1e6]
    fitted = Numbers.fit(y, False)
    assert np.array_equal(fitted.mean, y.mean(axis=0))
    assert np.array_equal(fitted.deviation, y.std(axis=0))


def test_a_target_that_is_always_the_same_is_predicted_exactly():
    y = np.full((30, 1), 0.1)  # its mean is rounded: 0.09999999999999999
    fitted = Numbers.fit(y, False)
    assert (fitted.encode(y, np.float32) == 0).all()
    assert (fitted.decode(np.ones((2, 1))) == 0.1).all()
