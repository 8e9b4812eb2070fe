"""Frames of pandas, polars and Arrow that are predicted: equal values, other types, missing values."""

import datetime as dt
import decimal
import sys

import numpy as np
import pytest

from deepcore.tabular import Columns, Encoding, Frame

M = 40
TOWNS = ["Bonn", "Ulm", "Kiel"]


def learned():
    """Columns of each kind, learned from a mapping."""
    return Columns.fit(
        {
            "size": np.arange(M) * 1.5,
            "count": np.arange(M) % 5,
            "town": [TOWNS[i % 3] for i in range(M)],
            "new": [i % 2 == 0 for i in range(M)],
            "when": np.datetime64("2024-01-01", "us") + np.arange(M) * np.timedelta64(1, "D"),
        }
    )


def rows(**changes):
    """Two rows as lists."""
    plain = {
        "size": [3.0, None],
        "count": [2, None],
        "town": ["Ulm", None],
        "new": [True, None],
        "when": [dt.datetime(2024, 1, 5, 6), None],
    }
    return {**plain, **changes}


def libraries():
    yield "a mapping", dict
    pd = pytest.importorskip("pandas")
    yield "pandas", pd.DataFrame
    yield "pandas objects", lambda columns: pd.DataFrame(columns, dtype=object)
    yield "pandas nullable", lambda columns: pd.DataFrame(columns).convert_dtypes()
    pl = pytest.importorskip("polars")
    yield "polars", pl.DataFrame


def test_rows_of_every_library_become_the_same_numbers_and_codes():
    columns = learned()
    expected = columns.apply(rows())
    assert expected.codes.tolist() == [[2 + 1, 2], [0, 0]]
    for name, made in libraries():
        found = columns.apply(made(rows()))
        np.testing.assert_array_equal(found.numbers, expected.numbers, err_msg=name)
        np.testing.assert_array_equal(found.codes, expected.codes, err_msg=name)
        assert found.notes == expected.notes, name


def test_tables_and_batches_of_arrow_become_the_same_numbers_and_codes():
    pa = pytest.importorskip("pyarrow")
    columns = learned()
    expected = columns.apply(rows())
    table = pa.table(rows())
    halves = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    coded = table.set_column(2, "town", table["town"].dictionary_encode())
    unsigned = table.set_column(2, "town", table["town"].cast(pa.dictionary(pa.uint8(), pa.string())))
    for one in (table, halves, coded, unsigned, table.to_batches()[0]):
        found = columns.apply(one)
        np.testing.assert_array_equal(found.numbers, expected.numbers)
        np.testing.assert_array_equal(found.codes, expected.codes)
    for one in (table, halves, coded, unsigned):
        found = columns.apply(pa.concat_tables([one] * 100))
        np.testing.assert_array_equal(found.numbers, np.tile(expected.numbers, (100, 1)))
        np.testing.assert_array_equal(found.codes, np.tile(expected.codes, (100, 1)))


def test_the_features_of_a_row_do_not_depend_on_the_other_rows():
    rng = np.random.default_rng(0)
    when = np.datetime64("2000-01-01", "us") + rng.integers(0, 10**15, 999).astype("m8[us]")
    columns = Columns.fit({"when": when, "size": rng.normal(size=999)})
    table = {"when": when, "size": rng.normal(size=999)}
    whole = columns.numbers(table)
    for row in (0, 1, 500, 998):
        single = columns.numbers({name: values[row : row + 1] for name, values in table.items()})
        np.testing.assert_array_equal(single[0], whole[row])


def test_inputs_of_a_network_do_not_depend_on_the_other_rows():
    rng = np.random.default_rng(0)
    numbers, codes = rng.normal(size=(1300, 3)), rng.integers(0, [2, 3, 5], size=(1300, 3))
    encoding = Encoding.fit(numbers, codes, [2, 3, 5], scaling="robust", clip=True)
    whole = encoding.transform(numbers, codes, np.float32)
    assert whole.flags.c_contiguous
    for row in (0, 1023, 1024, 1299):
        single = encoding.transform(numbers[row : row + 1], codes[row : row + 1], np.float32)
        np.testing.assert_array_equal(single[0], whole[row])


