"""Saving and loading take little memory besides the model, and survive if there is less."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

COMMON = """
import json, resource, sys
import deepcore as dc

def memory(name):
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024

path = sys.argv[1]
dc.mlp([2, 2]).save(path)  # what is imported and allocated once does not count
dc.load(path)
"""

PEAKS = """
model = dc.mlp([1000, 4000, 1000], seed=1)
size = model.flat_parameters.nbytes
open("/proc/self/clear_refs", "w").write("5")  # forgets the peak so far
before = memory("VmRSS")
model.save(path)
saving = (size + memory("VmHWM") - before) / size
del model
open("/proc/self/clear_refs", "w").write("5")
before = memory("VmRSS")
model = dc.load(path)
print(json.dumps([saving, (memory("VmHWM") - before) / size]))
"""

LIMITS = """
model = dc.mlp([300, 1250, 1250], seed=1)
model.save(path)
size = model.flat_parameters.nbytes
outcomes = []
for step in range(40):
    limit = memory("VmSize") + 3 * size * step // 40
    for call in (lambda: model.save(path), lambda: dc.load(path)):
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        try:
            call()
            outcome = "done"
        except Exception as error:
            outcome = type(error).__name__
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        outcomes.append(outcome)
loaded = dc.load(path)
assert (loaded.flat_parameters == model.flat_parameters).all()
print(json.dumps(outcomes))
"""


def child(code, path):
    done = subprocess.run(
        [sys.executable, "-c", COMMON + code, path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_the_peak_is_at_most_a_tenth_above_the_model_for_a_save_and_a_fifth_for_a_load(tmp_path):
    saving, loading = child(PEAKS, tmp_path / "model")
    assert saving <= 1.1
    assert loading <= 1.2


@pytest.mark.slow
def test_with_little_memory_a_save_or_load_ends_well_or_in_a_memory_error(tmp_path):
    outcomes = child(LIMITS, tmp_path / "model")
    assert set(outcomes) == {"done", "MemoryError"}  # the limits go from nothing to three times the model
    assert outcomes[-2:] == ["done", "done"]
