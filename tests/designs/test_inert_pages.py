"""What stands in a brief, an answer or a flag is text on every page of designs, and nothing else."""

import json

import pytest
from django.utils import timezone

from designs import grouping
from designs.models import Design
from executions.models import Flag
from tests.cast import make_workflow, member
from tests.designs.flagged import flagged
from tests.designs.test_pages import BEGIN, LIST, address, asked
from tests.test_inert import HARM, SHORT, assert_inert
from workflows.models import Workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def workflow():
    found = make_workflow()
    flagged(found, HARM, explanation=HARM)
    grouping.gather(found)
    return found


@pytest.fixture
def rosa(workflow):
    return member(workflow.project, "designer")


def harmful(workflow: Workflow) -> list[Design]:
    """In whose every text it stands."""
    brief = {name: HARM for name in ("task", "note", "document")} | {"files": {HARM: HARM}, "requirements": [HARM]}
    brief["policies"] = [{"name": HARM, "text": HARM}]
    brief["groups"] = [{"step": HARM, "reason": HARM, "count": 1, "explanation": HARM, "evidence": [{HARM: HARM}]}]
    answer = {"questions": [{"question": HARM, "why": HARM, "assumed": HARM}]}
    answer["fit"] = {"verdict": HARM, "reasons": [HARM]}
    answer["edge_cases_considered"] = [{"case": HARM, "decision": HARM}]
    answer["policy_references"] = [{"clause": HARM, "where": HARM}]
    answer["changes"] = [{"op": HARM, "path": HARM, "value": {HARM: HARM}, "why": HARM}]
    answer["softens"] = [{"pointer": HARM, "detail": HARM}]
    figures = {"per_execution": {"cheap": HARM}, "design_cost": HARM, "doubts": [HARM]}
    figures["rehearsed"] = {"said": HARM, "differing": [{"example": 1, "pointer": HARM, "detail": HARM}]}
    told = {"project": workflow.project, "workflow": workflow, "brief": brief, "target": HARM[:250], "simulated": True}
    told |= {"draft": workflow.live.version, "answer": answer, "figures": figures, "created_by": SHORT, "said": HARM}
    told |= {"finished_at": timezone.now(), "resolves": [str(Flag.objects.get().pk)], "base": workflow.live.version}
    made = []
    for kind, status in (("design", "completed"), ("redesign", "completed"), ("design", "failed")):
        design = Design.objects.create(kind=kind, status=status, **told)
        faults = [{"pointer": HARM, "detail": HARM}]
        for number, text in ((1, json.dumps({HARM: HARM, "more": {HARM: [HARM]}})), (2, HARM)):
            design.rounds.create(number=number, answer=text, faults=faults, finished_at=timezone.now())
        made.append(design)
    return made


def test_a_text_is_a_text_on_every_page_of_a_design(workflow, rosa):
    designs = harmful(workflow)
    for one in designs:
        for word in ("change", "answer", "cancel", "budget"):
            shown = assert_inert(rosa.get(address(one, word)).content.decode())
            asks = word == "answer" and one.kind == "design" and one.status == "completed"
            assert shown or not (asks or word == "change"), (one.kind, word)
    failed = next(one for one in designs if one.kind == "design" and one.status == "failed")
    for page in (LIST, f"{BEGIN}?from={failed.pk}", f"/admin/workflows/workflow/{workflow.pk}/redesign/"):
        assert assert_inert(rosa.get(page).content.decode()), page
    assert_inert(rosa.get(f"{BEGIN}?from={HARM}&workflow={HARM}", follow=True).content.decode())


def test_what_is_typed_comes_back_as_text(workflow, rosa):
    said = dict.fromkeys(("name", "task", "requirements", "constraints", "document", "examples", "target"), HARM)
    said |= {"policy-0-name": HARM, "policy-0-text": HARM, "slots": HARM, "offer": HARM}
    for more in ({}, {"more": "yes"}, {"begin": "yes"}):
        assert assert_inert(rosa.post(BEGIN, asked(workflow.project, **said, **more)).content.decode())
    page = f"/admin/workflows/workflow/{workflow.pk}/redesign/"
    assert assert_inert(rosa.post(page, {"groups": [HARM], "note": HARM, "target": HARM}).content.decode())
