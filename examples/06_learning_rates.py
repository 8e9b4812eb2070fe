"""Learning rates: the cost curves of one network for several learning rates.

A rate that is too small learns slowly, and one that is too large makes the cost jump. Only an experiment
shows which rate is right.
"""

import warnings

import deepcore as dc
from deepcore import data

RATES = [0.001, 0.01, 0.1, 1.0, 100.0]
ITERATIONS = 1000
SIZES = [2, 16, 16, 3]


def curve(rate, X, y):
    """Return the cost at every iteration, and the accuracy at the end."""
    model = dc.mlp(SIZES, activation="relu", dtype="float64", seed=2)
    history = model.fit(X, y, dc.SGD(rate), epochs=ITERATIONS, batch_size=None)
    return history["loss"], model.evaluate(X, y)["accuracy"]


def main():
    X, y = data.spirals(600, classes=3, noise=0.2, seed=1)
    # the largest rate kills every unit of a layer, and fit says so
    warnings.simplefilter("ignore", dc.DeadUnitsWarning)
    runs = [curve(rate, X, y) for rate in RATES]

    print("network " + "-".join(map(str, SIZES)) + ", full-batch gradient descent")
    print("iteration" + "".join(f"{f'rate {rate:g}':>13}" for rate in RATES))
    for iteration in (0, 1, 10, 100, 200, 500, ITERATIONS - 1):
        print(f"{iteration:9d}" + "".join(f"{costs[iteration]:13.4g}" for costs, _ in runs))
    print(" accuracy" + "".join(f"{accuracy:13.1%}" for _, accuracy in runs))
    last = [costs[-1] for costs, _ in runs]
    print(f"best rate {RATES[last.index(min(last))]:g}")


if __name__ == "__main__":
    main()
