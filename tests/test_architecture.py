"""The floors of the house: every #include and every import points down, and files stay small and plain."""

import ast
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
PUBLIC = r"<deepcore/\w+\.hp*>"
OWN = r'"\w+\.hpp"'
KERNELS = r'"kernels/\w+\.hpp"'
EIGEN = r"<Eigen/\w+>"
PYBIND = r"<pybind11/\w+\.h>"
INCLUDES = {
    "include/deepcore": [STANDARD, PUBLIC],
    "src/kernels": [STANDARD, SYSTEM, PUBLIC, KERNELS, EIGEN],
    "src": [STANDARD, SYSTEM, PUBLIC, KERNELS, OWN],
    "bindings": [STANDARD, SYSTEM, PUBLIC, OWN, PYBIND],
    "tests": [STANDARD, SYSTEM, PUBLIC, KERNELS, OWN],
}

# Floors of the Python package, lowest first; a module that is not named here stands on the middle floor.
BOTTOM = {"_core", "typing"}
MODELS = {"course", "functional", "model", "perceptron", "checkpoint", "gradient_check"}
TOP = {"bench", "cli", "sklearn", "threadpools", "__init__"}

# Libraries that are extras, and the only parts of the package that may import them.
EXTRAS = {
    "click": {"cli"},
    "rich": {"cli", "progress"},
    "tqdm": {"progress"},
    "matplotlib": {"cli"},
    "h5py": {"data"},
    "threadpoolctl": {"threadpools"},
    "scipy": {"lbfgs", "sklearn"},
    "sklearn": {"metrics", "sklearn"},
}


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


def imports(name, path, modules, *, late=True):
    """Names that a module imports; with ``late`` also those inside functions; never those for typing only."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    found = set()

    def visit(node):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.FunctionDef | ast.Lambda) and not late:
            return
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

    visit(ast.parse(path.read_text()))
    return found - {name}


def part(name):
    """The piece of the package a module belongs to: ``cli`` for ``deepcore.cli.train``."""
    return name.split(".")[1] if "." in name else "__init__"


def floor(name):
    for height, parts in enumerate([BOTTOM, None, MODELS, TOP]):
        if parts and part(name) in parts:
            return height
    return 1


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
def test_cpp_includes_only_what_its_floor_allows(folder):
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


def test_every_cpp_file_stands_on_a_floor():
    folders = {path.parent.relative_to(CPP).as_posix() for path in cpp_files()}
    assert folders <= set(INCLUDES)


def test_cpp_includes_have_no_cycle():
    roots = {"<deepcore/": CPP / "include", '"kernels/': CPP / "src"}
    graph = {}
    for path in cpp_files():
        below = {
            next((root for start, root in roots.items() if name.startswith(start)), path.parent) / name[1:-1]
            for name in includes(path)
        }
        graph[path] = {target for target in below if target.exists()}
    assert cycle(graph) is None


def test_python_imports_point_down():
    modules = python_modules()
    up = [
        f"{name} imports {target}"
        for name, path in modules.items()
        for target in imports(name, path, modules)
        if target in modules and floor(target) > floor(name)
    ]
    assert up == []


def test_python_imports_have_no_cycle():
    modules = python_modules()
    # A late import is allowed sideways: Model.save hands over to checkpoint, which is built on Model.
    graph = {name: imports(name, path, modules, late=False) & set(modules) for name, path in modules.items()}
    assert cycle(graph) is None


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


def test_sources_stay_under_400_lines():
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in source_files()}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


def test_sources_are_ascii():
    assert [str(path.relative_to(ROOT)) for path in source_files() if not path.read_bytes().isascii()] == []


def test_a_cpp_file_opens_with_what_it_is():
    silent = [str(path.relative_to(ROOT)) for path in cpp_files() if not path.read_text().startswith("// ")]
    assert silent == []
