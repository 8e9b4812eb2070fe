"""The benchmarks run, compare answers before times, and write what can be read. Nothing here is timed."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from deepcore import bench
from deepcore.bench import contestants as own
from deepcore.bench import workloads

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="benchmarks/ is not beside the tests")

EXAMPLES = 40  # a whole batch of digits and a rest
TASKS = bench.WORKLOADS | bench.PREDICTIONS


def small(name):
    task = TASKS[name]
    return dataclasses.replace(task, examples=min(task.examples, EXAMPLES))


@pytest.fixture
def scripts(monkeypatch):
    """benchmarks/ as it is when one of its programs runs."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return BENCHMARKS


# What is measured


def test_the_native_workloads_are_those_of_python():
    text = (BENCHMARKS / "native" / "workloads.hpp").read_text()
    rows = re.findall(r'\{"([\w-]+)", (\d+), \{([\d, ]+)\}, (\d+), "(\w+)", ([\d.e-]+)(?:, "(\w+)")?\}', text)
    native = [
        bench.Training(
            name,
            int(examples),
            tuple(int(n) for n in sizes.split(",")),
            int(batch) or None,
            optimizer,
            float(rate),
            activation or "relu",
        )
        for name, examples, sizes, batch, optimizer, rate, activation in rows
    ]
    assert native == list(bench.WORKLOADS.values())


def test_an_epoch_is_six_flops_a_weight_and_example_but_four_in_the_first_layer():
    task = bench.Training("any", 10, (3, 5, 2), None, "sgd", 0.1)
    assert task.flops == 10 * (4 * 3 * 5 + 6 * 5 * 2)


def test_a_prediction_is_two_flops_a_weight_and_row():
    assert bench.Prediction("any", 10, (3, 5, 2)).flops == 10 * 2 * (3 * 5 + 5 * 2)


@pytest.mark.parametrize("name", TASKS)
def test_a_problem_has_the_shapes_of_its_task(name):
    task = small(name)
    problem = bench.make_problem(task)
    assert problem.X.shape == (task.examples, task.sizes[0])
    assert problem.X.dtype == np.float32
    assert set(problem.y) <= set(range(max(task.sizes[-1], 2)))
    assert [p.shape for p in problem.parameters[::2]] == list(
        zip(task.sizes[:-1], task.sizes[1:], strict=True)
    )


def test_parameters_go_into_a_model_and_come_out():
    task = small("digits")
    problem = bench.make_problem(task)
    model = own._model(task, problem)
    other = [p + 1 for p in problem.parameters]
    workloads.set_parameters(model, other)
    assert all(np.array_equal(a, b) for a, b in zip(other, workloads.get_parameters(model), strict=True))


# The comparison

