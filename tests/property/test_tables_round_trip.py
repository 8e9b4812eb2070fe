"""Tables that Python's csv module writes come back cell by cell; broken files end in a ValueError."""

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from deepcore.tabular import Columns, Frame, Label, read_table

TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=8)
PLAIN = {"header": True, "separator": ",", "decimal": ".", "thousands": "", "index_column": False}


def written(rows, **dialect):
    stream = io.StringIO(newline="")
    csv.writer(stream, **dialect).writerows(rows)
    return stream.getvalue()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(TEXT, min_size=n, max_size=n), min_size=1, max_size=6)
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_every_cell_comes_back_without_the_blanks_around_it(rows, end, quoting):
    names = [f"c{j}" for j in range(len(rows[0]))]
    text = written([names, *rows], lineterminator=end, quoting=quoting)
    blank = len(names) == 1 and quoting == csv.QUOTE_MINIMAL and any(row[0].isspace() for row in rows)
    if blank:
        return  # a line of blanks is no row
    frame = read_table(io.BytesIO(text.encode()), **PLAIN)
    assert [frame[name].tolist() for name in names] == [
        [cell.strip() for cell in column] for column in zip(*rows, strict=True)
    ]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_end_in_anything_but_a_value_error(data):
    try:
        frame = read_table(io.BytesIO(b"a,b\n" + data))
        columns = Columns.fit(frame)
        columns.apply(frame)
        Label.fit(frame, name=frame.names[0])
    except ValueError:
        pass


CELLS = st.sampled_from(
    [
        "1",
        "2.5",
        "-3",
        "1e3",
        "007",
        "x",
        "yes",
        "no",
        "",
        "NA",
        "2024-01-02",
        "03/04/2024",
        "1,5",
        "1.234,5",
        "5 %",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=14), st.integers(0, 3))
def test_what_was_learned_of_a_column_applies_to_its_own_rows(cells, zeros):
    frame = Frame({"c": cells, "other": [str(i % 2) for i in range(len(cells))]})
    try:
        columns = Columns.fit(frame)
    except ValueError:
        return
    applied = columns.apply(frame)
    assert applied.notes == []
    assert applied.numbers.shape == (len(cells), len(columns.number_names))
    assert applied.codes.shape == (len(cells), len(columns.sizes))
    assert Columns.from_dict(columns.to_dict()) == columns


@settings(max_examples=150, deadline=None)
@given(st.lists(CELLS.filter(lambda cell: cell not in ("", "NA")), min_size=2, max_size=14))
def test_labels_come_back_as_they_were_written(cells):
    try:
        label = Label.fit(cells)
    except ValueError:
        return
    back = label.decode(label.encode(cells)).tolist()
    if label.task == "classification":
        assert back == cells
    else:
        assert back == [float(cell) for cell in cells]
