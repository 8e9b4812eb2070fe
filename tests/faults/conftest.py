"""Child processes whose allocations and file operations fail on request; see interpose.c."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PRELUDE = """
import ctypes, errno, os, sys
from pathlib import Path
import numpy as np
import deepcore as dc

layer = ctypes.CDLL(os.environ["LD_PRELOAD"])
X = np.random.default_rng(0).normal(size=(24, 6)).astype(np.float32)
y = np.arange(24) % 3

def watch_allocations():
    '''Count and fail the allocations of deepcore, libstdc++ and NumPy, and those of nobody else.'''
    layer.interpose_memory.argtypes = [ctypes.c_long]
    layer.interpose_range.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, flags, *_, name = line.split(maxsplit=5)
        parts = ("_core_v", "_core_base", "libstdc++", "_multiarray_umath")
        if "x" in flags and any(part in name for part in parts):
            layer.interpose_range(*(int(end, 16) for end in span.split("-")))

def make_model():
    layers = [dc.Dense(64, norm="batch"), dc.Dropout(0.1), dc.Dense(5, norm="layer"), dc.Dense(3, "softmax")]
    return dc.Model(6, layers, seed=1)

def usable(model):
    assert np.isfinite(model.predict(X)).all()
    assert model.fit(X, y, "sgd", epochs=1).epochs == 1
"""


@pytest.fixture(scope="session")
def layer(tmp_path_factory):
    """The compiled library; skips the test where it cannot be."""
    compiler = shutil.which("cc")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("needs Linux with the GNU C library, and a C compiler")
    library = tmp_path_factory.mktemp("interpose") / "interpose.so"
    command = [compiler, "-O1", "-shared", "-fPIC", str(HERE / "interpose.c"), "-o", str(library), "-ldl"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"interpose.c does not compile here: {made.stderr[-200:]}")
    return library


@pytest.fixture
def child(layer, tmp_path):
    """``child(code, *arguments)``: run code after the prelude, and return the words that it prints."""

    def run(code, *arguments, timeout=300):
        program = tmp_path / "child.py"
        program.write_text(PRELUDE + code)
        environment = {**os.environ, "LD_PRELOAD": str(layer), "PYTHONFAULTHANDLER": "1"}
        command = [sys.executable, str(program), *map(str, arguments)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=environment,
            cwd=tmp_path,
        )
        assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout.split()

    return run
