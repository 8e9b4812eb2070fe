"""Write files of every kind in the present format; they are kept and read for ever.

python tests/compat/write_files.py tests/compat/format_2

Run it once per format, and commit what it wrote: files that exist are never replaced.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

import deepcore as dc


def classes(seed, outputs=3):
    """Examples of ``outputs`` classes with four features."""
    rng = np.random.default_rng(seed)
    y = rng.integers(outputs, size=60)
    return rng.normal(size=(60, 4)) + y[:, np.newaxis] * 0.5, y


def numbers(seed):
    """Examples of a regression with four features."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 4))
    return X, X[:, :1] - 2 * X[:, 1:2] ** 2


def models():
    """Return ``{name: (model, X, y, extras)}``; the models are not trained yet."""
    return {
        "plain": (dc.mlp([4, 5, 3], seed=1), *classes(1), {}),
        "one_layer": (dc.mlp([4, 1], seed=2), *classes(2, 2), {}),
        "float64": (dc.mlp([4, 5, 1], activation="tanh", output="linear", dtype="float64", seed=3),
                    *numbers(3), {}),
        "batch_norm": (dc.mlp([4, 6, 5, 3], norm="batch", seed=4), *classes(4), {}),
        "layer_norm": (dc.mlp([4, 6, 3], norm="layer", dtype="float64", seed=5), *classes(5), {}),
        "dropout": (dc.Model(4, [dc.Dropout(0.1), dc.Dense(6), dc.Dropout(0.25), dc.Dense(3, "softmax")],
                             seed=6), *classes(6), {}),
        "scale": (dc.Model(4, [dc.Scale(), dc.Dense(5, "selu", parametrization="ntk"),
                               dc.Dense(3, "softmax", rate={"b": 0.1}, decay={"b": 0.0})], seed=7),
                  *classes(7), {}),
        "parametric": (dc.Model(4, [dc.Dense(5, "mish", parametric=True), dc.Dense(4, "leaky_relu",
                                parameter=0.2), dc.Dense(3, "softmax")], seed=8), *classes(8), {}),
        "penalties": (dc.Model(4, [dc.Dense(5, "elu", l1=0.01, l2=0.1, max_norm=2.0), dc.Dense(1, "linear")],
                               loss=dc.Huber(delta=0.7), seed=9), *numbers(9), {}),
        "smoothing": (dc.Model(4, [dc.Dense(5, "gelu"), dc.Dense(3, "softmax")],
                               loss=dc.CrossEntropy(label_smoothing=0.1), seed=2**63 - 1), *classes(10), {}),
        "extras": (dc.mlp([4, 5, 2], seed=11), *classes(11, 2),
                   {"preprocessing": {"mean": [0.1, 1e-300], "classes": ["no", "y\u00e9s"]},
                    "deep": [[[[None]]]], "true": True}),
        "periodic": (dc.Model(4, [dc.PeriodicEmbedding(2, units=3, frequencies=4), dc.CategoryEmbedding([3]),
                                  dc.Scale(), dc.Dense(3, "softmax")], seed=12), *coded(12), {}),
        "piecewise": (dc.Model(4, [dc.PiecewiseLinearEmbedding.at_quantiles(coded(13)[0][:, :3], bins=5,
                                   units=2), dc.CategoryEmbedding([3], units=2), dc.Dense(3, "softmax")],
                               seed=13), *coded(13), {}),
        "members": (dc.Model(4, [dc.CategoryEmbedding([3], units=2), dc.Dense(5), dc.Dense(3, "softmax")],
                             members=4, seed=14), *coded(14), {}),
    }  # fmt: skip


def coded(seed):
    """Examples of three classes with three numbers and the code of a category, 0 to 2."""
    X, y = classes(seed)
    X[:, 3] = np.random.default_rng(seed).integers(3, size=len(X))
    return X, y


