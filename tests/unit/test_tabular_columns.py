"""Typed columns: how kinds are inferred, what is learned, and how later tables become numbers and codes."""

import datetime as dt
import json

import numpy as np
import pytest

from deepcore.tabular import Columns, Encoding, Frame, Label


def kinds(columns):
    return {column.name: column.kind for column in columns.columns}


def reason(values, name="c"):
    """Kind and reason of one column, in a table where another one is used."""
    other = [str(i % 3) for i in range(len(values))]
    column = Columns.fit(Frame({name: values, "other": other})).columns[0]
    return column.kind, column.reason


def repeated(*cells, times=5):
    return list(cells) * times


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1.5", "2", "-3e2"], "number"),
        (["red", "green", "red"], "category"),
        (["007", "7", "12"], "category"),
        (["9007199254740993", "1", "2"], "category"),
        (["1_0", "2_0", "1_0"], "category"),
        (["yes", "No", "no"], "boolean"),
        (["t", "f", "t"], "boolean"),
        (["TRUE", "false", "true"], "boolean"),
        (["0", "1", "0"], "number"),
        (["2024-02-29", "2024-03-01", "2024-01-01"], "date"),
        (["2024-02-29T12:30:00Z", "2024-03-01 08:00", "2024-01-01"], "date"),
        (["29.02.2024", "1.3.2024", "02.01.2024"], "date"),
        (["29/02/2024", "01/03/2024", "02/01/2024"], "date"),
        (["02/29/2024", "01/03/2024", "02/01/2024"], "date"),
        (["2024/02/29 10:00", "2024/03/01 11:00", "2024/01/01 12:00"], "date"),
        (["2-Jan-2024", "3-Feb-2024 10:15", "29-Feb-2024"], "date"),
        (["January 2, 2024", "Feb 3, 2024", "MAY 4 2024"], "date"),
        (["31.12.99", "1.2.00", "1.3.24"], "date"),
        (["2024-01", "2024-02", "2023-12"], "date"),
        (["2024-13-45", "2024-01-01", "2024-01-01"], "category"),
        (["31.02.2024", "01.03.2024", "01.03.2024"], "category"),
        (["Mon 2, 2024", "Feb 3, 2024", "Feb 3, 2024"], "category"),
        (["\u22121.5", "2", "3"], "number"),
        (["same", "same", "same"], "ignore"),
        (["5", "5", "5"], "ignore"),
        (["", "NA", "?"], "ignore"),
        ([True, False, True], "boolean"),
        ([True, True, True], "ignore"),
        ([1.5, None, 2.5], "number"),
        ([dt.date(2024, 1, 1), None, dt.datetime(2024, 2, 1, 12)], "date"),
        ([dt.timedelta(days=2), dt.timedelta(hours=12), None], "number"),
        ([1, "a", "b"], "category"),
    ],
)
def test_the_kind_of_a_column_is_inferred(cells, kind):
    assert reason(cells)[0] == kind


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("key", [f"A{i}" for i in range(12)], ("ignore", "an id: text, all different")),
        (
            "remark",
            [f"A{i // 2}" if i < 4 else f"B{i}" for i in range(12)],
            ("ignore", "text, mostly different"),
        ),
        ("customer_id", [str(i) for i in range(12)], ("ignore", "an id: whole numbers, all different")),
        ("PassengerId", list(range(12)), ("ignore", "an id: whole numbers, all different")),
        ("Unnamed: 0", list(range(12)), ("ignore", "an id: whole numbers, all different")),
        ("humidity", list(range(12)), ("number", "numbers")),
        ("width", list(range(12)), ("number", "numbers")),
        ("zip", [f"0{i // 3}" for i in range(12)], ("category", "codes of digits")),
    ],
)
def test_ids_are_ignored_with_a_reason(name, cells, expected):
    kind, why = reason(cells, name)
    assert (kind, why.startswith(expected[1])) == (expected[0], True)


def test_numbers_among_text_are_a_question_and_all_columns_are_asked_at_once():
    frame = Frame({"a": ["12", "n.a.", "13"], "b": ["x", "y", "x"], "c": ["1", "2", "3 kg"]})
    with pytest.raises(ValueError, match="2 columns whose kind is not clear") as caught:
        Columns.fit(frame)
    assert "'a' holds 2 numbers and 1 other cells ('n.a.'), first in row 1" in str(caught.value)
    assert "missing=[...]" in str(caught.value)
    answered = Columns.fit(frame, missing=["n.a."], kinds={"c": "category"})
    assert kinds(answered) == {"a": "number", "b": "category", "c": "category"}


