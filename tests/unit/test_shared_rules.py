"""Rules that have one home: number checks, labels, the first ten names, atomic writes, the data folder."""

import io
import math
import subprocess
import sys

import numpy as np
import pytest

import deepcore as dc
from deepcore import _checks, data, doctor, graph
from deepcore import functional as F
from deepcore._labels import labels
from deepcore.data.images import locate
from deepcore.files.atomic import replacing


@pytest.mark.parametrize("value", [0, 1.5, np.float32(2), np.int8(3)])
def test_real_numbers_pass_the_check_as_floats(value):
    assert _checks.number("f", "a", value) == float(value)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (-1, "f: a must be finite and not negative, got -1"),
        (math.nan, "f: a must be finite and not negative, got nan"),
        (math.inf, "f: a must be finite and not negative, got inf"),
        (10**400, "f: a must be finite and not negative"),
    ],
)
def test_numbers_out_of_range_are_refused(value, rule):
    with pytest.raises(ValueError, match=rule):
        _checks.number("f", "a", value)


@pytest.mark.parametrize("value", [True, "1", None, [1]])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match="f: a must be a number"):
        _checks.number("f", "a", value)
    with pytest.raises(ValueError, match="f: a must be finite and not negative"):
        _checks.number("f", "a", value, error=ValueError)


def test_limits_of_a_number_are_kept():
    with pytest.raises(ValueError, match="must be at least 0 and below 1, got 1"):
        _checks.number("f", "a", 1, 1.0)
    with pytest.raises(ValueError, match="must be above 0 and below 1, got 0"):
        _checks.number("f", "a", 0, 1.0, positive=True)
    with pytest.raises(ValueError, match="must be above 0 and finite, got 0"):
        _checks.number("f", "a", 0, positive=True)


MASKED = np.ma.masked_array([[0, 1]], mask=[[False, True]])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: F.one_hot(MASKED, 2), "one_hot: labels"),
        (lambda: F.mini_batches([[1, 2]], [[1, 2]], permutation=MASKED[0]), "mini_batches: permutation"),
        (lambda: F.dropout_forward([[1.0, 2.0]], 0.5, MASKED), "dropout_forward: mask"),
        (lambda: F.update_parameters({"W1": [[1.0, 1.0]]}, {"dW1": MASKED}, 0.1), "update_parameters: dW1"),
        (lambda: data.one_hot(MASKED[0]), "one_hot: y"),
        (lambda: data.LabelMap().fit(MASKED[0]), "LabelMap.fit: y"),
        (lambda: data.train_test_split([1, 2], MASKED[0]), "train_test_split: y"),
        (lambda: data.split_indices(2, 0.5, stratify=MASKED[0]), "split_indices: stratify"),
        (lambda: graph.variable(MASKED, "a"), "graph: a"),
        (lambda: doctor.gradient_check(np.sum, MASKED, [[1.0, 1.0]]), "gradient_check: theta"),
        (lambda: doctor.gradient_check(np.sum, [[1.0, 1.0]], MASKED), "gradient_check: dtheta"),
        (lambda: dc.mlp([2, 1]).parameters.update(W1=MASKED), "assignment: W1"),
        (lambda: dc.SGD(0.1).bind(dc.mlp([2, 1])).step({"dW1": MASKED, "db1": [[0]]}), "assignment: dW1"),
    ],
)
def test_masked_values_are_never_taken_as_data(call, name):
    with pytest.raises(ValueError, match=f"^{name} must have no masked values; use .*filled"):
        call()


def test_an_output_that_equals_the_threshold_is_labelled_0():
    assert labels(np.array([0.5, np.nextafter(0.5, 1)]), "sigmoid").tolist() == [0, 1]
    assert labels(np.array([0.5, 0.9]), "sigmoid", threshold=0.7).tolist() == [0, 1]


def test_a_softmax_output_is_labelled_along_its_axis():
    A = np.array([[0.2, 0.8], [0.6, 0.4], [0.1, 0.9]])
    assert labels(A, "softmax").tolist() == [1, 0, 1]
    assert labels(A.T, "softmax", axis=0).tolist() == [1, 0, 1]


def test_ten_names_are_shown_and_the_rest_is_counted():
    assert _checks.first_names(range(3)) == "0, 1, 2"
    assert _checks.first_names(range(11)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... (11 in all)"


def test_a_block_that_fails_leaves_the_old_file_and_no_draft(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail():
        with replacing(path) as file:
            file.write(b"new")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_text_may_be_written_through_a_wrapper(tmp_path):
    with replacing(tmp_path / "file") as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        text.write("a\n")
        text.detach()
    assert (tmp_path / "file").read_bytes() == b"a\n"


def test_a_relative_path_is_looked_for_in_the_data_folder(tmp_path, monkeypatch):
    (tmp_path / "data.csv").write_text("x")
    monkeypatch.setenv("DEEPCORE_DATA", str(tmp_path))
    monkeypatch.chdir("/")
    assert locate("data.csv") == tmp_path / "data.csv"
    assert not locate("other.csv").exists()


def test_python_m_deepcore_is_the_command_line():
    pytest.importorskip("click")
    run = subprocess.run(
        [sys.executable, "-m", "deepcore", "--help"], capture_output=True, text=True, check=True
    )
    assert "train" in run.stdout
