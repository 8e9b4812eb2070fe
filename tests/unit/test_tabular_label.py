"""Labels: classes exactly as they are written, targets to the last digit, and no silent guesses."""

import json

import numpy as np
import pytest

from deepcore.tabular import Columns, Frame, Label


@pytest.mark.parametrize(
    "words",
    [
        ["1", "01"],
        ["007", "7", "2_0", "20"],
        ["9007199254740992", "9007199254740993"],
        ["08", "9a", "8"],
        ["1.0", "1", "+1"],
        ["7", "\u0667"],
        ["na\u00efve", "naive"],
    ],
)
def test_classes_that_are_different_texts_stay_different(words):
    label = Label.fit(words * 20)
    assert (label.task, set(label.classes)) == ("classification", set(words))
    assert label.decode(label.encode(words)).tolist() == words


def test_the_order_of_the_classes():
    assert Label.fit(["10", "9", "1"] * 4).classes == ["1", "9", "10"]
    assert Label.fit(["b", "a", "B"] * 4).classes == ["B", "a", "b"]
    assert Label.fit(["10", "9", "09"] * 4).classes == ["09", "10", "9"]
    assert Label.fit([3, -1, 2] * 4).classes == [-1, 2, 3]
    assert Label.fit([True, False] * 4).classes == [False, True]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.array([2, 5] * 9), np.int64),
        (np.array([2.0, 5.0] * 9), np.int64),
        (np.array([2**63 + 5, 9] * 9, np.uint64), object),
        ([True, False] * 9, np.bool_),
        (["a", "b"] * 9, object),
    ],
)
def test_labels_come_back_in_their_type(values, dtype):
    label = Label.fit(values)
    back = label.decode(label.encode(values))
    assert back.dtype == dtype
    assert [str(v) for v in back.tolist()] == [str(v).removesuffix(".0") for v in np.asarray(values).tolist()]


def test_targets_keep_every_digit():
    y = np.array([1.6e9 + 1 / 3, 0.1, 2.0**53, 1e-300])
    label = Label.fit(y)
    assert (label.task, label.decode(label.encode(y)).tolist()) == ("regression", y.tolist())
    assert label.encode(["0.1", "1e-300"]).tolist() == [0.1, 1e-300]


def test_the_automatic_choice_of_the_task_is_announced():
    counts = Label.fit([str(i % 13 * 3) for i in range(200)])
    assert counts.task == "classification"
    assert counts.reason.startswith("the labels are whole numbers with only 13 different values in 200 rows")
    assert "task='regression'" in counts.reason
    assert Label.fit([str(i) for i in range(200)]).task == "regression"
    assert Label.fit([str(i / 2) for i in range(200)]).task == "regression"
    assert Label.fit([str(i % 3) for i in range(200)], task="regression").task == "regression"
    assert Label.fit([str(i) for i in range(200)], task="classification").outputs == 200


def test_a_stray_mark_among_numbers_is_a_question():
    cells = [str(37 * i + 5) for i in range(80)]
    for stray in ("missing", "1 200,5", "12%", "$5", "2024-01-01"):
        frame = Frame({"rent": [*cells, stray]}, lines=range(2, 83))
        with pytest.raises(
            ValueError, match=r"'rent' .* holds (80 numbers and 1 other|numbers in another).*line 82"
        ):
            Label.fit(frame, name="rent")
        with pytest.raises(ValueError, match=r"must hold finite numbers, got .* in line 82"):
            Label.fit(frame, name="rent", task="regression")


@pytest.mark.parametrize("words", [["1,5", "2,25"], ["1.234,5", "7"], ["1,234", "5"], ["1 234,5", "3"]])
def test_numbers_in_another_format_are_a_question(words):
    with pytest.raises(ValueError, match="holds numbers in another format"):
        Label.fit(words * 20)
    with pytest.raises(ValueError, match=r"'x' holds numbers in another format, .* decimal= or thousands="):
        Columns.fit({"x": words * 20})
    assert Label.fit(words * 20, task="classification").outputs == 2


