"""Cat or no cat: the three networks of Andrew Ng's course "Neural Networks and Deep Learning".

The course has 209 training and 50 test images of 64 x 64 x 3 pixels. Its two HDF5 files are not part of
deepcore. Put them into a folder ``cat``, and give the path of the folder that contains ``cat``:

    DEEPCORE_DATA=/path/to/folder python 04_cats.py
"""

import sys

import numpy as np

import deepcore as dc
from deepcore import data


def networks(inputs):
    """Yield (name, model, learning rate, iterations) as in the course, with other random initial weights."""
    # One layer may start at zero, because it has no hidden units that must differ.
    yield "logistic regression", dc.mlp([inputs, 1], init="zeros"), 0.005, 2000
    yield "two layers", dc.mlp([inputs, 7, 1], init="normal", seed=1), 0.0075, 2500
    yield "four layers", dc.mlp([inputs, 20, 7, 5, 1], init="inverse_sqrt", seed=1), 0.0075, 2500


def main():
    try:
        X_train, y_train, X_test, y_test = data.load_cats("cat")
    except (FileNotFoundError, ImportError) as error:
        print(f"04_cats.py: {error}", file=sys.stderr)
        print("needed: cat/train_catvnoncat.h5 and cat/test_catvnoncat.h5, and h5py", file=sys.stderr)
        sys.exit(2)

    X_train, X_test = np.float32(X_train / 255), np.float32(X_test / 255)
    for name, model, rate, iterations in networks(X_train.shape[1]):
        # batch_size=None: every step uses all images, as in the course.
        history = model.fit(X_train, y_train, dc.SGD(rate), epochs=iterations, batch_size=None)
        print(f"{name}: {model}")
        for iteration in range(0, iterations, 500):
            print(f"  cost after {iteration:4d} iterations  {history['loss'][iteration]:.4f}")
        for part, X, y in (("train", X_train, y_train), ("test", X_test, y_test)):
            print(f"  {part} accuracy {model.evaluate(X, y)['accuracy']:.2%}")


if __name__ == "__main__":
    main()
