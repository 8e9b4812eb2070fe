"""A table of houses: predict the price (regression), and whether a house was sold (classification)."""

import csv
import tempfile
from pathlib import Path

import numpy as np

import deepcore as dc
from deepcore import data

HEADER = ["area", "rooms", "age", "distance", "price", "sold"]


def write_houses(path, m=1000, seed=0):
    """Write a table of invented houses.

    The columns are the area in square metres, the number of rooms, the age in years, the distance from
    the centre in kilometres, the price in thousands, and whether the house was sold.
    """
    random = np.random.RandomState(seed)
    area, age, distance = random.uniform(30, 250, m), random.uniform(0, 90, m), random.uniform(0, 30, m)
    rooms = np.clip(np.round(area / 30 + random.randn(m)), 1, 9)
    price = area * 3 * (1 + np.exp(-distance / 8)) * (1 - age / 250) + 12 * rooms + 10 * random.randn(m)
    sold = np.where(price / area + 0.3 * random.randn(m) < 4.5, "yes", "no")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        columns = (area.round(1), rooms, age.round(), distance.round(1), price.round(1), sold)
        writer.writerows(zip(*columns, strict=True))


def regression(path):
    table = data.read_csv(path, label="price", drop=["sold"])
    X_train, X_test, y_train, y_test = data.train_test_split(table.X, table.y)
    # Inputs and prices are scaled to mean 0 and deviation 1 with the statistics of the training part.
    inputs, prices = data.Standardizer().fit(X_train), data.Standardizer().fit(y_train[:, None])
    model = dc.mlp([4, 32, 16, 1], output="linear", seed=0)
    model.fit(inputs.transform(X_train), prices.transform(y_train[:, None]), epochs=100, batch_size=32)

    predicted = prices.inverse_transform(model.predict(inputs.transform(X_test)))[:, 0]
    for i in range(3):
        house = ", ".join(f"{name} {x:g}" for name, x in zip(table.features, X_test[i], strict=True))
        print(f"{house}: {y_test[i]:.0f}, predicted {predicted[i]:.0f}")
    error = np.mean((predicted - y_test) ** 2)
    print(f"price: mean absolute error {np.mean(np.abs(predicted - y_test)):.1f}")
    print(f"price: R2 {1 - error / np.var(y_test):.3f}")


def classification(path):
    table = data.read_csv(path, label="sold")
    X_train, X_test, y_train, y_test = data.train_test_split(table.X, table.y)
    inputs, labels = data.Standardizer().fit(X_train), data.LabelMap().fit(y_train)
    model = dc.mlp([5, 16, 1], seed=0)
    model.fit(inputs.transform(X_train), labels.encode(y_train), epochs=60, batch_size=32)
    print(f"sold: classes {labels.classes}")
    print(f"sold: accuracy {model.evaluate(inputs.transform(X_test), labels.encode(y_test))['accuracy']:.1%}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        houses = Path(folder) / "houses.csv"
        write_houses(houses)
        regression(houses)
        classification(houses)


if __name__ == "__main__":
    main()
