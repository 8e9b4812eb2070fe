"""The one pass that looks for infinities and NaN."""

import numpy as np
import pytest

from deepcore import _core

VIEWS = {
    "rows": lambda a: a,
    "columns": np.asfortranarray,
    "reversed": lambda a: a[::-1, ::-1],
    "every other": lambda a: np.repeat(np.repeat(a, 2, axis=0), 3, axis=1)[::2, ::3],
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
    "unaligned": lambda a: (
        np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view(a.dtype.newbyteorder("=")).reshape(a.shape)
    ),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("shape", [(7, 5), (300, 40), (3, 70_000), (70_000, 1)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_row_that_is_not_finite_is_found(dtype, view, shape, bad, rng):
    a = rng.normal(size=shape).astype(dtype)
    a[0, 0], a[-1, -1] = np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal
    assert _core.first_nonfinite_row(VIEWS[view](a)) == -1
    rows = sorted(rng.integers(shape[0], size=2))
    for row in rows:
        a[row, rng.integers(shape[1])] = bad
    there = VIEWS[view](a)
    expected = int((~np.isfinite(there)).any(axis=1).argmax())
    assert _core.first_nonfinite_row(there) == expected


def test_a_vector_has_rows_of_one_number(dtype):
    a = np.ones(10, dtype)
    assert _core.first_nonfinite_row(a[::2]) == -1
    a[4] = np.nan
    assert _core.first_nonfinite_row(a) == 4
    assert _core.first_nonfinite_row(a[::2]) == 2


def test_nothing_is_finite(dtype):
    assert _core.first_nonfinite_row(np.empty((0, 3), dtype)) == -1
    assert _core.first_nonfinite_row(np.empty((3, 0), dtype)) == -1


def test_other_arrays_are_refused():
    with pytest.raises(TypeError, match="a must be float32 or float64, got int64"):
        _core.first_nonfinite_row(np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="a must have 1 or 2 axes"):
        _core.first_nonfinite_row(np.zeros((1, 1, 1)))
