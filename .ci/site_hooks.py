"""What mkdocs.yml cannot say: pages of the interface, links to the repository, and formulas as MathML.

MathML is shown by browsers themselves, so that the site needs no scripts of other hosts.
"""

import html
import posixpath
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]

# A module, and what its page is called. ``import deepcore`` gives the names of the first ones directly.
INTERFACE = {
    "Model": "deepcore.model",
    "mlp": "deepcore._mlp",
    "Layers": "deepcore.layers",
    "Losses": "deepcore.losses",
    "Optimizers": "deepcore.optimizers",
    "Schedules": "deepcore.schedules",
    "Callbacks": "deepcore.callbacks",
    "History": "deepcore.history",
    "Metrics": "deepcore.metrics",
    "Ensembles": "deepcore.ensemble",
    "Prepared models": "deepcore.prepared",
    "Conversion": "deepcore.conversion",
    "Functions of a step": "deepcore.functional",
    "Computation graphs": "deepcore.graph",
    "The course's functions": "deepcore.course",
    "Doctor and gradient check": "deepcore.doctor",
    "Recorder": "deepcore.recorder",
    "Traces": "deepcore.trace",
    "Several processes": "deepcore.distributed",
    "Pictures": "deepcore.plots",
    "Reports": "deepcore.report",
    "Data": "deepcore.data",
    "Tables": "deepcore.tabular",
    "scikit-learn": "deepcore.sklearn",
    "Dask": "deepcore.dask",
    "Names": "deepcore.catalog",
    "Exceptions": "deepcore.exceptions",
}


def on_config(config):
    """Add the pages that the navigation does not list, and those of the interface."""
    docs = Path(config.docs_dir)
    pages = sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))
    listed = re.findall(r"[\w/]+\.md", str(config.nav))
    more = [page for page in pages if page not in listed]
    chapters = [page for page in more if page.startswith("course/")]
    decisions = [page for page in more if page.startswith("decisions/")]
    rest = [page for page in more if page not in (*chapters, *decisions)]
    if chapters:  # after the first page and the section on learning
        config.nav.insert(2, {"The course in four chapters": chapters})
    for title, found in (("More", rest), ("Decisions", decisions)):
        if found:
            config.nav.append({title: found})
    config.nav.append({"Interface": [{title: address(title)} for title in INTERFACE]})
    return config


def address(title):
    return f"interface/{re.sub('[^a-z0-9]+', '_', title.lower())}.md"


def on_files(files, config):
    """Make a page for each module of the interface."""
    for title, module in INTERFACE.items():
        content = f"# {title}\n\n`{module}`\n\n::: {module}\n"
        files.append(File.generated(config, address(title), content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    """Let links to files outside of docs/ lead to the repository."""
    folder = posixpath.join("docs", posixpath.dirname(page.file.src_uri))

    def linked(match):
        path = posixpath.normpath(posixpath.join(folder, match[1]))
        if files.get_file_from_path(posixpath.relpath(path, "docs")) or not (ROOT / path).exists():
            # A page; or no link but a formula such as g[l](Z), or a mistake that mkdocs reports.
            return match[0]
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"]({config.repo_url.rstrip('/')}/{kind}/main/{path}"

    return re.sub(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", linked, markdown)


def on_page_content(content, page, config, files):
    """Turn formulas into MathML."""

    def formula(match):
        text = html.unescape(match[2]).strip()[2:-2].strip()
        if match[1] == "span":  # a line must not end before the comma that follows a formula
            return f'<span class="formula">{mathml(text, "inline")}{match[3]}</span>'
        return f'<div class="formula">{mathml(text, "block")}</div>{match[3]}'

    pattern = r'<(span|div) class="arithmatex">(.*?)</\1>([,.;:?!)]*)'
    return re.sub(pattern, formula, content, flags=re.DOTALL)


def mathml(text, display):
    """Convert a formula, and add what the converter leaves out.

    That is: spaces around "log", ":=" as one sign, and both bars of a norm in one size.
    """
    found = convert(text, display=display).replace("<mi>:</mi><mo>&#x0003D;</mo>", "<mo>:=</mo>")
    found = found.replace("<mo>&#x02016;</mo>", '<mo stretchy="false">&#x02016;</mo>')

    def named_function(match):
        after = "0" if match[3] else "0.167em"  # none before a bracket
        return f'<mo lspace="0.167em" rspace="{after}">{match[2]}</mo>'

    bracket = r"(?=(<mo[^>]*>(?:\(|&#x00028;))?)"
    return re.sub(rf"<(m[io])>(log|max)</\1>{bracket}", named_function, found)


def on_post_page(output, page, config):
    """Remove the mark that lets the theme ask github.com for the number of stars."""
    return output.replace(' data-md-component="source"', "")
