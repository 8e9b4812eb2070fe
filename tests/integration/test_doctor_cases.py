"""The doctor on recorded trainings: how many causes it names, and how many healthy trainings it accuses.

``DEEPCORE_DOCTOR_CASES`` names a file of records. Beside it lies ``run_doctor_case.py``, which builds the
data, the network and the optimizer of a record, and judges the findings. ``DEEPCORE_DATA`` names the folder
with the images that some records need.
"""

import importlib.util
import os
import sys
import warnings
from collections import defaultdict
from pathlib import Path

import pytest

import deepcore as dc

FILE = os.environ.get("DEEPCORE_DOCTOR_CASES")
pytestmark = pytest.mark.skipif(
    not FILE, reason="DEEPCORE_DOCTOR_CASES is not set: it names a file of recorded trainings"
)


@pytest.fixture(scope="module")
def runner():
    """The program that builds and judges records."""
    pytest.importorskip("sklearn")
    path = Path(FILE).with_name("run_doctor_case.py")
    if not path.exists():
        pytest.skip(f"{path.name} does not lie beside the file that DEEPCORE_DOCTOR_CASES names")
    if "DEEPCORE_DATA" in os.environ:
        os.environ.setdefault("DOCTOR_DATA", os.environ["DEEPCORE_DATA"])
    spec = importlib.util.spec_from_file_location("run_doctor_case", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["run_doctor_case"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def records(runner):
    """All records whose data are here."""
    found = runner.load(FILE)
    if "DOCTOR_DATA" not in os.environ:
        found = [record for record in found if record["data"]["recipe"] != "idx"]
    return found


def findings_of(runner, record):
    data, training = runner.build_data(record), record["training"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = runner.build_model(record, data)
    return dc.diagnose(
        model,
        data["X"],
        data["y"],
        runner.build_optimizer(record),
        epochs=training["epochs"],
        batch_size=training["batch_size"],
        shuffle=training.get("shuffle", True),
        class_weight=training.get("class_weight"),
        validation_data=(data["X_val"], data["y_val"]) if data["watched"] else None,
    )


@pytest.fixture(scope="module")
def found(runner, records):
    """The findings by the id of each record that is not refused."""
    return {record["id"]: findings_of(runner, record) for record in records if record["kind"] != "refused"}


def judged(runner, records, found, kind):
    chosen = [record for record in records if record["kind"] == kind]
    return [
        (record, runner.judge(record, [finding.cause for finding in found[record["id"]]]))
        for record in chosen
    ]


def share(values):
    values = list(values)
    return sum(values) / len(values)


def test_a_right_cause_is_among_the_findings_of_nine_in_ten_broken_trainings(runner, records, found):
    answers = judged(runner, records, found, "broken")
    missed = [record["id"] for record, answer in answers if not answer["hit"]]
    assert share(answer["hit"] for _, answer in answers) >= 0.9, missed
    assert share(answer["first"] for _, answer in answers) >= 0.8
    assert share(len(answer["alarms"]) for _, answer in answers) <= 0.2


def test_no_kind_of_cause_is_missed_by_half(runner, records, found):
    by_cause = defaultdict(list)
    for record, answer in judged(runner, records, found, "broken"):
        by_cause[record["causes"][0]].append(answer["hit"])
    assert {cause: hits for cause, hits in by_cause.items() if share(hits) < 0.6} == {}


def test_healthy_trainings_have_no_problem(runner, records, found):
    healthy = [record for record in records if record["kind"] == "healthy"]
    accused = [
        record["id"]
        for record in healthy
        if any(finding.severity == "problem" for finding in found[record["id"]])
    ]
    assert len(accused) <= 0.02 * len(healthy), accused
    answers = judged(runner, records, found, "healthy")
    assert [record["id"] for record, answer in answers if record.get("hard") and answer["untrue"]] == []


def test_what_cannot_work_is_refused_with_a_reason(runner, records):
    for record in records:
        if record["kind"] == "refused":
            with pytest.raises(ValueError, match=r"softmax|sigmoid|label|y must"):
                findings_of(runner, record)
