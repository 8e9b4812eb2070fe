"""Is this folder really ours? Another distribution, called ``deepcore``, installs the same import name."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

__all__ = ["beside", "foreign_distribution", "missing_core", "require_ours"]

_CURE = "run: pip uninstall deepcore deepcore-nn; pip install deepcore-nn"


def foreign_distribution(package: Path) -> str | None:
    """Name of the other distribution's metadata folder beside ``package``, if it is installed there.

    Args:
        package: Folder of this package.
    """
    # one listing of a folder; importlib.metadata would cost more than the whole import may
    try:
        names = [entry.name for entry in package.parent.iterdir()]
    except OSError:
        return None
    for name in names:
        if name.lower().startswith("deepcore-") and name.endswith((".dist-info", ".egg-info")):
            return name
    return None


def beside(other: str) -> str:
    """What to say when the other distribution is installed too; uninstalling one takes files of both."""
    return (
        f"the distribution 'deepcore' ({other}), another project, is installed beside deepcore-nn and uses "
        f"the same import name; {_CURE}"
    )


def missing_core(package: Path, error: ImportError) -> ImportError:
    """What to raise when the native module cannot be found: it names the clash if there is one."""
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
    """Check that ``core`` is deepcore-nn's native module.

    Raises:
        ImportError: if it is another project's.
    """
    if not (hasattr(core, "build_info") and hasattr(core, "NetworkF32")):
        raise ImportError(
            f"deepcore: {getattr(core, '__file__', 'deepcore._core')} is not deepcore-nn's native module; "
            f"another project uses the same import name; {_CURE}",
            name="deepcore._core",
        )