def test_dates_whose_day_and_month_may_be_either_are_a_question():
    frame = Frame({"when": ["01/02/2024", "03/04/2024"]})
    with pytest.raises(ValueError, match=r"'date %d/%m/%Y'} or kinds={'when': 'date %m/%d/%Y'}"):
        Columns.fit(frame)
    days = [
        Columns.fit(frame, kinds={"when": f"date {f}"}).numbers(frame)[0, 0] for f in ("%d/%m/%Y", "%m/%d/%Y")
    ]
    assert days == [19754.0, 19724.0]


def test_kinds_can_be_given():
    frame = Frame({"hour": list(range(4)) * 3, "id": list(range(12)), "note": ["a", "b"] * 6})
    columns = Columns.fit(frame, kinds={"hour": "category", "id": "number", "note": "ignore"})
    assert kinds(columns) == {"hour": "category", "id": "number", "note": "ignore"}
    with pytest.raises(ValueError, match="has no column 'hours'"):
        Columns.fit(frame, kinds={"hours": "category"})
    with pytest.raises(
        ValueError, match=r"must be one of number, category, boolean, date, ignore, got 'text'"
    ):
        Columns.fit(frame, kinds={"hour": "text"})
    with pytest.raises(ValueError, match=r"'note' .*must be a number"):
        Columns.fit(frame, kinds={"note": "number"})


def test_missing_numbers_become_the_median_and_an_indicator():
    frame = Frame({"x": ["1", "", "3", "NA", "10"]})
    columns = Columns.fit(frame)
    assert columns.number_names == ["x", "x missing"]
    assert columns.numbers(frame).tolist() == [[1, 0], [3, 1], [3, 0], [3, 1], [10, 0]]


def test_missing_categories_have_the_code_0():
    frame = Frame({"c": ["b", None, "a", "?", "b"]})
    columns = Columns.fit(frame)
    assert (columns.codes(frame)[:, 0].tolist(), columns.sizes) == ([2, 0, 1, 0, 2], [3])


def test_marks_of_missing_values_can_be_named():
    frame = Frame({"x": ["1", "-999", "3"], "c": ["None", "b", "b"]})
    columns = Columns.fit(frame, missing=["-999"])
    assert columns.numbers(frame).tolist() == [[1, 0], [2, 1], [3, 0]]
    assert columns.columns[1].values == ["None", "b"]


def test_dates_are_documented_features():
    frame = Frame({"when": ["1970-01-01T06:00", "2024-12-30"], "x": [1, 2]})
    columns = Columns.fit(frame)
    assert columns.number_names[:2] == ["when days", "when year"]
    first, last = columns.numbers(frame)[:, :8]
    assert (first[0], first[1], last[0], last[1]) == (0.25, 1970, 20087, 2024)
    np.testing.assert_allclose(first[2:4], [0, 1])  # the first day of the year
    np.testing.assert_allclose(last[4:6], [0, 1], atol=1e-12)  # a Monday
    np.testing.assert_allclose(first[6:8], [1, 0], atol=1e-12)  # six o'clock


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2024-02-29", 19782.0),
        ("2024-02-29T12:00:00+02:00", 19782 + 10 / 24),
        ("29.2.2024", 19782.0),
        ("29-Feb-2024 06:00", 19782.25),
        ("february 29, 2024", 19782.0),
        ("29.02.24", 19782.0),
        ("2024-02", 19754.0),
        ("2024/02/29 18:00", 19782.75),
        ("2024-02-29 00:00:00.250", 19782 + 0.25 / 86400),
    ],
)
def test_dates_of_every_format_are_days_since_1970(cell, day):
    frame = Frame({"when": [cell, cell.replace("2024", "2023").replace("29", "28").replace(".24", ".23")]})
    assert Columns.fit(frame).numbers(frame)[0, 0] == pytest.approx(day, abs=1e-9)


def test_dates_before_1970_are_no_exception():
    frame = Frame({"when": ["1969-12-31T18:00", "1900-01-01"]})
    numbers = Columns.fit(frame).numbers(frame)
    assert numbers[:, :2].tolist() == [[-0.25, 1969], [-25567, 1900]]


def test_a_missing_date_is_filled_with_the_median_date():
    frame = Frame({"when": ["2024-01-01", "", "2024-01-03", "2024-01-09"]})
    numbers = Columns.fit(frame).numbers(frame)
    assert numbers[1, 0] == numbers[2, 0]
    assert numbers[:, -1].tolist() == [0, 1, 0, 0]


