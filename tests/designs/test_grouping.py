"""Which flags come into one group: alike in kind and in what came in, in whatever portions they are taken up."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from designs import grouping
from designs.grouping import gather
from designs.models import Group, GroupDecision, Member
from executions import retention
from executions.models import Execution, Flag
from tests.cast import make_project, make_workflow
from tests.designs.flagged import flagged

pytestmark = pytest.mark.django_db

GIFT = "Please refund the kettle to my gift card"
GIFT_TOO = "I want a refund of the lamp on the gift card please"
PARKING = "Where do I find a parking space near the garage"
PARKING_TOO = "Is there a parking space in the garage"


@pytest.fixture
def workflow():
    return make_workflow()


def groups(*workflows) -> list[list[str]]:
    """The messages of each, the oldest first."""
    found = Group.objects.order_by("created_at", "pk")
    found = found.filter(workflow__in=workflows) if workflows else found
    return [[flag.execution.input["message"] for flag in group.flags()] for group in found]


def test_two_of_similar_input_belong_together(workflow):
    first, second = flagged(workflow, GIFT), flagged(workflow, GIFT_TOO)
    assert gather(workflow) == 2
    group = Group.objects.get()
    assert (group.workflow, group.step, group.reason, group.first, group.latest, group.text) == (
        *(workflow, "classify", "uncovered", first, second.pk),
        "\nPlease refund the kettle to my gift card",
    )
    assert (first.membership.similarity, first.membership.explanation) == (
        1.0,
        "The first of its group: the others are compared with it.",
    )
    assert (second.membership.similarity, second.membership.explanation) == (
        0.7273,
        "73% alike with the first. In both inputs: “please”, “refund”, “card”, “gift”.",
    )


def test_another_input_begins_another_group(workflow):
    for message in (GIFT, PARKING, GIFT_TOO, PARKING_TOO):
        flagged(workflow, message)
    gather()
    assert groups() == [[GIFT, GIFT_TOO], [PARKING, PARKING_TOO]]


def test_what_was_found_counts_as_well(workflow):
    """The model says of half the words that came in what is missing."""
    flagged(workflow, "Please refund the kettle", explanation="The customer paid with a gift card.")
    flagged(workflow, "Please refund the old lamp", explanation="It was paid with a gift card.")
    flagged(workflow, "Please refund the chair", explanation="The clerk was insulted.")
    gather()
    assert groups() == [["Please refund the kettle", "Please refund the old lamp"], ["Please refund the chair"]]


@pytest.mark.parametrize(
    "other", [{"step": "check"}, {"step": ""}, {"reason": "check_failed"}, {"edge_case": "injury"}, {"role": "lawyer"}]
)
def test_another_kind_is_never_of_the_same_group(workflow, other):
    flagged(workflow, GIFT)
    flagged(workflow, GIFT, **other)
    gather()
    assert groups() == [[GIFT], [GIFT]]


def test_nor_is_another_workflow_or_another_project(workflow):
    for one in (
        workflow,
        make_workflow(project=workflow.project, name="other"),
        make_workflow(project=make_project("bob")),
    ):
        flagged(one, GIFT)
    assert gather() == 3
    assert groups() == [[GIFT]] * 3


@pytest.mark.parametrize("closed", [{"reason": "review"}, {"reason": "spot_check"}, {"state": "recorded"}])
def test_what_leaves_no_gap_has_no_group(workflow, closed):
    flagged(workflow, GIFT, **closed)
    assert gather() == 0


def test_a_flag_that_went_into_a_redesign_at_once_has_one_all_the_same(workflow):
    flagged(workflow, GIFT, state="in_redesign")
    flagged(workflow, GIFT, state="dismissed")
    assert gather() == 1


MESSAGES = [
    *(GIFT, PARKING, GIFT_TOO, "The seller closed his shop", PARKING_TOO, "My seller has closed the shop"),
    *(
        "A gift card and a parking space",
        GIFT,
        "",
        "4711",
        "Who closed the garage",
        "My kettle leaks",
        "The kettle leaks",
    ),
]


def test_one_after_the_other_they_come_to_the_same_groups_as_all_at_once(workflow):
    other = make_workflow(project=workflow.project, name="other")
    for message in MESSAGES:
        flagged(workflow, message)
        gather(workflow)
    for message in MESSAGES:
        flagged(other, message)
    gather(other)
    assert groups(workflow) == groups(other)
    assert groups(workflow) == [
        [GIFT, GIFT_TOO, "A gift card and a parking space", GIFT],
        [PARKING, PARKING_TOO],
        ["The seller closed his shop", "My seller has closed the shop", "Who closed the garage"],
        ["", "4711"],
        ["My kettle leaks", "The kettle leaks"],
    ]


def test_nothing_is_taken_up_twice(workflow):
    flagged(workflow, GIFT)
    assert (gather(), gather()) == (1, 0)
    assert Member.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_take_each_flag_up_once(workflow):
    for number in range(120):
        flagged(workflow, f"{GIFT if number % 2 else PARKING} {number}")

    def work(_: int) -> int:
        taken = 0
        for _ in range(200):
            taken += gather(workflow)
            if Member.objects.count() == 120:
                break
            time.sleep(0.01)
        connection.close()
        return taken

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(work, range(3))) == 120
    assert [group.members.count() for group in Group.objects.all()] == [60, 60]


def test_thousands_of_one_kind_are_taken_up_in_bounded_time(workflow):
    """However little alike they are: each is compared with so many groups at most."""
    one = flagged(workflow, "the first")
    vowels, executions, flags = "aeiou", [], []
    for number in range(2_000):
        word = "".join(vowels[number // 5**place % 5] + "bdgk"[number // 4**place % 4] for place in range(5))
        input = {"message": " ".join(f"{word}{letter * 2}" for letter in "lmnprst" * 8)}
        execution = Execution(project=one.execution.project, workflow=workflow, version=one.execution.version)
        execution.tier_map, execution.status, execution.input = {}, "completed", input
        executions.append(execution)
        flags.append(Flag(execution=execution, workflow=workflow, step="classify", reason="uncovered", waiting=False))
    Execution.objects.bulk_create(executions)
    Flag.objects.bulk_create(flags)
    taken = 0
    while done := gather(workflow, seconds=0.2):
        taken += done
    assert taken == 2_001
    assert Group.objects.count() > 1_000


def test_a_round_ends_when_its_time_is_over(workflow, monkeypatch):
    monkeypatch.setattr(grouping, "BLOCK", 2)
    for _ in range(5):
        flagged(workflow, GIFT)
    assert [gather(seconds=0) for _ in range(4)] == [2, 2, 1, 0]


def test_it_is_compared_with_those_that_were_met_last(workflow, monkeypatch):
    monkeypatch.setattr(grouping, "MOST_COMPARED", 2)
    for message in (GIFT, PARKING, GIFT_TOO, "My kettle leaks", GIFT, PARKING_TOO):
        flagged(workflow, message)
    gather()
    assert groups() == [[GIFT, GIFT_TOO, GIFT], [PARKING], ["My kettle leaks"], [PARKING_TOO]]


def test_the_duty_looks_at_what_is_new_and_now_and_then_at_everything(workflow, monkeypatch):
    duty = grouping.taker()
    flagged(workflow, GIFT)
    duty()  # takes it up
    duty()  # and finds nothing more
    old = Flag.objects.create(
        id="0190a000-0000-7000-8000-000000000000",
        execution=flagged(workflow, PARKING).execution,
        **{"step": "classify", "reason": "uncovered", "detector": "self_report", "waiting": False, "edge_case": "old"},
    )
    duty()
    assert (Member.objects.count(), Member.objects.filter(flag=old).exists()) == (2, False)
    monkeypatch.setattr(grouping, "WHOLE_EVERY", timedelta(0))
    duty()
    assert Member.objects.filter(flag=old).exists()


def test_the_duty_asks_one_question_where_nothing_is_new(workflow):
    duty = grouping.taker()
    with CaptureQueriesContext(connection) as captured:
        duty()
    assert len(captured) == 1


def purge(*flags: Flag) -> None:
    ids = [flag.execution_id for flag in flags]
    Execution.objects.filter(pk__in=ids).update(finished_at=timezone.now() - timedelta(days=9))
    assert retention.purge(flags[0].execution.project_id, timezone.now() - timedelta(days=8), "retention") == len(ids)


def test_the_text_of_a_group_goes_with_that_of_its_first_flag(workflow):
    first = flagged(workflow, GIFT)
    gather()
    purge(first)
    assert (Group.objects.get().text, first.membership.explanation) == (None, "")
    later = flagged(workflow, GIFT)
    gather()
    assert list(Group.objects.latest("pk").flags()) == [later]
    assert Group.objects.count() == 2


def test_the_oldest_that_is_kept_stands_for_the_group_then(workflow):
    first, second = flagged(workflow, GIFT), flagged(workflow, GIFT_TOO)
    gather()
    purge(first)
    group = Group.objects.get()
    assert (group.first, group.text) == (second, "\nI want a refund of the lamp on the gift card please")
    assert [row.explanation == "" for row in group.members.order_by("flag")] == [True, False]
    flagged(workflow, GIFT_TOO)
    gather()
    assert Group.objects.count() == 1


def test_a_flag_whose_texts_are_gone_is_like_nothing(workflow):
    purge(flagged(workflow, GIFT))
    assert gather() == 0


def test_why_a_flag_was_refused_goes_with_its_texts(workflow):
    first, second = flagged(workflow, GIFT), flagged(workflow, GIFT_TOO)
    gather()
    refused = [{"flag": str(flag.pk), "detail": "“a kettle” is no kind."} for flag in (first, second)]
    GroupDecision.objects.create(group=Group.objects.get(), resolution="answered", refused=refused)
    purge(first)
    assert [one["detail"] for one in GroupDecision.objects.get().refused] == ["", "“a kettle” is no kind."]


def test_a_group_lists_its_open_flags_and_those_that_a_redesign_could_close(workflow):
    states = ("open", "in_redesign", "dismissed")
    first, second, third = (flagged(workflow, GIFT, state="open") for _ in states)
    gather()
    for flag, state in zip((first, second, third), states, strict=True):
        Flag.objects.filter(pk=flag.pk).update(state=state)
    group = Group.objects.get()
    assert list(group.open_flags()) == [first]
    assert list(group.undecided_flags()) == [first, second]
    assert list(group.flags()) == [first, second, third]


def test_groups_are_open_in_redesign_or_closed(workflow):
    flags = [flagged(workflow, message) for message in (GIFT, PARKING, "My kettle leaks", GIFT_TOO)]
    gather()
    for flag, state in zip(flags, ("in_redesign", "in_redesign", "resolved", "open"), strict=True):
        Flag.objects.filter(pk=flag.pk).update(state=state)
    found = [
        [group.text.strip() for group in rows]
        for rows in (Group.objects.open(), Group.objects.in_redesign(), Group.objects.closed())
    ]
    assert found == [[GIFT], [PARKING], ["My kettle leaks"]]
