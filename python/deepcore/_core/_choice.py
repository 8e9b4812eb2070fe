"""The choice of one variant of the native module: a pure function, so that every CPU can test it."""

from collections.abc import Sequence

# What is taken when nobody asks, best first; v4 compared with v3: docs/performance.md.
PREFERENCE = ("v4", "v3", "v2", "base")


def choose(requested: str | None, built: Sequence[str], runnable: Sequence[str]) -> str:
    """Name of the variant to import.

    Args:
        requested: Value of the environment variable ``DEEPCORE_ISA``; None or empty: the best one.
        built: Variants inside this installation.
        runnable: Variants that this CPU can run.

    Raises:
        ImportError: if ``requested`` is not built or does not run here, or if nothing that is built runs
            here; the message lists what is built and what runs. A silent fallback would hide mistakes.
    """
    known = f"built: {', '.join(built)}; this CPU runs: {', '.join(runnable)}"
    if requested:
        rule = (
            "is built" if requested not in built else "this CPU runs" if requested not in runnable else None
        )
        if rule:
            raise ImportError(
                f"deepcore: DEEPCORE_ISA must name a variant that {rule}, got {requested!r}; {known}"
            )
        return requested
    for variant in PREFERENCE:
        if variant in built and variant in runnable:
            return variant
    raise ImportError(
        f"deepcore: no variant of this installation runs on this CPU; {known}; "
        "build one for it: pip install --no-binary deepcore-nn --force-reinstall deepcore-nn"
    )