def test_columns_are_found_by_name_in_any_order_and_others_are_not_looked_at():
    frame = Frame({"a": ["1", "2"], "b": ["x", "y"], "id": ["A1", "A1"]})
    columns = Columns.fit(frame)
    later = Frame({"new": [None, object.__name__], "b": ["y", "x"], "a": [5, 6]})
    applied = columns.apply(later)
    assert (applied.numbers.tolist(), applied.codes.tolist()) == ([[5], [6]], [[2], [1]])


def test_all_columns_that_cannot_be_used_are_named_at_once():
    columns = Columns.fit(
        Frame({"size": [1.5, 2.5], "town": ["a", "b"], "when": ["2024-01-01", "2024-01-02"]})
    )
    with pytest.raises(ValueError, match="3 columns that cannot be used") as caught:
        columns.apply(Frame({"sizes": [1], "town": [3], "when": ["soon"]}), "predict")
    assert "'size' is missing (did you mean 'sizes'?)" in str(caught.value)
    assert "'town' must hold text like 'a', 'b', got int64 values such as '3'" in str(caught.value)
    assert "'when' must be a date, got 'soon' in row 0" in str(caught.value)


def test_a_changed_type_is_refused_with_its_first_cell():
    columns = Columns.fit(Frame({"x": ["1", "2"]}))
    with pytest.raises(ValueError, match=r"'x' must be a number, got 'two' in row 1 .1 such cells"):
        columns.numbers(Frame({"x": ["1", "two"]}))
    with pytest.raises(ValueError, match="'x' must hold numbers, got dates"):
        columns.numbers(Frame({"x": np.array(["2024-01-01"], "M8[D]")}))


def test_unknown_categories_and_new_missing_values_are_noted():
    columns = Columns.fit(Frame({"c": ["a", "b"], "x": [1, 2]}))
    applied = columns.apply(Frame({"c": ["a", "z"], "x": [None, 5.0]}))
    assert applied.codes.tolist() == [[1], [0]]
    assert applied.numbers.tolist() == [[1.5], [5.0]]
    assert len(applied.notes) == 2
    assert "1 cells with unknown categories: 'z'" in applied.notes[0]


def test_one_row_with_an_unknown_category_is_predicted_like_any_other():
    columns = Columns.fit(Frame({"c": ["a", "b"], "hour": [1, 2]}), kinds={"hour": "category"})
    assert columns.codes({"c": ["z"], "hour": [3]}).tolist() == [[0, 0]]


def test_categories_that_were_text_match_numbers_of_the_same_form():
    columns = Columns.fit(Frame({"c": ["1", "2", "1"]}), kinds={"c": "category"})
    for values in ([2, 1], np.array([2.0, 1.0]), ["2", "1"]):
        assert columns.codes({"c": values}).tolist() == [[2], [1]]


def test_booleans_match_in_every_form():
    columns = Columns.fit(Frame({"c": ["yes", "no", "yes"]}))
    for values in (["no", "YES"], [False, True], ["f", "t"], [0, 1], ["false", "True"]):
        assert columns.codes({"c": values}).tolist() == [[1], [2]]
    applied = columns.apply({"c": ["maybe", "no"]})
    assert (applied.codes.tolist(), len(applied.notes)) == ([[0], [1]], 1)
    with pytest.raises(ValueError, match="must be a boolean such as yes or no, got 'maybe' in row 1"):
        Columns.fit({"c": ["no", "maybe"]}, kinds={"c": "boolean"})


def test_amounts_with_a_sign_are_a_question():
    for cells in (["5 %", "10%", "7,5 %"], ["$1,200", "$5", "$7"], ["3 \u20ac", "4,50 \u20ac", "1 \u20ac"]):
        with pytest.raises(ValueError, match="'c' holds amounts with a percent or currency sign"):
            reason(cells)
        with pytest.raises(ValueError, match="holds amounts with a percent or currency sign"):
            Label.fit(cells)


def test_whole_numbers_that_float64_cannot_hold_are_no_numbers():
    large = [2**53 + 1, 2**53 + 2, 2**53 + 1]
    for values in (large, np.array(large), [str(v) for v in large]):
        assert reason(values)[0] == "category"
    assert reason(list(range(2**60, 2**60 + 12)))[0] == "ignore"


