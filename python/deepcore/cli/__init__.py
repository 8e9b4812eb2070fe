"""The command ``deepcore``: train, predict, evaluate, export, info, bench. It needs the extra ``cli``."""

import importlib.util
import sys

from deepcore import installation

# Only what every command needs. train draws a picture if matplotlib is installed, and a bar if rich is.
_NEEDS = ("click",)

# For builds, which have no click.
_FOLDERS = {"--cmake-dir": installation.get_cmake_dir, "--include-dir": installation.get_include}


def main() -> None:
    """Run the command line; without click, say how to install it and exit with status 2."""
    if len(sys.argv) == 2 and sys.argv[1] in _FOLDERS:
        _print_folder(sys.argv[1])
        return
    missing = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        needs = " and ".join(missing)
        print(f'deepcore: the command line needs {needs}: pip install "deepcore-nn[cli]"', file=sys.stderr)
        raise SystemExit(2)
    from deepcore.cli.app import app

    app(prog_name="deepcore")


def _print_folder(option: str) -> None:
    try:
        print(_FOLDERS[option]())
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from error
