"""Handwritten digits: train, stop early, look at the mistakes, save and load."""

import tempfile
from pathlib import Path

import numpy as np

import deepcore as dc
from deepcore import data

SHADES = " .:*#"


def draw(image):
    """Return an image of 8 x 8 pixels from 0 to 16 as lines of characters."""
    shades = np.round(image.reshape(8, 8) / 16 * (len(SHADES) - 1)).astype(int)
    return "\n".join("    " + "".join(SHADES[shade] * 2 for shade in row) for row in shades)


def main():
    X, y = data.load_digits()  # uint8 (1797, 64) and labels 0 to 9; part of the package
    X_rest, X_test, y_rest, y_test = data.train_test_split(X, y, test_size=0.2, seed=0)
    # The data that decide when to stop are used neither for training nor for testing.
    X_train, X_val, y_train, y_val = data.train_test_split(X_rest, y_rest, test_size=0.2, seed=1)

    model = dc.mlp([64, 128, 64, 10], activation="relu", seed=0)
    print(model.summary())
    stop = dc.EarlyStopping("val_accuracy", patience=10)
    history = model.fit(
        X_train / 16,
        y_train,
        dc.Adam(1e-3),
        epochs=60,
        batch_size=32,
        validation_data=(X_val / 16, y_val),
        callbacks=[stop],
    )
    print("epoch    loss  validation accuracy")
    for epoch in range(0, history.epochs, 5):
        print(f"{epoch:5d}  {history['loss'][epoch]:.4f}  {history['val_accuracy'][epoch]:19.2%}")
    print(f"stopped after {history.epochs} epochs; the best was {stop.best_epoch}")
    print(f"train {model.evaluate(X_train / 16, y_train)['accuracy']:.2%}")
    print(f"test {model.evaluate(X_test / 16, y_test)['accuracy']:.2%}")

    predicted = model.predict_labels(X_test / 16)
    wrong = np.flatnonzero(predicted != y_test)
    if len(wrong):
        print(f"one of {len(wrong)} mistakes: a {y_test[wrong[0]]} taken for a {predicted[wrong[0]]}")
        print(draw(X_test[wrong[0]]))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.safetensors"
        model.save(path, extras={"scale": 16})
        copy = dc.load(path)
    print(f"loaded again: same bits {np.array_equal(copy.flat_parameters, model.flat_parameters)}")


if __name__ == "__main__":
    main()
