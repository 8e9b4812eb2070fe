"""Makes the files of this folder: graphs by PyTorch, Keras and skl2onnx, and the outputs of their models.

It needs torch, onnxscript, keras and skl2onnx, and is run by hand.
"""

import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import onnx
import torch
from keras import layers
from skl2onnx import to_onnx
from sklearn.datasets import load_diabetes, load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

FOLDER = Path(__file__).parent


def keep(name, X, Y):
    """Write the outputs, and remove what names the machine from the graph."""
    np.savez(FOLDER / f"{name}.npz", X=X, Y=Y)
    model = onnx.load(FOLDER / f"{name}.onnx")
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    del graph.value_info[:]
    onnx.save(model, FOLDER / f"{name}.onnx")
    (FOLDER / f"{name}.onnx.data").unlink(missing_ok=True)


def keep_torch(name, *modules, **options):
    network = nn.Sequential(*modules).eval()
    for module in modules:
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 1.5)
    X = torch.randn(4, 5)
    axes = None if options["dynamo"] else {"X": {0: "m"}}
    path = FOLDER / f"{name}.onnx"
    torch.onnx.export(
        network, (X,), path, input_names=["X"], output_names=["Y"], dynamic_axes=axes, **options
    )
    keep(name, X.numpy(), network(X).detach().numpy())


def keep_sklearn(name, estimator, X, y, **options):
    X = X.astype(np.float32)
    estimator.fit(X, y)
    (FOLDER / f"{name}.onnx").write_bytes(to_onnx(estimator, X[:1], **options).SerializeToString())
    classifier = hasattr(estimator, "predict_proba")
    keep(name, X[:4], estimator.predict_proba(X[:4]) if classifier else estimator.predict(X[:4])[:, None])


torch.manual_seed(0)
keep_torch(
    "torch_relu", nn.Flatten(), nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3),
    nn.Linear(8, 3), nn.Softmax(1), dynamo=False,
)  # fmt: skip
keep_torch(
    "torch_gelu", nn.Linear(5, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 6), nn.SiLU(), nn.Linear(6, 6),
    nn.Mish(), nn.Linear(6, 2), dynamo=False, opset_version=17,
)  # fmt: skip
keep_torch(
    "torch_dynamo", nn.Linear(5, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 6), nn.SiLU(), nn.Linear(6, 6),
    nn.PReLU(), nn.Linear(6, 6), nn.Hardtanh(), nn.Linear(6, 6), nn.LeakyReLU(0.1), nn.BatchNorm1d(6),
    nn.Linear(6, 2), nn.Sigmoid(), dynamo=True,
)  # fmt: skip

keras.utils.set_random_seed(0)
network = keras.Sequential(
    [
        keras.Input((5,)), layers.Dense(8, activation="elu"), layers.BatchNormalization(),
        layers.Dense(6, activation="softplus"), layers.Dropout(0.2), layers.Dense(3, activation="softmax"),
    ]
)  # fmt: skip
X = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
Y = np.asarray(network.predict(X, verbose=0))
network.export(FOLDER / "keras_torch.onnx", format="onnx", verbose=False)
keep("keras_torch", X, Y)

X, y = load_iris(return_X_y=True)
options = {"max_iter": 200, "random_state": 0}
keep_sklearn("sklearn_classes", MLPClassifier(8, **options), X, y)
keep_sklearn("sklearn_two", MLPClassifier(8, "tanh", **options), X, y == 1, options={"zipmap": False})
pipeline = make_pipeline(StandardScaler(), MLPClassifier((6, 5), "logistic", **options))
keep_sklearn("sklearn_pipeline", pipeline, X, y)
keep_sklearn(
    "sklearn_regressor", MLPRegressor(hidden_layer_sizes=8, **options), *load_diabetes(return_X_y=True)
)
