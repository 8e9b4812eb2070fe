"""The notes, layer by layer: every matrix of a 2-4-1 network on the two petals, with explicit caches.

Examples are columns here: X is (n_x, m), W[l] (n[l], n[l-1]), Z[l] and A[l] (n[l], m).
"""

import numpy as np

from deepcore import data
from deepcore import functional as F

SIZES = [2, 4, 1]
RATE = 1.2


def forward(X, parameters):
    """A[1], A[2] and what the way back needs: each cache is ((A_prev, W, b), Z)."""
    A1, cache1 = F.linear_activation_forward(X, parameters["W1"], parameters["b1"], "tanh")
    A2, cache2 = F.linear_activation_forward(A1, parameters["W2"], parameters["b2"], "sigmoid")
    return A2, (cache1, cache2)


def backward(A2, Y, caches):
    """From dA[2] = -(y/a) + (1 - y)/(1 - a) down to the first layer."""
    dA2 = F.loss_backward(A2, Y, loss="binary_cross_entropy")
    dA1, dW2, db2 = F.linear_activation_backward(dA2, caches[1], "sigmoid")
    dA0, dW1, db1 = F.linear_activation_backward(dA1, caches[0], "tanh")
    return {"dA0": dA0, "dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def main():
    rows, labels = data.flower(400, seed=1)
    X, Y = rows.T, labels.reshape(1, -1)  # the transpose is a view of the same bytes
    print(F.shape_table(SIZES, m=X.shape[1]))

    parameters = F.initialize_parameters(SIZES, init="normal", seed=1)  # 0.01 randn
    A2, caches = forward(X, parameters)
    for layer, ((A_prev, W, b), Z) in enumerate(caches, start=1):
        print(f"cache {layer}: A_prev {A_prev.shape}, W {W.shape}, b {b.shape}, Z {Z.shape}")
    for name, gradient in backward(A2, Y, caches).items():
        print(f"{name} {gradient.shape}")

    print("iteration    cost")
    for iteration in range(5001):
        A2, caches = forward(X, parameters)
        if iteration % 1000 == 0:
            print(f"{iteration:9d}  {F.compute_cost(A2, Y):.4f}")
        parameters = F.update_parameters(parameters, backward(A2, Y, caches), learning_rate=RATE)

    predicted = F.predict(X, parameters, activation="tanh", output="sigmoid")
    print(f"accuracy {np.mean(predicted == Y):.2%}")


if __name__ == "__main__":
    main()
