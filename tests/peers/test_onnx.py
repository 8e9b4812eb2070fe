"""deepcore and ONNX: files that deepcore writes run elsewhere, and files of others become models."""

import math
from pathlib import Path

import numpy as np
import pytest

import deepcore as dc
from onnx_graphs import B, W, X, graph, node

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra `onnx`)")

pytestmark = pytest.mark.peers

FIXTURES = Path(__file__).parents[1] / "data" / "onnx"
HIDDEN = [name for name in dc.catalog.activations if name not in ("softmax", "exp")]
OUTPUTS = ["linear", "sigmoid", "softmax", "exp", "tanh"]
# The norm of a difference relative to the norm of the outputs: a few sums of some hundred terms.
BOUND = {np.float32: 1e-5, np.float64: 1e-6}


def random_model(seed, dtype, without=()):
    """A model of random depth, widths, activations, norms and numbers."""
    rng = np.random.default_rng(seed)
    hidden = [name for name in HIDDEN if name not in without]
    layers = [dc.Dropout(0.1)] if rng.random() < 0.2 else []
    for _ in range(rng.integers(0, 4)):
        if rng.random() < 0.2:
            layers.append(dc.Scale())
        layers.append(
            dc.Dense(
                int(rng.integers(1, 40)), str(rng.choice(hidden)), norm=rng.choice([None, "batch", "layer"]),
                parametric=bool(rng.random() < 0.2), parametrization=str(rng.choice(["standard", "ntk"])),
            )
        )  # fmt: skip
        if rng.random() < 0.2:
            layers.append(dc.Dropout(0.2))
    output = str(rng.choice(OUTPUTS))
    layers.append(dc.Dense(int(rng.integers(2, 6)), output))
    loss = "auto" if output != "tanh" else "squared_error"
    model = dc.Model(int(rng.integers(1, 30)), layers, loss=loss, dtype=np.dtype(dtype).name, seed=seed)
    for view in model.parameters.values():
        view[...] += rng.uniform(-0.2, 0.2, view.shape)
    for view in model.running.values():
        view[...] = rng.uniform(0.5, 1.5, view.shape)
    return model, rng.normal(size=(7, model.inputs)).astype(dtype)


def assert_close(found, expected, dtype, what=""):
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert error < BOUND[dtype], what


def onnxruntime_outputs(path, X, output=None):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra `peers`)")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(output, {session.get_inputs()[0].name: X})[0]


SEEDS = [*range(12), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(12, 200))]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_architectures_agree_with_onnxruntime_and_come_back(seed, dtype, tmp_path):
    without = ["gelu"] if dtype is np.float64 else []  # ONNX Runtime has no erf of float64
    model, X = random_model(seed, dtype, without)
    model.to_onnx(tmp_path / "a.onnx", fold=bool(seed % 2))
    expected = model.predict(X)
    assert_close(onnxruntime_outputs(tmp_path / "a.onnx", X), expected, dtype, model)
    back = dc.from_onnx(tmp_path / "a.onnx")
    assert back.dtype == dtype
    assert_close(back.predict(X), expected, dtype, model)


def embedded_model(seed, dtype):
    """A model with random embeddings, and rows of numbers and codes."""
    rng = np.random.default_rng(seed)
    numbers, sizes = int(rng.integers(1, 5)), [int(size) for size in rng.integers(1, 9, rng.integers(0, 4))]
    edges = [np.sort(rng.normal(size=rng.integers(2, 9))).tolist() for _ in range(numbers)]
    units = int(rng.integers(1, 5))
    layers = [
        dc.PiecewiseLinearEmbedding(edges, units=units)
        if rng.random() < 0.5
        else dc.PeriodicEmbedding(numbers, units=units, passes=bool(rng.random() < 0.5))
    ]
    if sizes:
        layers.append(dc.CategoryEmbedding(sizes, units=3))
    layers += [
        dc.Scale(),
        dc.Dense(7, "mish", parametric=True, parametrization="ntk"),
        dc.Dense(3, "softmax"),
    ]
    others = int(rng.integers(0, 3))
    model = dc.Model(numbers + others + len(sizes), layers, dtype=np.dtype(dtype).name, seed=seed)
    for view in model.parameters.values():
        view[...] += rng.uniform(-0.2, 0.2, view.shape)
    codes = rng.integers(sizes, size=(9, len(sizes)))
    return model, np.hstack([2 * rng.normal(size=(9, numbers + others)), codes]).astype(dtype)


