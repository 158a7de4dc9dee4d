from hypothesis import given
from hypothesis import strategies as st

from annotate.exchange.utf16 import CodeUnits


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("a😀")))
def test_every_code_unit_leads_to_its_code_point_and_the_inside_of_one_to_none(text: str) -> None:
    units = CodeUnits(text)
    begin = 0
    for place, sign in enumerate(text):
        width = len(sign.encode("utf-16-le")) // 2
        assert [units.code_point(begin + inside) for inside in range(width)] == [place, None][:width]
        begin += width
    assert units.code_point(begin) == len(text)
