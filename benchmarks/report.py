"""Write the report of a benchmark run: the machine, tables in Markdown, and everything in JSON."""

import datetime as dt
import importlib.metadata
import json
import os
import platform
import shlex
import sys
from pathlib import Path

from deepcore.bench import format_seconds
from deepcore.installation import config

DISTRIBUTIONS = (
    "deepcore-nn", "numpy", "torch", "jax", "jaxlib", "scikit-learn", "onnxruntime", "pytabkit", "lightgbm",
    "catboost",
)  # fmt: skip


def describe_machine():
    """Return the CPU, the memory, the system, the libraries, and the load of the machine before the run."""
    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "load_before": list(os.getloadavg()),
        "deepcore": config(),
        "versions": versions(),
        "date": dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        "command": shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
    }


def cpu_name():
    """Return the CPU model as Linux names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def versions():
    """Return the version of every installed library that can take part."""
    found = {}
    for name in DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def as_json(report):
    return json.dumps(report, indent=1, allow_nan=False) + "\n"


def as_markdown(report):
    """Return the facts about the run, then a table of times and one of ratios for training and prediction."""
    parts = ["# deepcore compared with other libraries", facts(report)]
    for kind, unit in (("training", "epoch"), ("prediction", "call")):
        results = [result for result in report["results"] if result["kind"] == kind]
        if results:
            parts += [f"## {kind.capitalize()}", *tables(results, unit)]
    left_out = {}
    for result in report["results"]:
        for name, reason in result["left_out"].items():
            left_out.setdefault(f"- {name}: {reason}", []).append(result["task"])
    if left_out:
        parts += ["## Left out", "\n".join(f"{why} ({', '.join(at)})" for why, at in left_out.items())]
    return "\n\n".join(parts) + "\n"


def facts(report):
    """Return a list in Markdown: the machine, the versions, the command and the measured peak."""
    machine = report["machine"]
    lines = [
        f"- Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB of memory.",
        f"- Versions: {', '.join(f'{name} {version}' for name, version in machine['versions'].items())}.",
        f"- CPU variant of deepcore: {machine['deepcore']['variant']}.",
        f"- Command: `{machine['command']}`, {machine['date']}, "
        f"load of the machine before the run {machine['load_before'][0]:.2f}.",
        f"- Setting: {report['dtype']}, {report['threads']} threads, {report['rounds']} rounds of "
        f"{report['seconds']} s per timing.",
    ]
    peaks = [result["peak"] for result in report["results"] if result["peak"]]
    if peaks:
        lines.append(f"- Multiply-add peak: {min(peaks) / 1e9:.0f} to {max(peaks) / 1e9:.0f} GFLOP/s.")
    return "\n".join(lines)


def summarize(result):
    """Return one line about one task."""
    row = result["contestants"]
    return f"{result['task']}: " + ", ".join(f"{name} {time_of(entry)}" for name, entry in row.items())


def tables(results, unit):
    """Yield a table of medians with their spread, and a table of ratios with the share of the peak."""
    names = list(dict.fromkeys(name for result in results for name in result["contestants"]))
    peers = [name for name in names if name != "deepcore"]
    times, ratios = [], []
    for result in results:
        row = result["contestants"]
        times.append([result["task"], *(time_of(row.get(name)) for name in names)])
        ratios.append(
            [
                result["task"],
                *(ratio_of(row.get(name), row["deepcore"]) for name in peers),
                fastest(row),
                *speed(result),
            ]
        )
    yield f"Median time per {unit} and the median deviation from it.\nThe number of threads is in brackets."
    yield table(["task", *names], times)
    yield "Time divided by the time of deepcore, and the speed of deepcore."
    yield table(["task", *peers, "fastest peer", "GFLOP/s", "share of the peak"], ratios)


def time_of(entry):
    if entry is None:
        return ""
    spread = 100 * entry["mad"] / entry["median"]
    return f"{format_seconds(entry['median'])} +- {spread:.1f}% ({entry['threads']})"


def ratio_of(entry, ours):
    return "" if entry is None else f"{entry['median'] / ours['median']:.2f}"


def fastest(row):
    """Return the ratio and the name of the fastest library other than deepcore."""
    peers = {name: entry for name, entry in row.items() if not name.startswith("deepcore")}
    if not peers:
        return ""
    name = min(peers, key=lambda name: peers[name]["median"])
    return f"**{ratio_of(peers[name], row['deepcore'])}** ({name})"


def speed(result):
    """Return the GFLOP/s of deepcore, and their share of the peak measured in the same rounds."""
    rate = result["flops"] / result["contestants"]["deepcore"]["median"]
    return f"{rate / 1e9:.1f}", f"{100 * rate / result['peak']:.0f}%" if result["peak"] else ""


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