STRANGERS = '''
"""Contestants that must not take part."""

import os

from deepcore.bench.contestants import NumpyPredictor, NumpyTrainer


class LateTrainer(NumpyTrainer):
    def run(self, count):
        return super().run(count - 1)


class LatePredictor(NumpyPredictor):
    def answer(self):
        return super().answer() + 0.01


class DyingTrainer(NumpyTrainer):
    def run(self, count):
        os._exit(1)
'''
TINY = ["--rounds", "2", "--seconds", "0.001", "--examples", str(EXAMPLES)]


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    """The JSON and Markdown of a small comparison with some contestants that cannot take part."""
    folder = tmp_path_factory.mktemp("comparison")
    (folder / "strangers.py").write_text(STRANGERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        patch.syspath_prepend(str(folder))
        import compare

        strangers = {
            "missing": "no_such_module:Any",
            "late": "strangers:Late",
            "dying": "strangers:Dying",
        }
        patch.setattr(compare, "PEERS", {**compare.PEERS, **strangers})
        files = folder / "results.json", folder / "results.md"
        names = "flower,digits,30-64-32-1@64"
        peers = "numpy,missing,late,dying"
        arguments = [
            "--workloads",
            names,
            "--peers",
            peers,
            "--json",
            str(files[0]),
            "--markdown",
            str(files[1]),
        ]
        compare.main([*TINY, *arguments])
    return json.loads(files[0].read_text()), files[1].read_text()


@pytest.mark.slow
def test_a_comparison_times_every_contestant_in_every_round(comparison):
    report, _ = comparison
    assert [result["task"] for result in report["results"]] == ["flower", "digits", "30-64-32-1@64"]
    for result in report["results"]:
        for name in ("deepcore", "numpy"):
            entry = result["contestants"][name]
            assert len(entry["seconds"]) == report["rounds"] == 2
            assert min(entry["seconds"]) > 0
            assert entry["median"] == pytest.approx(np.median(entry["seconds"]))
            assert entry["mad"] <= max(entry["seconds"]) - min(entry["seconds"])
        assert result["peak"] > 0


@pytest.mark.slow
def test_the_answers_of_a_comparison_agree(comparison):
    for result in comparison[0]["results"]:
        answers = [entry["answer"] for entry in result["contestants"].values()]
        # losses agree to the tolerance of the race; for predictions the answers are the errors themselves
        close = {"abs": 1e-4} if result["kind"] == "prediction" else {"rel": 1e-2}
        assert answers == [pytest.approx(answers[0], **close)] * len(answers)


@pytest.mark.slow
def test_a_missing_library_is_left_out_by_name(comparison):
    for result in comparison[0]["results"]:
        assert "no_such_module" in result["left_out"]["missing"]


@pytest.mark.slow
def test_a_contestant_with_other_answers_is_left_out(comparison):
    reasons = {result["task"]: result["left_out"]["late"] for result in comparison[0]["results"]}
    assert "where NumPy has" in reasons["flower"]
    assert "where NumPy has" in reasons["digits"]
    assert "differ" in reasons["30-64-32-1@64"]


@pytest.mark.slow
def test_a_process_that_dies_is_left_out(comparison):
    flower, *_, prediction = comparison[0]["results"]
    assert "its process ended" in flower["left_out"]["dying"]
    assert "dying" in prediction["left_out"]


@pytest.mark.slow
def test_a_comparison_describes_the_machine(comparison):
    machine = comparison[0]["machine"]
    assert machine["cores"] >= 1
    assert machine["versions"]["numpy"] == np.__version__
    assert machine["deepcore"]["variant"]
    assert machine["command"]


@pytest.mark.slow
def test_the_tables_of_a_comparison_are_well_formed(comparison):
    _, text = comparison
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 4  # times and ratios, of training and of prediction
    for header, rule, *rows in tables:
        assert set(rule) <= set("|- ")
        assert {row.count("|") for row in rows} == {header.count("|")}
    rows = [row for table in tables for row in table[2:]]
    assert [row.split("|")[1].strip() for row in rows] == ["flower", "digits"] * 2 + ["30-64-32-1@64"] * 2


@pytest.mark.slow
def test_the_markdown_says_who_was_left_out_and_why(comparison):
    left_out = comparison[1].split("## Left out")[1]
    assert all(f"- {name}: " in left_out for name in ("missing", "late", "dying"))


def test_a_comparison_that_deepcore_loses_by_a_wrong_answer_is_an_error(scripts, monkeypatch, tmp_path):
    import compare

    (tmp_path / "wrong.py").write_text(STRANGERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(compare, "DEEPCORE", {"deepcore": "wrong:Late"})
    with pytest.raises(SystemExit, match="deepcore failed at digits"):
        compare.main([*TINY, "--threads", "1", "--workloads", "digits", "--peers", "none"])


def test_unknown_workloads_are_refused(scripts, capsys):
    import compare

    with pytest.raises(SystemExit):
        compare.parse(["--workloads", "flower,imagenet"])
    assert "'imagenet' is none of" in capsys.readouterr().err


# The other programs


def test_loops_numpy_and_deepcore_stand_side_by_side(scripts, capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])  # the program adds tests/
    import loops

    loops.main(["--features", "5", "--examples", "20", "--rounds", "1", "--seconds", "0.001"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["loops", "numpy", "deepcore"]


def test_functions_and_lines_of_numpy_stand_side_by_side(scripts, capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])  # the program adds tests/
    import loops

    monkeypatch.setattr(loops, "SIZES", [(3, 5, 2)])
    loops.main(["--functions", "linear", "--rounds", "1", "--seconds", "0.001"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| linear")]
    names = [row.split("|")[1].strip() for row in rows]
    assert len(names) == 2 * len(set(names))  # float32 and float64
    assert {"linear_forward", "linear_backward"} <= set(names)


def test_another_gradient_beside_the_loops_is_refused(scripts, monkeypatch):
    import loops

    contestants = loops.make_contestants(5, 20)
    cost, dw, db = contestants["loops"]()
    contestants["deepcore"] = lambda: (cost, np.array(dw) * 1.001, db)
    with pytest.raises(SystemExit, match="deepcore computes another gradient"):
        loops.check(contestants)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_scaling_reports_time_and_memory(scripts, tmp_path, capsys):
    import scaling

    path = tmp_path / "scaling.json"
    sizes = ["--examples", "50", "100", "--widths", "8", "16", "--width-examples", "30"]
    scaling.main([*sizes, "--epochs", "3", "--rounds", "1", "--threads", "1", "--json", str(path)])
    report = json.loads(path.read_text())
    assert list(report["examples"]) == ["50 examples", "50 mapped", "100 examples", "100 mapped"]
    assert list(report["widths"]) == ["width 8", "width 16"]
    assert set(report["epochs"]) == {"one_call", "many_calls"}
    assert report["training"]["parameters"] > 0
    assert "time / first" in capsys.readouterr().out


@pytest.mark.slow
def test_the_command_runs_a_small_comparison(tmp_path):
    from click.testing import CliRunner

    from deepcore.cli.bench import bench as command

    path = tmp_path / "bench.json"
    options = [
        "--threads",
        "1",
        "--rounds",
        "1",
        "--seconds",
        "0.001",
        "--examples",
        "40",
        "--json",
        str(path),
    ]
    result = CliRunner().invoke(command, ["--workloads", "digits,30-64-32-1@1", *options])
    assert result.exit_code == 0, result.output
    assert re.search(r"digits .* us|ms", result.output)
    assert [r["task"] for r in json.loads(path.read_text())["results"]] == ["digits", "30-64-32-1@1"]


def test_the_command_refuses_an_unknown_workload():
    from click.testing import CliRunner

    from deepcore.cli.bench import bench as command

    result = CliRunner().invoke(command, ["--workloads", "imagenet"])
    assert isinstance(result.exception, ValueError)
    assert "imagenet" in str(result.exception)


def test_three_digits_and_a_unit():
    times = [12.34, 0.5, 0.0123456, 99.96e-6, 3e-9]
    assert [bench.format_seconds(t) for t in times] == ["12.3 s", "500 ms", "12.3 ms", "100 us", "0.00300 us"]


def test_many_compares_the_answers_before_the_times(scripts, capsys):
    import many

    peers = ["joblib"] if importlib.util.find_spec("joblib") else []
    small = ["--networks", "3", "--examples", "300", "--rounds", "1", "--threads", "2"]
    many.main([*small, "--peers", ",".join(peers)])
    shown = capsys.readouterr().out
    assert all(f"{name}, 2 threads" in shown for name in ("fit_many", *peers))
    with pytest.raises(SystemExit, match="many: b does not give the same parameters"):
        many.check_answers(
            {"a": lambda models: None, "b": lambda models: models[0].fit(np.eye(30), [0, 1] * 15)}, 2
        )


def test_stream_compares_the_bits_before_the_times(scripts, capsys):
    import stream

    stream.main(["--rows", "2000", "--columns", "5", "--repeats", "1", "--threads", "1"])
    shown = capsys.readouterr().out.split()
    assert {"memory", "NPY", "100%"} <= set(shown)
