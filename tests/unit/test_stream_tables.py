"""``dc.stream`` of tables: Parquet, CSV, Arrow, polars, pandas and Dask give the rows that they hold."""

import sys

import numpy as np
import pytest

import deepcore as dc
from resuming import check_same, stopped_after_every_batch
from streaming import BATCH, SMALL, numbers, rows

pl = pytest.importorskip("polars", reason="polars is not installed (extra `tabular`)")

NAMES = ["number", "minus", "one"]


def frame(m=1000, **more):
    """A table of ``rows(m)`` with its label."""
    X, y = rows(m)
    return pl.DataFrame({**{name: X[:, i] for i, name in enumerate(NAMES)}, "y": y, **more})


def parquet(path, table, groups=100):
    table.write_parquet(path, row_group_size=groups)
    return path


def csv(path, table, **options):
    table.write_csv(path, **options)
    return path


def pandas_frame(table):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    return pd.DataFrame({name: table[name].to_numpy() for name in table.columns})


def arrow_table(table):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    return pa.table({name: table[name].to_numpy() for name in table.columns})


def arrow_dataset(folder, table):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    import pyarrow.dataset as ds

    parquet(folder / "data.parquet", table, 50)
    return ds.dataset(folder / "data.parquet")


def dask_frame(table):
    dd = pytest.importorskip("dask.dataframe", reason="Dask is not installed")
    return dd.from_pandas(pandas_frame(table), npartitions=20, sort=False)


def query(table):
    if not hasattr(pl.LazyFrame, "collect_batches"):
        pytest.skip("this version of polars gives no batches of queries")
    return table.lazy()


def parts_in_folder(folder, table, write, suffix):
    inner = folder / "parts"
    inner.mkdir()
    for number in range(4):
        write(inner / f"{number}{suffix}", table[250 * number : 250 * (number + 1)])
    return inner


SOURCES = {
    "Parquet": lambda folder: parquet(folder / "t.parquet", frame()),
    "Parquet with one row group": lambda folder: parquet(folder / "t.parquet", frame(), 1000),
    "a folder of Parquet files": lambda folder: parts_in_folder(folder, frame(), parquet, ".parquet"),
    "CSV": lambda folder: csv(folder / "t.csv", frame()),
    "a list of CSV files": lambda folder: sorted(parts_in_folder(folder, frame(), csv, ".csv").iterdir()),
    "tabs": lambda folder: csv(folder / "t.tsv", frame(), separator="\t"),
    "a polars frame": lambda folder: frame(),
    "a polars query": lambda folder: query(frame()),
    "a pandas frame": lambda folder: pandas_frame(frame()),
    "an Arrow table": lambda folder: arrow_table(frame()),
    "an Arrow data set": lambda folder: arrow_dataset(folder, frame()),
    "a Dask frame": lambda folder: dask_frame(frame()),
    "a function": lambda folder: lambda: (frame()[at : at + 300] for at in range(0, 1000, 300)),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_kind_of_table_gives_its_rows(tmp_path, kind):
    source = SOURCES[kind](tmp_path)
    in_order = dc.stream(source, BATCH, label="y", shuffle=False, buffer_bytes=SMALL)
    assert np.array_equal(numbers(in_order), np.arange(1000))
    stream = dc.stream(source, BATCH, label="y", buffer_bytes=4 * SMALL)
    assert stream.rows in (1000, None)
    first, again = numbers(stream), numbers(stream)
    assert np.array_equal(np.sort(first), np.arange(1000))
    assert np.array_equal(first, again)
    assert (np.diff(first) == 1).mean() < 0.1


def test_dask_arrays_give_their_rows():
    da = pytest.importorskip("dask.array", reason="Dask is not installed")
    X, y = rows()
    source = da.from_array(X, chunks=(50, 2)), da.from_array(y, chunks=70)
    stream = dc.stream(source, BATCH, buffer_bytes=4 * SMALL)
    assert np.array_equal(np.sort(numbers(stream)), np.arange(1000))
    in_order = dc.stream(source, BATCH, shuffle=False, buffer_bytes=SMALL)
    assert np.array_equal(numbers(in_order), np.arange(1000))


def footer(path, content):
    """A file that ends like a Parquet file with this footer."""
    path.write_bytes(b"PAR1" + content + len(content).to_bytes(4, "little") + b"PAR1")
    return path


# List of 2**60 numbers of 8 bytes; structs in structs; a row group with -1 rows, and one with none at all.
ENDLESS = b"\x19\xf7" + b"\x80" * 8 + b"\x10"
FOOTERS = [
    ENDLESS,
    b"\x1c" * 20000,
    b"\x49\x1c\x36\x01\x00\x00",
    b"\x49\x1c\x00\x00",
    b"\x18\xff\xff\xff\x7f",
    b"",
]


@pytest.mark.parametrize("content", FOOTERS)
def test_a_footer_that_is_not_right_is_refused_at_once(tmp_path, content):
    from deepcore._streaming.parquet import row_groups

    with pytest.raises(ValueError, match="not a valid Parquet file"):
        row_groups(footer(tmp_path / "bad.parquet", content))


def test_footers_with_changed_bytes_are_read_or_refused(tmp_path):
    from deepcore._streaming.parquet import row_groups

    whole = parquet(tmp_path / "t.parquet", frame(1050), 100).read_bytes()
    length = int.from_bytes(whole[-8:-4], "little")
    content, random = whole[-8 - length : -8], np.random.default_rng(0)
    for _ in range(500):
        changed = bytearray(content)
        for at in random.integers(len(changed), size=random.integers(1, 6)):
            changed[at] = random.integers(256)
        try:
            found = row_groups(footer(tmp_path / "changed.parquet", bytes(changed)))
        except ValueError:
            continue
        assert all(count >= 0 for count in found)


def test_the_row_groups_of_a_file_are_its_blocks(tmp_path):
    from deepcore._streaming.parquet import row_groups

    found = row_groups(parquet(tmp_path / "t.parquet", frame(1050), 100))
    assert sum(found) == 1050
    assert 10 <= len(found) <= 11  # some versions of polars write groups of one size
    assert max(found) <= 110


def test_columns_are_chosen_by_name_and_may_hold_booleans_and_integers(tmp_path):
    table = frame(
        40,
        flag=np.arange(40) % 2 == 0,
        count=np.arange(40),
        other=np.arange(40) / 2,
        weight=np.arange(40) % 3,
    )
    options = {
        "label": ["y", "other"],
        "features": ["count", "flag", "one"],
        "sample_weight": "weight",
        "shuffle": False,
    }
    for source in (table, parquet(tmp_path / "t.parquet", table), csv(tmp_path / "t.csv", table)):
        ((X, y, weight),) = dc.stream(source, 40, **options).batches()
        assert np.array_equal(X, np.stack([np.arange(40), np.arange(40) % 2 == 0, np.ones(40)], axis=1))
        assert np.array_equal(y, np.stack([np.arange(40), np.arange(40) / 2], axis=1))
        assert np.array_equal(weight, np.arange(40) % 3)


def test_a_table_trains_like_its_arrays(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3)).astype(np.float32)
    table = pl.DataFrame({**{name: X[:, i] for i, name in enumerate(NAMES)}, "y": (X[:, 0] > 0).astype(int)})
    models = [dc.mlp([3, 8, 1], seed=1) for _ in range(3)]
    models[0].fit(X, X[:, 0] > 0, batch_size=BATCH, shuffle=False, epochs=2)
    for model, source in zip(
        models[1:], (parquet(tmp_path / "t.parquet", table), csv(tmp_path / "t.csv", table)), strict=True
    ):
        model.fit(dc.stream(source, BATCH, label="y", shuffle=False, buffer_bytes=SMALL), epochs=2)
        assert np.array_equal(models[0].flat_parameters, model.flat_parameters)