@pytest.mark.parametrize("seed", range(6))
def test_networks_with_embeddings_agree_with_onnxruntime(seed, dtype, tmp_path):
    model, X = embedded_model(seed, dtype)
    model.to_onnx(tmp_path / "a.onnx")
    assert_close(onnxruntime_outputs(tmp_path / "a.onnx", X), model.predict(X), dtype, model)


def test_an_ensemble_agrees_with_onnxruntime(dtype, tmp_path, rng):
    models = [dc.mlp([3, n, 2], output="linear", dtype=np.dtype(dtype).name, seed=n) for n in (4, 5, 6)]
    ensemble, X = dc.Ensemble(models), rng.normal(size=(9, 3)).astype(dtype)
    ensemble.to_onnx(tmp_path / "a.onnx")
    assert_close(onnxruntime_outputs(tmp_path / "a.onnx", X), ensemble.predict(X), dtype)


@pytest.mark.parametrize("name", sorted(path.stem for path in FIXTURES.glob("*.onnx")))
def test_files_of_other_libraries_become_models_that_predict_the_same(name):
    """tests/data/onnx/make_fixtures.py made the files and the outputs."""
    recorded = np.load(FIXTURES / f"{name}.npz")
    model = dc.from_onnx(FIXTURES / f"{name}.onnx")
    found, expected = model.predict(recorded["X"]), recorded["Y"]
    if found.shape[1] == 1 and expected.shape[1] == 2:  # scikit-learn gives 1 - p and p
        found = np.hstack([1 - found, found])
    assert_close(found, expected, np.float32)


def test_a_model_that_was_read_trains(tmp_path, rng):
    model = dc.from_onnx(FIXTURES / "torch_relu.onnx")
    X = rng.normal(size=(60, 5))
    y = X[:, :3].argmax(axis=1)
    history = model.fit(X, y, dc.Adam(0.02), epochs=20, batch_size=None)
    assert history["loss"][-1] < history["loss"][0]


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([node("Gemm", "X W b")], X @ W + B),
        ([node("Gemm", "X V b", transB=1, alpha=2.0, beta=0.5)], 2 * X @ W + B / 2),
        ([node("Gemm", "X W")], X @ W),
        ([node("MatMul", "X W", "Z"), node("Add", "Z b")], X @ W + B),
        ([node("MatMul", "X W", "Z"), node("Add", "b Z")], X @ W + B),
        ([node("MatMul", "X W", "Z"), node("Sub", "b Z")], B - X @ W),
        ([node("Transpose", "V", "T"), node("MatMul", "X T", "Z"), node("Div", "Z b")], X @ W / B),
        ([node("Sub", "X one", "A"), node("Mul", "two A", "C"), node("Gemm", "C W b")], 2 * (X - 1) @ W + B),
        ([node("Gemm", "X W b", "Z"), node("Identity", "Z")], X @ W + B),
        ([node("Gemm", "X W b", "Z"), node("Relu", "Z", "A"), node("Mul", "A two", "C"), node("Gemm", "C S")],
         2 * np.maximum(X @ W + B, 0) @ W[:3]),
    ],
)  # fmt: skip
def test_graphs_made_by_hand_become_models(nodes, expected, tmp_path):
    constants = {"W": W, "V": W.T.copy(), "b": B, "one": np.float32(1), "two": np.float32([2]), "S": W[:3]}
    onnx.save(graph(nodes, constants), tmp_path / "a.onnx")
    assert_close(dc.from_onnx(tmp_path / "a.onnx").predict(X), expected, np.float32)


def test_a_graph_of_local_functions_becomes_a_model(tmp_path):
    made = graph([node("Dense", "X W b", domain="own")], {"W": W, "b": B})
    opset = onnx.helper.make_opsetid("", 18)
    inner = [node("MatMul", "x w", "z"), node("Add", "z v", "y")]
    made.functions.append(onnx.helper.make_function("own", "Dense", ["x", "w", "v"], ["y"], inner, [opset]))
    made.opset_import.append(onnx.helper.make_opsetid("own", 1))
    onnx.save(made, tmp_path / "a.onnx")
    assert_close(dc.from_onnx(tmp_path / "a.onnx").predict(X), X @ W + B, np.float32)


