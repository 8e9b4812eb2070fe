"""Write the notebooks of this folder: documents as cells, executed, with what their programs print.

python docs/notebooks/build.py
"""

import contextlib
import io
import json
import os
import re
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent
#: Documents whose programs become notebooks, by the name of the notebook.
DOCUMENTS = {
    "course_1_introduction": DOCS / "course" / "1_introduction.md",
    "course_2_logistic_regression": DOCS / "course" / "2_logistic_regression.md",
    "course_3_one_hidden_layer": DOCS / "course" / "3_one_hidden_layer.md",
    "course_4_deep_networks": DOCS / "course" / "4_deep_networks.md",
    "homework": DOCS / "homework.md",
    "mathematics": DOCS / "mathematics.md",
    "tables": DOCS / "tables.md",
    "many_networks": DOCS / "many_networks.md",
    "from_scikit_learn": DOCS / "from_scikit_learn.md",
}


def cells(document):
    """Return the cells of a document without outputs: its text, and its Python blocks as code."""
    parts = re.split(r"^```python\n(.*?)^```\n?", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    made = []
    for number, part in enumerate(parts):
        if text := (part.strip("\n") if number % 2 else relinked(part, document).strip()):
            cell = {"cell_type": "code" if number % 2 else "markdown", "id": f"cell-{number}", "metadata": {}}
            if number % 2:
                cell |= {"execution_count": None, "outputs": []}
            made.append(cell | {"source": text.splitlines(keepends=True)})
    return made


def relinked(text, document):
    """Change relative links, so that they lead to the same files from this folder."""

    def moved(match):
        target = os.path.relpath(document.parent / match[1], HERE)
        return f"]({Path(target).as_posix()}{match[2] or ''})"

    return re.sub(r"\]\((?!https?:)([\w./-]+\.\w+)(#[\w-]+)?\)", moved, text)


def execute(made):
    """Run the code cells as one program, in a temporary folder, and store what each one prints."""
    names = {"__name__": "__main__"}
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for count, cell in enumerate((cell for cell in made if cell["cell_type"] == "code"), start=1):
                printed = io.StringIO()
                with contextlib.redirect_stdout(printed):
                    exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
                text = printed.getvalue().splitlines(keepends=True)
                cell["execution_count"] = count
                cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": text}] if text else []
        finally:
            os.chdir(before)
    return made


def notebook(made):
    """Return the text of a notebook file."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    content = {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    for name, document in DOCUMENTS.items():
        (HERE / f"{name}.ipynb").write_text(notebook(execute(cells(document))), encoding="utf-8")
