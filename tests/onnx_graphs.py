"""Small ONNX graphs made by hand, and numbers for them, which the tests of readers share."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra `onnx`)")


def graph(nodes, constants, shape=("m", 4), outputs=("Y",), dtype=1):
    """The bytes of a model with the input X."""
    helper = onnx.helper
    info = [helper.make_tensor_value_info(name, dtype, None) for name in outputs]
    inputs = [helper.make_tensor_value_info("X", dtype, shape)]
    tensors = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    made = helper.make_graph(nodes, "g", inputs, info, tensors)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def node(operator, inputs, output="Y", **attributes):
    return onnx.helper.make_node(
        operator, inputs.split(), [output], name=attributes.pop("name", ""), **attributes
    )


W = np.arange(12, dtype=np.float32).reshape(4, 3) / 10
B = np.array([1, 2, 3], np.float32)
X = np.array([[0.5, -1, 2, 0.25], [1, 1, -1, 0]], np.float32)
