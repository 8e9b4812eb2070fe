"""What the tests of streams share: rows that say their number, and files of arrays."""

import numpy as np

BATCH = 16
#: Small enough for several buffers of several blocks in the few rows of these tests.
SMALL = 1 << 14


def rows(m=1000):
    """Rows that say their own number: X[i] = (i, -i, 1), y[i] = i."""
    number = np.arange(m, dtype=np.float32)
    return np.stack([number, -number, np.ones(m, np.float32)], axis=1), number


def numbers(stream, epoch=0):
    """The numbers of the rows in the order of their visit."""
    X, y = (np.concatenate(arrays) for arrays in zip(*stream.batches(epoch), strict=True))
    assert np.array_equal(X[:, 0], y)
    return y.astype(int)


def save_pair(folder, X, y, name=""):
    """The paths of two new NPY files."""
    paths = folder / f"X{name}.npy", folder / f"y{name}.npy"
    for path, array in zip(paths, (X, y), strict=True):
        np.save(path, array)
    return paths
