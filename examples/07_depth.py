"""Depth: networks of different depths compute the parity of bits, x1 XOR x2 XOR ... XOR xn.

A tree of XORs, with two relu units for each XOR, computes it exactly with log2(n) hidden layers. Networks
can also learn it: here two hidden layers learn it, and one hidden layer with more parameters does not.
The shallow network could represent the function, but gradient descent does not find it.
"""

import itertools

import numpy as np

import deepcore as dc


def parity(bits):
    """Return all 2^n inputs of zeros and ones, and 1 where the number of ones is odd."""
    X = np.array(list(itertools.product([0.0, 1.0], repeat=bits)))
    return X, X.sum(axis=1).astype(int) % 2


def tree(bits):
    """Return a network whose weights are set by hand: a XOR b = relu(a + b) - 2 relu(a + b - 1)."""
    widths = [bits // 2**level for level in range(bits.bit_length() - 1)]  # 8, 4, 2
    model = dc.mlp([bits, *widths, 1], activation="relu", dtype="float64")
    read = np.eye(bits)  # each bit as a sum of the activations of the previous layer
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
    """Train three networks on all inputs, given as -1 and 1, and return the one with the smallest loss."""
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
