"""``dc.stream`` of Hive-partitioned folders: the names of the folders are columns."""

import sys

import numpy as np
import pytest

import deepcore as dc
from resuming import check_same, stopped_after_every_batch
from streaming import BATCH, SMALL, numbers

pl = pytest.importorskip("polars", reason="polars is not installed (extra `tabular`)")


def written(folder, names, m=20, **columns):
    """A file in nested folders of these names, whose rows have numbers of their own."""
    inner = folder.joinpath(*names)
    inner.mkdir(parents=True)
    first = 1000 * len(list(folder.rglob("*.parquet")))
    values = {"a": np.arange(first, first + m, dtype=np.float32), "y": np.arange(m) % 2, **columns}
    pl.DataFrame(values).write_parquet(inner / "part-0.parquet", row_group_size=8)
    return inner / "part-0.parquet"


def folder_of_months(folder):
    """Years and months; 10 comes before 2 in the order of names."""
    root = folder / "run=9" / "data"  # the folders above the source are none of its columns
    for year in (2023, 2024):
        for month in (1, 10, 2):
            written(root, [f"year={year}", f"month={month}"])
    return root


def columns_of(stream):
    batches = list(stream.batches())
    return np.concatenate([X for X, _ in batches]), np.concatenate([y for _, y in batches])


pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(autouse=True)
def _arrow():
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def test_the_names_of_folders_are_columns_behind_those_of_the_files(tmp_path):
    source = folder_of_months(tmp_path)
    X, y = columns_of(dc.stream(source, BATCH, label="y", shuffle=False, buffer_bytes=SMALL))
    expected = [
        (number * 1000 + row, year, month)
        for number, (year, month) in enumerate((year, month) for year in (2023, 2024) for month in (1, 10, 2))
        for row in range(20)
    ]
    assert np.array_equal(X, np.array(expected, np.float32))
    assert np.array_equal(y, np.tile(np.arange(20) % 2, 6))


def test_the_path_of_a_partitioned_folder_may_be_relative(tmp_path, monkeypatch):
    folder_of_months(tmp_path)
    monkeypatch.chdir(tmp_path / "run=9")
    stream = dc.stream("data", BATCH, label="y", shuffle=False)
    assert (stream.rows, stream.columns) == (120, 3)
    X, _ = columns_of(stream)
    assert np.array_equal(X[0], [0, 2023, 1])
    monkeypatch.chdir(tmp_path / "run=9" / "data")
    assert dc.stream(".", BATCH, label="y").columns == 3
    assert dc.stream("year=2023", BATCH, label="y").columns == 2  # the year is above the folder


def test_a_stream_of_a_partitioned_folder_visits_every_row_once_in_an_order_by_its_seed(tmp_path):
    source = folder_of_months(tmp_path)
    streams = [dc.stream(source, BATCH, label="y", seed=1, buffer_bytes=1 << 13) for _ in range(2)]
    (first, _), (again, _) = map(columns_of, streams)
    assert streams[0].rows == 120
    assert np.array_equal(first, again)
    assert len(np.unique(first[:, 0])) == 120
    assert (np.diff(first[:, 0]) == 1).mean() < 0.2


def test_a_column_of_a_folder_may_be_the_label_or_a_chosen_feature(tmp_path):
    source = folder_of_months(tmp_path)
    X, y = columns_of(dc.stream(source, BATCH, label="month", features=["year", "a"], shuffle=False))
    assert np.array_equal(np.unique(y), [1, 2, 10])
    assert np.array_equal(np.unique(X[:, 0]), [2023, 2024])
    model = dc.mlp([2, 4, 1], output="linear", seed=1)
    model.fit(dc.stream(source, BATCH, label="month", features=["year", "a"]), epochs=1)
    assert model.epochs_trained == 1


