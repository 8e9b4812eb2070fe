"""The checks of deepcore, one session each: `nox -l` lists them, `nox -s lint` runs one, .ci/run runs all.

Sessions that test an installation take the wheel in DEEPCORE_WHEEL, or build one for this machine's CPU.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.sessions = ["lint", "quick"]
nox.options.error_on_external_run = True

ROOT = Path(__file__).resolve().parent
BUILD = ROOT / "build"
PYPROJECT = nox.project.load_toml("pyproject.toml")
LARGEST_WHEEL = 5_000_000  # bytes

# The oldest versions that pyproject.toml allows, as its lower bounds say them.
OLDEST = ["numpy==1.26.*", "safetensors==0.4.0", "scikit-learn==1.7.0", "scipy==1.11.*", "pytest==8.*"]
PEERS = ["torch==2.13.0"]
PARALLEL = ["-n", "auto"]  # one process of tests for each core
EMULATED = ["activations", "mathematics", "narrow"]  # C++ tests that are known to pass under qemu


def wheel(session):
    """The wheel under test: what DEEPCORE_WHEEL names, or a new one if it names none for this Python."""
    code = "import sys; print('cp%d%d' % sys.version_info[:2])"
    version = session.run_install("python", "-c", code, silent=True)
    named = os.environ.get("DEEPCORE_WHEEL", "")
    if version and f"-{version.strip()}-" in named:
        return named
    folder = BUILD / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    session.run_install("python", "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), ".")
    (built,) = folder.glob("*.whl")
    return str(built)


def install_wheel(session, extras, *more):
    """Install the wheel with extras, and say what was installed."""
    session.install("-q", f"{wheel(session)}[{extras}]", *more)
    in_temporary_folder(session, "python", "-c", "import deepcore; deepcore.show_config()")


def in_temporary_folder(session, *command, **options):
    """Run a command from an empty folder, so that it sees the installed package and not the sources."""
    with tempfile.TemporaryDirectory() as folder, session.chdir(folder):
        session.run(*command, **options)


def run_tests(session, *arguments, **options):
    """Run pytest on the installed package."""
    paths = [str(ROOT / "tests")] if not any(word.startswith(str(ROOT)) for word in arguments) else []
    in_temporary_folder(
        session,
        "python",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *paths,
        *arguments,
        **options,
    )


def group(name):
    """The requirements of a dependency group."""
    return nox.project.dependency_groups(PYPROJECT, name)


def variants(session):
    """The CPU levels that a release has and this machine runs, lowest first."""
    code = "from deepcore._core import _cpu as c; print(*[v for v in c.BUILT if v in c.runnable()])"
    with tempfile.TemporaryDirectory() as folder, session.chdir(folder):
        return session.run("python", "-c", code, silent=True).split()


def build_for_tests(name):
    """The settings of an installation that compiles the C++ tests too, into a folder that stays."""
    folder = BUILD / name
    shutil.rmtree(folder, ignore_errors=True)
    return folder, [f"-Cbuild-dir={folder}", "-Ccmake.define.DEEPCORE_TESTS=ON"]


def ctest(session, folder, *arguments, **environment):
    """Run the C++ tests that were built in a folder."""
    options = ["--output-on-failure", "--no-tests=error", "--parallel", "2"]
    session.run("ctest", "--test-dir", str(folder), *options, *arguments, env=environment)


def compiles(source, *flags):
    """Whether the C++ compiler takes a program, and the program runs."""
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder) / "program")
        command = [os.environ.get("CXX", "c++"), *flags, "-x", "c++", "-o", program, "-"]
        built = subprocess.run(command, input=source, text=True, capture_output=True, check=False)
        return (
            built.returncode == 0
            and subprocess.run([program], capture_output=True, check=False).returncode == 0
        )


@nox.session
def package(session):
    """Build the sdist, and from it the wheel with all CPU levels, as a package index would have them.

    The C++ tests of the levels that this machine runs are built from the same objects, and run.
    """
    session.install("-q", "build", "cmake")
    folder = session.posargs[0] if session.posargs else str(BUILD / "dist")
    build, settings = build_for_tests("release")
    # Benchmarks are compiled where Google Benchmark is installed.
    with_benchmarks = compiles("#include <benchmark/benchmark.h>\nint main() {}")
    settings += [
        "-Ccmake.define.DEEPCORE_VARIANTS=all",
        "-Ccmake.define.DEEPCORE_WERROR=ON",
        f"-Ccmake.define.DEEPCORE_BENCHMARKS={'ON' if with_benchmarks else 'OFF'}",
        "-Cbuild.targets=all;all_verify_interface_header_sets",
    ]
    session.run("python", "-m", "build", "--outdir", folder, *settings, ".")
    (built,) = Path(folder).glob("*.whl")
    session.log(f"{built.name}: {built.stat().st_size} bytes")
    if built.stat().st_size >= LARGEST_WHEEL:
        session.error(f"the wheel must be smaller than {LARGEST_WHEEL} bytes")
    ctest(session, build)


@nox.session
def quick(session):
    """Run the quick tests."""
    install_wheel(session, "test")
    run_tests(session, "-m", "quick", *session.posargs)


@nox.session
def tests(session):
    """Run what a user can run: no tools, no peers, no data files; on the lowest CPU level."""
    install_wheel(session, "test")
    run_tests(
        session,
        *PARALLEL,
        *session.posargs,
        env={"DEEPCORE_ISA": variants(session)[0], "DEEPCORE_DATA": None},
    )


@nox.session
def oldest(session):
    """Run the Python tests with the oldest allowed libraries; --force-python chooses the Python."""
    install_wheel(session, "test,sklearn", *OLDEST)
    session.run("python", "-m", "pip", "list")
    folders = [str(ROOT / "tests" / name) for name in ("unit", "scikit_learn", "integration/test_readme.py")]
    run_tests(session, *PARALLEL, *folders, *session.posargs)


@nox.session
def editable(session):
    """Install as CONTRIBUTING.md says, and see that an import compiles a C++ file that has changed."""
    session.install("-q", *group("build"))
    folder = BUILD / "editable"
    settings = [f"-Cbuild-dir={folder}", "-Ccmake.build-type=Debug", "-Ccmake.define.CMAKE_UNITY_BUILD=ON"]
    session.install("-q", "--no-build-isolation", *settings, "-e", ".")
    (module,) = (folder / "cpp").glob("_core_*.so")
    before = module.stat().st_mtime_ns
    (ROOT / "cpp/bindings/module.cpp").touch()
    in_temporary_folder(session, "python", "-c", "import deepcore; deepcore.show_config()")
    if module.stat().st_mtime_ns == before:
        session.error("importing deepcore must compile cpp/bindings/module.cpp, which has changed")


@nox.session
def lint(session):
    """Run ruff, mypy, stubtest and clang-format."""
    install_wheel(session, "dev,test")
    session.run("ruff", "check", "--no-cache", ".")
    session.run("ruff", "format", "--no-cache", "--check", ".")
    session.run("mypy", "--cache-dir", os.devnull)
    allowed = str(ROOT / "tests" / "stubtest.allow")
    in_temporary_folder(session, "python", "-m", "mypy.stubtest", "deepcore._core", "--allowlist", allowed)
    sources = [str(path) for path in Path("cpp").rglob("*.*") if path.suffix in {".cpp", ".hpp", ".c", ".h"}]
    session.run("clang-format", "--dry-run", "-Werror", *sources, silent=True)


@nox.session
def tidy(session):
    """Run clang-tidy over all C++ files: library, bindings and tests. Nothing is compiled."""
    install_wheel(session, "dev")
    session.run("cmake", "--fresh", "--preset", "tidy", "-DDEEPCORE_VARIANTS=native")
    commands = json.loads((BUILD / "tidy" / "compile_commands.json").read_text())
    files = {entry["file"] for entry in commands if "verify_interface" not in entry["file"]}

    def check(file):
        session.run("clang-tidy", "--quiet", "-p", str(BUILD / "tidy"), file)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # The bindings take longest, so they come first.
        list(pool.map(check, sorted(files, key=lambda file: ("bindings" not in file, file))))


def run_sanitized(session, sanitizers, library, options, of_python, *arguments, names=""):
    """Compile everything with sanitizers, once; run the C++ tests, and Python tests with their library."""
    build, settings = build_for_tests(session.name)
    settings += [
        f"-Ccmake.define.DEEPCORE_TEST_NAMES={names}",
        "-Ccmake.build-type=Debug",
        "-Cinstall.strip=false",
        f"-Ccmake.define.DEEPCORE_SANITIZE={sanitizers}",
        "-Ccmake.define.DEEPCORE_VARIANTS=native",
    ]
    session.install("-q", "cmake", ".[test]", *settings)
    ctest(session, build, DEEPCORE_FEW_CASES="1", **options)
    # libstdc++ too, or the first C++ exception finds no __cxa_throw.
    libraries = [
        session.run("g++", f"-print-file-name={name}.so", external=True, silent=True).strip()
        for name in (library, "libstdc++")
    ]
    run_tests(
        session,
        *PARALLEL,
        "--capture=sys",  # so that the report of a sanitizer is shown, which is written past Python
        *arguments,
        env={"LD_PRELOAD": " ".join(libraries), **options, **of_python},
    )


@nox.session
def sanitized(session):
    """Run the C++ tests, and the tests of the bindings, with checks of memory and undefined behaviour."""
    options = {"UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
    of_python = {"ASAN_OPTIONS": "detect_leaks=0"}  # Python itself is not free of leaks
    folders = [str(ROOT / "tests" / name) for name in ("unit", "property")]
    # These run the C compiler or draw pictures, and call little of the compiled module.
    others = ("c_header", "members_in_c", "plots", "docstrings")
    ignored = [f"--ignore={ROOT}/tests/unit/test_{name}.py" for name in others]
    # The wide cases in float64 are those in float32 with other numbers, and the slowest without optimisation.
    narrower = ["-k", "not (float64 and 900)"]
    run_sanitized(session, "address,undefined", "libasan", options, of_python, *folders, *ignored, *narrower)


@nox.session
def threaded(session):
    """Run the C++ and the Python tests that have several threads, with checks of data races."""
    if not compiles("int main() {}", "-fsanitize=thread"):
        session.log("skipped: ThreadSanitizer does not run here")
        return
    # Python and NumPy are not compiled with the checks, so reports from their own code are suppressed.
    ignored = ROOT / "tests" / "contracts" / "thread_sanitizer.supp"
    options = {"TSAN_OPTIONS": "halt_on_error=1"}
    of_python = {"TSAN_OPTIONS": f"suppressions={ignored}:halt_on_error=1:second_deadlock_stack=1"}
    files = [str(ROOT / "tests/contracts" / name) for name in ("test_concurrency.py", "test_whole_states.py")]
    names = "|".join(
        path.stem.removeprefix("test_")
        for path in sorted(ROOT.glob("cpp/tests/test_*.cpp"))
        if re.search("[Tt]hread|Team", path.read_text())
    )
    run_sanitized(session, "thread", "libtsan", options, of_python, *files, "-k", "not forked", names=names)


@nox.session
def cross(session):
    """Compile the library for ARM Linux, ARM macOS and Windows; run the ARM Linux tests under qemu."""
    session.install("-q", *group("cross"))
    session.env["ZIG_GLOBAL_CACHE_DIR"] = str(BUILD / "zig")
    python = shutil.which("python", path=session.bin)
    for target in ("aarch64-macos", "x86_64-windows", "aarch64-linux"):
        folder, runs = str(BUILD / target), target == "aarch64-linux" and can_run_arm(session)
        options = ["-DCMAKE_BUILD_TYPE=Release"]
        programs = [f"test_{name}_base" for name in EMULATED]
        if not runs:  # what is only compiled need not be fast
            options = ["-DCMAKE_BUILD_TYPE=Debug", "-DDEEPCORE_TESTS=OFF"]
            programs = ["all"]
        session.run(
            "cmake",
            "--fresh",
            "-S",
            ".",
            "-B",
            folder,
            "-G",
            "Ninja",
            f"-DCMAKE_TOOLCHAIN_FILE={ROOT / 'cpp/cmake/toolchains' / target}.cmake",
            f"-DDEEPCORE_ZIG_PYTHON={python}",
            f"-DPython_EXECUTABLE={python}",
            "-DCMAKE_UNITY_BUILD=ON",
            *options,
        )
        session.run("cmake", "--build", folder, "--target", *programs)
        if runs:
            ctest(session, folder, "-R", f"test_({'|'.join(EMULATED)})", DEEPCORE_FEW_CASES="1")


def can_run_arm(session):
    """Whether programs for ARM Linux run here; installs what they need where that is possible."""

    def emulated():
        return shutil.which("qemu-aarch64-static") and Path("/usr/aarch64-linux-gnu/lib").is_dir()

    complete = emulated() and shutil.which("aarch64-linux-gnu-g++")
    if not complete and shutil.which("apt-get") and os.geteuid() == 0:
        for words in (["update"], ["install", "-y", "qemu-user-static", "g++-aarch64-linux-gnu"]):
            session.run("apt-get", "-qq", *words, external=True, success_codes=range(256), silent=True)
    if not emulated():
        session.log(
            "C++ tests for ARM Linux are skipped: they need qemu-user-static and g++-aarch64-linux-gnu"
        )
    return bool(emulated())


@nox.session
def everything(session):
    """Run all tests, together with all libraries that they compare with."""
    install_wheel(session, "dask,dev,mpi,peers,test", *PEERS, "mpich")
    session.run(
        "python",
        "-c",
        "import distributed, jax, mpi4py, onnxruntime, pandas, polars, sklearn, torch, xgboost",
    )
    run_tests(session, *session.posargs)


@nox.session
def site(session):
    """Build the documentation site into build/site; a link that leads nowhere is an error."""
    session.install("-q", *group("docs"))
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def coverage(session):
    """Measure the branch coverage of the Python package; pyproject.toml has the lowest that is accepted."""
    install_wheel(session, "test,sklearn", *group("coverage"))
    folders = [
        str(ROOT / "tests" / name) for name in ("unit", "course", "scikit_learn", "integration/test_cli.py")
    ]
    options = ["--cov", f"--cov-config={ROOT / 'pyproject.toml'}", "--cov-report=term"]
    run_tests(session, *options, *folders, *session.posargs, env={"DEEPCORE_DATA": None})


@nox.session
def mutants(session):
    """Plant faults in the Python package, one at a time, and see that a test fails: --minutes, --seed."""
    install_wheel(session, "test,sklearn")
    session.run("python", ".ci/mutants.py", *session.posargs)
