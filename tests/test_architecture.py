"""Every #include and every import points down, no class touches another's private names, files stay small."""

import ast
import functools
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CPP, PYTHON = ROOT / "cpp", ROOT / "python" / "deepcore"
pytestmark = pytest.mark.skipif(
    not (CPP.is_dir() and PYTHON.is_dir()), reason="the sources are not beside the tests"
)

# What each folder may include.
STANDARD = r"<[a-z_]+\d*>"
SYSTEM = r"<(?!pybind11/)[a-z0-9_/]+\.h>"  # POSIX and the compiler's own; <Python.h> has a capital letter
PUBLIC = r"<deepcore(/\w+\.hpp|_api\.h)>"
OWN = r'"\w+\.hpp"'
KERNELS = r'"kernels/\w+\.hpp"'
STAGES = r'"stages/\w+\.hpp"'
FILES = r'"files/\w+\.hpp"'
EIGEN = r"<Eigen/\w+>"
PYBIND = r"<(pybind11/\w+|Python)\.h>"
INCLUDES = {
    "include": [STANDARD, SYSTEM],
    "include/deepcore": [STANDARD, PUBLIC],
    "src/kernels": [STANDARD, SYSTEM, PUBLIC, KERNELS, EIGEN],
    "src/stages": [STANDARD, PUBLIC, KERNELS, OWN, STAGES],
    "src/files": [STANDARD, PUBLIC, OWN, FILES],
    "src": [STANDARD, SYSTEM, PUBLIC, KERNELS, OWN, STAGES],
    "bindings": [STANDARD, SYSTEM, PUBLIC, OWN, PYBIND],
    "tests": [STANDARD, SYSTEM, PUBLIC, KERNELS, OWN],
}

# The levels of the core, lowest first. The second or third line of each file names its level, and a file
# includes files of its own level or of lower ones.
LEVELS = (
    "machine", "kernels", "description", "batches", "state", "stages", "passes", "steps", "runs", "calls",
    "files",
)  # fmt: skip

# The files and folders of the Python package, lowest first: each may import those before it and
# none after it, wherever the import stands.
ORDER = (
    "_core", "_clash", "_regular", "typing", "_algebra", "exceptions", "_text_table", "_heat_map", "_checks",
    "_defaults", "_keywords",
    "catalog", "_course_weights", "_labels",
    "installation",
    "capi",
    "threadpools",
    "distributed", "_cluster",
    "schedules", "losses", "layers", "functional", "data",
    "_network",
    "_streaming",
    "graph",
    "files",
    "_optimizer_state", "optimizers", "trace", "_scores", "metrics", "plots", "report", "history",
    "callbacks", "recorder", "progress",
    "_predicting",
    "_training",
    "tabular", "prepared",
    "_realmlp",
    "model", "_mlp",
    "many", "ensemble",
    "conversion",
    "doctor", "sklearn",
    "dask",
    "_loading",
    "course", "bench", "cli",
    "__init__", "__main__",
)  # fmt: skip

# Names that look private and are not: scikit-learn's base classes read one from their subclasses, named
# tuples have two, and Python documents two of the module sys.
PUBLIC_ALL_THE_SAME = {"_parameter_constraints", "_fields", "_asdict", "_getframe", "_current_frames"}

# The only files that name the classes of the native module.
NATIVE_CLASSES = {
    "Network": {"_network/network.py", "_clash.py"},
    "Predictor": {"_network/network.py"},
    "Optimizer": {"_optimizer_state.py"},
}

# Libraries that are extras, and the only parts of the package that may import them.
EXTRAS = {
    "click": {"cli"},
    "tomli": {"cli"},
    "rich": {"cli", "progress"},
    "tqdm": {"progress"},
    "matplotlib": {"plots"},
    "jinja2": {"report"},
    "h5py": {"data"},
    "narwhals": {"tabular"},
    "polars": {"tabular", "_streaming"},
    "threadpoolctl": {"threadpools"},
    "onnx": {"files"},
    "scipy": {"_training", "dask", "sklearn"},
    "sklearn": {"dask", "metrics", "sklearn"},
    "joblib": {"sklearn"},
    "dask": {"_cluster", "dask"},
    "distributed": {"_cluster", "dask"},
    "xgboost": {"dask"},
    "mpi4py": {"dask", "distributed"},
    "torch": {"files"},
}

# What runs between the epochs of a training. NumPy's BLAS leaves threads awake there: 75 ms of each epoch.
BETWEEN_EPOCHS = {
    "_algebra", "_scores", "trace", "metrics", "history", "callbacks", "recorder", "progress", "_training",
}  # fmt: skip


def cpp_files():
    return sorted(path for path in CPP.rglob("*") if path.suffix in {".cpp", ".hpp", ".c", ".h"})


def source_files():
    folders = ["cpp", "python", "tests", "examples", "benchmarks"]
    suffixes = {".cpp", ".hpp", ".c", ".h", ".py", ".pyi", ".pxd", ".pyx", ".cmake"}
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in suffixes
    )


