"""Examples, files, streams and estimators that several test files build."""

import gzip
import io
import struct

import numpy as np


def random_examples(m=41, inputs=6):
    """Normal inputs (m, inputs) and labels 0, 1, 2 that do not depend on them."""
    rng = np.random.default_rng(3)
    return rng.normal(size=(m, inputs)), rng.integers(3, size=m)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


def idx_bytes(array, magic=None):
    """The content of an IDX file of unsigned bytes."""
    array = np.asarray(array, np.uint8)
    start = bytes([0, 0, 8, array.ndim]) if magic is None else magic
    return start + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx_folder(folder, train, test):
    """The four files of a folder like MNIST's, from two pairs (images, labels); the images are gzipped."""
    folder.mkdir(exist_ok=True)
    for part, (images, labels) in (("train", train), ("t10k", test)):
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return folder


def classifier(**settings):
    """A small MLPClassifier that trains for ten epochs."""
    from deepcore.sklearn import MLPClassifier

    return MLPClassifier(**{"hidden_layer_sizes": 8, "max_iter": 10, "random_state": 0, **settings})


def regressor(**settings):
    """A small MLPRegressor that trains for ten epochs."""
    from deepcore.sklearn import MLPRegressor

    return MLPRegressor(**{"hidden_layer_sizes": 8, "max_iter": 10, "random_state": 0, **settings})
