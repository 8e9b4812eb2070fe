"""How long does one call of a C header take, compared with other ways to predict one example?

    python benchmarks/header.py
    python benchmarks/header.py --rtneural ../RTNeural --include /usr/include/eigen3

The program writes networks as C headers, compiles a program for each, checks that its outputs are those of
Python, and times single calls in a loop. ONNX Runtime and ``Model.predictor`` are called from Python, so
their times include what a call from Python costs. RTNeural is a C++ library whose templates have the sizes as
arguments: give a checkout with its submodules, and the folder of Eigen.
"""

import argparse
import ctypes
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from report import describe_machine, table

import deepcore as dc

#: Sizes and output activation.
NETWORKS = {
    "4-16-3, softmax": ([4, 16, 3], "softmax"),
    "4-16-3": ([4, 16, 3], "linear"),
    "30-64-32-1": ([30, 64, 32, 1], "linear"),
    "20-64-64-1": ([20, 64, 64, 1], "linear"),
}
CALLS = 2000  # per measurement

TIMER = """
#include <time.h>
double measured(const float *input, long calls)
{
    struct timespec start, end;
    float x[NET_INPUTS] __attribute__((aligned(32))), y[NET_OUTPUTS];
    long i;
    for (i = 0; i < NET_INPUTS; ++i)
        x[i] = input[i];
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (i = 0; i < calls; ++i) {
        CALL
        __asm__ volatile("" : : "r"(x), "r"(y) : "memory"); /* every call is made */
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec))
        / (double)calls;
}
"""
HEADER = (
    '#include "net.h"\nvoid predicted(const float *x, float *y);\n'
    "void predicted(const float *x, float *y) { net_predict(x, y); }\n"
    "double measured(const float *input, long calls);\n" + TIMER.replace("CALL", "net_predict(x, y);")
)

RTNEURAL = """
#define RTNEURAL_USE_EIGEN 1
#define RTNEURAL_DEFAULT_ALIGNMENT 32
#include <RTNeural/RTNeural.h>
#define NET_INPUTS $inputs
#define NET_OUTPUTS $outputs
using namespace RTNeural;
static ModelT<float, NET_INPUTS, NET_OUTPUTS, $layers> model;
extern "C" void weights(int layer, const float *W, const float *b, int rows, int columns)
{
    std::vector<std::vector<float>> w(rows, std::vector<float>(columns));
    for (int i = 0; i < rows; ++i)
        w[i].assign(W + i * columns, W + (i + 1) * columns);
    switch (layer) { $cases }
}
extern "C" void predicted(const float *x, float *y)
{
    alignas(32) float input[NET_INPUTS];
    std::copy(x, x + NET_INPUTS, input);
    model.forward(input);
    std::copy(model.getOutputs(), model.getOutputs() + NET_OUTPUTS, y);
}
extern "C" {
$timer
}
"""


def library(folder, name, text, compiler, *flags):
    """Compile a file and load it."""
    source, target = folder / name, folder / f"{name}.so"
    source.write_text(text)
    command = [compiler, "-O3", "-march=native", *flags, "-shared", "-fPIC", source, "-o", target, "-lm"]
    subprocess.run(command, check=True)
    loaded = ctypes.CDLL(str(target))
    loaded.measured.restype = ctypes.c_double
    return loaded


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def of_library(loaded, x, outputs):
    """Return the outputs of one example, and a function that times calls."""
    y = np.empty(outputs, np.float32)
    loaded.predicted(pointer(x), pointer(y))
    return y, lambda: loaded.measured(pointer(x), ctypes.c_long(CALLS))


def header(model, x, folder, compiler):
    model.to_c_header(folder / "net.h")
    return of_library(library(folder, "net.c", HEADER, compiler), x, model.outputs)