def includes(path):
    return re.findall(r'^\s*#\s*include\s+([<"][^>"]+[>"])', path.read_text(), re.MULTILINE)


def module_name(path):
    parts = path.relative_to(PYTHON.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def python_modules():
    return {module_name(path): path for path in sorted(PYTHON.rglob("*.py"))}


@functools.cache
def tree_of(path):
    """The syntax tree of a source file, which several tests look at."""
    return ast.parse(path.read_text())


def imports(name, path, modules):
    """Names that a module imports, also inside functions and for typing only."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    found = set()

    def visit(node):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            inner = {f"{source}.{alias.name}" for alias in node.names} & set(modules)
            found.update(inner)
            if len(inner) < len(node.names):
                found.add(source)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree_of(path))
    return found - {name}


def part(name):
    """The piece of the package a module belongs to: ``cli`` for ``deepcore.cli.train``."""
    return name.split(".")[1] if "." in name else "__init__"


def cycle(graph):
    """A list of nodes that leads back to its first, or None."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return None
        path.append(node)
        found = next(filter(None, (visit(below) for below in sorted(graph.get(node, ())))), None)
        path.pop()
        done.add(node)
        return found

    return next(filter(None, map(visit, sorted(graph))), None)


def test_the_cycle_finder_finds_cycles():
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


@pytest.mark.parametrize("folder", INCLUDES)
def test_cpp_includes_only_what_its_folder_may(folder):
    files = [path for path in cpp_files() if path.parent == CPP / folder]
    assert files
    allowed = re.compile("|".join(f"({pattern})" for pattern in INCLUDES[folder]))
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files
        for name in includes(path)
        if not allowed.fullmatch(name)
    ]
    assert wrong == []


def test_every_cpp_file_lies_in_a_known_folder():
    folders = {path.parent.relative_to(CPP).as_posix() for path in cpp_files()}
    assert folders <= set(INCLUDES)


def level(path):
    """Position in LEVELS of the level that a file of the core names."""
    found = re.search(r"^// Level: (\w+)\.", "\n".join(path.read_text().splitlines()[:4]), re.MULTILINE)
    assert found, f"{path.relative_to(ROOT)} does not say its level"
    return LEVELS.index(found[1])


def test_cpp_includes_point_down():
    core = [path for path in cpp_files() if CPP / "src" in path.parents]
    up = [
        f"{path.relative_to(ROOT)} includes {name}"
        for path in core
        for name in includes(path)
        if (target := CPP / "src" / name[1:-1]).exists() and level(target) > level(path)
    ]
    assert up == []


def test_cpp_includes_have_no_cycle():
    folders = ("kernels", "stages", "files")
    roots = {"<deepcore/": CPP / "include"} | {f'"{name}/': CPP / "src" for name in folders}
    graph = {}
    for path in cpp_files():
        below = {
            next((root for start, root in roots.items() if name.startswith(start)), path.parent) / name[1:-1]
            for name in includes(path)
        }
        graph[path] = {target for target in below if target.exists()}
    assert cycle(graph) is None


def test_every_part_of_the_python_package_has_its_place_in_the_order():
    assert sorted(ORDER) == sorted({part(name) for name in python_modules()})


def test_python_imports_point_down():
    modules = python_modules()
    up = [
        f"{name} imports {target}"
        for name, path in modules.items()
        for target in imports(name, path, modules)
        if target in modules and ORDER.index(part(target)) > ORDER.index(part(name))
    ]
    assert up == []


def test_python_imports_have_no_cycle():
    modules = python_modules()
    graph = {name: imports(name, path, modules) & set(modules) for name, path in modules.items()}
    assert cycle(graph) is None