def test_text_that_differs_in_nearly_every_row_is_a_question():
    names = [f"name {i}" for i in range(30)]
    with pytest.raises(ValueError, match="different in nearly every row"):
        Label.fit(names)
    assert Label.fit(names, task="classification").outputs == 30


@pytest.mark.parametrize("mark", ["", "NA", "nan", "?", None])
def test_rows_without_a_label_are_refused_with_their_place(mark):
    with pytest.raises(ValueError, match=r"1 of 3 labels .* are missing \(row 1\)"):
        Label.fit(["a", mark, "b"])


def test_a_mark_can_be_a_class():
    label = Label.fit(["NA", "SA"] * 3, missing=[""])
    assert label.classes == ["NA", "SA"]
    assert label.encode(["SA", "NA"]).tolist() == [1, 0]
    with pytest.raises(ValueError, match="missing"):
        label.encode(["SA", None])


def test_very_long_numbers_are_text():
    words = ["9" * 5000 + "1", "9" * 5000 + "2"]
    assert Label.fit(words * 9).classes == words


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="has one class only, 'a'"):
        Label.fit(["a", "a"])


def test_later_labels_are_read_as_those_of_the_training():
    text = Label.fit(["08", "9a", "8"] * 4)
    assert text.encode(["08", "08"]).tolist() == [0, 0]
    assert text.encode([8]).tolist() == [1]
    whole = Label.fit([1, 2, 3] * 4)
    assert whole.encode(["2", "3"]).tolist() == [1, 2]
    assert whole.encode(np.array([2.0])).tolist() == [1]
    assert Label.fit([True, False]).encode(["False"]).tolist() == [0]


def test_an_unknown_label_is_named_with_its_place():
    with pytest.raises(ValueError, match="row 1: the label 'c' is not one of the classes 'a', 'b'"):
        Label.fit(["a", "b"]).encode(["a", "c"])


@pytest.mark.parametrize("dtype", [float, bool, int])
def test_one_hot_labels_are_refused_with_the_cure(dtype):
    with pytest.raises(ValueError, match=r"one-hot labels.* pass y.argmax\(axis=1\)"):
        Label.fit(np.eye(4, dtype=dtype)[np.arange(20) % 4])
    with pytest.raises(ValueError, match="several labels per row"):
        Label.fit(np.array([[1, 1, 0], [0, 1, 0]], dtype=dtype))


def test_several_targets_are_a_regression():
    y = np.array([[1.5, 2], [3, 4.5]])
    label = Label.fit(y)
    assert (label.outputs, label.encode(y).tolist(), label.decode(y).shape) == (2, y.tolist(), (2, 2))
    frame = Frame({"a": ["1", "2"], "b": ["0,5", "1"], "x": ["u", "v"]})
    with pytest.raises(ValueError, match="must hold finite numbers, got '0,5'"):
        Label.fit(frame, name=["a", "b"])


@pytest.mark.parametrize("codes", [[2], [-1], [0.5], [[0]], [True]])
def test_what_is_no_code_is_not_decoded(codes):
    with pytest.raises(ValueError, match="codes must be whole numbers from 0 to 1"):
        Label.fit(["a", "b"]).decode(codes)


@pytest.mark.parametrize(
    "values", [["a", "b"] * 9, [1, 2] * 9, [True, False], [0.5, 1.5], np.eye(3)[:, :2] + 0.5]
)
def test_labels_survive_json(values):
    label = Label.fit(values)
    again = Label.from_dict(json.loads(json.dumps(label.to_dict())))
    assert again == label
    assert type(again.classes[:1]) is list
    with pytest.raises(ValueError, match="from_dict"):
        Label.from_dict({**label.to_dict(), "names": []})


def test_dates_are_no_labels():
    with pytest.raises(ValueError, match="holds dates"):
        Label.fit(np.array(["2024-01-01", "2024-01-02"], "M8[D]"))
