"""Fashion-MNIST: classify 90% of the test images correctly, within half a minute on two cores.

The program trains a wide network with one cycle of the learning rate and weight decay, and keeps the best
epoch on images that were held out. The four IDX files are not part of deepcore. Put them into a folder
``fashion``, and give the path of the folder that contains ``fashion``:

    DEEPCORE_DATA=/path/to/folder python 09_fashion.py
"""

import sys
import time

import numpy as np

import deepcore as dc
from deepcore import data

KINDS = ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]
EPOCHS, BATCH, HELD_OUT = 15, 256, 0.1


def main():
    try:
        X, y, X_test, y_test = data.load_idx("fashion")
    except FileNotFoundError as error:
        print(f"09_fashion.py: {error}", file=sys.stderr)
        print("needed: fashion/train-images-idx3-ubyte.gz and the three other files", file=sys.stderr)
        sys.exit(2)

    X, X_test = (np.asarray(images, np.float32) for images in (X, X_test))
    mean, deviation = X.mean(), X.std()
    X, X_test = (X - mean) / deviation, (X_test - mean) / deviation

    model = dc.mlp([784, 640, 320, 10], activation="relu", seed=0)
    start = time.perf_counter()
    history = model.fit(
        X,
        y,
        dc.AdamW(dc.OneCycle(1e-3), weight_decay=0.3),
        epochs=EPOCHS,
        batch_size=BATCH,
        validation_split=HELD_OUT,
        callbacks=[dc.EarlyStopping("val_accuracy", patience=EPOCHS)],
    )
    print("epoch    loss  validation accuracy")
    for epoch in range(0, history.epochs, 2):
        print(f"{epoch:5d}  {history['loss'][epoch]:.4f}  {history['val_accuracy'][epoch]:19.2%}")
    print(f"trained in {time.perf_counter() - start:.0f} s")
    print(f"test {model.evaluate(X_test, y_test)['accuracy']:.2%}")

    predicted = model.predict_labels(X_test)
    print("kind      found of 1000  taken for")
    for kind, name in enumerate(KINDS):
        found = np.bincount(predicted[y_test == kind], minlength=10)
        other = np.argmax(np.where(np.arange(10) == kind, -1, found))
        print(f"{name:8s} {found[kind]:14d}  {KINDS[other]} ({found[other]})")


if __name__ == "__main__":
    main()
