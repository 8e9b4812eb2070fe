"""A model trains from a file that is larger than the memory that its process may have."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux enforces RLIMIT_DATA"),
]

ROWS, COLUMNS = 1_500_000, 100  # 600 MB
LIMIT = 400 << 20

CHILD = """
import json, resource, sys

resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[3]),) * 2)

import numpy as np
import deepcore as dc

def whole():
    try:
        return len(np.load(sys.argv[1]))
    except MemoryError:
        return "too large"

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = dc.mlp([100, 16, 1], seed=1)
stream = dc.stream((sys.argv[1], sys.argv[2]), 1000, buffer_bytes=64 << 20)
history = model.fit(stream, optimizer=dc.Adam(1e-3), epochs=2, threads=1)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"loss": history["loss"], "whole": whole(), "grown": (after - before) << 10}))
"""


@pytest.fixture
def files(tmp_path):
    """600 MB of rows, written in parts."""
    rng = np.random.default_rng(0)
    part = rng.standard_normal((ROWS // 10, COLUMNS), dtype=np.float32)
    path = tmp_path / "X.npy"
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (ROWS, COLUMNS)}
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(10):
            part.tofile(file)
    np.save(tmp_path / "y.npy", np.tile(part[:, 0] > part[:, 1], 10))
    yield path, tmp_path / "y.npy"
    path.unlink()


def test_a_file_larger_than_the_limit_of_memory_trains_within_the_buffers(files):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    child = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, files), str(LIMIT)],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    found = json.loads(child.stdout)
    assert found["whole"] == "too large"
    assert found["loss"][1] < found["loss"][0] < 0.6
    assert found["grown"] < 1.5 * (64 << 20)  # the buffers, and what the training itself needs
