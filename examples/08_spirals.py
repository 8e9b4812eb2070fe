"""How accuracy depends on the size of a network, on its depth, and on the number of training examples.

The data are points on three spiral arms. 300 test points are never used for training.
"""

import deepcore as dc
from deepcore import data

TEST = data.spirals(300, classes=3, noise=0.2, seed=99)


def train(hidden, m, epochs=300):
    """Return a network trained on m points, its cost, and its accuracies on these and on the test points."""
    X, y = data.spirals(m, classes=3, noise=0.2, seed=1)
    model = dc.mlp([2, *hidden, 3], activation="relu", seed=0)
    history = model.fit(X, y, dc.Adam(0.01), epochs=epochs, batch_size=30)
    accuracies = (model.evaluate(*points)["accuracy"] for points in ((X, y), TEST))
    return model, history["loss"][-1], *accuracies


def main():
    print("hidden layers  parameters    cost   train    test")
    for hidden in ([], [4], [16], [64], [16, 16]):
        model, cost, seen, unseen = train(hidden, m=600)
        name = "-".join(map(str, hidden)) or "none"
        print(f"{name:>13}  {model.flat_parameters.size:10}  {cost:.4f}  {seen:6.1%}  {unseen:6.1%}")

    print("     examples    cost   train    test")
    for m in (15, 30, 60, 150, 600, 3000):
        _, cost, seen, unseen = train([16, 16], m)
        print(f"{m:13}  {cost:.4f}  {seen:6.1%}  {unseen:6.1%}")


if __name__ == "__main__":
    main()
