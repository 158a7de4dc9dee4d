import pytest

from annotate.mapping import likely


@pytest.mark.parametrize(
    ("its", "ours", "mapped"),
    [
        (["PER", "LOC"], ["LOC", "PER"], {"PER": "PER", "LOC": "LOC"}),
        (["PERSON", "GPE", "NORP"], ["PER", "ORG", "LOC"], {"PERSON": "PER", "GPE": "LOC", "NORP": ""}),
        (["per", "Org"], ["person", "organisation"], {"per": "person", "Org": "organisation"}),
        (["GPE", "LOC"], ["LOC", "GPE"], {"GPE": "GPE", "LOC": "LOC"}),
        (["GPE", "LOC"], ["LOC"], {"GPE": "LOC", "LOC": "LOC"}),
        (["geo", "tim"], ["PLACE", "DATE"], {"geo": "PLACE", "tim": "DATE"}),
        (["NOUN"], ["PER"], {"NOUN": ""}),
        (["PER"], [], {"PER": ""}),
    ],
)
def test_labels_go_to_those_of_the_same_name_then_of_the_same_meaning(
    its: list[str], ours: list[str], mapped: dict[str, str]
) -> None:
    assert likely(its, ours) == mapped
