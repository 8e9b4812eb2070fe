"""ONNX Runtime: predictions. This file writes the ONNX model field by field, without an exporter."""

import numpy as np
import onnxruntime

# Field numbers are those of onnx.proto3; element types those of TensorProto.DataType.
FLOAT, DOUBLE = 1, 11
IR_VERSION, OPSET = 8, 17


def varint(value):
    """Return an integer as a protobuf varint: seven bits per byte, lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number, value):
    """Return one protobuf field: an integer, or the bytes of a string or message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def element_type(dtype):
    return FLOAT if dtype == np.float32 else DOUBLE


def tensor(name, array):
    """Return a TensorProto with dims, data_type, name and raw_data."""
    dims = b"".join(field(1, n) for n in array.shape)
    raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return dims + field(2, element_type(array.dtype)) + field(8, name) + field(9, raw)


def value(name, dtype, columns):
    """Return the ValueInfoProto of a matrix with any number of rows."""
    shape = field(1, field(2, "rows")) + field(1, field(1, columns))
    return field(1, name) + field(2, field(1, field(1, element_type(dtype)) + field(2, shape)))


def node(operator, inputs, output, attributes=b""):
    """Return a NodeProto."""
    names = b"".join(field(1, name) for name in inputs)
    return names + field(2, output) + field(4, operator) + attributes


def onnx_bytes(task, problem):
    """Return a ModelProto with Gemm and activation per layer."""
    graph, initializers = b"", b""
    below, pairs = "X", list(zip(problem.parameters[::2], problem.parameters[1::2], strict=True))
    for layer, (W, b) in enumerate(pairs, start=1):
        last = layer == len(pairs)
        initializers += field(5, tensor(f"W{layer}", W)) + field(5, tensor(f"b{layer}", b))
        graph += field(1, node("Gemm", (below, f"W{layer}", f"b{layer}"), f"Z{layer}"))
        hidden = "Relu" if task.activation == "relu" else "Tanh"
        output = "Sigmoid" if task.sizes[-1] == 1 else "Softmax"  # over the last axis by default
        graph += field(1, node(output if last else hidden, (f"Z{layer}",), f"A{layer}"))
        below = f"A{layer}"
    dtype = problem.X.dtype
    graph += field(2, "network") + initializers
    graph += field(11, value("X", dtype, task.sizes[0])) + field(12, value(below, dtype, task.sizes[-1]))
    return field(1, IR_VERSION) + field(7, graph) + field(8, field(1, "") + field(2, OPSET))


class OnnxruntimePredictor:
    def __init__(self, task, problem, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        self.session = onnxruntime.InferenceSession(
            onnx_bytes(task, problem), options, providers=["CPUExecutionProvider"]
        )
        self.inputs = {"X": problem.X}

    def reset(self):
        pass

    def run(self, count):
        predict, inputs = self.session.run, self.inputs
        for _ in range(count):
            predict(None, inputs)
        return count

    def answer(self):
        return self.session.run(None, self.inputs)[0]