def test_constants_are_computed_as_the_opset_of_the_file_defines_them(tmp_path):
    made = graph([node("Unsqueeze", "b", "row", axes=[0]), node("Gemm", "X W row")], {"W": W, "b": B})
    made.opset_import[0].version = 11  # axes became an input in opset 13
    onnx.save(made, tmp_path / "a.onnx")
    assert_close(dc.from_onnx(tmp_path / "a.onnx").predict(X), X @ W + B, np.float32)


def test_weights_that_are_whole_numbers_with_a_scale_are_computed(tmp_path):
    constants = {"Q": np.int8(100 * W), "scale": np.float32(0.01), "zero": np.int8(0)}
    made = graph([node("DequantizeLinear", "Q scale zero", "V"), node("Gemm", "X V")], constants)
    made.opset_import[0].version = 13  # onnx evaluates this operator from opset 19 on only
    onnx.save(made, tmp_path / "a.onnx")
    assert_close(dc.from_onnx(tmp_path / "a.onnx").predict(X), X @ (constants["Q"] * 0.01), np.float32)


def gelu(z):
    return z * (1 + np.vectorize(math.erf)(z / np.sqrt(2))) / 2


# What tf2onnx makes of Keras layers: MatMul and Add under the names of TensorFlow, a Reshape for Flatten,
# batch norm as a product and a sum, and activations that are no operator in parts. They are made by hand.
TENSORFLOW = {
    "dense": (
        [node("Reshape", "X shape", "sequential/flatten/Reshape:0", name="sequential/flatten/Reshape"),
         node("MatMul", "sequential/flatten/Reshape:0 W", "sequential/dense/MatMul:0"),
         node("Add", "sequential/dense/MatMul:0 b", "sequential/dense/BiasAdd:0"),
         node("Relu", "sequential/dense/BiasAdd:0", "sequential/dense/Relu:0"),
         node("MatMul", "sequential/dense/Relu:0 S", "sequential/dense_1/MatMul:0"),
         node("Add", "sequential/dense_1/MatMul:0 b", "sequential/dense_1/BiasAdd:0"),
         node("Sigmoid", "sequential/dense_1/BiasAdd:0")],
        lambda: 1 / (1 + np.exp(-(np.maximum(X @ W + B, 0) @ W[:3] + B))),
    ),
    "batch normalization": (
        [node("MatMul", "X W", "dense/MatMul:0"), node("Add", "dense/MatMul:0 b", "dense/BiasAdd:0"),
         node("Tanh", "dense/BiasAdd:0", "dense/Tanh:0"),
         node("Mul", "dense/Tanh:0 b", "batchnorm/mul_1:0"),
         node("Add", "batchnorm/mul_1:0 b", "batchnorm/add_1:0"),
         node("MatMul", "batchnorm/add_1:0 S")],
        lambda: (np.tanh(X @ W + B) * B + B) @ W[:3],
    ),
    "gelu": (
        [node("MatMul", "X W", "dense/MatMul:0"), node("Add", "dense/MatMul:0 b", "dense/BiasAdd:0"),
         node("Mul", "dense/BiasAdd:0 half", "dense/Gelu/mul:0"),
         node("Div", "dense/BiasAdd:0 root", "dense/Gelu/truediv:0"),
         node("Erf", "dense/Gelu/truediv:0", "dense/Gelu/Erf:0"),
         node("Add", "dense/Gelu/Erf:0 one", "dense/Gelu/add:0"),
         node("Mul", "dense/Gelu/mul:0 dense/Gelu/add:0", "dense/Gelu/mul_1:0"),
         node("MatMul", "dense/Gelu/mul_1:0 S")],
        lambda: gelu(X @ W + B) @ W[:3],
    ),
    "swish": (
        [node("MatMul", "X W", "dense/MatMul:0"), node("Add", "dense/MatMul:0 b", "dense/BiasAdd:0"),
         node("Sigmoid", "dense/BiasAdd:0", "dense/Sigmoid:0"),
         node("Mul", "dense/BiasAdd:0 dense/Sigmoid:0", "dense/mul:0"), node("MatMul", "dense/mul:0 S")],
        lambda: (X @ W + B) / (1 + np.exp(-(X @ W + B))) @ W[:3],
    ),
    "prelu": (
        [node("MatMul", "X W", "dense/MatMul:0"), node("Add", "dense/MatMul:0 minus", "dense/BiasAdd:0"),
         node("Relu", "dense/BiasAdd:0", "p_re_lu/Relu:0"), node("Neg", "dense/BiasAdd:0", "p_re_lu/Neg_1:0"),
         node("Relu", "p_re_lu/Neg_1:0", "p_re_lu/Relu_1:0"),
         node("Mul", "p_re_lu/Relu_1:0 slope", "p_re_lu/mul:0"),
         node("Add", "p_re_lu/Relu:0 p_re_lu/mul:0", "p_re_lu/add:0"), node("MatMul", "p_re_lu/add:0 S")],
        lambda: np.where(X @ W - B > 0, X @ W - B, (X @ W - B) * [0.1, 0.2, 0.3]) @ W[:3],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TENSORFLOW)
def test_graphs_as_tf2onnx_writes_them_become_models(name, tmp_path):
    nodes, expected = TENSORFLOW[name]
    constants = {
        "W": W, "b": B, "minus": -B, "S": W[:3], "shape": np.array([-1, 4]), "half": np.float32(0.5),
        "one": np.float32(1), "root": np.float32(np.sqrt(2)), "slope": -np.float32([0.1, 0.2, 0.3]),
    }  # fmt: skip
    used = {text for one in nodes for text in one.input}
    made = graph(nodes, {key: value for key, value in constants.items() if key in used})
    onnx.save(made, tmp_path / "a.onnx")
    assert_close(dc.from_onnx(tmp_path / "a.onnx").predict(X), expected(), np.float32)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("Gemm", "X W b", "Z"), node("Cos", "Z", name="wave")], r"node 'wave' \(Cos\) is not part"),
        ([node("Gemm", "X W b", "Z"), node("Add", "Z Z", name="skip")], r"node 'skip' \(Add\) is not part"),
        ([node("Gemm", "X W b", "Z"), node("Relu", "Z", "A"), node("Relu", "A", name="two")],
         r"node 'two' \(Relu\) does not fit into a chain of dense layers: an activation must follow"),
        ([node("MatMul", "V X", name="columns")], r"node 'columns' \(MatMul\) is not part"),
        ([node("Gemm", "X W b", "Z"), node("Gelu", "Z", name="g", approximate="tanh")], r"'g' \(Gelu\)"),
        ([node("Gemm", "X W b", "Z"), node("Gemm", "Z W", name="wide")], "takes 4 numbers, but gets 3"),
        ([node("Relu", "X", name="first")], "an activation must follow a linear layer"),
        ([node("Gemm", "X W b", "Z"), node("LayerNormalization", "Z b", "N", name="n", epsilon=1e-3),
          node("Gemm", "N S")], r"node 'n' \(LayerNormalization\): epsilon must be 1e-05, got 0.001"),
        ([node("Identity", "X")], "at least one linear layer"),
        ([node("Gemm", "X W b", "Z"), node("Softmax", "Z", "A", name="early"), node("Gemm", "A S")],
         r"node 'early' \(Softmax\) does not fit .*: softmax must be in the last layer"),
        ([node("Gemm", "X W b", "Z"), node("PRelu", "Z b", name="slopes")],
         r"node 'slopes' \(PRelu\) does not fit .*: the last layer must have no slopes"),
        ([node("Gemm", "X W b", "Z"), node("Sigmoid", "Z", "P"), node("Sub", "unit P", "Q"),
          node("Concat", "Q P", name="three", axis=1)], r"node 'three' \(Concat\) is not part"),
        ([node("Gemm", "X one", "Z"), node("Sigmoid", "Z", "P"), node("Sub", "unit P", "Q"),
          node("Concat", "Q P", name="rows", axis=0)], r"node 'rows' \(Concat\) is not part"),
        ([node("Gemm", "X one", "P"), node("Sub", "unit P", "Q"), node("Concat", "Q P", name="pair", axis=1)],
         r"node 'pair' \(Concat\) is not part"),
        ([node("Gemm", "X W b", name="own", domain="org.example")], r"node 'own' \(Gemm\) is not part"),
        ([node("MatMul", "X W", "Z"), node("Add", "Z cube", name="cubes")], r"node 'cubes' \(Add\) is not"),
        ([onnx.helper.make_node("Dropout", ["X"], ["Z", "Y"], name="mask")],
         r"output 'Y' of node 'mask' \(Dropout\) is not part"),
        ([node("Reshape", "b W", "c", name="shape"), node("Gemm", "X W c")],
         r"node 'shape' \(Reshape\) cannot be computed"),
        ([node("Gemm", "X one", "Z"), node("Add", "Z b", name="wider")],
         r"node 'wider' \(Add\) does not fit .*: it has 3 numbers, but gets 1"),
    ],
)  # fmt: skip
def test_what_is_no_chain_of_dense_layers_is_refused_by_naming_the_node(nodes, message, tmp_path):
    constants = {
        "W": W, "V": W.T.copy(), "b": B, "S": W[:3], "one": W[:, :1], "unit": np.float32(1),
        "cube": B.reshape(1, 1, 3),
    }  # fmt: skip
    made = graph(nodes, constants)
    made.opset_import[0].version = 20
    onnx.save(made, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match="from_onnx: .*" + message):
        dc.from_onnx(tmp_path / "a.onnx")