def test_one_hot_columns_are_scaled_and_clipped_like_numbers():
    codes = np.array([[0], [1], [2], [4], [4]])
    encoding = Encoding.fit(np.zeros((5, 0)), codes, [5], scaling="robust", clip=True)
    z = (np.eye(5)[codes[:, 0]][:, 1:] - encoding.center) * encoding.factor
    expected = z / np.sqrt(1 + (z / 3) ** 2)
    expected[:, encoding.factor == 0] = 0
    np.testing.assert_array_equal(encoding.transform(np.zeros((5, 0)), codes), expected)
    off = encoding.transform(np.zeros((2, 0)), np.array([[0], [7]]))
    np.testing.assert_array_equal(off[0], off[1])


def test_columns_that_are_not_used_may_hold_anything():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    columns = learned()
    expected = columns.numbers(rows())
    strange = rows(other=[{"a": 1}, [2]])
    np.testing.assert_array_equal(columns.numbers(strange), expected)
    np.testing.assert_array_equal(columns.numbers(pd.DataFrame(strange)), expected)
    polars = pl.DataFrame(rows()).with_columns(other=pl.Series([object(), object()], dtype=pl.Object))
    np.testing.assert_array_equal(columns.numbers(polars), expected)


def test_names_of_unused_columns_are_suggested_too():
    with pytest.raises(ValueError, match=r"'town' is missing \(did you mean 'towns'\?\)"):
        learned().apply({"towns" if name == "town" else name: cells for name, cells in rows().items()})


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("when", np.array([np.nan, np.nan])),
        ("size", np.array(["NaT", "NaT"], "M8[ns]")),
        ("size", [None, None]),
        ("town", np.array([np.nan, np.nan])),
    ],
)
def test_a_column_without_any_value_is_missing_whatever_its_type(name, cells):
    columns = learned()
    expected = columns.apply(rows(**{name: [None, None]}))
    found = columns.apply(rows(**{name: cells}))
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    np.testing.assert_array_equal(found.codes, expected.codes)


def test_decimals_are_numbers_and_nan_among_them_is_missing():
    columns = learned()
    cells = [decimal.Decimal("3.0"), decimal.Decimal("NaN")]
    np.testing.assert_array_equal(columns.numbers(rows(size=cells)), columns.numbers(rows()))


@pytest.mark.parametrize("kind", [int, decimal.Decimal])
def test_whole_numbers_that_float64_cannot_hold_stay_apart(kind):
    cells = [kind("9007199254740993"), kind("9007199254740992")] * 6
    columns = Columns.fit({"code": cells, "x": range(12)})
    assert columns.columns[0].values == ["9007199254740992", "9007199254740993"]
    assert columns.codes({"code": cells[:2], "x": [1, 2]}).tolist() == [[2], [1]]


def test_integers_of_128_bits_are_read():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(rows()).with_columns(count=pl.Series([2, None], dtype=pl.Int128))
    np.testing.assert_array_equal(learned().numbers(frame), learned().numbers(rows()))


def test_a_whole_number_is_the_same_category_in_every_type():
    pd = pytest.importorskip("pandas")
    forms = [
        pd.Categorical([1.0, 2.0] * 4),
        pd.Categorical([1, 2] * 4),
        pd.Categorical(["1", "2"] * 4),
        np.array([1.0, 2.0] * 4),
        np.array([1, 2] * 4),
        ["1", "2"] * 4,
    ]
    for learned_from in forms:
        columns = Columns.fit(pd.DataFrame({"c": learned_from}), kinds={"c": "category"})
        for later in forms:
            assert columns.codes(pd.DataFrame({"c": later}))[:2].tolist() == [[1], [2]]
    mixed = Columns.fit({"c": [1, "a", "b", "a"] * 3})
    assert mixed.codes({"c": [1.0, "a"]}).tolist() == mixed.codes({"c": [1, "a"]}).tolist()


def test_numbers_are_the_categories_that_were_text_with_a_decimal_point():
    columns = Columns.fit({"c": ["1.0", "2.0"] * 4}, kinds={"c": "category"})
    assert columns.codes({"c": [1.0, 2.0]}).tolist() == [[1], [2]]
    assert columns.codes({"c": ["1", "2.0"]}).tolist() == [[0], [2]]


def test_durations_are_refused_where_the_training_rows_had_plain_numbers():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    spans = [dt.timedelta(days=3), None]
    columns = learned()
    for made in (dict, pd.DataFrame, pl.DataFrame):
        with pytest.raises(
            ValueError, match="'size' must hold numbers like the training rows, got durations"
        ):
            columns.apply(made(rows(size=spans)))
        trained = Columns.fit(made({"size": [dt.timedelta(days=i) for i in range(6)], "x": list(range(6))}))
        assert trained.numbers(made({"size": spans, "x": [1, 2]}))[:, 0].tolist() == [3.0, 2.5]
        again = Columns.from_dict(trained.to_dict())
        assert again.numbers({"size": [3.0], "x": [1]})[:, 0].tolist() == [3.0]


