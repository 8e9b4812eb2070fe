"""Exports take little memory besides the model: large weights are written piece by piece."""

import json
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

CODE = """
import json, sys
import deepcore as dc

def memory(name):
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024

path, options, call, settings = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
export = lambda model: getattr(model, call)(path, **settings)
export(dc.mlp([2, 2], **options))  # what is imported and allocated once does not count
model = dc.mlp([1000, 2500, 1000], **options, seed=1)
size = model.flat_parameters.nbytes
open("/proc/self/clear_refs", "w").write("5")  # forgets the peak so far
before = memory("VmRSS")
export(model)
print((size + memory("VmHWM") - before) / size)
"""


@pytest.mark.parametrize(
    ("call", "options", "settings"),
    [("to_onnx", {}, {}), ("to_onnx", {"members": 4, "norm": "batch"}, {}),
     ("to_onnx", {"dtype": "float64"}, {}), ("to_c_header", {}, {}),
     ("to_c_header", {}, {"int8": True})],  # texts take their time
)  # fmt: skip
def test_the_peak_is_at_most_three_tenths_above_the_model(call, options, settings, tmp_path):
    if call == "to_onnx":
        pytest.importorskip("onnx", reason="onnx is not installed (extra `onnx`)")
    arguments = [str(tmp_path / "file"), json.dumps(options), call, json.dumps(settings)]
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout) <= 1.3
