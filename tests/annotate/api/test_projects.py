import pytest

from annotate.models import Project
from tests.asking import Program, is_problem
from tests.make import make_document, make_project, make_user, suggest

pytestmark = pytest.mark.django_db


def test_a_project_is_made_with_its_labels_and_its_maker_manages_it(program):
    response = program.post("/projects", {"name": "Court reports", "labels": ["LAW", "JUDGE"], "threshold": 0.9})
    told = response.json()
    assert response.status_code == 201
    assert (told["slug"], told["role"], told["threshold"]) == ("court-reports", "manager", 0.9)
    assert [(label["name"], label["key"]) for label in told["labels"]] == [("LAW", "1"), ("JUDGE", "2")]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (["PER", "per"], "differ by their case alone"),
        (["PER", "PER"], "There is a label of this name already"),
        (["A B"], "holds no blank"),
        (["-X"], "does not begin with a hyphen"),
    ],
)
def test_labels_that_cannot_be_are_refused_in_words(program, labels, says):
    count = Project.objects.count()
    assert says in is_problem(program.post("/projects", {"name": "News", "labels": labels}), 422)["detail"]
    assert Project.objects.count() == count


def test_a_project_tells_where_it_stands(program, project):
    make_document(finished=True)
    make_document("Bob left.")
    suggest(make_document("Ada left."), (0, 1, "PER", 0.9))
    told = program.get("/projects/news").json()
    assert told["articles"] == {"raw": 2, "in_progress": 0, "finished": 1}
    assert told["current"] == {"kind": "model", "number": 1}


def test_settings_are_changed_one_by_one(program, project):
    told = program.patch("/projects/news", {"threshold": 0.65, "guideline": "Be exact."}).json()
    assert (told["threshold"], told["guideline"], told["validation_share"]) == (0.65, "Be exact.", 20)
    project.refresh_from_db()
    assert (project.threshold, project.guideline, project.name) == (0.65, "Be exact.", "News")


def test_a_learner_that_is_switched_off_suggests_no_more(program, project):
    source = suggest(make_document(), (0, 1, "PER", 0.9))
    type(source).objects.update(kind="dictionary")
    assert program.patch("/projects/news", {"dictionary": False}).json()["current"] is None


@pytest.mark.parametrize(
    "body", [{"validation_share": 60, "test_share": 40}, {"name": ""}, {"name": None}, {"name": " "}]
)
def test_settings_that_cannot_be_are_refused(program, project, body):
    is_problem(program.patch("/projects/news", body), 422)
    project.refresh_from_db()
    assert (project.name, project.validation_share) == ("News", 20)


def test_the_list_is_paged_and_keeps_its_place_while_projects_are_added(db, django_assert_max_num_queries):
    ada = make_user("ada")
    for number in range(5):
        make_project(f"Project {number}", manager=ada)
    program = Program(ada, "read")
    with django_assert_max_num_queries(12):
        first = program.get("/projects?limit=2").json()
    make_project("Added", manager=ada)
    seen = [item["name"] for item in first["items"]]
    cursor = first["next"]
    while cursor:
        page = program.get(f"/projects?limit=2&cursor={cursor}").json()
        seen += [item["name"] for item in page["items"]]
        cursor = page["next"]
    assert seen == [*(f"Project {number}" for number in range(5)), "Added"]


@pytest.mark.parametrize("cursor", ["x", "%00", "LTE", "ééé", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"])
def test_a_cursor_of_ones_own_making_is_refused(program, cursor):
    assert is_problem(program.get(f"/projects?cursor={cursor}"), 422)["errors"][0]["place"] == "query.cursor"
