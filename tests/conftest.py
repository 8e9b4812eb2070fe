"""What all tests share: the report header, precisions, seeded randomness, and data that may be missing."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

# `pytest -m quick` runs in about twenty seconds: the files of tests/unit, except these, which take a second
# or more each.
QUICK_FOLDER = Path(__file__).parent / "unit"
NOT_QUICK = {
    "test_arrays.py",
    "test_arrays_in_calls.py",
    "test_atomic_files.py",
    "test_c_header.py",
    "test_checkpoint_files.py",
    "test_dask_refusals.py",
    "test_docs_paths.py",
    "test_docstrings.py",
    "test_doctor.py",
    "test_export_arguments.py",
    "test_gradient_check_mutations.py",
    "test_group.py",
    "test_images.py",
    "test_lbfgs.py",
    "test_many.py",
    "test_many_resume.py",
    "test_members_in_c.py",
    "test_metrics.py",
    "test_model_file.py",
    "test_optimizers.py",
    "test_plots.py",
    "test_report.py",
    "test_resume.py",
    "test_stream.py",
    "test_stream_hive.py",
    "test_stream_resume.py",
    "test_stream_settings.py",
    "test_stream_tables.py",
    "test_streams.py",
    "test_tables.py",
    "test_tabular_columns.py",
    "test_tabular_reading.py",
}


def is_quick(path):
    """Whether a test file belongs to the quick ones."""
    return QUICK_FOLDER in path.parents and path.name not in NOT_QUICK


def pytest_ignore_collect(collection_path, config):
    """Do not even import the other files where only quick tests are asked for."""
    if (
        config.option.markexpr == "quick"
        and collection_path.suffix == ".py"
        and not is_quick(collection_path)
    ):
        return True
    return None


def pytest_configure(config):
    """Hear Ctrl-C, which tests send, also in the background of a shell, where programs ignore it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    """Add the option --slow."""
    parser.addoption("--slow", action="store_true", help="run the tests that are marked as slow too")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Run the whole suite in one process per core, if pytest-xdist is installed; `-n 0` turns it off."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    worker = "PYTEST_XDIST_WORKER" in os.environ  # must not start processes of its own
    if whole and not worker and getattr(config.option, "numprocesses", 0) is None:
        config.option.numprocesses = "auto"  # with --pdb, pytest-xdist turns it off


def pytest_collection_modifyitems(config, items):
    """Leave the slow tests out, unless they are asked for."""
    if config.option.slow:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


def pytest_itemcollected(item):
    """Mark the quick tests."""
    if is_quick(item.path):
        item.add_marker("quick")


def pytest_report_header():
    """Which build is under test."""
    try:
        import deepcore
        from deepcore import _core
    except ImportError as error:
        return f"deepcore: cannot be imported ({error}); only the twin's own tests can pass"
    return f"deepcore {deepcore.__version__}, variant {_core.variant}, numpy {np.__version__}"


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    """Both precisions."""
    return request.param


@pytest.fixture
def eps(dtype):
    """The spacing of 1 and the next number in ``dtype``."""
    return float(np.finfo(dtype).eps)


@pytest.fixture
def engine(dtype):
    """The native Network and Optimizer of ``dtype``."""
    from deepcore import _core

    if dtype is np.float32:
        return SimpleNamespace(Network=_core.NetworkF32, Optimizer=_core.OptimizerF32)
    return SimpleNamespace(Network=_core.NetworkF64, Optimizer=_core.OptimizerF64)


@pytest.fixture
def rng():
    """The same numbers in every run."""
    return np.random.default_rng(20240229)


@pytest.fixture(scope="session")
def data_dir():
    """The folder of data files (cat/, mnist/, fashion/, flower/, course2/, digits/)."""
    folder = os.environ.get("DEEPCORE_DATA")
    if not folder:
        pytest.skip("DEEPCORE_DATA is not set: it names the folder of data files")
    if not Path(folder).is_dir():
        pytest.fail(f"DEEPCORE_DATA must name a folder, got {folder!r}")
    return Path(folder)


@pytest.fixture(scope="session")
def data_file(data_dir):
    """``data_file("cat", "train_catvnoncat.h5")`` is its path; skips the test if the file is not there."""

    def path(*parts):
        file = data_dir.joinpath(*parts)
        if not file.exists():
            pytest.skip(f"{'/'.join(parts)} is not in the folder that DEEPCORE_DATA names")
        return file

    return path
