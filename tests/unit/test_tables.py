"""CSV and NPZ tables: what is read, and what each wrong file is told."""

import contextlib
import zipfile

import numpy as np
import pytest

from deepcore.data import read_csv, read_npz
from deepcore.data.tables import csv_columns


@pytest.fixture
def csv_file(tmp_path):
    """``csv_file(text)`` writes a CSV file and returns its path."""

    def write(text, encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


@pytest.fixture
def npz_file(tmp_path):
    """``npz_file(X=..., y=...)`` writes an NPZ file and returns its path."""

    def write(**arrays):
        np.savez(tmp_path / "table.npz", **arrays)
        return tmp_path / "table.npz"

    return write


def test_numbers_and_text_labels_are_read(csv_file):
    table = read_csv(csv_file("height,weight,kind\n1.5,2,cat\n-3e2,4,dog\n"), label="kind")
    np.testing.assert_array_equal(table.X, [[1.5, 2.0], [-300.0, 4.0]])
    assert (table.y.tolist(), table.features, table.label) == (["cat", "dog"], ["height", "weight"], "kind")


def test_numeric_labels_are_numbers(csv_file):
    y = read_csv(csv_file("a,y\n1,0\n2,1\n"), label="y").y
    assert (y.dtype, y.tolist()) == (np.float64, [0.0, 1.0])


def test_labels_of_which_one_is_no_number_are_text(csv_file):
    assert read_csv(csv_file("a,y\n1,0\n2,x\n"), label="y").y.tolist() == ["0", "x"]


def test_without_a_label_every_column_is_a_feature(csv_file):
    table = read_csv(csv_file("a,b\n1,0\n"))
    assert (table.X.shape, table.y) == ((1, 2), None)


def test_features_are_selected_by_name_in_the_order_asked(csv_file):
    table = read_csv(csv_file("a,name,b\n1,Ada,2\n"), features=["b", "a"])
    np.testing.assert_array_equal(table.X, [[2.0, 1.0]])


def test_dropped_columns_may_hold_text(csv_file):
    assert read_csv(csv_file("id,a,y\nx7,1,0\n"), label="y", drop=["id"]).features == ["a"]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_the_separator_is_taken_from_the_header(csv_file, mark):
    assert read_csv(csv_file(f"a{mark}b\n1{mark}2\n")).X.tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    "text",
    ["\ufeffa,b\n1,2\n", "a,b\r\n1,2\r\n", '"a","b"\n"1","2"\n', "\na , b\n\n 1, 2\n\n", "a,b\n1,2"],
    ids=["byte order mark", "carriage return", "quotes", "blanks", "no last newline"],
)
def test_harmless_differences_between_csv_files_do_not_matter(csv_file, text):
    table = read_csv(csv_file(text))
    assert (table.features, table.X.tolist()) == (["a", "b"], [[1.0, 2.0]])


def test_a_quoted_name_may_hold_the_separator(csv_file):
    assert csv_columns(csv_file('"a, in cm",b\n1,2\n')) == ["a, in cm", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,y\n", "has a header but no rows"),
        ("1,2\n3,4\n", "has no header, its first line is all numbers"),
        ("a,,y\n1,2,3\n", "has no name for column 2"),
        ("a,a,y\n1,2,3\n", "has two columns named 'a'"),
        ("a,b\n1,2\n", "has no column 'y'; its columns are a, b"),
        ("y\n1\n", "has no feature column, only the label 'y'"),
        ("a,y\n1,0\n2\n", "line 3 has 1 fields, but the header has 2"),
        ("a,y\n1,0\n\n2,1\n", "line 3 is blank"),
        ("a,y\n1,0\n1,0,3\n", "line 3 has 3 fields, but the header has 2"),
        ("a,y\n1,0,3\n", "has 2 fields, but most lines have 3; if .* pass index_column=0"),
        ("a,y\n1,0\n,1\n", "line 3, column 'a' is empty"),
        ("a,y\n1,0\nParis,1\n", "line 3, column 'a' must be a number, got 'Paris'"),
        ("a,y\n1,0\nnan,1\n", "line 3, column 'a' must be a finite number, got 'nan'"),
        ("a,y\ninf,0\n", "line 2, column 'a' must be a finite number, got 'inf'"),
        ("a,y\n1e999,0\n", "line 2, column 'a' must be a finite number, got '1e999'"),
        ("a,y\n1,\n", "line 2, label 'y' is empty"),
        ("a,y\n1,0\n2,nan\n", "line 3, column 'y' must be a finite number"),
        ('a,y\n"1,0\n', "is not a valid CSV file: a quotation mark on line 2 is never closed"),
    ],
)
def test_a_wrong_csv_file_is_told_its_line_and_column(csv_file, text, message):
    with pytest.raises(ValueError, match=message):
        read_csv(csv_file(text), label="y")


def test_a_missing_feature_is_named(csv_file):
    with pytest.raises(ValueError, match="has no column 'c', 'd'"):
        read_csv(csv_file("a,b\n1,2\n"), features=["a", "c", "d"])


def test_a_column_to_drop_must_exist(csv_file):
    with pytest.raises(ValueError, match="has no column 'c'"):
        read_csv(csv_file("a,b\n1,2\n"), drop=["c"])


def test_text_in_another_encoding_is_refused(csv_file):
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        read_csv(csv_file("a,y\n1,caf\u00e9\n", "latin-1"))


