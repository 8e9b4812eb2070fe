"""Weights with factors give the numbers of the whole matrix, in pieces."""

import numpy as np
import pytest

from deepcore.files.weights import Numbers, Weights


@pytest.mark.parametrize("shape", [(3, 5), (700, 300), (2, 300_000), (1, 1), (4, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_pieces_products_and_parts_are_those_of_the_matrix(shape, order, rng):
    stored = np.array(rng.normal(size=shape).astype(np.float32), order=order)
    rows, columns = rng.uniform(1, 2, shape[0]), rng.uniform(1, 2, shape[1])
    W = Weights(stored).times(rows=rows).times(columns=columns).times(rows=2)
    expected = 2 * rows[:, np.newaxis] * columns * stored
    np.testing.assert_allclose(W.array(), expected, rtol=1e-14)
    for weights, matrix in ((W, expected), (W.transposed, expected.T)):
        pieces = [np.empty(0), *weights.numbers.pieces()]
        np.testing.assert_allclose(np.concatenate(pieces), matrix.ravel(), rtol=1e-14)
        assert max(piece.size for piece in pieces) <= 1 << 17
    X = rng.normal(size=(3, shape[1]))
    np.testing.assert_allclose(W.outputs(X), X @ expected.T, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(W.largest(), np.abs(expected).max(axis=1, initial=0), rtol=1e-14)
    if shape[0] % 2 == 0:
        halves = [half.array() for half in W.split(2)]
        np.testing.assert_allclose(np.concatenate(halves), expected, rtol=1e-14)


def test_the_array_of_weights_is_a_copy():
    stored = np.ones((2, 3))
    array = Weights(stored).array()
    array[...] = 5
    assert (stored == 1).all()


@pytest.mark.parametrize("shape", [(), (3,), (0, 4), (5, 2, 3), (300_000,), (3, 200_000)])
def test_numbers_come_in_c_order(shape, rng):
    values = np.asarray(rng.normal(size=shape))
    numbers = Numbers.of(values)
    assert numbers.shape == shape
    pieces = [np.empty(0), *numbers.pieces()]
    np.testing.assert_array_equal(np.concatenate(pieces), values.ravel())