@pytest.mark.parametrize("value", [np.datetime64(10**7, "Y"), np.timedelta64(10**15, "D")])
def test_dates_and_durations_that_would_wrap_around_are_refused(value):
    with pytest.raises(
        ValueError, match="column 'a' must hold dates or durations of less than 290,000 years"
    ):
        Frame({"a": np.array([value])})


def test_bytes_that_are_not_utf_8_are_refused():
    assert Frame({"a": np.array(["K\u00f6ln".encode()])})["a"].tolist() == ["K\u00f6ln"]
    with pytest.raises(ValueError, match="column 'a' must hold text in UTF-8, got the bytes"):
        Frame({"a": np.array(["K\u00f6ln".encode("latin-1")])})


def test_a_column_whose_categories_are_all_unknown_gives_a_warning():
    columns = Columns.fit({"town": TOWNS * 8, "x": range(24)})
    with pytest.warns(UserWarning, match=r"none of the 12 cells of column 'town' is a category .* 'Bonn'"):
        columns.apply({"town": [town.upper() for town in TOWNS] * 4, "x": range(12)})
    columns.apply({"town": ["Rome"], "x": [1]})  # no warning: one cell may be new
    columns.apply({"town": ["Rome"] * 11 + ["Ulm"], "x": range(12)})


def test_empty_tables_have_no_rows_but_all_columns():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for made in (pd.DataFrame, pl.DataFrame):
        applied = learned().apply(made(rows())[:0])
        assert (applied.numbers.shape, applied.codes.shape) == ((0, 10), (0, 2))
        assert applied.notes == []


def test_categories_of_a_frame_that_no_row_has_are_not_told():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(rows(town=pd.Categorical(["Ulm", None], categories=["Rome", "Ulm"])))
    assert not any("unknown" in note and "Rome" in note for note in learned().apply(frame).notes)


@pytest.mark.parametrize("m", [3, 5000])
def test_text_of_every_library_is_the_same_in_short_and_in_long_columns(m):
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    cells = [["Ulm", None, "Bonn", "Kiel", " Ulm"][i % 5] for i in range(m)]
    frames = [
        pd.DataFrame({"c": pd.Series(cells, dtype=object)}),
        pd.DataFrame({"c": pd.Series(cells, dtype="str")}),
        pd.DataFrame({"c": pd.Series(cells, dtype="string")}),
        pd.DataFrame({"c": pd.Categorical(cells)}),
        pl.DataFrame({"c": cells}),
        pl.DataFrame({"c": pl.Series(cells, dtype=pl.Categorical)}),
        pl.DataFrame({"c": pl.Series(cells, dtype=pl.Enum(["none", " Ulm", "Ulm", "Kiel", "Bonn"]))}),
    ]
    columns = Columns.fit({"c": TOWNS * 2})
    for frame in frames:
        assert Frame.of(frame)["c"].tolist() == cells
        assert columns.codes(frame).ravel().tolist() == [
            0 if cell is None else 1 + sorted(TOWNS).index(cell.strip()) for cell in cells
        ]


def test_frames_of_pandas_and_polars_need_no_further_library(monkeypatch):
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    columns = learned()
    expected = columns.apply(rows())
    monkeypatch.setitem(sys.modules, "narwhals", None)
    for frame in (pd.DataFrame(rows()), pd.DataFrame(rows()).convert_dtypes(), pl.DataFrame(rows())):
        np.testing.assert_array_equal(columns.apply(frame).numbers, expected.numbers)
    big = pd.DataFrame({"c": pd.array([2**53 + 1, 2**53, None], dtype="Int64"), "x": [1, 2, 3]})
    assert Frame.of(big)["c"].tolist() == ["9007199254740993", "9007199254740992", None]


def test_what_is_no_table_is_named():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    pytest.importorskip("narwhals")
    for other in (pd.Series([1.0]), pl.Series([1.0]), pl.LazyFrame({"x": [1]}), None, 3.0, "x"):
        with pytest.raises(TypeError, match="predict: a table must be a data frame, a dict of arrays, or an"):
            learned().apply(other, "predict")
