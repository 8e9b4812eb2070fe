"""What the documents name exists: files of the repository, tests, and names of deepcore."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import deepcore
from deepcore import data, functional, graph

ROOT = Path(__file__).parents[2]
PLACES = ("*.md", "docs/**/*.md", "benchmarks/*.md", "examples/*.md")
DOCUMENTS = sorted(path for place in PLACES for path in ROOT.glob(place))
FOLDERS = "cpp|python|tests|docs|benchmarks|examples"


def quoted(pattern):
    """Yield ``(document, text)`` for everything in backticks that the pattern matches as a whole."""
    for document in DOCUMENTS:
        for text in re.findall(r"`([^`\n]+)`", document.read_text(encoding="utf-8")):
            if re.fullmatch(pattern, text):
                yield document, text


def test_there_are_documents():
    assert {"README.md", "CHANGELOG.md", "architecture.md", "contracts.md"} <= {
        path.name for path in DOCUMENTS
    }


def test_every_path_named_in_a_document_exists():
    paths = quoted(rf"(?:{FOLDERS})/[\w./-]*")
    missing = sorted({f"{document.name}: {path}" for document, path in paths if not (ROOT / path).exists()})
    assert not missing


def test_every_test_named_in_a_document_exists():
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    names = quoted(r"test_\w+")
    assert not sorted({name for _, name in names if f"def {name}(" not in source})


def test_every_name_of_deepcore_in_a_document_exists():
    missing = set()
    for document, text in quoted(r"(?:dc|F)\.[A-Za-z_][\w.]*"):
        head, *rest = text.split(".")
        found = functional if head == "F" else deepcore
        for name in rest:
            # data and graph are imported on demand and are no attributes until then.
            found = {"data": data, "graph": graph}.get(name) or getattr(found, name, None)
        if found is None:
            missing.add(f"{document.name}: {text}")
    assert not sorted(missing)


@pytest.mark.parametrize("table", ["activations", "losses", "initializers", "optimizers"])
def test_every_row_of_the_catalog_is_in_the_mathematics(table):
    text = (ROOT / "docs" / "mathematics.md").read_text(encoding="utf-8").lower()
    rows = getattr(deepcore.catalog, table)
    aliases = {"sgd": "dc.sgd"}
    assert not [name for name in rows if aliases.get(name, name) not in text]


# Words that a reader outside of the project cannot know, and slips of grammar that came with them.
PRIVATE = [
    r"\bthe notes\b",
    r"\bdoors?\b",
    r"\brooms?\b",
    r"\broads?\b",
    r"\bthe house\b",
    r"\bfloors?\b(?!\()",
    r"\blent\b",
    r"\bbeside\b",
    r"^Who ",
    r"\bis no (?:readable|valid)\b",
    r"\b(?:numbers?|losses|steps?|batches|times?) an? (?:epoch|example|step|layer|batch)\b",
]


@pytest.mark.parametrize("pattern", PRIVATE)
def test_documents_are_written_in_the_words_of_the_field(pattern):
    found = []
    for document in DOCUMENTS:
        # Code and names of files may keep such words; a data set of houses may be called so.
        prose = re.sub(
            r"^```.*?^```$|`[^`\n]*`|\]\([^)]*\)", "", document.read_text(encoding="utf-8"), flags=re.M | re.S
        )
        found += [f"{document.name}: {line}" for line in prose.splitlines() if re.search(pattern, line)]
    assert not found


COMMENTS = {
    ".py": r'"""(.*?)"""|#(.*?)$',
    ".hpp": r"//(.*?)$",
    ".cpp": r"//(.*?)$",
    ".h": r"//(.*?)$|/\*(.*?)\*/",
    ".cmake": r"#(.*?)$",
}


def test_comments_and_docstrings_are_written_in_the_words_of_the_field():
    found = []
    words = re.compile(r"\b(?:the notes|doors?|roads?|the house|lent|beside|moods?)\b")
    for path in sorted([*(ROOT / "cpp").rglob("*.*"), *(ROOT / "python").rglob("*.py")]):
        for match in re.finditer(COMMENTS.get(path.suffix, r"\Z"), path.read_text(), re.M | re.S):
            text = re.sub(r"`[^`\n]*`", "", "".join(match.groups("")))
            found += [f"{path.name}: {line.strip()}" for line in text.splitlines() if words.search(line)]
    assert not found


def test_the_course_is_named_where_it_first_appears():
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        if first := re.search(r"\b[Tt]he course\b", text):
            before = text[: first.end() + 200]
            assert "Neural Networks and Deep Learning" in before, document.name
            assert "Andrew Ng" in before, document.name


def sections(document):
    """The anchors of the headings of a document, as GitHub and MkDocs make them."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def test_every_topic_of_the_course_has_its_place_in_a_chapter():
    course = ROOT / "docs" / "course.md"
    rows = re.findall(
        r"^\| (\d+) \| [^|]+ \| \[[^]]+\]\((course/[^#)]+)#([^)]+)\) \| .* \|$",
        course.read_text(encoding="utf-8"),
        re.M,
    )
    assert [int(number) for number, _, _ in rows] == list(range(1, 111))
    lost = [row for row in rows if row[2] not in sections(course.parent / row[1])]
    assert not lost


def test_every_section_of_a_chapter_has_a_question_with_an_answer():
    for chapter in sorted((ROOT / "docs" / "course").glob("*.md")):
        for section in chapter.read_text(encoding="utf-8").split("\n## ")[1:]:
            title = section.splitlines()[0]
            if title != "Notation":
                assert len(re.findall(r"^\*\*Question\.\*\* .*\n<details>", section, re.M)) == 1, title


def test_links_to_sections_of_documents_lead_to_headings():
    lost = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for name, anchor in re.findall(r"\]\(([\w./-]*\.md)?#([\w-]+)\)", text):
            target = (document.parent / name).resolve() if name else document
            if anchor not in sections(target):
                lost.append(f"{document.name}: {name}#{anchor}")
    assert not lost


def test_no_formula_is_cut_by_a_line_that_markdown_takes_for_a_list():
    """A wrapped line that begins with a minus begins a list item, and leaves a bracket open before it."""
    cut = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        text = re.sub(r"^ *```.*?^ *```$|`[^`]*`", "", text, flags=re.M | re.S)
        for part in re.split(r"\n\s*\n|\n(?=\s*(?:[-*+]|\d+\.) )", text):
            if part.count("(") != part.count(")"):
                cut.append(f"{document.name}: {part[:80]}")
    assert not cut
