"""Mutated files for one reader, led by the coverage of the code: needs the package atheris.

    pip install atheris
    python tests/fuzz/by_coverage.py csv -max_total_time=60

What a reader may do is what driver.py says. A finding ends the run; libFuzzer writes its input into a file.
"""

import contextlib
import sys
import tempfile
import warnings
from pathlib import Path

import atheris
from driver import TARGETS, corpus

with atheris.instrument_imports(include=["deepcore"]):
    import deepcore.data.images
    import deepcore.data.tables
    import deepcore.files.model_file
    import deepcore.tabular  # noqa: F401


def main():
    target, *options = sys.argv[1:]
    _, read = TARGETS[target]
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        seeds = Path(folder) / "corpus"
        seeds.mkdir()
        for number, data in enumerate(corpus(target)):
            (seeds / str(number)).write_bytes(data)

        def try_one(data):
            with contextlib.suppress(ValueError, OSError):
                read(data, Path(folder) / "input")

        atheris.Setup([sys.argv[0], str(seeds), "-rss_limit_mb=2000", *options], try_one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
