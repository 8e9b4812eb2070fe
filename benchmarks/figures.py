"""Write the figures that the documents show: a chart and tables, from recorded runs.

    python benchmarks/figures.py

The program reads the reports in benchmarks/results whose names end in ``-float32.json``. From the newest one
it writes docs/images/benchmark.svg and the text between two marks in README.md. Between those of
docs/performance.md it shows the newest report of each CPU variant. A test fails when a document shows
something else than the reports.
"""

import argparse
import json
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from report import facts, table, tables

from deepcore.bench import PREDICTIONS, WORKLOADS, format_seconds

ROOT = Path(__file__).resolve().parents[1]
CHART = Path("docs/images/benchmark.svg")
BEGIN = "<!-- begin: written by benchmarks/figures.py -->"
END = "<!-- end: written by benchmarks/figures.py -->"

# What the README shows of a report: the workload, and a title for people who do not know its name.
SHOWN = {
    "digits": "Train on digits, small batches",
    "tabular": "Train on a table of 50,000 rows",
    "mnist-s": "Train on images, one hidden layer",
    "mnist-m": "Train on images, two hidden layers",
    "wide": "Train a wide network",
    "30-64-32-1@1": "Predict one row of a table",
    "784-512-256-10@64": "Predict 64 images",
}
LIBRARIES = {
    "deepcore": "deepcore",
    "torch": "PyTorch",
    "jax": "JAX",
    "sklearn": "scikit-learn",
    "numpy": "NumPy",
    "onnxruntime": "ONNX Runtime",
}
CHARTED = ["digits", "tabular", "mnist-m", "30-64-32-1@1"]


def read_reports():
    """Return the newest float32 report of each CPU variant, the newest first."""
    newest = {}
    for path in sorted((ROOT / "benchmarks" / "results").glob("*-float32.json")):
        report = json.loads(path.read_text(encoding="utf-8"))
        variant = report["machine"]["deepcore"]["variant"]
        newest.pop(variant, None)
        newest[variant] = report
    return list(newest.values())[::-1]


def medians(report):
    """Return ``{task: {library: seconds}}``, the median of each library in each task."""
    return {
        result["task"]: {
            name: result["contestants"][name]["median"] for name in LIBRARIES if name in result["contestants"]
        }
        for result in report["results"]
    }


def readme_text(report):
    """Return the table of the README, and one sentence that says how to read it."""
    times = medians(report)
    header = ["", *LIBRARIES.values(), "fastest other library"]
    rows = []
    for task, title in SHOWN.items():
        row = times[task]
        cells = [format_seconds(row[name]) if name in row else "" for name in LIBRARIES]
        name = min((name for name in row if name != "deepcore"), key=row.__getitem__)
        ratio = f"{LIBRARIES[name]}, {row[name] / row['deepcore']:.2f} times as long"
        rows.append([f"{title} ({describe(task)})", f"**{cells[0]}**", *cells[1:], ratio])
    machine, threads = report["machine"], report["threads"]
    caption = (
        "The table shows the median time of one training epoch or of one prediction.\n"
        f"The run used {report['dtype']} and {threads} threads on one machine "
        f"({machine['cpu']}, {machine['cores']} cores, {vectors(report)}, {machine['date'][:10]})."
    )
    digits = times["digits"]
    peers = [
        f"{digits[name] / digits['deepcore']:.1f} times as fast as {LIBRARIES[name]}"
        for name in ("torch", "sklearn", "jax")
    ]
    summary = f"On the digits, deepcore trains {peers[0]},\n{peers[1]} and {peers[2]}."
    return f"{summary}\n\n{table(header, rows)}\n\n{caption}"


def describe(task):
    """Return the sizes of a network, and how it is trained."""
    if task in PREDICTIONS:
        return "-".join(map(str, PREDICTIONS[task].sizes))
    work = WORKLOADS[task]
    return f"{'-'.join(map(str, work.sizes))}, batches of {work.batch}, {work.optimizer.capitalize()}"


