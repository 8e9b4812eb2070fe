"""What a run holds at most is what ``model.plan`` says: measured by the system, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

FIT = """
import sys
from pathlib import Path
import numpy as np
import deepcore as dc

def kilobytes(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if name in line).split()[1])

batch, optimizer = int(sys.argv[1]), sys.argv[2]
X, y = np.zeros((512, 2000), np.float32), np.arange(512) % 10
small = dc.mlp([2000, 10, 10])
small.fit(X, y, optimizer, epochs=1, batch_size=batch)  # what the first call of anything loads
model = dc.mlp([2000, 2000, 2000, 10], seed=1)
plan = model.plan(batch, optimizer)
Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
before = kilobytes("VmRSS")
model.fit(X, y, optimizer, epochs=2, batch_size=batch)
print(1000 * (kilobytes("VmHWM") - before), plan.bytes - plan.parameter_bytes)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak of a part")
@pytest.mark.parametrize("batch", [64, pytest.param(512, marks=pytest.mark.slow)])
@pytest.mark.parametrize("optimizer", [pytest.param("sgd", marks=pytest.mark.slow), "adam"])
def test_the_peak_of_fit_is_the_plan_s(batch, optimizer):
    code = [sys.executable, "-c", FIT, str(batch), optimizer]
    done = subprocess.run(code, check=True, capture_output=True, text=True, timeout=120)
    grown, planned = map(int, done.stdout.split())
    assert grown < 1.1 * planned + 8e6
