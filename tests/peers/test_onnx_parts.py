"""What other libraries write in several nodes becomes one step of a layer."""

import numpy as np
import pytest

import deepcore as dc
from onnx_graphs import B, W, X, graph, node, onnx

pytestmark = pytest.mark.peers


def assert_close(found, expected):
    assert np.linalg.norm(found - expected) < 1e-5 * np.linalg.norm(expected)


Z = X @ W + B
NUMBERS = {
    "one": 1, "three": 3, "six": 6, "sixth": 1 / 6, "zero": 0, "minus": -1, "twenty": 20, "beta": 0.5,
}  # fmt: skip
ACTIVATIONS = {
    "softplus": ("Softplus:Z>s Greater:Z,twenty>g Where:g,Z,s>A", np.log1p(np.exp(Z))),
    "softplus with beta": (  # its factor is part of the next layer
        "Mul:Z,beta>k Softplus:k>s Div:s,beta>d Greater:k,twenty>g Where:g,Z,d>h Gemm:h,S>A",
        2 * np.log1p(np.exp(Z / 2)) @ W[:3],
    ),
    "softsign": ("Abs:Z>a Add:a,one>p Div:Z,p>A", Z / (1 + np.abs(Z))),
    "relu": ("Max:Z,zero>A", np.maximum(Z, 0)),
    "hard_tanh": ("Min:one,Z>m Max:m,minus>A", np.clip(Z, -1, 1)),
    "relu6": ("Max:zero,Z>m Min:m,six>A", np.clip(Z, 0, 6)),
    "hard_sigmoid": ("Add:Z,three>p Clip:p,zero,six>c Mul:c,sixth>A", np.clip(Z + 3, 0, 6) / 6),
}  # fmt: skip


def saved(text, folder, **changes):
    """Write a graph with a linear layer, and the nodes of the text from Z to A."""
    parts = [one.replace(">", ":").split(":") for one in text.split()]
    inner = [node(operator, given.replace(",", " "), made, name=made) for operator, given, made in parts]
    constants = {"W": W, "b": B, "S": W[:3]}
    constants |= {name: np.float32(value) for name, value in (NUMBERS | changes).items()}
    made = graph([node("Gemm", "X W b", "Z"), *inner], constants, outputs=("A",))
    onnx.save(made, folder / "a.onnx")
    return folder / "a.onnx"


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_in_parts_becomes_one(name, tmp_path):
    text, expected = ACTIVATIONS[name]
    model = dc.from_onnx(saved(text, tmp_path))
    assert model.layers[0].activation == name.split()[0]
    assert_close(model.predict(X), expected)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("softplus", {"twenty": 3}, r"'A' \(Where\) is not part"),
        ("softsign", {"one": 2}, r"'A' \(Div\) is not part"),
        ("relu", {"zero": 1}, r"'A' \(Max\) is not part"),
        ("hard_tanh", {"minus": -2}, r"'A' \(Max\) is not part"),
        ("hard_sigmoid", {"three": 2}, r"'A' \(Mul\) does not fit .*: there is no linear layer behind it"),
    ],
)
def test_what_is_almost_an_activation_is_refused(name, change, message, tmp_path):
    with pytest.raises(ValueError, match="from_onnx: node " + message):
        dc.from_onnx(saved(ACTIVATIONS[name][0], tmp_path, **change))


def normed(z, gamma, beta, epsilon=1e-5):
    centred = z - z.mean(axis=1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + epsilon) * gamma + beta


# A layer norm as PyTorch writes it up to opset 16, and as tf2onnx writes that of Keras.
NORMS = {
    "torch": "ReduceMean:Z>m Sub:Z,m>c Pow:c,two>s ReduceMean:s>v Add:v,eps>e Sqrt:e>d Div:c,d>n Mul:n,g>k "
    "Add:k,b>N",
    "keras": "ReduceMean:Z>m Neg:m>o Sub:Z,m>c Mul:c,c>s ReduceMean:s>v Add:v,eps>e Sqrt:e>d Reciprocal:d>r "
    "Mul:r,g>f Mul:Z,f>a Mul:o,f>q Add:q,b>t Add:a,t>N",
}


def norm_nodes(name):
    """The nodes of a layer norm from Z to N between two linear layers."""
    parts = [text.replace(">", ":").split(":") for text in NORMS[name].split()]
    inner = [
        node(
            operator,
            given.replace(",", " "),
            made,
            name=made,
            **({"axes": [-1]} if operator == "ReduceMean" else {}),
        )
        for operator, given, made in parts
    ]
    return [node("Gemm", "X W b", "Z"), *inner, node("Relu", "N", "A"), node("Gemm", "A S")]