def test_imports_inside_functions_and_for_typing_only_count(tmp_path):
    path = tmp_path / "source.py"
    path.write_text("if TYPE_CHECKING:\n    import a\ndef f():\n    from b import c\n")
    assert imports("deepcore.source", path, {}) == {"a", "b"}


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def foreign_privates(tree, modules):
    """Private names that a module takes from elsewhere: ``other._name``, ``from deepcore.x import _name``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in PUBLIC_ALL_THE_SAME:
            owner = ast.unparse(node.value)
            if owner not in {"self", "cls", "super()"}:
                yield f"line {node.lineno}: {owner}.{node.attr}"
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "deepcore":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"  # a module of ours, or a compiled one
                if is_private(alias.name) and inner not in modules and inner != "deepcore._core._cpu":
                    yield f"line {node.lineno}: {node.module}.{alias.name}"


def test_the_finder_of_private_names_finds_them():
    source = "self._a, cls._b, c._d, e.f._g, x.__class__\nfrom deepcore.model import _h, i\n"
    found = sorted(foreign_privates(ast.parse(source), {}))
    assert found == ["line 1: c._d", "line 1: e.f._g", "line 2: deepcore.model._h"]


def test_no_module_touches_a_private_name_of_another():
    modules = python_modules()
    found = [
        f"{name}, {place}"
        for name, path in modules.items()
        for place in foreign_privates(tree_of(path), modules)
    ]
    assert found == []


def blas_calls(tree):
    """Lines of ``a @ b``, ``np.dot``, ``np.linalg`` and others that NumPy leaves to BLAS or LAPACK."""
    names = {"dot", "vdot", "inner", "outer", "matmul", "tensordot", "linalg", "corrcoef", "cov", "convolve"}
    for node in ast.walk(tree):
        operator = getattr(node, "op", None)
        if isinstance(operator, ast.MatMult) or (isinstance(node, ast.Attribute) and node.attr in names):
            yield node.lineno


def test_the_finder_of_blas_calls_finds_them():
    source = "a @ b\na @= b\nnp.dot(a, b)\na.dot(b)\nnp.linalg.norm(a)\n@f\ndef g(): a * b\n"
    assert sorted(blas_calls(ast.parse(source))) == [1, 2, 3, 4, 5]


def test_nothing_between_epochs_calls_blas():
    found = {
        name: lines
        for name, path in python_modules().items()
        if part(name) in BETWEEN_EPOCHS and (lines := sorted(blas_calls(tree_of(path))))
    }
    assert found == {}


@pytest.mark.parametrize("kind", NATIVE_CLASSES)
def test_the_native_classes_are_named_in_one_place(kind):
    named = {
        path.relative_to(PYTHON).as_posix()
        for path in python_modules().values()
        if re.search(rf"\b{kind}F(32|64)\b", path.read_text())
    }
    assert named == NATIVE_CLASSES[kind]


def test_libraries_of_extras_are_imported_in_their_own_part_only():
    modules = python_modules()
    known = {"deepcore", "numpy", "safetensors", *EXTRAS, *sys.stdlib_module_names}
    for name, path in modules.items():
        for target in imports(name, path, modules):
            library = target.split(".")[0]
            assert library in known, f"{name} imports {target}, which is no dependency"
            assert part(name) in EXTRAS.get(library, {part(name)}), (
                f"{name} imports {target}; it belongs to {EXTRAS[library]}"
            )


def lines_of_code(path):
    """Number of lines that hold code: no blank line, comment or docstring."""
    text = path.read_text()
    if path.suffix in {".py", ".pyi"}:
        tree = tree_of(path)
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        prose = {
            line
            for node in ast.walk(tree)
            if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None
            for line in range(node.body[0].lineno, node.body[0].end_lineno + 1)
        }
        return len([
            number
            for number, line in enumerate(text.splitlines(), start=1)
            if line.strip() and not line.strip().startswith("#") and number not in prose
        ])  # fmt: skip
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return len([line for line in text.splitlines() if line.strip() and not re.match(r"\s*(//|# )", line)])


def test_lines_of_code_are_counted_without_prose(tmp_path):
    python, cpp = tmp_path / "a.py", tmp_path / "a.cpp"
    python.write_text('"""Prose\nand prose."""\n\n# why\ndef f():\n    """Prose."""\n    return 1  # one\n')
    cpp.write_text("// what\n#include <a>\n\n/* more\n   prose */\nint a;  // one\n")
    assert lines_of_code(python) == 2
    assert lines_of_code(cpp) == 2


def test_sources_stay_under_400_lines_of_code():
    long = [path for path in source_files() if path.read_text().count("\n") > 400]
    code = {str(path.relative_to(ROOT)): lines_of_code(path) for path in long}
    assert {name: lines for name, lines in code.items() if lines > 400} == {}


@pytest.mark.parametrize("words", ["Role::scale|scaled_inputs|kernels/column_factors", r"\bntk\b"])
def test_a_kind_of_layer_is_known_to_six_files_of_the_core(words):
    found = [f for f in cpp_files() if "tests" not in f.parts and "bindings" not in f.parts]
    knowing = [f.name for f in found if re.search(words, f.read_text())]
    assert 0 < len(knowing) <= 6, knowing


def test_sources_are_ascii():
    assert [str(path.relative_to(ROOT)) for path in source_files() if not path.read_bytes().isascii()] == []


def test_a_cpp_file_opens_with_what_it_is():
    silent = [str(path.relative_to(ROOT)) for path in cpp_files() if not path.read_text().startswith("// ")]
    assert silent == []


def test_only_platform_files_include_headers_of_an_operating_system():
    system = re.compile(r"<(unistd|pthread|sched|windows|process|sys/\w+)\.h>")
    users = {path.name for path in cpp_files() if any(map(system.fullmatch, includes(path)))}
    assert users <= {"platform_posix.cpp", "platform_windows.cpp", "system_memory.hpp"}  # the last: for tests


def test_docstrings_are_one_text():
    """Two literals in a row within a docstring are a text that was wrapped like a message."""
    found = [
        f"{path.name}: {text[:60]}"
        for path in PYTHON.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and re.search(r'"\n\s*"', text := ast.get_docstring(node, clean=False) or "")
    ]
    assert found == []
