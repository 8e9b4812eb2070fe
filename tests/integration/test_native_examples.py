"""The examples in Cython, C and C++: built against the installed package, and run."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import deepcore as dc

PACKAGE = Path(dc.__file__).parent
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (EXAMPLES / "cython").is_dir(), reason="the examples are not beside the tests"),
    pytest.mark.skipif(
        not (PACKAGE / "include").is_dir(),
        reason="an installed package is needed: pip install .",
    ),
]


def run(*command, cwd):
    words = [str(word) for word in command]
    result = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def tool(name):
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


# Cython


@pytest.fixture(scope="module")
def cython(tmp_path_factory):
    """The compiled modules monte_carlo and quantile_loss."""
    for name in ("Cython", "setuptools"):
        if not importlib.util.find_spec(name):
            pytest.skip(f"{name} is not installed")
    tool(os.environ.get("CC", "cc"))
    folder = tmp_path_factory.mktemp("cython") / "work"
    shutil.copytree(EXAMPLES / "cython", folder)
    run(sys.executable, "setup.py", "-q", "build_ext", "--inplace", cwd=folder)

    def imported(name):
        (path,) = folder.glob(f"{name}.*.so")
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return imported


def mean_end_in_python(model, walks, steps):
    """What monte_carlo.mean_end computes, as a loop over a predictor."""
    predict, ends = model.predictor(), []
    for walk in range(walks):
        state, x = walk, np.zeros(2, np.float32)
        for _ in range(steps):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            x[1] = np.float32((state >> 40) * (2.0 / (1 << 24)) - 1.0)
            x[0] += predict(x)[0]
        ends.append(float(x[0]))
    return sum(ends) / walks


@pytest.mark.parametrize("threads", [1, 2])
def test_the_simulation_in_cython_has_the_bits_of_the_loop_in_python(cython, threads):
    model = dc.mlp([2, 16, 1], output="tanh", loss="half_squared_error", seed=2)
    assert cython("monte_carlo").mean_end(model, 20, 50, threads) == mean_end_in_python(model, 20, 50)


def test_cython_raises_what_a_code_stands_for(cython):
    with pytest.raises(ValueError, match="got float32 with 3 and 1"):
        cython("monte_carlo").mean_end(dc.mlp([3, 4, 1]), 1, 1)
    with pytest.raises(ValueError, match="got float64 with 2 and 1"):
        cython("monte_carlo").mean_end(dc.mlp([2, 4, 1], dtype="float64"), 1, 1)
    with pytest.raises(TypeError, match="must be a Model, got int"):
        cython("monte_carlo").mean_end(3, 1, 1)


def test_a_loss_in_cython_trains_like_the_same_loss_inside(cython):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(500, 3))
    y = X[:, 0] + rng.normal(size=500)
    model, twin = (dc.mlp([3, 16, 1], output="linear", loss=dc.Quantile(0.9), dtype="float64") for _ in "ab")
    losses = cython("quantile_loss").fit(model, dc.Adam(0.01).bind(model), X, y, 0.9, 100)
    history = twin.fit(X, y, dc.Adam(0.01), epochs=100, batch_size=None)
    np.testing.assert_allclose(losses, history["loss"], rtol=1e-12)  # another order of roundings
    np.testing.assert_allclose(model.flat_parameters, twin.flat_parameters, rtol=1e-9, atol=1e-12)
    assert losses[-1] < losses[0] / 2


# C and C++


def built(example, folder, *options):
    """Configure and build an example against the installed package; return its folder of programs."""
    cmake = tool("cmake")
    tool(os.environ.get("CXX", "c++"))
    where = run(sys.executable, "-m", "deepcore", "--cmake-dir", cwd=folder).strip()
    program = ["-S", EXAMPLES / example, "-B", folder, f"-Ddeepcore_DIR={where}", *options]
    run(cmake, *program, "-DCMAKE_C_FLAGS=-Wall -Wextra -Wpedantic -Werror", cwd=folder)
    run(cmake, "--build", folder, cwd=folder)
    return folder


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("language", [["-x", "c", "-std=c99"], ["-x", "c++", "-std=c++17"]], ids=["c", "c++"])
def test_the_c_header_compiles_alone_without_a_warning(compiler, language, tmp_path):
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
    header = PACKAGE / "include" / "deepcore_api.h"
    (tmp_path / "alone.c").write_text(f'#include "{header}"\n')
    run(tool(compiler), *language, *warnings, "alone.c", cwd=tmp_path)


def test_the_program_in_c_learns_the_exclusive_or(tmp_path):
    printed = run(built("c", tmp_path) / "train", cwd=tmp_path)
    assert f"deepcore {dc.__version__}" in printed
    assert "1 xor 1 = 0.0" in printed


@pytest.fixture(scope="module")
def cpp(tmp_path_factory):
    """The folder of the programs in C++, which use the variant that Python uses."""
    variant = dc.installation.config()["variant"]
    if variant not in {path.stem.rpartition("_")[2] for path in PACKAGE.glob("lib/*deepcore_*")}:
        pytest.skip(f"the wheel has no library of the variant {variant}, which Python uses")
    return built("cpp", tmp_path_factory.mktemp("cpp"), f"-Ddeepcore_VARIANT={variant}")


# The examples of the programs in C++
_K = np.arange(300 * 5)
X = (((_K * 7919) % 1009).astype(np.float32) / np.float32(1009) - np.float32(0.5)).reshape(300, 5)
y = np.arange(300) % 4


class Killed(Exception):
    """What ends a training from outside."""


def resumed(path, killed_in=None, **changes):
    """Train as resume.cpp does, from its file if there is one; return the model and the losses, or None."""

    def kill(record):
        if record.epoch == killed_in:
            raise Killed

    model = dc.mlp([5, 12, 4], **{"dropout": 0.2, "seed": 11, **changes})
    callbacks = [dc.Checkpoint(path), kill]
    try:
        history = model.fit(X, y, dc.Adam(0.01), epochs=6, batch_size=32, callbacks=callbacks)
    except Killed:
        return None
    return model, history["loss"]


@pytest.mark.parametrize("first", ["Python", "C++"])
def test_a_checkpoint_that_goes_from_language_to_language_has_the_bits_of_one(cpp, tmp_path, first):
    path, program = tmp_path / "run.safetensors", cpp / "resume"
    whole, losses = resumed(tmp_path / "whole.safetensors")
    if first == "Python":
        assert resumed(path, killed_in=2) is None
    for steps, epoch in ((7, 4), (4, 5)):
        assert run(program, path, steps, cwd=tmp_path).startswith("stopped in epoch")
        assert resumed(path, killed_in=epoch) is None
    assert run(program, path, 1, cwd=tmp_path).startswith("stopped in epoch")
    model, found = resumed(path)
    assert found == losses
    np.testing.assert_array_equal(model.flat_parameters, whole.flat_parameters)
    assert run(program, path, 1, cwd=tmp_path).count("loss") == 6  # it is finished


def test_a_checkpoint_that_began_in_cpp_ends_there_and_is_compared(cpp, tmp_path):
    path = tmp_path / "run.safetensors"
    for _ in range(9):
        run(cpp / "resume", path, 7, cwd=tmp_path)
    whole, losses = resumed(tmp_path / "whole.safetensors")
    np.testing.assert_array_equal(dc.load(path).flat_parameters, whole.flat_parameters)
    with pytest.raises(ValueError, match=r"another training: network\.seed is 11 in the file and 12"):
        resumed(path, seed=12)
    assert resumed(path)[1] == losses


def test_a_checkpoint_that_only_python_can_continue_is_refused_in_cpp(cpp, tmp_path):
    path = tmp_path / "run.safetensors"
    model = dc.mlp([5, 12, 4], dropout=0.2, seed=11)
    model.fit(X, y, dc.Adam(0.01), epochs=2, validation_data=(X, y), callbacks=[dc.Checkpoint(path)])
    result = subprocess.run([cpp / "resume", path, "1"], capture_output=True, text=True, check=False)
    assert "only Python can continue a training with validation data" in result.stderr


def test_a_training_that_goes_from_python_to_cpp_and_back_has_the_bits_of_one_language(cpp, tmp_path):
    program = cpp / "continue_training"

    def fit(model):
        return model.fit(X, y, dc.SGD(0.1), epochs=1, batch_size=32)

    whole, parts = (dc.mlp([5, 12, 4], dropout=0.2, seed=11) for _ in range(2))
    for _ in range(3):
        fit(whole)
    fit(parts)
    parts.save(tmp_path / "first", extras={"name": "caf\u00e9"})
    printed = run(program, tmp_path / "first", tmp_path / "second", 1, cwd=tmp_path)
    assert printed.startswith("loss ")
    back = dc.load(tmp_path / "second")
    fit(back)
    assert back.epochs_trained == 3
    assert back.spec == whole.spec
    np.testing.assert_array_equal(back.flat_parameters, whole.flat_parameters)


def test_a_variant_that_is_not_installed_is_refused(tmp_path):
    options = [f"-Ddeepcore_DIR={dc.get_cmake_dir()}", "-Ddeepcore_VARIANT=v9"]
    command = [tool("cmake"), "-S", EXAMPLES / "cpp", "-B", tmp_path, *options]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "deepcore_VARIANT must be one of the installed libraries" in result.stderr.replace("\n", " ")