def test_a_convolution_is_refused_by_naming_it(tmp_path):
    kernel = np.ones((1, 1, 3), np.float32)
    made = graph([node("Conv", "X K", name="conv_1")], {"K": kernel}, shape=("m", 1, 4))
    onnx.save(made, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=r"from_onnx: node 'conv_1' \(Conv\) is not part of a chain"):
        dc.from_onnx(tmp_path / "a.onnx")


def test_a_graph_with_two_outputs_is_refused_by_naming_them(tmp_path):
    made = graph([node("Gemm", "X W b", "Z"), node("Relu", "Z")], {"W": W, "b": B}, outputs=("Z", "Y"))
    onnx.save(made, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=r"from_onnx: the graph must have one output .*, got 2 of Z, Y"):
        dc.from_onnx(tmp_path / "a.onnx")


def test_files_that_are_not_onnx_are_refused(tmp_path):
    path = tmp_path / "a.onnx"
    with pytest.raises(FileNotFoundError, match=r"a\.onnx"):
        dc.from_onnx(path)
    for content in (b"", b"hello", (FIXTURES / "torch_relu.onnx").read_bytes()[:300]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"from_onnx: .*a\.onnx is not a valid ONNX file"):
            dc.from_onnx(path)


def test_logits_get_an_output_activation(tmp_path):
    onnx.save(graph([node("Gemm", "X W b")], {"W": W, "b": B}), tmp_path / "a.onnx")
    model = dc.from_onnx(tmp_path / "a.onnx", output="softmax", dtype="float64", seed=3)
    assert (model.layers[-1].activation, model.loss, model.seed) == (
        "softmax",
        "categorical_cross_entropy",
        3,
    )
    assert model.dtype == np.float64
    assert (model.predict_labels(X) == (X @ W + B).argmax(axis=1)).all()


