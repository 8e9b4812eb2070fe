"""What other libraries write in several nodes becomes one step of a layer."""

import numpy as np
import pytest

import deepcore as dc
from onnx_graphs import B, W, X, graph, node, onnx

pytestmark = pytest.mark.peers


def assert_close(found, expected):
    assert np.linalg.norm(found - expected) < 1e-5 * np.linalg.norm(expected)


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
