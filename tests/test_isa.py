"""One wheel, many CPUs: the choice of a variant, what a variant may contain, and that variants agree."""

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deepcore._core import _cpu
from deepcore._core._choice import choose

HERE = [variant for variant in _cpu.BUILT if variant in _cpu.runnable()]
ON_X86_64 = platform.machine() in {"x86_64", "AMD64"}


def python(code, *arguments, isa=None):
    """Run ``code`` in a fresh interpreter with DEEPCORE_ISA set to ``isa``."""
    environment = {name: value for name, value in os.environ.items() if name != "DEEPCORE_ISA"}
    if isa is not None:
        environment["DEEPCORE_ISA"] = isa
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def module_file(name):
    """The shared object of a native module; found without loading it."""
    folder = Path(_cpu.__file__).parent
    (file,) = folder.glob(f"{name}.*.so")
    return file


# The choice, on CPUs that are only imagined.


def test_the_best_level_that_is_built_and_runs_is_taken():
    assert choose(None, ["v2", "v3"], ["base", "v2", "v3", "v4"]) == "v3"


def test_an_older_cpu_gets_the_older_level():
    assert choose(None, ["v2", "v3"], ["base", "v2"]) == "v2"


def test_v4_is_taken_where_it_runs_and_another_one_when_asked_for():
    everything = ["base", "v2", "v3", "v4"]
    assert choose(None, everything, everything) == "v4"
    assert choose("v3", everything, everything) == "v3"


def test_a_cpu_without_levels_gets_the_base_build():
    assert choose(None, ["base"], ["base"]) == "base"


def test_an_empty_request_is_no_request():
    assert choose("", ["v2"], ["base", "v2"]) == "v2"


def test_a_level_that_is_not_built_is_refused_with_what_there_is():
    with pytest.raises(
        ImportError, match=r"is built, got 'v4'; built: v2, v3; this CPU runs: base, v2, v3, v4"
    ):
        choose("v4", ["v2", "v3"], ["base", "v2", "v3", "v4"])


def test_a_level_that_this_cpu_lacks_is_refused_with_what_there_is():
    with pytest.raises(
        ImportError, match=r"this CPU runs, got 'v3'; built: v2, v3; this CPU runs: base, v2$"
    ):
        choose("v3", ["v2", "v3"], ["base", "v2"])


def test_an_installation_without_a_fitting_level_says_how_to_build_one():
    with pytest.raises(ImportError, match=r"no variant .* built: v3; this CPU runs: base, v2; .*pip install"):
        choose(None, ["v3"], ["base", "v2"])


# The choice, on this CPU.


@pytest.mark.parametrize("isa", HERE)
def test_the_forced_variant_is_the_one_that_runs(isa):
    run = python("from deepcore import _core; print(_core.variant, _core.build_info()['variant'])", isa=isa)
    assert run.stdout.split() == [isa, isa], run.stderr


def test_without_a_request_the_import_agrees_with_choose():
    run = python("from deepcore import _core; print(_core.variant)")
    assert run.stdout.strip() == choose(None, _cpu.BUILT, _cpu.runnable()), run.stderr


def test_an_unknown_level_stops_the_import():
    run = python("import deepcore", isa="v9")
    assert run.returncode != 0
    assert "ImportError: deepcore: DEEPCORE_ISA must name a variant that is built, got 'v9'" in run.stderr


@pytest.mark.skipif(len(HERE) < 2, reason="this build has one variant only")
def test_two_variants_can_be_loaded_into_one_process():
    code = (
        "import importlib\nfor v in {!r}: print(importlib.import_module('deepcore._core._core_' + v).variant)"
    )
    run = python(code.format(HERE))
    assert run.stdout.split() == HERE, run.stderr


@pytest.mark.skipif(
    not (ON_X86_64 and Path("/proc/cpuinfo").exists()),
    reason="needs an x86-64 Linux, which lists its CPU's flags",
)
def test_the_detector_agrees_with_the_kernels_list_of_flags():
    # Linux hides a flag whose registers it does not save, as the detector does; lzcnt is called abm there.
    flags = set(re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)[1].split())
    needs = {
        "v2": {"pni", "ssse3", "cx16", "sse4_1", "sse4_2", "popcnt", "lahf_lm"},
        "v3": {"fma", "movbe", "avx", "f16c", "bmi1", "avx2", "bmi2", "abm"},
        "v4": {"avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl"},
    }
    expected = ["base"]
    for level, names in needs.items():
        if not names <= flags:
            break
        expected.append(level)
    assert list(_cpu.runnable()) == expected


# What the shared objects may contain.


def disassembly(name):
    if not (ON_X86_64 and shutil.which("objdump")):
        pytest.skip("needs objdump and an x86-64 machine")
    command = ["objdump", "-d", "--no-show-raw-insn", str(module_file(name))]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", ["_cpu", "_core_v2"])
def test_what_old_cpus_load_has_no_avx_instruction(name):
    if name == "_core_v2" and "v2" not in _cpu.BUILT:
        pytest.skip("v2 is not in this build")
    assert re.search(r"%[yz]mm\d|\tv(mov|add|mul|fmadd|xor|pxor|broadcast)", disassembly(name)) is None


def test_v3_uses_256_bit_registers_and_no_wider():
    if "v3" not in _cpu.BUILT:
        pytest.skip("v3 is not in this build")
    text = disassembly("_core_v3")
    assert "%ymm" in text
    assert "%zmm" not in text


# Variants compute the same.

RUN = """
import sys
import numpy as np
from deepcore import _core

net = _core.NetworkF32(20, [(30, "tanh", 0.0), (3, "softmax", 0.0)], "categorical_cross_entropy")
for name, layer, n_out, n_in, at in net.tensors:
    if name == "W":
        drawn = _core.initialize(n_out, n_in, "xavier", 1.0, 1, layer - 1)
        net.parameters[at : at + n_out * n_in] = drawn.T.ravel()
X = _core.normal(2, 0, 50 * 20).reshape(50, 20).astype(np.float32)
y = _core.permutation(3, 0, 50) % 3
gradient = np.zeros_like(net.parameters)
loss = net.gradient(X, y, gradient)
random = [f(7, 1, 1001) for f in (_core.normal, _core.uniform, _core.permutation)]
np.savez(sys.argv[1], gradient=gradient, loss=loss, random=np.concatenate([*random, net.parameters]))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What every variant that runs here computes from the same seeds."""
    if len(HERE) < 2:
        pytest.skip("this build has one variant only")
    answers = {}
    for isa in HERE:
        file = tmp_path_factory.mktemp("isa") / f"{isa}.npz"
        run = python(RUN, file, isa=isa)
        assert run.returncode == 0, run.stderr
        with np.load(file) as content:
            answers[isa] = dict(content)
    return answers


def test_random_numbers_have_the_same_bits_in_every_variant(results):
    first, *others = results.values()
    for other in others:
        np.testing.assert_array_equal(other["random"], first["random"])


def test_gradients_of_two_variants_agree_within_rounding(results):
    # The numbers are the same, the order of the sums is not. An element goes through sums of 20 (layer 1),
    # 30 (layer 2) and 50 terms (examples), at most one rounding a term, relative to the largest: 100 eps.
    first, *others = results.values()
    bound = 100 * np.finfo(np.float32).eps * np.abs(first["gradient"]).max()
    assert bound > 0
    for other in others:
        np.testing.assert_allclose(other["gradient"], first["gradient"], rtol=0, atol=bound)
        np.testing.assert_allclose(other["loss"], first["loss"], rtol=100 * np.finfo(np.float32).eps)