def test_a_column_that_varies_by_rounding_only_is_ignored():
    assert reason([0.7, 0.1 * 7, 0.7]) == ("ignore", "constant but for rounding")
    assert reason(["0.7", "0.7000000000000001", "0.7"])[0] == "ignore"
    narrow = np.array([0.7, np.nextafter(np.float32(0.7), np.float32(1)), 0.7], np.float32)
    assert reason(narrow) == ("ignore", "constant but for rounding")
    assert reason(narrow.astype(np.float64))[0] == "number"
    assert reason([1e9 + 1, 1e9 + 2, 1e9])[0] == "number"


def test_huge_values_have_a_median():
    columns = Columns.fit({"x": [1.6e308, 1.7e308, None, -1.0], "y": [-1.6e308, 1.6e308, 1.0, 2.0]})
    assert columns.columns[0].fill == [1.6e308]
    assert Columns.fit({"x": [1.6e308, 1.7e308, None]}).columns[0].fill == [pytest.approx(1.65e308)]


def test_many_missing_columns_are_one_short_message():
    names = [f"column {i}" for i in range(3000)]
    columns = Columns.fit({name: [1, 2] for name in names})
    with pytest.raises(ValueError, match="3000 columns that cannot be used") as caught:
        columns.apply({f"{name}x": [1, 2] for name in names})
    assert "and 2950 more" in str(caught.value)


def test_infinite_features_are_refused():
    with pytest.raises(ValueError, match="must be a number, got inf in row 1"):
        Columns.fit({"x": [1.0, np.inf, 2.0]})


def test_a_table_without_a_usable_column_is_refused():
    with pytest.raises(ValueError, match=r"no column to learn from: 'c' \(constant\)"):
        Columns.fit({"c": ["a", "a"], "y": [1, 2]}, label="y")
    with pytest.raises(ValueError, match="has no rows"):
        Columns.fit({"c": []})


def test_one_value_or_missing_is_information():
    assert reason(["a", None, "a"]) == ("category", "one value, or missing")
    assert reason([1.0, None, 1.0]) == ("number", "one value, or missing")


def test_columns_survive_json():
    frame = Frame({"x": [0.1, None, 1 / 3], "c": ["a", "b", "a"], "d": ["2024-01-01", "", "2024-01-02"]})
    columns = Columns.fit(frame)
    again = Columns.from_dict(json.loads(json.dumps(columns.to_dict())))
    assert again == columns
    np.testing.assert_array_equal(again.numbers(frame), columns.numbers(frame))
    with pytest.raises(ValueError, match="must have the keys"):
        Columns.from_dict({"columns": []})


def test_durations_are_days_in_every_form():
    spans = [np.timedelta64(12, "h"), np.timedelta64(2, "D")]
    for values in (spans, np.array(spans), [span.astype(dt.timedelta) for span in spans]):
        assert Frame({"d": values})["d"].tolist() == [0.5, 2.0]
    with pytest.raises(TypeError, match="must hold numbers, text, booleans or dates"):
        Frame({"d": [*spans, 3]})


def test_the_report_names_every_column_with_its_reason():
    report = Columns.fit({"id": list(range(12)), "x": [1.5, None] * 6}).report()
    assert "id      ignore  an id" in report
    assert "50.0%" in report
    assert "1 columns are used and 1 ignored" in report


def test_frames_of_other_libraries_become_columns():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    columns = {
        "i": [1, 2, None],
        "f": [0.5, None, 1.5],
        "s": ["a", None, "b"],
        "b": [True, None, False],
        "d": [dt.datetime(2024, 1, 1, 12), None, dt.datetime(2024, 1, 2)],
    }
    frames = [
        Frame.of(pl.DataFrame(columns)),
        Frame.of(pd.DataFrame(columns)),
        Frame.of(pd.DataFrame(columns).convert_dtypes()),
        Frame(columns),
    ]
    for frame in frames:
        assert frame["i"].dtype == np.float64
        assert np.isnan(frame["i"][2])
        assert frame["s"].tolist() == ["a", None, "b"]
        assert frame["b"].tolist() == [True, None, False]
        assert frame["d"].dtype == np.dtype("M8[us]")
        assert np.isnat(frame["d"][1])
        assert frame["d"][0] == np.datetime64("2024-01-01T12")


def test_names_of_frames_become_text_and_must_differ():
    pd = pytest.importorskip("pandas")
    assert Frame.of(pd.DataFrame([[1, 2]], columns=[0, 1])).names == ["0", "1"]
    assert Frame.of(pd.DataFrame({("a", "b"): [1]})).names == ["('a', 'b')"]
    for names in (["a", "a"], ["a", " a"], [1, "1"]):
        with pytest.raises(ValueError, match="two columns"):
            Frame.of(pd.DataFrame([[1, 2]], columns=names))


