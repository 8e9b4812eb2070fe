"""Data of the course: cat images, flower points, IDX files, read by deepcore's loaders."""

from __future__ import annotations

import hashlib

import numpy as np

from course import vectors
from deepcore import data


def cat_preprocess(**description):
    vectors.data_path("data/cat/train_catvnoncat.h5")
    X, y, T, t = data.load_cats(vectors.data_folder() / "cat")
    assert (int(y.sum()), int(t.sum())) == (description["train_positives"], description["test_positives"])
    # The notes' orientation: one image in a column.
    X, T = X.T, T.T
    return {
        "X_shape": list(X.shape),
        "T_shape": list(T.shape),
        "column0_first5": X[:5, 0],
        "column1_first10": X[:10, 1],
        "test_column1_first10": T[:10, 1],
    }


def flower_dataset(seed=1, m=400):
    points, labels = data.flower(m, seed=seed)
    X, Y = points.T, labels.reshape(1, -1)
    return {
        "X_shape": list(X.shape),
        "Y_shape": list(Y.shape),
        "X_first3": X[:, :3],
        "X_last3": X[:, -3:],
        "X_mean": X.mean(axis=1),
        "X_sq_sum": np.square(X).sum(),
        "positives": int(Y.sum()),
    }


def idx(images, labels, **hashes):
    X = data.read_idx(vectors.data_path(images))
    y = data.read_idx(vectors.data_path(labels))
    # What was read, written as an IDX file again: magic number, sizes, bytes.
    raw = bytes([0, 0, 8, X.ndim]) + np.array(X.shape, ">u4").tobytes() + X.tobytes()
    return {
        "shape": list(X.shape),
        "first10_labels": y[:10],
        "class_counts": np.bincount(y),
        "pixel_sum": int(X.sum(dtype=np.int64)),
        "pixel_mean": X.mean(),
        "pixel_std": X.std(),
        "image0_row14": X[0, 14],
        "raw_images_sha256": hashlib.sha256(raw).hexdigest(),
    }


# The vectors that test the loaders of data sets.
LOADERS = {
    "cat_preprocess": cat_preprocess,
    "flower_dataset": flower_dataset,
    "idx_mnist": idx,
    "idx_fashion": idx,
}
