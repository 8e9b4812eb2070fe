"""Random networks with members, which the tests of exporters share."""

import numpy as np

import deepcore as dc
from deepcore import tabular

HIDDEN = [name for name in dc.catalog.activations if name not in ("softmax", "exp")]
OUTPUTS = ["linear", "sigmoid", "softmax", "exp", "tanh"]


def random_members(seed, dtype, without=()):
    """A network of random depth, widths, members, embeddings, norms and numbers; and rows for it."""
    rng = np.random.default_rng(seed)
    hidden = [name for name in HIDDEN if name not in without]
    layers, codes, numbers = [], [], int(rng.integers(1, 9))
    if rng.random() < 0.4:
        codes = [int(size) for size in rng.integers(1, 9, rng.integers(0, 3))]
        edges = [np.sort(rng.normal(size=rng.integers(2, 9))).tolist() for _ in range(numbers)]
        layers.append(
            dc.PiecewiseLinearEmbedding(edges, units=3) if rng.random() < 0.5
            else dc.PeriodicEmbedding(numbers, units=2, passes=bool(rng.random() < 0.5))
        )  # fmt: skip
        layers += [dc.CategoryEmbedding(codes, units=2)] if codes else []
    elif rng.random() < 0.3:
        layers.append(dc.Dropout(0.1))
    for _ in range(rng.integers(0, 4)):
        layers += [dc.Scale()] if rng.random() < 0.3 else []
        layers.append(
            dc.Dense(
                int(rng.choice([1, 2, 3, 7, 8, 20, 33, 70])), str(rng.choice(hidden)),
                norm=rng.choice([None, "batch", "layer"]), parametric=bool(rng.random() < 0.3),
                parametrization=str(rng.choice(["standard", "ntk"])),
            )
        )  # fmt: skip
        layers += [dc.Dropout(0.2)] if rng.random() < 0.3 else []
    output = str(rng.choice(OUTPUTS))
    layers.append(dc.Dense(int(rng.integers(2 if output == "softmax" else 1, 7)), output))
    model = dc.Model(
        numbers + len(codes), layers, loss="squared_error" if output == "tanh" else "auto",
        members=int(rng.integers(2, 9)), dtype=np.dtype(dtype).name, seed=seed,
    )  # fmt: skip
    for view in model.parameters.values():
        view[...] += rng.uniform(-0.2, 0.2, view.shape)
    for view in model.running.values():
        view[...] = rng.uniform(0.5, 1.5, view.shape)
    X = np.hstack([rng.normal(size=(9, numbers)), rng.integers(codes, size=(9, len(codes)))])
    return model, X.astype(dtype)


def table_of_members(output, temperature=1.0, members=3):
    """A table model, not trained, of numbers and texts; and new rows for it."""
    m = 40
    table = {"x": np.linspace(-2, 2, m) ** 3, "t": np.array(["a", "b", "c", "d"] * (m // 4), object)}
    y = {"linear": table["x"], "sigmoid": table["x"] > 0}.get(output, table["t"])
    columns, label = tabular.Columns.fit(table), tabular.Label.fit(y)
    numbers, codes, _ = columns.apply(table)
    encoding = tabular.Encoding.fit(numbers, codes, columns.sizes, scaling="robust", clip=True)
    units = 1 if output == "sigmoid" else label.outputs
    activation = "linear" if output == "logits" else output
    network = dc.mlp([encoding.inputs, 6, units], output=activation, members=members, seed=1)
    for view in network.parameters.values():
        view[...] *= 3  # members that differ
    bounds = {"scale": 2.0, "shift": 1.0, "low": -1.5} if output == "linear" else {}
    member = tabular.TableMember(encoding, network, temperature=temperature, **bounds)
    new = {"x": [1.0, np.nan, -5.0, 0.3], "t": ["a", None, "new", "d"]}
    return tabular.TableModel(columns, label, [member]), new
