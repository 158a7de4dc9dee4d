import pytest

from annotate.models import Gazetteer
from tests.asking import is_problem

pytestmark = pytest.mark.django_db
PATH = "/projects/news/gazetteer"


def test_what_is_put_is_told_and_can_be_put_again(program):
    empty = {"entries": 0, "labels": {}, "lines": "", "left_out": 0, "faults": []}
    assert program.get(PATH).json() == empty
    told = program.put(PATH, {"lines": "Ada\tPER\nParis\tLOC\nParis\tPER\n"}).json()
    assert (told["entries"], told["labels"], told["lines"]) == (2, {"PER": 1, "LOC": 1}, "Ada\tPER\nParis\tLOC\n")
    assert told["faults"] == [{"line": 3, "reason": "“Paris” is LOC in line 2: one mention has one label."}]
    assert program.put(PATH, {"lines": told["lines"]}).json()["left_out"] == 0
    assert Gazetteer.objects.get().created_by == program.row.user
    assert program.ask("DELETE", PATH).status_code == 204
    assert program.get(PATH).json() == empty


def test_labels_that_are_not_there_are_refused_or_made(program, project):
    body = {"lines": "The Times\tPAPER\n"}
    assert "no label “PAPER”" in is_problem(program.put(PATH, body), 422)["detail"]
    assert program.put(PATH, {**body, "new_labels": "make"}).json()["labels"] == {"PAPER": 1}
    assert "PAPER" in project.label_names()


def test_what_is_no_gazetteer_says_why(program):
    assert "No line of the file" in is_problem(program.put(PATH, {"lines": "Paris"}), 422)["detail"]
