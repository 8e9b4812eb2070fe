"""Your own training loop: the model computes gradients, you change them, and the optimizer makes a step.

This loop clips the gradients. Without clipping it does what ``fit`` does, and both give the same
parameters, bit for bit.
"""

import numpy as np

import deepcore as dc
from deepcore import data
from deepcore import functional as F

EPOCHS, BATCH = 60, 32


def own_loop(model, X, y, optimizer, limit=None):
    """Train and return the loss of each epoch; a gradient whose norm is above ``limit`` is scaled to it."""
    state = optimizer.bind(model)
    losses = []
    for epoch in range(EPOCHS):
        total = 0.0
        # The order is that of fit: a function of the seed and the epoch, and not of a hidden state.
        for columns, labels in F.mini_batches(X.T, y.reshape(1, -1), BATCH, seed=model.seed, epoch=epoch):
            loss, grads = model.gradients(columns.T, labels[0])
            length = np.linalg.norm(grads.flat)
            if limit is not None and length > limit:
                grads.flat[:] *= limit / length
            state.step(grads)
            total += loss * columns.shape[1]
        losses.append(total / len(X))
    return losses


def main():
    X, y = data.moons(400, noise=0.2, seed=1)
    steps = EPOCHS * -(-len(X) // BATCH)
    optimizer = dc.Adam(dc.Cosine(0.02, steps=steps))

    own, fitted, clipped = (dc.mlp([2, 16, 16, 1], dtype="float64", seed=3) for _ in range(3))
    losses = own_loop(own, X, y, optimizer)
    history = fitted.fit(X, y, optimizer, epochs=EPOCHS, batch_size=BATCH)
    same = np.array_equal(own.flat_parameters, fitted.flat_parameters)

    print("epoch  own loop     fit")
    for epoch in (*range(0, EPOCHS, 10), EPOCHS - 1):
        print(f"{epoch:5d}  {losses[epoch]:8.4f}  {history['loss'][epoch]:6.4f}")
    print(f"same bits: {same}")

    losses = own_loop(clipped, X, y, optimizer, limit=0.1)
    print(f"with gradients of norm at most 0.1: {losses[-1]:.4f}")
    print(f"accuracy {own.evaluate(X, y)['accuracy']:.2%}")


if __name__ == "__main__":
    main()
