import pytest
from django.db.models import Sum
from django.http import HttpResponse
from django.test import RequestFactory

from annotate import iob2, tokens
from annotate.models import DocumentLabel, Project, State
from bench.articles import LABELS, RARE_IN, RARE_WORD, articles
from bench.counting import HEADER, count_queries
from bench.figures import percentile
from bench.filling import add_untouched, fill, to_work_on
from bench.pages import figures, server_ms, told
from bench.visitor import Page
from bench.work import COMBOS, FILTERS


def test_articles_are_the_same_for_a_seed_and_well_formed():
    made = list(articles(20))
    assert [one.text for one in made] == [one.text for one in articles(20)]
    assert made[0].text != next(articles(1, seed=4)).text
    for one in made:
        tokens.check_offsets(one.text, one.offsets)
        assert {span.label for span in iob2.spans_of(one.tags)} <= set(LABELS)
        assert len(one.tags) == len(one.offsets)
        assert all(start < len(one.offsets) for start in one.sentence_starts)


def test_articles_have_about_the_length_asked_for_and_a_rare_word_in_three():
    made = list(articles(20))
    mean = sum(len(one.offsets) for one in made) / len(made)
    assert 180 < mean < 240
    assert sum(RARE_WORD in one.text for one in made) == RARE_IN
    assert 9_900 < len(next(articles(1, length=10_000)).offsets) < 10_100


def test_a_filled_project_is_one_that_the_product_could_have_made(user):
    project = fill(articles(20), user)
    documents = project.documents.all()
    assert documents.count() == 20
    assert project.role_of(user) == "manager"
    for document in documents:
        document.full_clean(exclude=["signature"])
        gold = document.gold()
        assert (gold is None) == (document.state == State.RAW)
        assert gold is None or gold.status == document.state
        counted = DocumentLabel.objects.filter(document=document).aggregate(all=Sum("count"))["all"] or 0
        assert counted == (len(gold.spans()) if gold else 0)
        assert (document.prediction() is None) == document.is_held_out
    assert {document.state for document in documents} > {State.FINISHED}


def test_articles_to_work_on_are_untouched_and_can_be_finished_at_once(user):
    project = fill(articles(20), user)
    found = to_work_on(project, 100)
    assert len(found["open"]) == 20
    assert found["untouched"]
    for document in project.documents.filter(pk__in=found["untouched"]):
        assert document.state == State.RAW
        assert not any(s.is_unsure(project.threshold) for s in document.open_suggestions([]))


def test_a_long_article_is_added_untouched(user):
    project = fill(articles(5), user)
    pk = add_untouched(project, next(articles(1, length=500)))
    document = project.documents.get(pk=pk)
    assert (document.state, document.split) == ("raw", "train")
    assert document.prediction() is not None


def test_the_visitor_reads_the_article_page(signed_in, user):
    project = fill(articles(20), user)
    pk = to_work_on(project, 100)["untouched"][0]
    document = project.documents.get(pk=pk)
    page = Page(signed_in.get(f"/articles/{pk}/").content.decode())
    assert page.tokens == document.token_count
    assert len(page.marks) == len(document.open_suggestions([]))
    assert page.edit == f"/articles/{pk}/edit"
    assert page.fields["base"] == "0"
    assert page.fields["source"] == str(project.current_source_id)
    assert page.fields["csrfmiddlewaretoken"]
    assert set(page.free_tokens()).isdisjoint(range(*page.marks[0]))
    assert any("data-skip" in given for given, _ in page.links)


def test_the_visitor_reads_the_list_and_its_filters(signed_in, user):
    fill(articles(20), user)
    page = Page(signed_in.get("/projects/benchmark/articles").content.decode())
    assert page.articles() == 20
    assert page.search == "q"
    for wanted in {one for names in {**FILTERS, **COMBOS}.values() for one in names if not one.startswith("?")}:
        name, value = next(iter(page.option(wanted).items()))
        found = signed_in.get("/projects/benchmark/articles", {name: value})
        assert Page(found.content.decode()).articles() > 0 or wanted in {"in_progress", "MISC"}
    with pytest.raises(LookupError):
        page.option("no such thing")


def test_the_visitor_reads_a_warning():
    assert Page('<p><strong class="warned" role="alert">Judge first.</strong></p>').warning == "Judge first."
    assert Page('<p class="warned"></p>').warning == ""


def test_queries_are_counted_without_what_frames_them(db):
    def answer(request):
        Project.objects.first()
        Project.objects.count()
        return HttpResponse()

    assert count_queries(answer)(RequestFactory().get("/"))[HEADER] == "2"


def test_percentiles_and_the_servers_own_times():
    assert percentile([float(n) for n in range(1, 101)], 95) == 95
    assert percentile([7.0], 95) == 7
    assert server_ms([1.0, 2.0, 3.0, 4.0], 2) == 5  # two requests an operation: 3 and 7
    assert server_ms([], 3) is None


def test_the_table_names_every_operation_and_what_is_missing():
    times = {name: [2.0, 4.0, 3.0] for name in ("open", "tag", *FILTERS, *COMBOS)}
    times["filter_word"] = [9.0]
    found = figures(times, {"open": [1.0, 1.0, 1.0]}, {"open": 12})
    assert found["open"] == {"median_ms": 3.0, "p95_ms": 4.0, "server_ms": 1.0, "queries": 12}
    assert found["filter"]["median_ms"] == 9
    assert found["save10"] is None
    whole = {"sizes": {"1000": found}, "fsync_ms": 0.4, "fsyncs_per_edit": 2.0, "fsyncs_per_save10": None}
    whole |= {"fsyncs_per_finish": 2.0, "why_no_fsyncs": "", "page_bytes": 1, "page_requests": 1}
    said = "\n".join(told({**whole, "web_rss_mb_by_size": {"1000": [60.0]}}))
    assert "save10" in said
    assert "not there yet" in said
    assert "fsyncs per edit: 2.0" in said