def rtneural(model, x, folder, options):
    """The same network as a template of RTNeural."""
    kinds, cases, before = [], [], model.inputs
    for layer in model.layers:
        dense = f"model.get<{len(kinds)}>()"
        cases.append(f"case {len(cases)}: {dense}.setWeights(w); {dense}.setBias(b); break;")
        kinds.append(f"DenseT<float, {before}, {layer.units}>")
        name = {"relu": "ReLuActivationT", "softmax": "SoftmaxActivationT", "linear": ""}[layer.activation]
        kinds += [f"{name}<float, {layer.units}>"] if name else []
        before = layer.units
    text = RTNEURAL.replace("$inputs", str(model.inputs)).replace("$outputs", str(model.outputs))
    text = text.replace("$layers", ", ".join(kinds)).replace("$cases", " ".join(cases))
    text = text.replace("$timer", TIMER.replace("CALL", "y[0] = model.forward(x);"))
    flags = ["-std=c++17", f"-I{options.rtneural}", f"-I{options.include}"]
    loaded = library(folder, "rtneural.cpp", text, options.cxx, *flags)
    for number in range(len(model.layers)):
        W = np.ascontiguousarray(model.parameters[f"W{number + 1}"])
        b = np.ascontiguousarray(model.parameters[f"b{number + 1}"])
        loaded.weights(number, pointer(W), pointer(b), *W.shape)
    return of_library(loaded, x, model.outputs)


def python_call(call):
    """Return a function that times calls from Python."""

    def measured():
        start = time.perf_counter_ns()
        for _ in range(CALLS):
            call()
        return (time.perf_counter_ns() - start) / CALLS

    return measured


def onnx_runtime(model, x, folder):
    import onnxruntime

    model.to_onnx(folder / "net.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "net.onnx", options, providers=["CPUExecutionProvider"])
    feed = {"X": x[None]}
    return session.run(None, feed)[0][0], python_call(lambda: session.run(None, feed))


def predictor(model, x):
    call, out = model.predictor(), np.empty(model.outputs, np.float32)
    return call(x), python_call(lambda: call(x, out))


def contestants(model, x, folder, options):
    """Return outputs and timers by name."""
    found = {"C header": header(model, x, folder, options.cc), "Model.predictor": predictor(model, x)}
    try:
        found["ONNX Runtime"] = onnx_runtime(model, x, folder)
    except ModuleNotFoundError as error:
        print(f"without ONNX Runtime: {error}")
    if options.rtneural:
        found["RTNeural"] = rtneural(model, x, folder, options)
    return found


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=101)
    parser.add_argument("--cc", default="gcc", help="C compiler")
    parser.add_argument("--cxx", default="g++", help="C++ compiler, for RTNeural")
    parser.add_argument("--rtneural", type=Path, help="checkout of RTNeural")
    parser.add_argument("--include", type=Path, default=Path("/usr/include/eigen3"), help="folder of Eigen")
    options = parser.parse_args(argv)
    if shutil.which(options.cc) is None:
        raise SystemExit(f"header: there is no compiler {options.cc}; pass --cc")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # one core, which does not change
    rows, names = [], []
    for name, (sizes, output) in NETWORKS.items():
        with tempfile.TemporaryDirectory() as folder:
            model = dc.mlp(sizes, output=output, seed=1)
            x = np.random.default_rng(1).standard_normal(sizes[0], dtype=np.float32)
            found = contestants(model, x, Path(folder), options)
            for who, (y, _) in found.items():
                if not np.allclose(y, model.predict(x), atol=1e-5):
                    raise SystemExit(f"header: {who} does not give the outputs of Python for {name}")
            times = {who: [] for who in found}
            for _ in range(options.rounds):
                for who, (_, timer) in found.items():
                    times[who].append(timer())
            names = list(found)
            rows.append([name, *(f"{statistics.median(times[who]):.3g} ns" for who in names)])
    machine = describe_machine()
    print(f"{machine['cpu']}, load {machine['load_before'][0]:.1f}; medians of {options.rounds} rounds\n")
    print(table(["network", *names], rows))


if __name__ == "__main__":
    main()