def vectors(report):
    """Return the common name of the vectors that a run used."""
    variant = report["machine"]["deepcore"]["variant"]
    return {"v2": "SSE4", "v3": "AVX2", "v4": "AVX-512"}.get(variant, variant)


def performance_text(reports):
    """Return the facts about each run and its four tables."""
    parts = []
    for report in reports:
        parts += [f"### With {vectors(report)}, {report['machine']['date'][:10]}", facts(report)]
        for kind, unit in (("training", "epoch"), ("prediction", "call")):
            results = [result for result in report["results"] if result["kind"] == kind]
            parts += [f"#### {kind.capitalize()} with {vectors(report)}", *tables(results, unit)]
    return "\n\n".join(parts)


PANEL, BAR, GAP, LEFT, TOP, PLOT = 410, 17, 7, 106, 62, 200
COLOURS = {"deepcore": "#0b6e4f"}


def chart(report):
    """Return an SVG picture: one panel of bars per workload; a shorter bar is a faster library."""
    times = medians(report)
    names = [name for name in LIBRARIES if any(name in times[task] for task in CHARTED)]
    height = TOP + len(names) * (BAR + GAP)
    width = 2 * PANEL
    total = (len(CHARTED) + 1) // 2 * height + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{total}" '
        f'viewBox="0 0 {width} {total}" font-family="Helvetica, Arial, sans-serif" font-size="12">',
        "<title>Time of one training epoch or one prediction; shorter is better</title>",
        f'<rect width="{width}" height="{total}" fill="#ffffff"/>',
    ]
    for place, task in enumerate(CHARTED):
        parts += panel(task, times[task], place % 2 * PANEL, place // 2 * height)
    parts += [
        f'<text x="{width / 2:g}" y="{total - 8}" text-anchor="middle" fill="#555555">'
        "Median time of one training epoch or one prediction; shorter is better. "
        f"{report['dtype']}, {report['threads']} threads, {escape(report['machine']['cpu'])}</text>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def panel(task, row, left, top):
    """Return the elements of one panel, whose longest bar is that of the slowest library."""
    yield (
        f'<text x="{left + 14}" y="{top + 24}" font-size="14" font-weight="bold" fill="#222222">'
        f"{escape(SHOWN[task])}</text>"
    )
    yield f'<text x="{left + 14}" y="{top + 42}" fill="#555555">{escape(describe(task))}</text>'
    slowest = max(row.values())
    for place, (name, seconds) in enumerate(row.items()):
        y = top + TOP - 8 + place * (BAR + GAP)
        length = PLOT * seconds / slowest
        weight = ' font-weight="bold"' if name == "deepcore" else ""
        yield (
            f'<text x="{left + LEFT}" y="{y + 13}" text-anchor="end" fill="#222222"{weight}>'
            f"{escape(LIBRARIES[name])}</text>"
        )
        yield (
            f'<rect x="{left + LEFT + 6}" y="{y}" width="{length:.1f}" height="{BAR}" '
            f'fill="{COLOURS.get(name, "#b8c0c8")}"/>'
        )
        yield (
            f'<text x="{left + LEFT + 12 + length:.1f}" y="{y + 13}" fill="#222222"{weight}>'
            f"{format_seconds(seconds)}</text>"
        )


def replace_between_marks(text, new):
    """Return ``text`` with ``new`` between the two marks.

    Raises:
        ValueError: If the marks are not there exactly once.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"the text must contain each of these marks once: {BEGIN} and {END}")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{new}\n\n{END}{after}"


def documents(reports):
    """Return ``{path: text}`` of every file that shows figures, as it must be."""
    readme, performance = Path("README.md"), Path("docs/performance.md")
    return {
        readme: replace_between_marks((ROOT / readme).read_text(encoding="utf-8"), readme_text(reports[0])),
        performance: replace_between_marks(
            (ROOT / performance).read_text(encoding="utf-8"), performance_text(reports)
        ),
        CHART: chart(reports[0]),
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.parse_args(arguments)
    for path, text in documents(read_reports()).items():
        (ROOT / path).write_text(text, encoding="utf-8")
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
