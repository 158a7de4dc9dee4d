"""Tables that spreadsheets open."""

import csv
import io

import pytest

from annotate import spreadsheet


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "＋1",
        "－1",
        "＠1",
        '=HYPERLINK("http://x","y")',
        "=cmd|' /C calc'!A0",
    ],
)
def test_no_cell_is_a_formula_and_each_can_be_read_back(cell: str) -> None:
    written = "".join(spreadsheet.csv_lines(["a", "b"], [[cell, 'Ada, "met" Bob']]))
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert rows == [["a", "b"], [f"'{cell}", 'Ada, "met" Bob']]


def test_what_is_none_is_left_as_it_is() -> None:
    assert "".join(spreadsheet.csv_lines(["a"], [["Ada = Bob"], [3], [-1.5]])) == "a\r\nAda = Bob\r\n3\r\n-1.5\r\n"
