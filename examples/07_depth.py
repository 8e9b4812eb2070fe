"""Depth: the parity of bits, x1 XOR x2 XOR ... XOR xn, by networks of different depths.

A tree of XORs, two relu units each, computes it exactly with log2(n) hidden layers.
Networks can also learn it; here two hidden layers do, and one hidden layer with more parameters does not.
"""

import itertools

import numpy as np

import deepcore as dc


def parity(bits):
    """All 2^n inputs of 0s and 1s, and whether the number of 1s is odd."""
    X = np.array(list(itertools.product([0.0, 1.0], repeat=bits)))
    return X, X.sum(axis=1).astype(int) % 2


def tree(bits):
    """Parity by hand: with u = relu(a + b) and v = relu(a + b - 1), a XOR b = u - 2 v."""
    widths = [bits // 2**level for level in range(bits.bit_length() - 1)]  # 8, 4, 2
    model = dc.mlp([bits, *widths, 1], activation="relu", dtype="float64")
    read = np.eye(bits)  # how to read each bit from the activations below
    for layer, width in enumerate(widths, start=1):
        sums = read[0::2] + read[1::2]
        model.parameters[f"W{layer}"] = np.repeat(sums, 2, axis=0)
        model.parameters[f"b{layer}"] = np.tile([0.0, -1.0], width // 2).reshape(-1, 1)
        read = np.kron(np.eye(width // 2), [[1.0, -2.0]])
    last = len(widths) + 1
    model.parameters[f"W{last}"] = 20 * read  # sigmoid(20 (xor - 1/2)) is near 0 or 1
    model.parameters[f"b{last}"] = [[-10.0]]
    return model


def learned(sizes, X, y):
    """Trained on all inputs, as -1 and 1, three times; the best of the three by its loss."""
    runs = []
    for seed in range(3):
        model = dc.mlp(sizes, activation="tanh", seed=seed)
        history = model.fit(2 * X - 1, y, dc.Adam(0.01), epochs=300, batch_size=64)
        runs.append((history["loss"][-1], seed, model))
    return min(runs)[-1]


def row(name, model, scores):
    sizes = "-".join(str(n) for n in (model.inputs, *(layer.units for layer in model.layers)))
    count = model.flat_parameters.size
    print(f"{name:20}  {sizes:13}  {count:10}  {scores['loss']:7.4f}  {scores['accuracy']:8.1%}")


def main():
    print(f"{'parity':20}  {'network':13}  parameters     cost  accuracy")
    model = tree(8)
    row("tree by hand", model, model.evaluate(*parity(8)))
    X, y = parity(10)
    nets = {"logistic regression": [], "one hidden layer": [44], "two hidden layers": [16, 16]}
    for name, hidden in nets.items():
        model = learned([10, *hidden, 1], X, y)
        row(name, model, model.evaluate(2 * X - 1, y))


if __name__ == "__main__":
    main()