@pytest.mark.parametrize(
    "text",
    [
        b"a,b,y\n1,2,0\n3,4,1\n5,6,0",
        b"a,b,y\r\n1,2,0\r\n3,4,1\r\n5,6,0\r\n",
        b"\xef\xbb\xbfa,b,y\n1,2,0\n3,4,1\n5,6,0\n",
        b",a,b,y\n0,1,2,0\n1,3,4,1\n2,5,6,0\n",
        b'"a","b","y"\n"1","2","0"\n3,4,1\n 5, 6,0\n',
    ],
    ids=["no last end", "Windows", "byte order mark", "numbered rows", "quotes and blanks"],
)
def test_csv_files_of_several_programs_are_read(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_bytes(text)
    ((X, y),) = dc.stream(path, 8, label="y", shuffle=False).batches()
    assert (X.tolist(), y.tolist()) == ([[1, 2], [3, 4], [5, 6]], [0, 1, 0])


def test_a_csv_file_without_rows_or_with_an_empty_line_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n")
    with pytest.raises(ValueError, match="must have at least one row below its header"):
        dc.stream(path, BATCH, label="y")
    path.write_text("a,y\n1,0\n\n2,1\n")
    with pytest.raises(ValueError, match=r"must have no empty lines, but line 3 is empty"):
        dc.stream(path, BATCH, label="y")
    path.write_text("a,y\n1,0\n2,1\n\n\r\n\n")
    assert dc.stream(path, BATCH, label="y").rows == 2


def test_a_query_that_is_left_early_leaves_no_thread():
    lazy = query(frame(100_000)).with_columns(pl.col("one") * 1.0)
    for _ in dc.stream(lazy, BATCH, label="y", buffer_bytes=SMALL).batches():
        break


@pytest.mark.parametrize("kind", ["Parquet", "CSV", "a polars query"])
def test_a_table_goes_on_in_the_middle_of_an_epoch(tmp_path, kind):
    source = SOURCES[kind](tmp_path)

    def call(callbacks):
        model = dc.mlp([3, 4, 1], output="linear", seed=1)
        state = dc.SGD(1e-9).bind(model)
        stream = dc.stream(source, 128, label="y", buffer_bytes=4 * SMALL)
        return model, state, model.fit(stream, optimizer=state, epochs=2, callbacks=callbacks)

    check_same(call([]), stopped_after_every_batch(tmp_path / "run.safetensors", call))


# What is refused.


def test_text_is_refused_with_its_column_before_the_start(tmp_path):
    table = frame(40, town=["Bonn"] * 40)
    for source in (
        table,
        parquet(tmp_path / "t.parquet", table),
        csv(tmp_path / "t.csv", table),
    ):
        with pytest.raises(TypeError, match=r"column 'town' must hold numbers or booleans, .*encode it"):
            dc.stream(source, BATCH, label="y")
        dc.stream(source, BATCH, label="y", features=NAMES)


def test_text_in_a_query_is_refused_before_the_start():
    with pytest.raises(TypeError, match=r"the LazyFrame: column 'town' must hold numbers or booleans"):
        dc.stream(query(frame(40, town=["Bonn"] * 40)), BATCH, label="y")


def test_a_missing_value_is_named_with_its_column_and_row(tmp_path):
    values = np.arange(1000.0)
    values[777] = np.nan
    table = frame(1000, age=values)
    missing = table.with_columns(pl.col("age").fill_nan(None))
    for source in (parquet(tmp_path / "t.parquet", table), csv(tmp_path / "t.csv", missing), missing):
        model = dc.mlp([4, 1], output="linear")
        with pytest.raises(ValueError, match=r"column 'age' must be finite .*got nan in row 777"):
            model.fit(dc.stream(source, BATCH, label="y"))


def test_a_cell_that_is_no_number_is_named_with_its_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "1.5,0\n" * 2000 + "oops,1\n" + "2.5,1\n" * 10)
    with pytest.raises(ValueError, match="column 'a' must be a number in line 2002, got 'oops'"):
        dc.mlp([1, 1]).fit(dc.stream(path, BATCH, label="y"))


