"""Plant faults in the Python package, one at a time, and report those that no test notices.

    nox -s mutants -- --minutes 120 --seed 7

Which faults are tried depends on the seed. A fault that is noticed makes a test fail or hang. Some faults
cannot be noticed, since the changed program computes the same; for them there is --accept.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = [["-m", "quick", "tests"], ["tests/unit", "tests/scikit_learn", "-m", "not peers and not slow"]]
SLOWEST = 300  # seconds; a mutant whose tests take longer hangs

SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


def changes(node: ast.AST) -> Iterator[tuple[str, object, object]]:
    """The faults that a node can have: the name of its attribute, and the value before and after."""
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPS:
        yield "op", node.op, SWAPS[type(node.op)]()
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in SWAPS:
        yield "ops", node.ops, [SWAPS[type(node.ops[0])]()]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "op", node.op, ast.UAdd()
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "value", node.value, not node.value
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield "value", node.value, node.value + 1
    if isinstance(node, ast.If | ast.IfExp):
        yield "test", node.test, ast.UnaryOp(ast.Not(), node.test)
    if isinstance(node, ast.Return) and node.value is not None:
        yield "value", node.value, ast.Constant(None)


def mutants(path: Path) -> list[tuple[int, str, str]]:
    """All faults of a file: the line, what was changed, and the text of the faulty file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in ast.walk(tree):
        for attribute, before, after in changes(node):
            was = ast.unparse(node)
            setattr(node, attribute, after)
            ast.fix_missing_locations(tree)
            found.append((node.lineno, f"{was}  ->  {ast.unparse(node)}", ast.unparse(tree)))
            setattr(node, attribute, before)
    return found


def noticed(package: Path) -> bool:
    """Whether a test fails with the package that lies in this folder."""
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    for arguments in TESTS:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *arguments]
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, timeout=SLOWEST, check=False
            )
        except subprocess.TimeoutExpired:
            return True
        if done.returncode != 0:
            return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60, help="start no mutant after this time (60)")
    parser.add_argument("--seed", type=int, default=0, help="chooses the mutants (0)")
    parser.add_argument("--accept", type=float, default=20, help="percent of mutants that may survive (20)")
    parser.add_argument("--files", nargs="*", default=[], help="only these, such as layers.py (all)")
    options = parser.parse_args()

    import deepcore

    installed = Path(deepcore.__file__).parent
    end = time.monotonic() + 60 * options.minutes
    survivors, tried = [], 0
    with tempfile.TemporaryDirectory() as folder:
        package = Path(shutil.copytree(installed, Path(folder) / "deepcore"))
        if noticed(package):
            print("the tests must pass without a fault first")
            return 1
        files = [path for path in package.rglob("*.py") if not options.files or path.name in options.files]
        faults = [(path, *fault) for path in sorted(files) for fault in mutants(path)]
        random.Random(options.seed).shuffle(faults)
        for path, line, change, text in faults:
            if time.monotonic() > end:
                break
            before = path.read_text(encoding="utf-8")
            path.write_text(text, encoding="utf-8")
            tried += 1
            if not noticed(package):
                survivors.append(f"{path.relative_to(package)}:{line}: {change}")
                print("survived:", survivors[-1], flush=True)
            path.write_text(before, encoding="utf-8")
    print(f"{len(survivors)} of {tried} mutants survived; there are {len(faults)}")
    return int(len(survivors) > options.accept / 100 * tried)


if __name__ == "__main__":
    sys.exit(main())
