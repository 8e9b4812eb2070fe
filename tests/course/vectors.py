"""The file of vectors: where it is, how its arrays are decoded, what counts as equal."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

DEFAULT = Path(__file__).parents[1] / "data" / "course_vectors.open.json"

# Two of these say what must NOT come out: the notes' relu slope at 0 (deepcore takes the course's 0), and
# their bias gradient summed over units. "value_here" is the round-off of one machine, which "below" bounds.
NOT_COMPARED = {"seed_notes_value", "literal_reading_of_notes", "value_here", "below"}


def load() -> dict:
    """The whole file; ``DEEPCORE_COURSE_VECTORS`` names another one with the same layout."""
    return json.loads(Path(os.environ.get("DEEPCORE_COURSE_VECTORS", DEFAULT)).read_text(encoding="utf-8"))


def section(name: str) -> list[dict]:
    """All entries called ``name`` ("vectors", "end_to_end"), whatever the part of the file is called."""
    return [entry for part in load().values() if isinstance(part, dict) for entry in part.get(name, [])]


def data_folder() -> Path:
    """The folder of data files; the test is skipped if it is not known."""
    folder = os.environ.get("DEEPCORE_DATA")
    if not folder:
        pytest.skip("DEEPCORE_DATA is not set: it names the folder of data files")
    return Path(folder)


def data_path(written: str) -> Path:
    """The file that the vectors write as ``data/...``; the test is skipped if it is missing."""
    path = data_folder() / written.removeprefix("data/")
    if not path.exists():
        pytest.skip(f"{written} is not in the folder that DEEPCORE_DATA names")
    return path


def decode(value):
    """JSON to Python: ``{shape, dtype, data}`` becomes an array, containers are decoded inside."""
    if isinstance(value, dict):
        if {"shape", "dtype", "data"} <= value.keys():
            # float() reads the strings "inf" and "nan", which JSON has no numbers for.
            data = np.array(value["data"])
            return data.astype(np.dtype(value["dtype"])).reshape(value["shape"])
        return {key: decode(part) for key, part in value.items()}
    if isinstance(value, list):
        return [decode(part) for part in value]
    return value


def differences(
    actual, expected, rtol: float, atol: float, where: str = "result", shapes: bool = True
) -> list[str]:
    """What differs: one sentence for each entry with ``|actual - expected| > atol + rtol |expected|``.

    Args:
        shapes: Whether shapes must agree; printed values write (1, 1) as a number.
    """
    if isinstance(expected, dict):
        found = [
            f"{where} has no {key!r}" for key in expected if key not in NOT_COMPARED and key not in actual
        ]
        for key in expected.keys() - NOT_COMPARED:
            if key in actual:
                found += differences(actual[key], expected[key], rtol, atol, f"{where}[{key!r}]", shapes)
        return found
    if isinstance(expected, list) and any(isinstance(part, list | dict | np.ndarray) for part in expected):
        if len(actual) != len(expected):
            return [f"{where} has {len(actual)} entries instead of {len(expected)}"]
        pairs = enumerate(zip(actual, expected, strict=True))
        return [d for i, (a, e) in pairs for d in differences(a, e, rtol, atol, f"{where}[{i}]", shapes)]
    if expected is None or isinstance(expected, str):
        return [] if actual == expected else [f"{where} is {actual!r} instead of {expected!r}"]
    a, e = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    if a.shape != e.shape:
        if shapes or a.size != e.size:
            return [f"{where} has shape {a.shape} instead of {e.shape}"]
        a = a.reshape(e.shape)
    wrong = ~np.isclose(a, e, rtol=rtol, atol=atol, equal_nan=True)
    if not wrong.any():
        return []
    i = np.unravel_index(int(wrong.argmax()), wrong.shape)
    first = f"first at {tuple(map(int, i))}: {a[i]!r} instead of {e[i]!r}"
    return [f"{where}: {wrong.sum()} of {wrong.size} differ, {first}"]