def test_gelu_in_float64_is_what_onnx_defines(tmp_path, rng):
    model = dc.Model(4, [dc.Dense(8, "gelu"), dc.Dense(2, "linear")], dtype="float64", seed=1)
    model.to_onnx(tmp_path / "a.onnx")
    X = rng.normal(size=(5, 4))
    evaluator = onnx.reference.ReferenceEvaluator(str(tmp_path / "a.onnx"))
    assert_close(evaluator.run(None, {"X": X})[0], model.predict(X), np.float64)
    assert_close(dc.from_onnx(tmp_path / "a.onnx").predict(X), model.predict(X), np.float64)


def test_a_model_that_is_not_finite_is_not_written(tmp_path):
    model = dc.mlp([2, 3, 1], dtype="float64")
    model.parameters["W1"][0, 0] = 1e300
    with pytest.raises(ValueError, match=r"finite in float32, but 1e\+300 is not"):
        model.to_onnx(tmp_path / "a.onnx", dtype="float32")
    model.parameters["W1"][0, 0] = np.nan
    with pytest.raises(ValueError, match="to_onnx: parameters must be finite"):
        model.to_onnx(tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def large_models(dtype):
    """Networks with arrays that are written piece by piece."""
    options = {"dtype": np.dtype(dtype).name, "seed": 1}
    layers = [
        dc.CategoryEmbedding([30, 9000], units=3),
        dc.Dense(300, "relu", norm="batch"),
        dc.Dense(90, "linear"),
    ]
    yield dc.Model(70, layers, **options)
    yield dc.mlp([70, 300, 90], output="linear", members=3, **options)
    yield dc.Model(
        70, [dc.Scale(), dc.Dense(300, "tanh", parametrization="ntk"), dc.Dense(2, "softmax")], **options
    )


@pytest.mark.parametrize("number", range(3))
def test_large_weights_agree_with_onnxruntime(number, dtype, tmp_path, rng):
    model = list(large_models(dtype))[number]
    for view in model.parameters.values():
        view[...] += rng.uniform(-0.2, 0.2, view.shape)
    X = rng.normal(size=(7, 70)).astype(dtype)
    if number == 0:
        X[:, -2:] = rng.integers((30, 9000), size=(7, 2))
    model.to_onnx(tmp_path / "a.onnx", fold=True)
    onnx.checker.check_model(str(tmp_path / "a.onnx"), full_check=True)
    assert_close(onnxruntime_outputs(tmp_path / "a.onnx", X), model.predict(X), dtype)


def test_a_large_number_that_float_does_not_hold_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(b"old")
    model = dc.mlp([200, 300, 1], dtype="float64", seed=1)
    model.parameters["W1"][-1, -1] = 1e300
    with pytest.raises(ValueError, match=r"finite in float32, but 1e\+300 is not"):
        model.to_onnx(path, dtype="float32")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_more_than_two_gigabytes_is_refused_before_it_is_written():
    from deepcore.files.onnx_bytes import write_model
    from deepcore.files.onnx_nodes import LargeConstant
    from deepcore.files.weights import Weights

    W = Weights(np.broadcast_to(np.float32(1), (1 << 16, 1 << 13))).numbers
    written = []
    with pytest.raises(ValueError, match="to_onnx: the file must have at most 2147483647 bytes"):
        write_model(onnx, onnx.ModelProto(), [LargeConstant("W", W, np.dtype("float32"))], written.append)
    assert written == []


@pytest.mark.parametrize("kind", ["to_onnx", "to_c_header"])
def test_a_training_that_starts_while_a_file_is_written_is_in_it_as_a_whole(kind, tmp_path, rng):
    model, path = dc.mlp([200, 300, 2], output="softmax", seed=1), tmp_path / "file"
    X, y = rng.normal(size=(50, 200)).astype(np.float32), rng.integers(2, size=50)
    before, asked = model.predict(X), []

    class Trains:
        """A path that trains the model when it is asked for the first time."""

        def __fspath__(self):
            if not asked:
                model.partial_fit(X, y)
            asked.append(1)
            return str(path)

    getattr(model, kind)(Trains())
    assert len(asked) == 2
    assert np.abs(model.predict(X) - before).max() > 1e-4
    if kind == "to_onnx":
        assert_close(dc.from_onnx(path).predict(X), model.predict(X), np.float32)
    else:
        assert f"{model.parameters['W2'][0, 0]!s}f" in path.read_text()


def test_parameters_that_are_not_finite_are_refused(tmp_path):
    path = tmp_path / "model.onnx"
    dc.mlp([2, 2], seed=1).to_onnx(path)
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor) * np.float32(np.nan)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, path)
    with pytest.raises(ValueError, match="from_onnx: W1 must be finite, got nan or inf"):
        dc.from_onnx(path)


def test_a_damaged_graph_is_refused_in_a_sentence(tmp_path):
    path, cut = tmp_path / "model.onnx", 0
    for fixture in sorted(FIXTURES.glob("*.onnx")):
        for damage in ("attributes", "types"):
            model = onnx.load(fixture)
            for one in model.graph.node if damage == "attributes" else ():
                if one.op_type == "Cast":
                    del one.attribute[:]
                    cut += 1
            for tensor in model.graph.initializer if damage == "types" else ():
                tensor.data_type = 33
                cut += 1
            onnx.save(model, path)
            if damage == "types" or any(one.op_type == "Cast" for one in model.graph.node):
                with pytest.raises(ValueError, match="is not a valid ONNX file"):
                    dc.from_onnx(path)
    assert cut > 5
