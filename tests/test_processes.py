"""A run of the whole suite is distributed over processes, and these start no others."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("xdist", reason="pytest-xdist is not installed (extra `test`)")

PROJECT = """
[tool.pytest.ini_options]
testpaths = ["tests"]
"""
# Every test writes its own process and the process that started it.
TESTS = """
import os
import pytest

@pytest.mark.parametrize("number", range(4))
def test_nothing(number):
    with open("processes", "a") as file:
        file.write(f"{os.getpid()} {os.getppid()}\\n")
"""


@pytest.fixture
def project(tmp_path):
    """A folder with four tests and the conftest.py of this folder."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "tests" / "test_four.py").write_text(TESTS)
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path / "tests")
    return tmp_path


def processes(project, *arguments, **variables):
    """Run pytest in the folder; return its process, and the pairs that the tests wrote."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_XDIST_AUTO_NUM_WORKERS": "2", **variables}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-p", "no:cacheprovider", *arguments]
    pytest_itself = subprocess.Popen(command, cwd=project, env=env, start_new_session=True)
    try:
        assert pytest_itself.wait(timeout=60) == 0
    finally:
        if pytest_itself.poll() is None:  # workers that start workers would never end
            os.killpg(pytest_itself.pid, signal.SIGKILL)
            pytest_itself.wait()
    lines = (project / "processes").read_text().splitlines()
    assert len(lines) == 4
    return pytest_itself.pid, {tuple(map(int, line.split())) for line in lines}


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs groups of processes")
@pytest.mark.parametrize(
    ("arguments", "variables", "workers"),
    [
        pytest.param((), {}, 2, marks=pytest.mark.slow),
        (("--pdb",), {}, 0),
        (("tests/test_four.py",), {}, 0),
        ((), {"PYTEST_XDIST_WORKER": "gw0"}, 0),  # a test that runs pytest itself
    ],
    ids=["whole run", "with a debugger", "one file", "within a worker"],
)
def test_only_a_whole_run_starts_workers_and_these_start_no_others(project, arguments, variables, workers):
    own, found = processes(project, *arguments, **variables)
    if workers:
        assert len(found) == workers
        assert {parent for _, parent in found} == {own}
    else:
        assert {process for process, _ in found} == {own}
