"""The page of a workflow's versions: what changed from one to another, each figure of both, and where each leads."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.learning.by_version import Escalated
from analytics.operations.figures import Executed
from analytics.rollups import fold
from analytics.shadowed import Share
from analytics.versions import Took, VersionFigures
from reports.charts import versions as charts
from reports.savings.asking import asked
from reports.savings.versions.told import agreed_cell, escalated_cell, more, said
from tests.analytics.ledgers import HAIKU, NOON, OPUS, make_answer, make_execution, make_flag, make_measured_workflow
from tests.analytics.shadowings import make_shadow
from tests.cast import REFUND, member
from workflows.models import Examined, Version

pytestmark = pytest.mark.django_db

VERSIONS = "/reports/alice/workflows/refund/versions/"


@pytest.fixture
def workflow():
    workflow = make_measured_workflow(design_cost="0.05")
    first, second = workflow.live.version, draft(workflow, "1.1.0", changelog="Knows a  parcel that is late.")
    second.publish("alice")
    for number in range(4):
        execution = make_execution(workflow, version=first)
        make_answer(execution, OPUS, lane="fast")
        if number < 2:
            make_flag(execution, waiting=False)
    execution = make_execution(workflow, version=second, created_at=NOON - timedelta(seconds=5))
    make_answer(execution, HAIKU, lane="fast")
    make_shadow(execution, "0.01", same=True)
    return workflow


def draft(workflow, number, **context):
    definition = {**REFUND, "purpose": f"What came with {number}."}
    return workflow.draft(Examined.of(definition, workflow.project), number, created_by="alice", **context)


@pytest.fixture
def rosa(workflow):
    return member(workflow.project)


def text(response):
    return re.sub(r"\s+", " ", response.content.decode())


def cells(page, caption):
    """Of the table with this caption, row by row."""
    [table] = re.findall(rf"<caption[^>]*>{caption}</caption>(.*?)</table>", page)
    rows = re.findall(r"<tr>(.*?)</tr>", table.partition("<tbody>")[2])
    return [
        [re.sub("<[^>]+>", "", one).strip() for one in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows
    ]


def test_it_says_what_changed_and_that_few_say_nothing(rosa):
    page = text(rosa.get(VERSIONS))
    assert "1.1.0 escalates 0.0% (0.0–79.3) of what it finishes; 1.0.0 escalated 50.0% (15.0–85.0)." in page
    assert "it takes 30 of each, and 1.0.0 finished 4 and 1.1.0 finished 1." in page
    assert "The cost of a completed execution fell by 80.0%, from 0.010 USD to 0.0020 USD." in page


def test_each_version_is_a_row_the_newest_first(rosa, workflow):
    draft(workflow, "1.2.0")
    page = text(rosa.get(VERSIONS))
    assert cells(page, "What each version does") == [
        ["1.2.0", "–", "–", "–", "0", "0", "0", "–", "–", "–"],
        ["1.1.0", "0.0% (0.0–79.3)", "0.0020 USD", "only 1 shadow", "1", "1", "1", "0.0%", "5.0 s", "5.0 s"],
        ["1.0.0", "50.0% (15.0–85.0)", "0.010 USD", "–", "4", "4", "4", "0.0%", "2.0 s", "2.0 s"],
    ]
    origins = cells(page, "Where each version comes from")
    assert [row[:5:4] for row in origins] == [["1.2.0", "–"], ["1.1.0", "unproven"], ["1.0.0", "unproven"]]
    assert [row[3] for row in origins] == ["–", "Knows a parcel that is late.", "–"]
    assert [row[1].split(" ")[0] for row in origins] == ["draft", "live", "was"]
    assert origins[2][5:] == ["0.00 USD", "0.050 USD", "0.00 USD"]


def test_every_figure_leads_on(rosa, workflow):
    page = text(rosa.get(f"{VERSIONS}?since=2026-11-01&lane=fast&a=1.0.0&b=1.1.0"))
    kept = "since=2026-11-01&amp;lane=fast"
    here = "/reports/alice/workflows/refund/"
    assert f'href="{here}executions/?{kept}&amp;which=escalated&amp;version=1.0.0"' in page
    assert f'href="{here}calls/?{kept}&amp;figure=execution_cost&amp;version=1.1.0"' in page
    assert page.count(f'href="{here}executions/?{kept}&amp;which=finished&amp;version=1.0.0"') == 2
    assert f'href="{here}shadows/?{kept}"' in page
    assert "which=all" not in page
    first, second = workflow.versions.order_by("pk")
    assert f'href="/admin/workflows/version/{second.pk}/diff/?from=1.0.0"' in page
    assert f'href="/admin/workflows/version/{first.pk}/change/"' in page
    assert "Agreement is that of all lanes." in page


def test_two_that_are_chosen_stand_beside_each_other(rosa, workflow):
    draft(workflow, "1.2.0")
    page = text(rosa.get(f"{VERSIONS}?a=1.1.0&b=1.0.0"))
    assert "1.0.0 escalates 50.0% (15.0–85.0) of what it finishes; 1.1.0 escalated 0.0% (0.0–79.3)." in page
    assert "+50.0 points" in page
    assert "+0.0080 USD (+400.0%)" in page
    assert "−3.0 s" in page
    nothing = text(rosa.get(f"{VERSIONS}?b=1.2.0"))
    assert "Nothing of 1.2.0 finished in these days: it cannot be compared with 1.1.0." in nothing


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("a=9.9.9", 400, "There is no version 9.9.9 of this workflow."),
        ("a=1.0.0&b=1.0.0", 400, "Choose two versions that differ."),
        ("b=%3Cb%3E", 400, "There is no version &lt;b&gt; of this workflow."),
        ("older=-1", 400, "older is how many of the newest versions are passed over, such as 20."),
        ("lane=slow", 400, "lane is one of"),
    ],
)
def test_what_there_is_not_is_a_sentence(rosa, query, status, sentence):
    response = rosa.get(f"{VERSIONS}?{query}")
    assert response.status_code == status
    assert sentence in text(response)


def test_twenty_stand_on_a_page_and_older_ones_on_the_next(rosa, workflow):
    first = workflow.versions.get(number="1.0.0")
    told = {"title": first.title, "definition": first.definition, "created_by": "alice"}
    for number in range(2, 22):
        Version.objects.create(workflow=workflow, number=f"1.{number}.0", content_hash=f"{number}", **told)
    page = text(rosa.get(VERSIONS))
    assert len(cells(page, "What each version does")) == 20
    assert f'href="{VERSIONS}?older=20"' in page
    older = text(rosa.get(f"{VERSIONS}?older=20"))
    assert [row[0] for row in cells(older, "What each version does")] == ["1.1.0", "1.0.0"]
    assert f'<a href="{VERSIONS}">Newer versions</a>' in older
    assert "There is no older one." in text(rosa.get(f"{VERSIONS}?older=60"))


def test_one_version_has_nothing_beside_it(rosa, workflow):
    make_measured_workflow("returns", project=workflow.project)
    page = text(rosa.get("/reports/alice/workflows/returns/versions/"))
    assert "There is one version, 1.0.0: nothing to compare it with yet." in page
    assert "Nothing was executed in these days" in page
    assert "POST /api/v1/workflows/returns/executions" in page


def test_without_a_version_it_says_what_to_do(rosa, workflow):
    workflow.project.workflows.create(name="young")
    page = text(rosa.get("/reports/alice/workflows/young/versions/"))
    assert "POST /api/v1/workflows/young/versions" in page


def test_it_takes_as_many_queries_for_ten_versions_as_for_two(rosa, workflow):
    def queries():
        while fold():
            pass
        with CaptureQueriesContext(connection) as made:
            rosa.get(VERSIONS)
        return len(made)

    for_two = queries()
    for number in range(2, 10):
        execution = make_execution(workflow, version=draft(workflow, f"1.{number}.0"))
        make_answer(execution)
    assert queries() == for_two


def test_what_was_run_again_on_the_next_version_is_said_beside_the_rate(workflow):
    about = asked(User(is_superuser=True), "alice", "refund", {})
    one = figures("1.0.0", 5, 50)
    moved = replace(one, escalated=replace(one.escalated, moved=2))
    assert escalated_cell(one, about).exact == "5 of 50"
    assert escalated_cell(moved, about).exact == "5 of 50; 2 of them were run again on the next version"


# What is said, of figures by hand.


def figures(number, flagged, finished, cost="0.01", unpriced=0):
    executed = Executed(finished, finished, finished, flagged, {"2000": [finished, 2_000 * finished]})
    escalated = Escalated(number, NOON, finished, flagged, 0)
    took, agreed = Took(Decimal(0), None, Decimal(0)), Share(0, 0)
    paid = Decimal(cost) * finished
    return VersionFigures(Version(number=number), executed, escalated, paid, unpriced, None, agreed, took)


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ((40, 200), (8, 200), "The two intervals do not overlap: the difference is more than chance."),
        ((20, 200), (16, 200), "The two intervals overlap: the difference may be chance."),
        (
            (29, 200),
            (15, 200),
            "The two intervals overlap, and the difference is more than chance all the same: with 95% confidence between 0.8 "
            "and 13.3 points.",
        ),
    ],
)
def test_it_says_in_words_whether_the_intervals_overlap(before, after, sentence):
    assert more(figures("1.0.0", *before), figures("1.1.0", *after))[0] == sentence


@pytest.mark.parametrize(
    ("was", "now", "sentence"),
    [
        (("0.01",), ("0.01",), "A completed execution costs 0.010 USD, as it did."),
        (("0",), ("0",), "A completed execution costs 0.00 USD, as it did."),
        (
            ("0.01",),
            ("0.013",),
            "The cost of a completed execution rose by 30.0%, from 0.010 USD to 0.013 USD.",
        ),
        (("0.01",), ("0.01", 1), "What a completed execution of 1.1.0 costs is not known: calls have no price."),
    ],
)
def test_it_says_what_became_of_the_cost(was, now, sentence):
    assert more(figures("1.0.0", 1, 50, *was), figures("1.1.0", 1, 50, *now))[1] == sentence


def test_what_took_no_time_and_cost_nothing_is_not_drawn():
    nothing = figures("1.0.0", 0, 3, cost="0")
    nothing.executed.latencies.clear()
    nothing.executed.latencies["0"] = [3, 0]
    for draw in (charts.costs, charts.latencies):
        assert draw([nothing], lambda one: "").picture is None


def test_a_column_stands_with_its_interval_and_its_figures():
    chart = charts.escalations(
        [figures("1.0.0", 40, 200), figures("1.1.0", 8, 200)], lambda one: f"/{one.version.number}"
    )
    assert chart.said.startswith("1.1.0: 4.0% escalated, of 200; 1.0.0: 20.0% escalated, of 200.")
    assert [[cell.text for cell in row] for row in chart.rows] == [
        ["1.0.0", "40", "200", "20.0% (15.0–26.1)"],
        ["1.1.0", "8", "200", "4.0% (2.0–7.7)"],
    ]
    assert chart.picture.count('class="ci"') == 2
    assert charts.agreements([figures("1.0.0", 1, 2)], str) is None


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (Share(0, 0), "–"),
        (Share(1, 1), "only 1 shadow"),
        (Share(29, 29), "only 29 shadows"),
        (Share(30, 30), "100.0% (88.6–100.0)"),
    ],
)
def test_under_thirty_shadows_nothing_is_claimed_of_a_version(share, text):
    one = replace(figures("1.0.0", 1, 2), agreed=share)
    assert agreed_cell(one).text == text
    assert (charts.agreements([one], lambda _: "") is None) == (text[0] != "1")


def test_without_a_version_that_ran_before_there_is_one_half_of_the_sentence():
    assert said(figures("1.0.0", 0, 0), figures("1.1.0", 2, 50)) == (
        "1.1.0 escalates 4.0% (1.1–13.5) of what it finishes. Nothing of 1.0.0 finished in these days."
    )