def test_a_partitioned_folder_trains_like_its_arrays_and_goes_on_after_every_batch(tmp_path):
    source = folder_of_months(tmp_path)
    in_order = dc.stream(source, BATCH, label="y", shuffle=False, buffer_bytes=SMALL)
    X, y = columns_of(in_order)
    one, two = (dc.mlp([3, 4, 1], seed=1) for _ in range(2))
    one.fit(X, y, epochs=2, batch_size=BATCH, shuffle=False)
    two.fit(in_order, epochs=2)
    assert np.array_equal(one.flat_parameters, two.flat_parameters)

    def call(callbacks):
        model = dc.mlp([3, 4, 1], seed=1)
        state = dc.Adam(0.01).bind(model)
        stream = dc.stream(source, BATCH, label="y", buffer_bytes=1 << 13)
        return model, state, model.fit(stream, optimizer=state, epochs=2, callbacks=callbacks)

    check_same(call([]), stopped_after_every_batch(tmp_path / "run.safetensors", call))


def test_a_column_may_be_in_the_files_and_in_the_names_of_folders(tmp_path):
    for year in (1, 2):
        written(tmp_path, [f"year={year}", "month=3"], year=np.full(20, year))
    X, _ = columns_of(dc.stream(tmp_path, BATCH, label="y", shuffle=False))
    assert np.array_equal(X[[0, -1]], [[0, 1, 3], [1019, 2, 3]])


def test_folders_that_pyarrow_and_polars_write_are_read(tmp_path):
    import pyarrow.dataset as ds

    table = pl.DataFrame({"number": np.arange(40.0), "y": np.arange(40.0), "part": np.arange(40) // 10})
    table.write_parquet(tmp_path / "polars", partition_by="part", mkdir=True)
    partitioning = ds.partitioning(table.select("part").to_arrow().schema, flavor="hive")
    ds.write_dataset(table.to_arrow(), tmp_path / "arrow", format="parquet", partitioning=partitioning)
    for writer in ("polars", "arrow"):
        stream = dc.stream(tmp_path / writer, BATCH, label="y", features=["number", "part"], shuffle=False)
        X, y = columns_of(stream)
        assert np.array_equal(X[:, 0], y)
        assert np.array_equal(X[:, 1], y // 10)
        assert np.array_equal(np.sort(numbers(stream)), np.arange(40))


def test_text_in_the_name_of_a_folder_is_refused_unless_it_is_no_feature(tmp_path):
    written(tmp_path, ["country=DE", "year=1"])
    with pytest.raises(TypeError, match=r"part-0\.parquet: column 'country' must hold numbers or booleans"):
        dc.stream(tmp_path, BATCH, label="y")
    assert dc.stream(tmp_path, BATCH, label="y", features=["a", "year"]).columns == 2


def test_a_folder_without_a_value_is_a_missing_value(tmp_path):
    written(tmp_path, ["year=1"])
    written(tmp_path, ["year=__HIVE_DEFAULT_PARTITION__"])
    with pytest.raises(ValueError, match=r"__HIVE_DEFAULT_PARTITION__.*: column 'year' must be finite"):
        dc.mlp([2, 1]).fit(dc.stream(tmp_path, BATCH, label="y"))


def test_files_with_other_columns_and_other_files_are_refused(tmp_path):
    written(tmp_path, ["year=1"])
    written(tmp_path, ["year=2"], more=np.arange(20))
    with pytest.raises(
        ValueError, match=r"year=2.part-0\.parquet must have the columns of .*has more as well"
    ):
        dc.stream(tmp_path, BATCH, label="y")
    assert dc.stream(tmp_path, BATCH, label="y", features=["a", "year"]).rows == 40
    (tmp_path / "year=1" / "b.csv").write_text("a,y\n1,1\n")
    with pytest.raises(ValueError, match=r"must hold Parquet files only, got .*b\.csv; give a list"):
        dc.stream(tmp_path, BATCH, label="y")


def test_a_damaged_file_of_a_partitioned_folder_is_refused(tmp_path):
    written(tmp_path, ["year=1"])
    written(tmp_path, ["year=2"]).write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(ValueError, match=r"must hold Parquet files with the same columns: .*year=2"):
        dc.stream(tmp_path, BATCH, label="y")


def test_a_partitioned_folder_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    path = written(tmp_path, ["year=1"])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.dataset", None)
    with pytest.raises(ImportError, match=r"folders that are called name=value, which need pyarrow"):
        dc.stream(tmp_path, BATCH, label="y")
    assert dc.stream([path], BATCH, label="y").columns == 1  # the file alone has no such columns
