"""Every matrix of a 2-4-1 network on the flower data, layer by layer, with explicit caches.

The notation is that of Andrew Ng's course "Neural Networks and Deep Learning". Examples are columns:
X has shape (n_x, m), W[l] (n[l], n[l-1]), and Z[l] and A[l] have shape (n[l], m).
"""

import numpy as np

from deepcore import data
from deepcore import functional as F

SIZES = [2, 4, 1]
RATE = 1.2


def forward(X, parameters):
    """Return A[2] and the caches that the backward pass reads; each cache is ((A_prev, W, b), Z)."""
    A1, cache1 = F.linear_activation_forward(X, parameters["W1"], parameters["b1"], "tanh")
    A2, cache2 = F.linear_activation_forward(A1, parameters["W2"], parameters["b2"], "sigmoid")
    return A2, (cache1, cache2)


def backward(A2, Y, caches):
    """Return the gradients, starting from dA[2] = -(y/a) + (1 - y)/(1 - a)."""
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

    predicted = F.predict_labels(X, parameters, activation="tanh", output="sigmoid")
    print(f"accuracy {np.mean(predicted == Y):.2%}")


if __name__ == "__main__":
    main()