@pytest.mark.parametrize("name", NORMS)
def test_a_layer_norm_in_parts_becomes_one(name, tmp_path):
    constants = {
        "W": W,
        "b": B,
        "S": W[:3],
        "two": np.float32(2),
        "g": B[::-1].copy(),
        "eps": np.float32(1e-5),
    }
    made = graph(norm_nodes(name), constants)
    made.opset_import[0].version = 13
    onnx.save(made, tmp_path / "a.onnx")
    model = dc.from_onnx(tmp_path / "a.onnx")
    assert model.layers[0].norm == "layer"
    expected = np.maximum(normed(X @ W + B, B[::-1], B), 0) @ W[:3]
    assert_close(model.predict(X), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"eps": np.float32(1e-3)}, r"node 'e' \(Add\): epsilon must be 1e-05, got 0.001"),
        ({"two": np.float32(3)}, r"node 's' \(Pow\) is not part"),
        ({"d": "e"}, r"node 'n' \(Div\) is not part"),
    ],
)
def test_what_is_almost_a_layer_norm_is_refused(change, message, tmp_path):
    nodes = norm_nodes("torch")
    constants = {"W": W, "b": B, "S": W[:3], "two": np.float32(2), "g": B, "eps": np.float32(1e-5)}
    for key, value in change.items():
        if isinstance(value, str):  # another input of the last node that reads it
            last = [one for one in nodes if key in one.input][-1]
            last.input[:] = [value if name == key else name for name in last.input]
        else:
            constants[key] = value
    made = graph(nodes, constants)
    made.opset_import[0].version = 13
    onnx.save(made, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match="from_onnx: .*" + message):
        dc.from_onnx(tmp_path / "a.onnx")


def test_inputs_of_unknown_further_dimensions_need_a_flatten_node(tmp_path):
    """A MatMul reads the last dimension alone, a Flatten all of them."""
    path = tmp_path / "a.onnx"
    path.write_bytes(graph([node("MatMul", "X W")], {"W": W}, shape=("m", "t", 4)).SerializeToString())
    with pytest.raises(ValueError, match="the input has 3 dimensions of unknown size"):
        dc.from_onnx(path)
    late = [node("MatMul", "X W", "Z"), node("Flatten", "Z")]
    path.write_bytes(graph(late, {"W": W}, shape=("m", "t", 4)).SerializeToString())
    with pytest.raises(ValueError, match="the input has 3 dimensions of unknown size"):
        dc.from_onnx(path)
    early = [node("Flatten", "X", "F"), node("MatMul", "F W")]
    path.write_bytes(graph(early, {"W": W}, shape=("m", "s", "t")).SerializeToString())
    assert_close(dc.from_onnx(path).predict(X), X @ W)


# How PyTorch writes x.view(x.size(0), -1), x.view(len(x), 4) and x.view(-1, x.size(1) * x.size(2)), if the
# number of rows is open: from the shape of x. Opset 18, and parts of the shape by Slice as others have it.
VIEWS = {
    "rows, -1": [
        node("Shape", "X", "s"), node("Gather", "s zero", "m", axis=0), node("Unsqueeze", "m axis", "rows"),
        node("Concat", "rows rest", "to", axis=0)],
    "rows, 4": [node("Shape", "X", "rows", end=1), node("Concat", "rows four", "to", axis=0)],
    "-1, product": [
        node("Shape", "X", "s"), node("Gather", "s one", "h", axis=0), node("Gather", "s two", "w", axis=0),
        node("Mul", "h w", "hw"), node("Unsqueeze", "hw axis", "columns"),
        node("Concat", "rest columns", "to", axis=0)],
    "slices": [
        node("Shape", "X", "s"), node("Cast", "s", "t", to=7), node("Slice", "t axis first", "rows"),
        node("Slice", "t first end", "sizes"), node("ReduceProd", "sizes", "columns", keepdims=1),
        node("Concat", "rows columns", "to", axis=0)],
    "columns, rows": [
        node("Shape", "X", "s"), node("Gather", "s zero", "m", axis=0), node("Unsqueeze", "m axis", "rows"),
        node("Concat", "rest rows", "to", axis=0)],
    "twice the rows": [
        node("Shape", "X", "rows", end=1), node("Mul", "rows twice", "more"),
        node("Concat", "more rest", "to", axis=0)],
    "a sum": [node("Shape", "X", "s"), node("Add", "s s", "to")],
}  # fmt: skip
SIZES = {
    "zero": 0, "one": 1, "two": 2, "axis": [0], "first": [1], "end": [3], "rest": [-1], "four": [4],
    "twice": [2],
}  # fmt: skip


def view(name, path, shape):
    nodes = [*VIEWS[name], node("Reshape", "X to", "F", name="view"), node("Gemm", "F W b")]
    used = {text for one in nodes for text in one.input}
    sizes = {key: np.array(value) for key, value in SIZES.items() if key in used}
    onnx.save(graph(nodes, {"W": W, "b": B, **sizes}, shape), path)


@pytest.mark.parametrize("name", ["rows, -1", "rows, 4", "-1, product", "slices"])
def test_images_become_rows_by_the_shape_that_they_have(name, tmp_path):
    view(name, tmp_path / "a.onnx", ("m", 2, 2))
    assert_close(dc.from_onnx(tmp_path / "a.onnx").predict(X), X @ W + B)


@pytest.mark.parametrize(
    ("name", "shape", "place"),
    [
        ("columns, rows", ("m", 2, 2), r"'view' \(Reshape\)"),
        ("twice the rows", ("m", 2, 2), r"'view' \(Reshape\)"),
        ("a sum", ("m", 2, 2), r"'to' \(Add\)"),
        ("rows, -1", ("m", "h", "w"), r"'s' \(Shape\)"),
    ],
)
def test_other_uses_of_a_shape_are_refused_by_naming_the_node(name, shape, place, tmp_path):
    view(name, tmp_path / "a.onnx", shape)
    with pytest.raises(ValueError, match=f"from_onnx: node {place} is not part of a chain"):
        dc.from_onnx(tmp_path / "a.onnx")
