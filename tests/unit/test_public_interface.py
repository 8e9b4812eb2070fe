"""The public interface, with its signatures, is the one that tests/data/public_interface.txt records.

To accept a change: ``python tests/unit/test_public_interface.py > tests/data/public_interface.txt``.
"""

import importlib
import inspect
import re
from pathlib import Path

import deepcore as dc

RECORD = Path(__file__).resolve().parents[1] / "data" / "public_interface.txt"
# Modules with public names of their own; what needs an extra is left out.
MODULES = (
    "callbacks", "catalog", "data", "doctor", "exceptions", "functional", "graph", "history", "layers",
    "losses", "metrics", "optimizers", "progress", "schedules", "tabular", "typing",
)  # fmt: skip


def signature(thing):
    """Names, order and defaults of the arguments; annotations differ between versions of NumPy."""
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in found.parameters.values()]
    found = found.replace(parameters=plain, return_annotation=inspect.Signature.empty)
    return re.sub(r" at 0x[0-9a-f]+", "", str(found))


def described(name, thing):
    """One line for a name, and for a class one more for each of its public methods and properties."""
    if inspect.isclass(thing):
        own = not issubclass(thing, BaseException) and not getattr(thing, "_is_protocol", False)
        yield f"class {name}{signature(thing) if own else ''}"
        for member, value in sorted(vars(thing).items()):
            if member.startswith("_"):
                continue
            function = getattr(value, "__func__", value)  # of class methods and static ones
            shown = signature(function) if callable(function) else ""
            yield f"    {name}.{member}{shown}"
    elif inspect.isroutine(thing):
        yield f"def {name}{signature(thing)}"
    else:
        yield name


def public_interface():
    """All public names of the package, one per line."""
    lines = []
    for name in sorted(dc.__all__):
        if name not in (*MODULES, "dask", "plots", "report", "sklearn", "__version__"):
            lines += described(f"deepcore.{name}", getattr(dc, name))
    for module in MODULES:
        home = importlib.import_module(f"deepcore.{module}")
        for name in sorted(getattr(home, "__all__", ())):
            if name not in dc.__all__:
                lines += described(f"deepcore.{module}.{name}", getattr(home, name))
    return lines


def test_the_public_interface_is_the_one_on_record():
    now, recorded = public_interface(), RECORD.read_text(encoding="utf-8").splitlines()
    added = [line for line in now if line not in recorded]
    gone = [line for line in recorded if line not in now]
    assert (added, gone) == ([], []), (
        "The public interface has changed. If that is meant, add a line to CHANGELOG.md and run: "
        "python tests/unit/test_public_interface.py > tests/data/public_interface.txt"
    )


def test_a_changed_signature_is_seen():
    def before(a, *, b=1): ...
    def after(a, b=1): ...

    assert list(described("f", before)) != list(described("f", after))


if __name__ == "__main__":
    print("\n".join(public_interface()))
