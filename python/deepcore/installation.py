"""Facts about the installation: version, CPU variant, libraries, and the folders for C++ programs."""

import platform
from pathlib import Path

import numpy as np

from deepcore import _core


def config() -> dict[str, str]:
    """Return facts about this installation: version, CPU variants, Eigen, compiler, threads, Python, NumPy.

    Returns:
        One string per fact, in the order in which ``show_config`` prints them.

    Example:
        >>> facts = config()
        >>> facts["variant"] in facts["variants"].split()
        True
    """
    build = _core.build_info()
    first = {"version": build["version"], "variant": _core.variant, "variants": " ".join(_core.VARIANTS)}
    return first | build | {"python": platform.python_version(), "numpy": np.__version__}


def show_config() -> None:
    """Print ``config()``, one fact per line. Please add the output to every bug report."""
    facts = config()
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")


def get_include() -> str:
    """Return the folder with the C and C++ headers, for the compiler's option ``-I``.

    Raises:
        FileNotFoundError: If the installation is editable; it has no such folder.
    """
    return _folder("include")


def get_cmake_dir() -> str:
    """Return the folder of the CMake package: ``cmake -Ddeepcore_DIR=`` takes it.

    ``find_package(deepcore)`` then defines ``deepcore::deepcore``, the C++ library. ``python -m deepcore
    --cmake-dir`` prints the folder.

    Raises:
        FileNotFoundError: If the installation is editable; it has no such folder.
    """
    return _folder("cmake")


def _folder(name: str) -> str:
    folder = Path(__file__).parent / name
    if not folder.is_dir():
        raise FileNotFoundError(
            f"deepcore: there is no folder {folder}, since this installation is editable; use pip install . "
            "without the option -e"
        )
    return str(folder)
