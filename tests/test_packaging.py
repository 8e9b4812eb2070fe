"""What an installation carries, and that lists of files and sessions are true; `nox -s lint` runs tools."""

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import deepcore
from deepcore import _core, installation

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(deepcore.__file__).parent
DISTRIBUTION = "deepcore-nn"

beside_sources = pytest.mark.skipif(
    not ((ROOT / "cpp").is_dir() and (ROOT / "python").is_dir()),
    reason="the sources are not beside the tests",
)


def run(*command, cwd):
    """Run a tool; its complaints are the message of the failing test."""
    words = [str(word) for word in command]
    result = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def tool(name):
    """The command of a development tool that was installed beside this Python."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed (extra `dev`)")
    return found


def pyproject(key):
    return re.search(rf'^{key} = "([^"]+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]


# The installation.


def test_the_installed_package_is_typed():
    assert (PACKAGE / "py.typed").is_file()
    assert (PACKAGE / "_core" / "__init__.pyi").is_file()
    assert (PACKAGE / "_core" / "_cpu.pyi").is_file()


def test_one_version_in_pyproject_metadata_python_and_cpp():
    versions = {importlib.metadata.version(DISTRIBUTION), deepcore.__version__, _core.build_info()["version"]}
    assert versions == {pyproject("version")}


def test_the_licences_of_deepcore_and_of_eigen_are_installed():
    assert importlib.metadata.metadata(DISTRIBUTION)["License-Expression"] == "BSD-3-Clause"
    names = [file for file in importlib.metadata.files(DISTRIBUTION) if "licenses" in file.parts]
    texts = {file.name: file.read_text(encoding="utf-8") for file in names}
    assert "BSD 3-Clause License" in texts["LICENSE"]
    assert "Mozilla Public License Version 2.0" in texts["MPL-2.0.txt"]


def test_the_installation_holds_the_package_its_metadata_and_its_command_only():
    files = importlib.metadata.files(DISTRIBUTION)
    homes = {file.parts[0] for file in files if file.parts[0] != ".."}
    assert homes == {"deepcore", f"deepcore_nn-{pyproject('version')}.dist-info"}
    assert {file.name for file in files if file.parts[0] == ".."} == {"deepcore"}
    strays = [file for file in files if file.suffix in {".cpp", ".o", ".a", ".map", ".pyx"}]
    libraries = [file for file in strays if file.parts[:2] == ("deepcore", "lib")]
    assert strays == libraries
    built = _core.VARIANTS if len(_core.VARIANTS) == 1 else [name for name in _core.VARIANTS if name != "v4"]
    assert sorted(file.name for file in libraries if file.suffix == ".a") == [
        f"libdeepcore_{name}.a" for name in sorted(built) if sys.platform != "win32"
    ]


def test_the_files_for_cython_are_installed():
    assert (PACKAGE / "capi.pxd").is_file()
    assert Path(installation.get_include(), "deepcore_api.h").is_file()


def test_the_command_line_program_is_registered():
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="deepcore")
    assert entry.value == "deepcore.cli:main"
    assert callable(entry.load())


def test_run_time_needs_numpy_only():
    required = [line for line in importlib.metadata.requires(DISTRIBUTION) if "extra ==" not in line]
    assert sorted(re.match(r"[\w-]+", line)[0] for line in required) == ["numpy"]


@beside_sources
def test_development_uses_the_pybind11_and_eigen_of_the_wheel():
    text = (ROOT / "pyproject.toml").read_text()
    required = re.findall(r'"([^"]+)"', re.search(r"^requires = \[(.*)\]$", text, re.MULTILINE)[1])
    names = [re.match(r"[\w-]+", line)[0] for line in required]
    assert names == ["scikit-build-core", "pybind11", "cmeel-eigen"]
    for name, line in zip(names, required, strict=True):
        assert set(re.findall(rf'"({name}[=><~!][^"]*)"', text)) == {line}


def test_importing_deepcore_loads_no_extra():
    extras = {"click", "rich", "matplotlib", "h5py", "scipy", "sklearn", "torch", "pandas"}
    code = f"import sys, deepcore; sys.exit(' '.join({extras!r} & set(sys.modules)) or 0)"
    run(sys.executable, "-W", "error", "-c", code, cwd=ROOT)


def test_the_configuration_names_version_variant_eigen_compiler_and_threads():
    facts = installation.config()
    assert {"version", "variant", "variants", "eigen", "compiler", "threads"} <= set(facts)
    assert all(isinstance(value, str) and value for value in facts.values())
    assert facts["variant"] in facts["variants"].split()


def test_show_config_prints_every_fact(capsys):
    installation.show_config()
    printed = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert printed == installation.config()


@beside_sources
def test_the_installed_headers_are_those_of_the_sources():
    installed, sources = Path(installation.get_include()), ROOT / "cpp/include"
    names = [path.relative_to(sources) for path in sources.rglob("*.h*")]
    assert {path.relative_to(installed) for path in installed.rglob("*.h*")} == set(names)
    assert [name for name in names if (installed / name).read_text() != (sources / name).read_text()] == []


def test_a_cmake_project_finds_and_compiles_the_installed_headers(tmp_path):
    cmake = tool("cmake")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.26)\n"
        "project(user LANGUAGES CXX)\n"
        "find_package(deepcore CONFIG REQUIRED)\n"
        "add_library(user OBJECT user.cpp)\n"
        "target_link_libraries(user PRIVATE deepcore::headers)\n"
    )
    headers = sorted(Path(installation.get_include(), "deepcore").glob("*.hpp"))
    (tmp_path / "user.cpp").write_text("".join(f"#include <deepcore/{header.name}>\n" for header in headers))
    run(cmake, "-S", ".", "-B", "build", f"-Ddeepcore_DIR={installation.get_cmake_dir()}", cwd=tmp_path)
    run(cmake, "--build", "build", cwd=tmp_path)


@pytest.mark.skipif(not shutil.which("nm") or sys.platform != "linux", reason="needs nm and ELF files")
def test_a_native_module_exports_entries_of_modules_only():
    modules = sorted((PACKAGE / "_core").glob("*.so"))
    assert len(modules) == len(_core.VARIANTS) + 1
    for module in modules:
        command = ["nm", "-D", "--defined-only", str(module)]
        names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[2::3]
        own = f"PyInit_{module.name.partition('.')[0]}"
        assert own in names
        assert all(name.startswith("PyInit__c") for name in names)  # one module.cpp serves every variant


@beside_sources
def test_the_citation_file_names_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", citation, re.MULTILINE)[1] == pyproject("version")


# The tools.


def test_the_files_that_are_left_out_of_the_quick_tests_exist():
    text = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
    names = re.findall(r'^    "(test_\w+\.py)",$', text, re.MULTILINE)
    assert names
    assert [name for name in names if not (ROOT / "tests" / "unit" / name).is_file()] == []


@beside_sources
def test_every_session_that_the_gate_runs_is_in_the_noxfile():
    gate = re.sub(r"#.*", "", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    sessions = re.findall(r"^def (\w+)\(session\):$", (ROOT / "noxfile.py").read_text(), re.MULTILINE)
    in_loops = " ".join(re.findall(r"^for name in ([\w ]+);", gate, re.MULTILINE)).split()
    run = {*re.findall(r"session ([a-z]+)", gate), *in_loops}
    assert {"package", "tests", "tidy", "everything"} <= run <= set(sessions)
