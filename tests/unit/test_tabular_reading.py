"""Reading tables: separators, number formats, headers, encodings, compression and standard input."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile

import numpy as np
import pytest

from deepcore.data import read_csv
from deepcore.data.tables import csv_columns
from deepcore.tabular import Columns, Frame, read_table


def table(text, **options):
    return read_table(io.StringIO(text), **options)


def cells(frame):
    return {name: frame[name].tolist() for name in frame.names}


def test_cells_of_text_files_stay_as_they_are_written():
    frame = table("code,size\n007,1.50\n7,2e1\n")
    assert cells(frame) == {"code": ["007", "7"], "size": ["1.50", "2e1"]}


def test_a_quoted_header_cell_may_hold_another_separator():
    frame = table("Depth, m;kind\n9,1;0\n10,2;1\n")
    assert (frame.names, frame.number_format.decimal) == (["Depth, m", "kind"], ",")
    assert table('"a;b",c\n1,2\n').names == ["a;b", "c"]


def test_more_separators_in_the_header_than_fields_do_not_mislead():
    assert table("a (x;y;z),b\n1,2\n3,4\n").names == ["a (x;y;z)", "b"]
    assert table("a, b, c, d\te\n1\t2\n3\t4\n").names == ["a, b, c, d", "e"]
    assert table("a|b\n1,5|2\n2,5|2\n").names == ["a", "b"]


def test_the_separator_can_be_named():
    assert table("a b\n1 2\n", separator=" ").names == ["a", "b"]
    with pytest.raises(ValueError, match="separator must be one character"):
        table("a,b\n1,2\n", separator="::")


@pytest.mark.parametrize(
    ("text", "decimal", "thousands"),
    [
        ("a;b\n1,5;x\n", ",", ""),
        ("a;b\n1.234,5;x\n", ",", "."),
        ("a;b\n1.234.567;x\n", ",", "."),
        ('a,b\n"1,234.5",x\n', ".", ","),
        ('a,b\n"1,234,567",x\n', ".", ","),
        ('a,b\n"1,234",0.5\n', ".", ","),
        ("a,b\n1 234 567,x\n", ".", " "),
        ("a;b\n1'234,5;x\n", ",", "'"),
        ("a,b\n1.234,5.678\n", ".", ""),
        ("a,b\n2021-01-02,10.0.0.1\n", ".", ""),
    ],
)
def test_the_format_of_numbers_is_found_in_the_cells(text, decimal, thousands):
    assert table(text).number_format == (decimal, thousands)


def test_a_number_that_may_be_read_in_two_ways_is_a_question():
    with pytest.raises(
        ValueError, match=r"'1,234', which may be 1.234 or 1234; pass decimal=',' or thousands=','"
    ):
        table("a;b\n1,234;x\n")
    assert table("a;b\n1,234;x\n", decimal=",").number_format == (",", "")
    assert table("a;b\n1,234;x\n", thousands=",").number_format == (".", ",")


def test_decimal_commas_and_points_in_one_file_are_a_question():
    with pytest.raises(ValueError, match=r"decimal commas in column 'a' \('1,5'\) and .* 'b' \('2.5'\)"):
        table("a;b\n1,5;2.5\n")


@pytest.mark.parametrize(
    "options", [{"decimal": ":"}, {"thousands": "x"}, {"decimal": ",", "thousands": ","}]
)
def test_marks_of_numbers_are_checked(options):
    with pytest.raises(ValueError, match="must be"):
        table("a,b\n1,2\n", **options)


def test_a_first_line_of_numbers_above_numbers_looks_like_data():
    with pytest.raises(ValueError, match=r"looks like data: it holds the number '1.5' .* pass header=False"):
        table("1.5,3.2,elm\n2.5,6.2,oak\n")
    assert table("1.5,3.2,elm\n2.5,6.2,oak\n", header=False).names == ["x1", "x2", "x3"]
    assert len(table("1.5,3.2,elm\n2.5,6.2,oak\n", header=True)) == 1


def test_a_first_line_that_its_columns_repeat_looks_like_data():
    with pytest.raises(ValueError, match="'p' occurs below itself"):
        table("p,x,s\ne,x,s\np,x,y\n")


@pytest.mark.parametrize(
    "text",
    [
        "1.5,NA,elm\n2.5,6.2,oak\n",
        "1.5,,elm\n2.5,6.2,oak\n",
        "1.5,3,elm\n2.5,?,oak\n",
        "2024-01-02,elm\n2024-01-03,oak\n",
        "2.1.2024;elm\n3.1.2024;oak\n",
        "1,5;elm\n2,5;oak\n",
    ],
)
def test_examples_with_missing_values_and_dates_look_like_data(text):
    with pytest.raises(ValueError, match=r"looks like data|no name for column"):
        table(text)


def test_names_that_are_numbers_above_text_are_names():
    assert table("town,2019\nBonn,a\nUlm,b\n").names == ["town", "2019"]


@pytest.mark.parametrize("line", ["sep=;\n", "SEP=;\r\n", '"sep=;"\n'])
def test_the_separator_line_of_a_spreadsheet_is_obeyed(line):
    frame = table(line + "u;v\n1;2\n")
    assert (frame.names, frame.lines) == (["u", "v"], [3])


def test_a_title_line_is_refused_with_its_cure():
    text = "Sales of 2024\nu,v\n1,2\n3,4\n"
    with pytest.raises(ValueError, match=r"if it is a title, delete it or pass skip_lines=1"):
        table(text)
    assert table(text, skip_lines=1).names == ["u", "v"]


def test_separators_at_the_end_of_every_line_are_no_column():
    assert cells(table("u,v,\n1,2,\n")) == {"u": ["1"], "v": ["2"]}
    assert cells(table("u,v\n1,2,\n")) == {"u": ["1"], "v": ["2"]}


def test_a_last_column_with_values_needs_a_name():
    with pytest.raises(ValueError, match="no name for column 3"):
        table("u,v,\n1,2,9\n")


def test_a_first_column_without_a_name_numbers_the_rows():
    frame = table(",u,v\n0,1,2\n1,3,1\n")
    assert (frame.names, list(frame.index)) == (["u", "v"], ["0", "1"])
    assert frame.take([1]).index.tolist() == ["1"]
    with pytest.raises(ValueError, match="no name for column 1"):
        table(",u\n0,1\n", index_column=False)


def test_an_index_column_can_be_named():
    frame = table("id,u\na,1\nb,2\n", index_column="id")
    assert (frame.names, list(frame.index)) == (["u"], ["a", "b"])
    assert table("u,id\n1,a\n", index_column=1).names == ["u"]
    with pytest.raises(ValueError, match="has no column 'key'"):
        table("id,u\na,1\n", index_column="key")


def test_rows_of_empty_cells_are_kept():
    assert cells(table("u,v\n1,2\n,\n2,2\n"))["u"] == ["1", "", "2"]
    assert cells(table('u\n1\n""\n2\n\n\n'))["u"] == ["1", "", "2"]
    assert len(table("u\tv\n1\t2\n\t\n")) == 2


def test_a_blank_line_between_rows_is_refused():
    with pytest.raises(ValueError, match="line 3 is blank"):
        table("u,v\n1,2\n\n2,2\n")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_encodings_are_recognised(encoding):
    assert read_table(io.BytesIO("gr\u00f6\u00dfe,k\n1,0\n".encode(encoding))).names == [
        "gr\u00f6\u00dfe",
        "k",
    ]


def test_other_encodings_are_named():
    data = "gr\u00f6\u00dfe,k\n1,0\n".encode("latin-1")
    with pytest.raises(ValueError, match=r"is not UTF-8 text .* encoding='cp1252'"):
        read_table(io.BytesIO(data))
    assert read_table(io.BytesIO(data), encoding="latin-1").names == ["gr\u00f6\u00dfe", "k"]
    with pytest.raises(ValueError, match="encoding must be a name that Python knows"):
        read_table(io.BytesIO(data), encoding="latin-99")


def test_names_and_cells_are_compared_in_the_composed_form():
    frame = table("e\u0301t,\u00a0k\u200b\n1,2\n")
    assert frame.names == ["\u00e9t", "k"]
    assert frame["e\u0301t"].tolist() == ["1"]


def test_two_names_that_only_look_different_are_refused():
    with pytest.raises(ValueError, match="two columns named"):
        table("e\u0301t,\u00e9t\n1,2\n")


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_files_are_read(tmp_path, compress):
    path = tmp_path / "t.csv.z"
    path.write_bytes(compress(b"a,b\n1,2\n"))
    assert cells(read_table(path)) == {"a": ["1"], "b": ["2"]}
    assert read_csv(path).X.tolist() == [[1.0, 2.0]]


def test_a_zip_file_holds_one_table(tmp_path):
    path = tmp_path / "t.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("t.csv", "a,b\n1,2\n")
    assert cells(read_table(path)) == {"a": ["1"], "b": ["2"]}
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("u.csv", "a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"must hold one table, got t.csv, u.csv"):
        read_table(path)


def test_a_damaged_compressed_file_is_refused(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n")[:-6])
    with pytest.raises(ValueError, match="is not a valid gzip file"):
        read_table(path)


def test_a_compressed_file_that_expands_to_far_more_is_refused(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(bytes(110_000_000), 1))
    with pytest.raises(ValueError, match="expands to more than 100000000 bytes"):
        read_table(path)


def test_standard_input_is_read(monkeypatch):
    class Input:
        buffer = io.BytesIO(b"a,b\n1,2\n")

    monkeypatch.setattr(sys, "stdin", Input())
    frame = read_table("-")
    assert (frame.names, frame.source) == (["a", "b"], "standard input")


def test_a_source_that_is_no_file_is_a_type_error():
    with pytest.raises(TypeError, match="a source must be a path"):
        read_table(3)


def test_reading_wide_tables_takes_linear_time():
    width = 20_000
    names = ",".join(f"c{i}" for i in range(width))
    assert len(table(f"{names}\n{','.join('1' * width)}\n").names) == width


def test_parquet_and_arrow_keep_their_types(tmp_path):
    pl = pytest.importorskip("polars")
    native = pl.DataFrame({"a": [1, None], "b": ["007", "7"], "c": [True, False]})
    native.write_parquet(tmp_path / "t.parquet")
    native.write_ipc(tmp_path / "t.arrow")
    for name in ("t.parquet", "t.arrow"):
        frame = read_table(tmp_path / name)
        assert frame["b"].tolist() == ["007", "7"]
        assert (frame["a"].dtype, frame["c"].dtype) == (np.float64, np.bool_)


def test_an_index_column_of_a_typed_file_is_named_or_numbered(tmp_path):
    pl = pytest.importorskip("polars")
    pl.DataFrame({"a": [1, 2], "id": ["x", "y"]}).write_parquet(tmp_path / "t.parquet")
    for column in (1, "id"):
        frame = read_table(tmp_path / "t.parquet", index_column=column)
        assert (frame.names, frame.index) == (["a"], ["x", "y"])
    with pytest.raises(ValueError, match="index_column must be at most 1, got 2"):
        read_table(tmp_path / "t.parquet", index_column=2)


def test_the_format_of_numbers_in_text_columns_of_a_typed_file_can_be_named(tmp_path):
    pl = pytest.importorskip("polars")
    pl.DataFrame({"a": ["1,5", "2.000,25"]}).write_parquet(tmp_path / "t.parquet")
    frame = read_table(tmp_path / "t.parquet", thousands=".")
    assert Columns.fit(frame).numbers(frame).tolist() == [[1.5], [2000.25]]
    assert read_table(tmp_path / "t.parquet").number_format == (".", "")


@pytest.mark.parametrize(("mark", "decimal"), [(".", ","), (",", ".")])
def test_a_point_or_comma_between_thousands_is_not_the_decimal_mark_as_well(mark, decimal):
    assert table(f"u\tv\n1{mark}234\t1\n", thousands=mark).number_format == (decimal, mark)


def test_a_damaged_parquet_file_is_a_value_error(tmp_path):
    pytest.importorskip("polars")
    (tmp_path / "t.parquet").write_bytes(b"PAR1" + bytes(50))
    with pytest.raises(ValueError, match="is not a valid parquet file"):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize("name", ["t.parquet", "t.xlsx"])
def test_a_small_typed_file_that_expands_to_far_more_is_refused(tmp_path, name):
    pl = pytest.importorskip("polars")
    if name == "t.xlsx":
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/worksheets/sheet1.xml", bytes(110_000_000))
    else:
        pl.DataFrame({"a": np.zeros(7_000_000), "b": np.zeros(7_000_000)}).write_parquet(tmp_path / name)
    with pytest.raises(ValueError, match="expands to about 1"):
        read_table(tmp_path / name)


def write_excel(path, rows):
    """A minimal Excel file with one sheet."""

    def cell(value):
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return "<c/>" if value is None else f"<c><v>{value}</v></c>"

    body = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{sheet}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{sheet}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Data" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_excel_files_are_read(tmp_path):
    pytest.importorskip("polars")
    pytest.importorskip("fastexcel")
    write_excel(tmp_path / "t.xlsx", [["code", "size"], ["007", 1.5], ["7", None]])
    frame = read_table(tmp_path / "t.xlsx")
    assert frame["code"].tolist() == ["007", "7"]
    np.testing.assert_array_equal(frame["size"], [1.5, np.nan])
    assert read_table(tmp_path / "t.xlsx", sheet="Data").names == ["code", "size"]
    with pytest.raises(ValueError, match="is not a valid excel file"):
        read_table(tmp_path / "t.xlsx", sheet="Other")


def test_excel_files_keep_empty_rows_and_text_below_numbers(tmp_path):
    pytest.importorskip("polars")
    pytest.importorskip("fastexcel")
    rows = [["k", "v"], ["a", 1.0], [None, None], *([["b", 2.0]] * 1200), ["c", "n/k"]]
    write_excel(tmp_path / "t.xlsx", rows)
    frame = read_table(tmp_path / "t.xlsx")
    assert len(frame) == len(rows) - 1
    assert frame["v"].tolist()[-1] == "n/k"
    for options in ({"header": False}, {"skip_lines": 1}):
        with pytest.raises(
            ValueError, match=r"is for text files; the first line of t\.xlsx, an Excel file, must"
        ):
            read_table(tmp_path / "t.xlsx", **options)


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    pl = pytest.importorskip("polars")
    pl.DataFrame({"a": [1, 2]}).write_parquet(tmp_path / "t.parquet")
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ImportError, match="parquet files need polars"):
        read_table(tmp_path / "t.parquet")
    monkeypatch.setitem(sys.modules, "narwhals", None)
    with pytest.raises(ImportError, match="data frames need narwhals"):
        Frame.of(object())


# The strict reader of numbers


def csv_file(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("cell", ["3_5", "\u0663", "1e", "0x10", "1 2", "--1"])
def test_only_ordinary_numbers_are_numbers(tmp_path, cell):
    with pytest.raises(ValueError, match=f"line 2, column 'w' must be a number, got '{cell}'"):
        read_csv(csv_file(tmp_path, f"w,k\n{cell},a\n4,b\n"), label="k")


@pytest.mark.parametrize(
    "labels",
    [
        ["007", "7"],
        ["2_0", "20"],
        ["1e1", "10"],
        ["7.0", "7"],
        ["+1", "1"],
        ["9007199254740993", "9007199254740992"],
        ["08", "9a", "8"],
    ],
)
def test_labels_that_are_different_texts_stay_different(tmp_path, labels):
    text = "x,y\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels))
    assert read_csv(csv_file(tmp_path, text), label="y").y.tolist() == labels


def test_a_stray_mark_among_numeric_labels_is_named(tmp_path):
    text = "area,rent\n" + "".join(f"{i % 7},{37 * i + 5}\n" for i in range(80)) + "2,missing\n"
    with pytest.raises(
        ValueError, match="line 82, column 'rent' must be a number like most labels, got 'missing'"
    ):
        read_csv(csv_file(tmp_path, text), label="rent")


def test_all_columns_that_are_no_numbers_are_named_at_once(tmp_path):
    path = csv_file(tmp_path, "id,town,when,size,k\nA1,Bonn,2024-02-01,3,0\nA2,,2024-02-02,,1\n")
    with pytest.raises(ValueError, match="4 columns that are not numbers") as caught:
        read_csv(path, label="k")
    for part in ("line 2, column 'id'", "line 2, column 'town'", "'when'", "line 3, column 'size' is empty"):
        assert part in str(caught.value)


def test_decimal_commas_are_read_by_the_strict_reader(tmp_path):
    text = "Depth, m;kind\n" + "".join(f"{9 + i % 4},{i % 6};{i % 2}\n" for i in range(60))
    found = read_csv(csv_file(tmp_path, text), label="kind")
    assert (found.features, found.X[1, 0], found.y.dtype) == (["Depth, m"], 10.1, np.float64)


def test_rows_of_empty_cells_are_not_skipped_by_the_strict_reader(tmp_path):
    with pytest.raises(ValueError, match="line 4"):
        read_csv(csv_file(tmp_path, "u,v\n1,2\n3,1\n,\n2,2\n"))


def test_an_unnamed_first_column_is_left_out_by_the_strict_reader(tmp_path):
    path = csv_file(tmp_path, ",u,v,k\n0,1,2,0\n1,3,1,1\n")
    assert read_csv(path, label="k", drop=[""]).features == ["u", "v"]
    assert csv_columns(path) == ["u", "v", "k"]


def test_a_last_column_without_a_name_can_be_left_out(tmp_path):
    path = csv_file(tmp_path, "u,k,\n1,0,x\n3,1,y\n")
    assert read_csv(path, label="k", drop=[""]).features == ["u"]
    with pytest.raises(ValueError, match=r"no name for column 3 .* leave it out with index_column=2"):
        table("u,k,\n1,0,x\n")
    assert table("u,k,\n1,0,x\n", index_column=2).names == ["u", "k"]


def test_ids_that_float64_cannot_hold_are_no_features_of_the_strict_reader(tmp_path):
    path = csv_file(tmp_path, "id,k\n9007199254740993,0\n9007199254740992,1\n")
    with pytest.raises(
        ValueError, match="holds the whole number 9007199254740993, which float64 cannot hold"
    ):
        read_csv(path, label="k")


def test_amounts_are_no_labels_of_the_strict_reader(tmp_path):
    with pytest.raises(ValueError, match=r"must be a number like most labels, got .5%"):
        read_csv(csv_file(tmp_path, "x,y\n1,5%\n2,7%\n"), label="y")


def test_names_in_another_unicode_form_are_found(tmp_path):
    path = csv_file(tmp_path, "e\u0301t,k\n1,0\n2,1\n")
    assert read_csv(path, label="k", features=["\u00e9t"]).features == ["\u00e9t"]


def test_a_frame_refuses_columns_of_other_lengths_and_unknown_names():
    with pytest.raises(ValueError, match="must be of equal length"):
        Frame({"a": [1], "b": [1, 2]})
    with pytest.raises(ValueError, match="has no column 'c'; its columns are a"):
        Frame({"a": [1]})["c"]
