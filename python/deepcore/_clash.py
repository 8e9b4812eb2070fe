"""Detect the unrelated distribution ``deepcore``, which installs the same import name."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

__all__ = ["beside", "foreign_distribution", "missing_core", "require_ours"]

_CURE = "run: pip uninstall deepcore deepcore-nn; pip install deepcore-nn"


def foreign_distribution(package: Path) -> str | None:
    """Return the name of the other distribution's metadata folder next to ``package``, or None.

    Args:
        package: Folder of this package.
    """
    # A single listing of the folder; importlib.metadata would take longer than the whole import may.
    try:
        names = [entry.name for entry in package.parent.iterdir()]
    except OSError:
        return None
    for name in names:
        if name.lower().startswith("deepcore-") and name.endswith((".dist-info", ".egg-info")):
            return name
    return None


def beside(other: str) -> str:
    """Return the message for an installation of both; uninstalling one of them removes files of both."""
    return (
        f"the distribution 'deepcore' ({other}), another project, is installed besides deepcore-nn and uses "
        f"the same import name; {_CURE}"
    )


def missing_core(package: Path, error: ImportError) -> ImportError:
    """Return the error for a missing native module; it names the other distribution if that is the cause."""
    other = foreign_distribution(package)
    if other is None:
        return ImportError(
            f"deepcore: the native module deepcore._core is missing in {package}; if this is a source tree, "
            "install it (pip install .) and run from another folder",
            name=error.name,
        )
    return ImportError(
        f"deepcore: the distribution 'deepcore' ({other}), another project, was installed over deepcore-nn: "
        f"both use the import name deepcore; {_CURE}",
        name=error.name,
    )


def require_ours(core: ModuleType) -> None:
    """Check that ``core`` is the native module of deepcore-nn.

    Raises:
        ImportError: if it is another project's.
    """
    if not (hasattr(core, "build_info") and hasattr(core, "NetworkF32")):
        raise ImportError(
            f"deepcore: {getattr(core, '__file__', 'deepcore._core')} is not deepcore-nn's native module; "
            f"another project uses the same import name; {_CURE}",
            name="deepcore._core",
        )