def test_parts_with_other_columns_are_refused(tmp_path):
    parquet(tmp_path / "1.parquet", frame(10))
    parquet(tmp_path / "2.parquet", frame(10).drop("one"))
    with pytest.raises(ValueError, match=r"2\.parquet must have the columns of .*1\.parquet, .*has no one"):
        dc.stream(tmp_path, BATCH, label="y")
    parquet(tmp_path / "2.parquet", frame(10, more=np.arange(10)))
    with pytest.raises(ValueError, match=r"2\.parquet must have the columns of .*has more as well"):
        dc.stream(tmp_path, BATCH, label="y")
    assert dc.stream(tmp_path, BATCH, label="y", features=NAMES).rows == 20


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "label must be the name of the column of y in .*there is number, minus"),
        ({"label": "z"}, ValueError, "has no column 'z'; there is number"),
        ({"label": 3}, TypeError, "label must be a list of names"),
        ({"label": "y", "features": "one"}, TypeError, "features must be a list of names"),
        ({"label": "y", "features": ["y"]}, ValueError, "must name different columns"),
        ({"label": "y", "features": []}, ValueError, "must have at least one column of features"),
        ({"label": "y", "sample_weight": 1}, TypeError, "sample_weight must be the name"),
        ({"label": "y", "separator": ";;"}, ValueError, "separator must be one character"),
    ],
)
def test_wrong_names_of_columns_are_refused(options, error, message):
    with pytest.raises(error, match=f"stream: .*{message}"):
        dc.stream(frame(10), BATCH, **options)


def test_names_are_refused_for_arrays():
    with pytest.raises(ValueError, match="label, features and sample_weight must be left out for arrays"):
        dc.stream(rows(), BATCH, label="y")


def test_damaged_files_are_refused(tmp_path):
    for name in ("bad.parquet", "bad.csv"):
        (tmp_path / name).write_bytes(b"\x1f\x8bnothing")
        with pytest.raises(ValueError, match=r"is not a valid Parquet file|must not be compressed"):
            dc.stream(tmp_path / name, BATCH, label="y")
    whole = parquet(tmp_path / "cut.parquet", frame()).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="is not a valid Parquet file"):
        dc.stream(tmp_path / "cut.parquet", BATCH, label="y")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="has no file that ends in"):
        dc.stream(empty, BATCH, label="y")


def test_pieces_that_are_too_large_to_mix_are_named_in_a_warning(tmp_path):
    source = dask_frame(frame())
    with pytest.warns(
        UserWarning, match="blocks of up to 50 rows that can only be read as a whole"
    ) as caught:
        dc.mlp([3, 1], output="linear").fit(
            dc.stream(source, BATCH, label="y", buffer_bytes=SMALL // 2), optimizer=dc.SGD(1e-12), epochs=1
        )
    assert caught[0].filename == __file__


def test_a_missing_library_is_named(monkeypatch, tmp_path):
    path = parquet(tmp_path / "t.parquet", frame(10))
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ImportError, match=r'Parquet files need polars; pip install "deepcore-nn\[tabular\]"'):
        dc.stream(path, BATCH, label="y")