def test_categorical_columns_of_frames_are_categories():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for native in (
        pd.DataFrame({"c": pd.Categorical([3, 1, 3]), "x": [1, 2, 3]}),
        pl.DataFrame({"c": pl.Series(["3", "1", "3"], dtype=pl.Categorical), "x": [1, 2, 3]}),
    ):
        columns = Columns.fit(native)
        assert kinds(columns) == {"c": "category", "x": "number"}
        assert columns.codes(native).tolist() == [[2], [1], [2]]


def test_arrays_become_frames():
    assert Frame.of(np.ones((2, 3))).names == ["x1", "x2", "x3"]
    structured = np.array([(1, "a")], dtype=[("n", int), ("t", "U3")])
    assert Frame.of(structured)["t"].tolist() == ["a"]
    assert Frame({"u": np.array([2**63 + 5, 1], np.uint64)})["u"].tolist() == ["9223372036854775813", "1"]
    with pytest.raises(ValueError, match=r"a table must have shape \(m, n\)"):
        Frame.of(np.ones(3))
    with pytest.raises(TypeError, match="must be a data frame, a dict of arrays, or an array"):
        Frame.of(3)
    with pytest.raises(TypeError, match="column 'o' must hold numbers, text, booleans or dates"):
        Frame({"o": [{}, {}]})


# The encoding


def test_one_hot_columns_follow_the_number_of_categories():
    codes = np.array([[1, 1, 1], [2, 2, 0], [3, 0, 1], [0, 1, 1]])
    encoding = Encoding.fit(np.empty((4, 0)), codes, [4, 3, 2], scaling="none")
    expected = [[1, 0, 0, 1, 1], [0, 1, 0, -1, -1], [0, 0, 1, 0, 1], [0, 0, 0, 1, 1]]
    assert encoding.transform(np.empty((4, 0)), codes).tolist() == expected


def test_large_category_columns_can_be_left_as_codes():
    codes = np.array([[1, 9], [2, 3]])
    encoding = Encoding.fit(np.ones((2, 1)), codes, [3, 11], one_hot_limit=9)
    assert encoding.embedded == [11]
    assert encoding.transform(np.ones((2, 1)), codes)[:, -1].tolist() == [9, 3]


def test_robust_scaling_uses_quartiles_or_half_the_range():
    x = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 100])[:, None]
    sparse = np.r_[np.zeros(9), 5.0][:9, None]
    encoding = Encoding.fit(x, np.empty((9, 0), int), [], scaling="robust")
    np.testing.assert_allclose(encoding.transform(x, np.empty((9, 0), int))[:, 0], (x[:, 0] - 4) / 4)
    sparse[0] = 5
    half = Encoding.fit(sparse, np.empty((9, 0), int), [], scaling="robust")
    np.testing.assert_allclose(half.transform(sparse, np.empty((9, 0), int))[0], 2.0)


def test_the_smooth_clip_bounds_every_value():
    x = np.array([-1e9, -1, 0, 1, 1e9])[:, None]
    none = np.empty((5, 0), int)
    z = Encoding.fit(x, none, [], scaling="none", clip=True).transform(x, none)
    np.testing.assert_allclose(z[:, 0], [-3, -1 / np.sqrt(1 + 1 / 9), 0, 1 / np.sqrt(1 + 1 / 9), 3])


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_columns_without_spread_become_0_in_later_data_too(scaling):
    x = np.where(np.arange(60) % 2, 0.7, 0.1 * 7)[:, None]
    none = np.empty((60, 0), int)
    encoding = Encoding.fit(x, none, [], scaling=scaling)
    assert encoding.transform(x + 1, none).tolist() == [[0.0]] * 60


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("missing", -0.5),
        ("missing", 1e300),
        ("distinct", -1),
        ("distinct", 10**30),
        ("distinct", 2.5),
        ("low", 9.0),
        ("high", None),
    ],
)
def test_numbers_that_no_column_has_are_refused(name, value):
    stored = Columns.fit(Frame({"a": np.array([1.0, 2.0, 4.0]), "y": np.arange(3.0)}), label="y").to_dict()
    Columns.from_dict(stored)
    stored["columns"][0][name] = value
    with pytest.raises(ValueError, match="the column 'a' is not what to_dict returns"):
        Columns.from_dict(stored)