def test_a_binary_file_is_no_csv(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\x00\x01,\x02\n")
    with pytest.raises(ValueError, match="CSV file"):
        read_csv(tmp_path / "x.csv")


def test_a_missing_csv_file_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_csv(tmp_path / "nothing.csv")


def test_npz_keeps_dtype_and_image_shape(npz_file):
    table = read_npz(npz_file(X=np.zeros((2, 4, 4, 3), np.uint8), y=np.array([0, 1])))
    assert (table.X.dtype, table.X.shape, table.y.tolist()) == (np.uint8, (2, 4, 4, 3), [0, 1])


def test_npz_labels_may_be_text_or_a_single_column(npz_file):
    assert read_npz(npz_file(X=np.zeros((2, 3)), y=["a", "b"])).y.tolist() == ["a", "b"]
    assert read_npz(npz_file(X=np.zeros((2, 3)), y=[[1.0], [2.0]])).y.tolist() == [1.0, 2.0]


def test_npz_without_y_has_no_labels(npz_file):
    assert read_npz(npz_file(X=np.zeros((2, 3)))).y is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"Y": np.zeros(3)}, "has no array X .*only Y"),
        ({"X": np.zeros(3)}, r"X must hold numbers .*float64 \(3,\)"),
        ({"X": np.zeros((0, 3))}, r"X must hold numbers .*float64 \(0, 3\)"),
        ({"X": np.array([["a"]])}, "X must hold numbers .*<U1"),
        ({"X": np.array([[1.0, np.nan]])}, r"X must be finite, got X\[0, 1\] = nan"),
        ({"X": np.zeros((2, 5)), "y": np.zeros((1, 5))}, "must have 2 rows like X.*is it transposed"),
        ({"X": np.zeros((2, 5)), "y": np.array([1.0, np.inf])}, r"y must be finite, got y\[1\] = inf"),
        ({"X": np.zeros((2, 5)), "y": np.array([1j, 2])}, "y must hold numbers or text, got complex128"),
        ({"X": np.array([{}, {}])}, "Python objects, which are never unpickled"),
    ],
)
def test_a_wrong_npz_file_is_told_why(npz_file, arrays, message):
    with pytest.raises(ValueError, match=message):
        read_npz(npz_file(**arrays))


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04broken", b"\x80\x04N."])
def test_a_file_that_is_no_npz_is_refused(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(ValueError, match="is not a valid NPZ file"):
        read_npz(tmp_path / "x.npz")


def test_a_cut_npz_file_is_refused(npz_file):
    path = npz_file(X=np.zeros((50, 3)))
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(ValueError, match="is not a valid NPZ file"):
        read_npz(path)


def test_a_single_npy_array_is_refused_with_a_hint(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 2)))
    with pytest.raises(ValueError, match="holds one bare array"):
        read_npz(tmp_path / "x.npy")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"a\n1,2\n', "a quotation mark on line 1 is never closed"),
        ('a,b\n1,2\n"x"y,2\n', "text follows a closing quotation mark on line 3"),
        ('a,b\n1,"' + "x" * 140_000 + '",3\n', "a field that begins on line 2 is too long"),
    ],
)
def test_a_broken_csv_file_is_told_what_is_wrong_in_plain_words(csv_file, text, message):
    with pytest.raises(ValueError, match=f"is not a valid CSV file: {message}"):
        read_csv(csv_file(text))


def test_read_csv_searches_no_list_of_columns(csv_file, monkeypatch):
    names = [f"c{i}" for i in range(3000)]
    compared = [0]

    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other):
            compared[0] += 1
            return str.__eq__(self, other)

    features = [Name(name) for name in names]
    table = read_csv(
        csv_file(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n"), features=features
    )
    assert table.X.shape == (1, 3000)
    assert compared[0] < 10 * len(names)  # a search in a list compares with half of the names each time


def write_members(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def npy(header, body=b"\0" * 24):
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no array at all", "NPZ file: .*a member is not an array"),
        (b"", "NPZ file: "),
        (
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 1), }", b""),
            "NPZ file: .*but holds 0 bytes",
        ),
        (
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 9), }"),
            "NPZ file: .*but holds 24 bytes",
        ),
        (
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3, True), }"),
            "NPZ file: .*whole numbers from 0",
        ),
        (
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-3, -1), }"),
            "NPZ file: .*whole numbers from 0",
        ),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (3, 1), }"), "NPZ file: .*never unpickled"),
        (npy("{'descr': 'nonsense', 'fortran_order': False, 'shape': (3, 1), }"), "NPZ file: "),
        (npy("((((((((((((((("), "NPZ file: "),
        (b"\x93NUMPY\x09\x00" + b"\0" * 50, "NPZ file: "),
    ],
)
def test_an_npz_file_with_a_damaged_array_is_a_value_error(tmp_path, content, message):
    path = write_members(tmp_path / "bad.npz", X=content)
    with pytest.raises(ValueError, match=f"is not a valid {message}"):
        read_npz(path)


def test_an_encrypted_npz_file_is_a_value_error(npz_file):
    path = npz_file(X=np.zeros((2, 2)))
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.find(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a valid NPZ file: it is encrypted"):
        read_npz(path)


def test_every_single_damaged_byte_of_an_npz_file_is_read_or_refused(npz_file, rng):
    path = npz_file(X=np.arange(6.0).reshape(3, 2), y=np.arange(3))
    good = path.read_bytes()
    for _ in range(500):
        content = bytearray(good)
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        path.write_bytes(content)
        with contextlib.suppress(ValueError):
            read_npz(path)


def test_a_small_npz_file_that_expands_to_far_more_is_refused_unread(tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, X=np.zeros((101, 1000, 1000), np.uint8))
    with pytest.raises(ValueError, match="the array X would take 101000128 bytes, more than 100000000"):
        read_npz(path)