def estimators():
    """Return ``{name: (estimator, X, y)}``; the estimators are not fitted yet."""
    from deepcore.sklearn import MLPClassifier, MLPRegressor

    X, y = classes(12)
    return {
        "classifier": (MLPClassifier((5,), max_iter=3, random_state=1), X, np.array(["a", "b", "\u00e7"])[y]),
        "regressor": (MLPRegressor("huber", (5,), max_iter=3, solver="sgd", random_state=1), X, X[:, 0]),
    }


def others():
    """Return ``{name: (object, data)}``, what is saved otherwise; all of it predicts labels or numbers."""
    from deepcore import tabular
    from deepcore.sklearn import RealMLPClassifier, RealMLPRegressor

    X, y = classes(15)
    members = [dc.mlp([4, 5, 3], seed=seed) for seed in (1, 2)]
    for member in members:
        member.fit(X, y, "adam", epochs=2)
    names = np.array(["a", "b", "\u00e7"])[y]
    table = {"size": X[:, 0].tolist(), "colour": names.tolist(),
             "day": [f"2026-{1 + i % 12:02}-03" for i in range(60)]}  # fmt: skip
    columns, label = tabular.Columns.fit(table), tabular.Label.fit(names)
    numbers_of, codes, _ = columns.apply(table)
    encoding = tabular.Encoding.fit(numbers_of, codes, columns.sizes)
    network = dc.mlp([encoding.inputs, 4, 3], output="softmax", seed=3)
    small = {"hidden_layer_sizes": (4,), "n_epochs": 2, "random_state": 1}
    coded_X, _ = coded(16)
    return {
        "ensemble": (dc.Ensemble(members, {"members": 2}), X[:3].tolist()),
        "table_model": (tabular.TableModel(columns, label, [tabular.TableMember(encoding, network)]),
                        {name: values[:3] for name, values in table.items()}),
        "realmlp_classifier": (RealMLPClassifier("td", cv=2, categorical_features=[3], **small)
                               .fit(coded_X, names), coded_X[:3].tolist()),
        "realmlp_regressor": (RealMLPRegressor(n_ens=2, **small).fit(X, X[:, :2]), X[:3].tolist()),
    }  # fmt: skip


def checkpoint(path):
    """Write the file of a training."""
    model = dc.mlp([4, 5, 3], seed=17)
    model.fit(*classes(17), "adam", epochs=2, callbacks=[dc.Checkpoint(path)])
    return model, classes(17)[0][:3].tolist()


def predictions(path, kept, data):
    """What must be known of a file later: its bytes, and what it predicts for the data."""
    predicted = kept.predict(data if isinstance(data, dict) else np.array(data))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"sha256": digest, "data": data, "predictions": np.asarray(predicted).tolist()}


def main(folder):
    """Write the files that are missing, and what they must predict into expected.json."""
    expected_file = folder / "expected.json"
    expected = json.loads(expected_file.read_text()) if expected_file.exists() else {}
    for name, (model, X, y, extras) in models().items():
        path = folder / f"{name}.safetensors"
        if path.exists():
            continue
        model.fit(X, y, "adam", epochs=3, batch_size=16)
        model.save(path, extras=extras)
        expected[path.name] = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "spec": model.spec.to_dict(),
            "epochs_trained": model.epochs_trained,
            "extras": extras,
            "X": X[:3].tolist(),
            "outputs": model.predict(X[:3]).tolist(),
        }
    for name, (estimator, X, y) in estimators().items():
        path = folder / f"{name}.safetensors"
        if path.exists():
            continue
        estimator.fit(X, y).save(path)
        expected[path.name] = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "X": X[:3].tolist(),
            "outputs": estimator.model_.predict(X[:3]).tolist(),
            "predictions": estimator.predict(X[:3]).tolist(),
        }
    for name, (kept, data) in others().items():
        path = folder / f"{name}.safetensors"
        if not path.exists():
            kept.save(path)
            expected[path.name] = predictions(path, kept, data)
    path = folder / "checkpoint.safetensors"
    if not path.exists():
        expected[path.name] = predictions(path, *checkpoint(path))
    expected_file.write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
