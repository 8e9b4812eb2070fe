"""Draw docs/images/pictures/*.png: the pictures of the programs in docs/pictures.md.

python docs/images/pictures.py
"""

import os
import re
import tempfile
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

FOLDER = Path(__file__).resolve().parent


def draw():
    """Run the programs one after another, and save the last picture of each."""
    document = (FOLDER.parent / "pictures.md").read_text(encoding="utf-8")
    pictures, namespace = FOLDER / "pictures", {}
    pictures.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # one of them writes a file
        for program in re.findall(r"^```python\n(.*?)^```$", document, re.DOTALL | re.MULTILINE):
            exec(program, namespace)
            if drawn := re.findall(r"^ax = dc\.plots\.(\w+)", program, re.MULTILINE):
                figure = namespace["ax"].figure
                figure.savefig(pictures / f"{drawn[-1]}.png", dpi=80, metadata={"Software": None})
        os.chdir(FOLDER)


if __name__ == "__main__":
    draw()
