"""Two projects side by side: Mallory's own, and a neighbour's, in which every text that is kept holds a canary."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models
from django.test import Client
from django.utils import timezone

from analytics.usage import export, imports
from analytics.usage.models import UsageImport
from config import urls
from designs import designing, grouping
from designs.brief import Brief
from designs.models import Design, Group, Round
from evaluations import asking, cases, gate_rules, replaying, tier_search
from evaluations.asking import Asked
from evaluations.models import Case, Evaluation, Replay, TierSearch
from evaluations.tier_search import Wanted
from executions import control, feedback, reports, worker
from executions.drivers import plain
from executions.feedback import Opinion
from executions.models import Execution, Flag
from executions.queue import submit
from executions.reports import ToldExecution
from gateway.models import OwnPrice
from notifications.models import Delivery, Endpoint, Overdue, Type
from notifications.outbox import try_out
from projects import tools
from projects.models import ApiKey, Project, Scope
from reports.models import Digest
from shadows.models import Plan, Shadow
from tests.cast import REFUND, envelope, make_project, make_workflow, models_answer
from tests.evaluations.evaluated import add_case, evaluate, replay
from workflows.models import Budget, Examined, Version, Workflow

CANARY = "canary"
OWN = (
    "projects",
    "gateway",
    "workflows",
    "executions",
    "evaluations",
    "designs",
    "shadows",
    "analytics",
    "notifications",
    "reports",
)  # the apps that keep something
CASE = {"kind": "covered", "input": {"message": "a refund"}, "expected": {"kind": "refund"}}
TASK = "Say whether a customer asks for a refund, a thousand times a month."
WORDS = {"str:table": "executions"}  # in an address, that name nothing of a project
UNKNOWN_ID = "0190a000-0000-7000-8000-000000000000"

# A body that the method takes, by the address's pattern: what is refused must be the foreign object, not the body.
BODIES = {
    ("POST", "workflows"): {"name": "anew", "definition": REFUND},
    ("POST", "workflows/<str:name>/archival"): {},
    ("POST", "workflows/<str:name>/versions"): {"bump": "minor", "definition": REFUND},
    ("POST", "workflows/<str:name>/versions/<str:number>/publication"): {},
    ("PUT", "workflows/<str:name>/baseline"): {"method": "declared", "cost_per_execution": "1.00"},
    ("POST", "workflows/<str:name>/executions"): {"input": {"message": "a refund"}},
    ("POST", "workflows/<str:name>/executions/batch"): {"inputs": [{"message": "a refund"}]},
    ("POST", "workflows/<str:name>/executions/batch/estimate"): {"inputs": [{"message": "a refund"}]},
    ("POST", "workflows/<str:name>/cases"): CASE,
    ("POST", "workflows/<str:name>/cases/import"): {"cases": [CASE]},
    ("POST", "workflows/<str:name>/cases/<uuid:case_id>/confirmation"): {},
    ("POST", "workflows/<str:name>/cases/<uuid:case_id>/replacement"): CASE,
    ("PUT", "prices"): {
        **{"provider": "scripted", "model": "anew", "from": "2099-01-01", "input": "1.00", "output": "5.00"},
        "batch": {"input": "0.50", "output": "2.50"},
    },
    ("POST", "workflows/<str:name>/executions/report"): {
        "input": {"message": "a refund"},
        "output": {"kind": "refund"},
        "status": "completed",
        "executor": "an agent",
        "followed": True,
        "model_calls": [],
        "flags": [],
    },
    ("POST", "executions/<uuid:execution_id>/feedback"): {"accepted": False},
    ("PUT", "workflows/<str:name>/spot-checks"): {"share": "0.02"},
    ("PUT", "workflows/<str:name>/human-effort"): {"minutes_per_review": "2.50", "cost_per_hour": "40.00"},
    ("PUT", "budgets"): {"workflow": "refund", "period": "month", "cap": "5.00"},
    ("POST", "workflows/<str:name>/evaluations"): {"version": "7.7.7"},
    ("POST", "workflows/<str:name>/evaluations/estimate"): {"version": "7.7.7"},
    ("POST", "workflows/<str:name>/replays"): {"version": "7.7.7"},
    ("POST", "workflows/<str:name>/replays/estimate"): {"version": "7.7.7"},
    ("PUT", "replays/<uuid:replay_id>/budget"): {"budget": "1.00"},
    ("POST", "replays/<uuid:replay_id>/cancellation"): {},
    ("POST", "workflows/<str:name>/tier-searches"): {"version": "7.7.7"},
    ("POST", "workflows/<str:name>/tier-searches/estimate"): {"version": "7.7.7"},
    ("PUT", "tier-searches/<uuid:search_id>/budget"): {"budget": "1.00"},
    ("POST", "tier-searches/<uuid:search_id>/cancellation"): {},
    ("POST", "designs"): {"name": "designed", "task": TASK},
    ("POST", "designs/estimate"): {"name": "designed", "task": TASK},
    ("POST", "designs/<uuid:design_id>/answers"): {"answers": [{"question": "Who?", "answer": "Rosa."}]},
    ("PUT", "designs/<uuid:design_id>/budget"): {"budget": "1.00"},
    ("POST", "designs/<uuid:design_id>/cancellation"): {},
    ("POST", "workflows/<str:name>/redesigns"): {"note": "Cover it."},
    ("POST", "workflows/<str:name>/redesigns/estimate"): {"note": "Cover it."},
    ("PUT", "workflows/<str:name>/shadow-plan"): {"share": "0.1", "monthly_budget": "1.00"},
    ("PUT", "workflows/<str:name>/gate"): {"margin": "0.1"},
    ("PUT", "evaluations/<uuid:evaluation_id>/budget"): {"budget": "1.00"},
    ("POST", "evaluations/<uuid:evaluation_id>/cancellation"): {},
    ("POST", "evaluations/<uuid:evaluation_id>/results/<int:result_id>/opinion"): {"right": True},
    ("POST", "executions/<uuid:execution_id>/cancellation"): {},
    ("POST", "executions/<uuid:execution_id>/retries"): {},
    ("POST", "endpoints"): {"kind": "webhook", "address": "https://93.184.215.14/", "events": ["flag.waiting"]},
    ("PATCH", "endpoints/<uuid:endpoint_id>"): {"hours": 5},
    ("POST", "endpoints/<uuid:endpoint_id>/secret"): {},
    ("POST", "endpoints/<uuid:endpoint_id>/test"): {},
    ("POST", "deliveries/<uuid:delivery_id>/redelivery"): {},
    ("POST", "digests"): {"every": "day", "emails": ["alice@example.com"]},
    ("PATCH", "digests/<uuid:digest_id>"): {"hour": 5},
    ("POST", "digests/<uuid:digest_id>/test"): {},
    ("POST", "groups/<uuid:group_id>/resolution"): {"resolution": "redesign"},
    ("POST", "flags/<uuid:flag_id>/resolution"): {"resolution": "answered", "output": {"kind": "other"}},
    ("POST", "workflows/<str:name>/what-if"): {"volume_per_month": 1_000},
}
VIEWS = list(dict.fromkeys(one.callback.view_class for one in urls.api))
CALLS = [(method, str(one.pattern)) for one in urls.api for method in one.callback.view_class.scopes]


@dataclass(frozen=True)
class Neighbours:
    own: Workflow
    foreign: Workflow

    def ids(self, of: Workflow) -> dict[str, str]:
        """The foreign number is one that the own workflow has not."""
        return ids_of(of, "8.8.8" if of == self.foreign else "7.7.7")

    @property
    def unknown(self) -> dict[str, str]:
        """Ids that nothing has, of the same form."""
        return {
            "str:name": "nobodys-refund",
            "str:number": "9.9.9",
            "uuid:execution_id": UNKNOWN_ID,
            "uuid:evaluation_id": UNKNOWN_ID,
            "int:result_id": "987654321",
            "uuid:case_id": UNKNOWN_ID,
            "uuid:search_id": UNKNOWN_ID,
            "uuid:design_id": UNKNOWN_ID,
            "uuid:replay_id": UNKNOWN_ID,
            "uuid:shadow_id": UNKNOWN_ID,
            "int:budget_id": "987654321",
            "uuid:flag_id": UNKNOWN_ID,
            "uuid:group_id": UNKNOWN_ID,
            "uuid:endpoint_id": UNKNOWN_ID,
            "uuid:delivery_id": UNKNOWN_ID,
            "uuid:digest_id": UNKNOWN_ID,
        }

    @property
    def secrets(self) -> set[str]:
        """What no answer to Mallory may hold: the canary, and every id that is not a small number."""
        rows = (
            Execution.objects.filter(project=self.foreign.project),
            Flag.objects.filter(execution__project=self.foreign.project),
            Group.objects.filter(workflow__project=self.foreign.project),
            Evaluation.objects.filter(project=self.foreign.project),
            TierSearch.objects.filter(project=self.foreign.project),
            Replay.objects.filter(project=self.foreign.project),
            Shadow.objects.filter(project=self.foreign.project),
            Design.objects.filter(project=self.foreign.project),
            Case.objects.filter(workflow__project=self.foreign.project),
            Endpoint.objects.filter(project=self.foreign.project),
            Delivery.objects.filter(endpoint__project=self.foreign.project),
            UsageImport.objects.filter(project=self.foreign.project),
            Digest.objects.filter(project=self.foreign.project),
        )
        return {CANARY, *(str(pk) for kind in rows for pk in kind.values_list("pk", flat=True))}


def ids_of(workflow: Workflow, number: str = "7.7.7") -> dict[str, str]:
    """What stands for each converter of an address."""
    flags = Flag.objects.filter(execution__workflow=workflow, state="open")
    return {
        "str:name": workflow.name,
        "str:number": number,
        "uuid:execution_id": str(workflow.executions.filter(status="completed").earliest("created_at").pk),
        "uuid:search_id": str(workflow.tier_searches.latest("created_at").pk),
        "uuid:design_id": str(Design.objects.filter(project=workflow.project).latest("created_at").pk),
        "uuid:replay_id": str(workflow.replays.latest("created_at").pk),
        "uuid:shadow_id": str(workflow.shadows.latest("created_at").pk),
        "uuid:evaluation_id": str(workflow.evaluations.latest("created_at").pk),
        "int:result_id": str(workflow.evaluations.latest("created_at").results.earliest("pk").pk),
        "uuid:case_id": str(workflow.cases.proposed().latest("pk").pk),
        "int:budget_id": str(workflow.budgets.get().pk),
        "uuid:flag_id": str(flags.earliest("created_at").pk),
        "uuid:group_id": str(workflow.groups.open().earliest("pk").pk),
        "uuid:endpoint_id": str(workflow.project.endpoints.earliest("created_at").pk),
        "uuid:digest_id": str(workflow.digests.earliest("pk").pk),
        "uuid:delivery_id": str(Delivery.objects.filter(endpoint__project=workflow.project).earliest("created_at").pk),
    }


def neighbours() -> Neighbours:
    foreign = populate(CANARY, f"{CANARY}-refund")
    draft(foreign, "8.8.8", CANARY).publish(CANARY)
    foreign.draft(Examined.of(_document(CANARY), foreign.project), "8.8.9", created_by=CANARY)
    # A workflow of the same name as Mallory's, and a key and a price of each kind that a project can have.
    make_workflow(_document(CANARY), project=foreign.project, name="refund")
    return Neighbours(own=populate("mallory", "refund"), foreign=foreign)


def populate(name: str, workflow_name: str) -> Workflow:
    """A project in which everything has happened that can: completed, flagged, failed, cancelled, resolved, "
    "budgeted."""
    project = make_project(name)
    project.tiers.filter(tier="standard").update(model=f"claude-sonnet-5-5-{name}")
    _tool(project, f"{name}.lookup")
    project.tools.create(name=f"{name}.valid", kind="schema", description=name, settings={"schema": {"title": name}})
    project.tool_variables.create(name=f"SQL_{name.upper()}_URL")
    workflow = make_workflow(_document(name), project=project, name=workflow_name)
    draft(workflow, "7.7.7", name)
    workflow.baselines.create(
        method="declared",
        model=f"scripted:{name}",
        cost_per_execution=10**12,
        valid_from=workflow.created_at,
        stated_by=name,
    )
    workflow.human_efforts.create(
        minutes_per_review=2, cost_per_hour=40 * 10**12, valid_from=workflow.created_at, stated_by=name
    )
    Budget.objects.create(project=project, workflow=workflow, period="total", cap=10**12, stated_by=name)
    project.providers.create(name=name, protocol="openai", base_url=f"https://{name}.example/v1", aliases={name: name})
    OwnPrice.objects.create(
        project=project, provider="scripted", model=name, valid_from=timezone.now(), input=10**12, output=10**12
    )
    project.members.create(account=get_user_model().objects.create_user(f"{name}-member"), role="viewer")
    _endpoint(workflow, name)
    for proposed in (False, True):
        said = {"message": f"{name} wants {'another' if proposed else 'a'} refund"}
        words = {"tags": [name], "note": name, "proposed": proposed}
        cases.add(workflow, cases.NewCase("covered", said, {"kind": name}, **words), name)
    models_say(name)
    said = (
        f"{name} wants a refund",
        f"{name} asks for the moon",
        f"{name} asks for the moon again",
        f"{name}: rejected",
    )
    completed, *_, failed = [execution(workflow, name, message) for message in said]
    plain.advance(failed.pk, worker.current())
    control.cancel(execution(workflow, name, f"{name} changed its mind", advance=False), name)
    control.rerun(completed, workflow.live.version, workflow.live, name)
    feedback.give(completed, Opinion(False, name, {"kind": name}, name))
    _report(workflow, name)
    _group(workflow, name)
    _evaluation(workflow, name)
    _designs(workflow, name)
    _usage(project, name)
    _shadow(workflow, completed, name)
    client_of(project, Scope.REVIEW).post(
        f"/api/v1/flags/{Flag.objects.filter(execution__workflow=workflow, state='open').latest('created_at').pk}/resolution",
        {"resolution": "answered", "output": {"kind": name}, "note": name},
        "application/json",
        headers={"Idempotency-Key": f"{name}-key"},
    )
    return workflow


def execution(workflow: Workflow, name: str, message: str, *, advance: bool = True) -> Execution:
    made = submit(workflow.live.version, workflow.live, {"message": message}, actor=name, metadata={"who": name})
    if advance:
        plain.advance(made.pk, worker.current())
    made.refresh_from_db()
    return made


def draft(workflow: Workflow, number: str, name: str) -> Version:
    said = {"changelog": name, "designed_by": name, "design_context": {"requirements": [name]}}
    return workflow.draft(Examined.of(_document(name), workflow.project), number, created_by=name, **said)


def models_say(word: str) -> None:
    """What they answer has the word in it; the moon is not covered, and what is rejected fails."""
    uncovered = envelope(status="uncovered", rationale=word, uncovered=f"{word}: the moon")
    kind = envelope({"kind": "refund"}, rationale=word)
    models_answer({"user": "moon", "text": uncovered}, {"user": "rejected", "error": "rejected"}, {"text": kind})


def _report(workflow: Workflow, name: str) -> None:
    told = ToldExecution({"message": name}, "failed", name, followed=False, unexpected=[name], update=name)
    reports.write(reports.examined(workflow.live.version, workflow.live, told, name))


def _group(workflow: Workflow, name: str) -> None:
    """Of what is flagged by now. One was decided at once, and it is open again."""
    grouping.gather(workflow)
    group = workflow.groups.earliest("pk")
    flag = str(group.first_id)
    told = {"flags": [flag], "refused": [{"flag": flag, "detail": name}], "resolved": 1, "decided_by": name}
    group.decisions.create(resolution="redesign", reopened_by=name, reopened_at=timezone.now(), **told)


def _evaluation(workflow: Workflow, name: str) -> None:
    """One that is over, with a case of everything, and then one that is not. Its gate is stated."""
    add_case(workflow, {"message": name}, {"kind": name}, answers={"look": name}, tags=[name], note=name)
    gate_rules.state(workflow, {"min_cases": 20, "graders": [{"grade": "schema", "schema": {"title": name}}]}, name)
    evaluate(workflow.live.version, against="nothing")
    asking.begin(asking.examine(Asked(workflow.live.version), name))
    tier_search.begin(tier_search.examine(Wanted(workflow.live.version), name))
    replay(workflow.live.version)
    replaying.begin(replaying.examine(replaying.Wanted(workflow.live.version), name))


def _shadow(workflow: Workflow, past: Execution, name: str) -> None:
    """Of a task, with a word in each of its texts; its plan is switched off."""
    Plan.objects.create(workflow=workflow, enabled=False, subject="task", monthly_budget=10**12, stated_by=name)
    compared = {"output": {"kind": name}, "same": False, "said": name, "steps": {name: {"same": False, "said": name}}}
    asked = {"subject": "task", "model": f"scripted:{name}", "prompt": name, "simulated": True, "flagged": False}
    Shadow.objects.create(
        project=workflow.project,
        workflow=workflow,
        version=past.version,
        past=past,
        day=past.finished_at.date(),
        status="completed",
        cost=10**12,
        finished_at=timezone.now(),
        **asked,
        **compared,
    )


def _designs(workflow: Workflow, name: str) -> None:
    """One that has ended, with a word in each of its texts, and then one that has not."""
    for target in ("refund", "anew"):
        asked = designing.Asked(workflow.project, f"{name}-{target}", Brief(task=f"{name}: {TASK}"))
        design = designing.begin(designing.examine(asked, name))
        faults = [{"pointer": f"/{name}", "detail": name}]
        Round.objects.create(design=design, number=1, answer=name, faults=faults, finished_at=timezone.now())
        if target == "refund":
            answer = {"fit": {"verdict": "great", "reasons": [name]}}
            answer["questions"] = [{"question": name, "why": name, "assumed": name}]
            ended = {"status": "completed", "said": name, "answer": answer, "finished_at": timezone.now()}
            Design.objects.filter(pk=design.pk).update(**ended)


def _usage(project: Project, name: str) -> None:
    """A day on which a provider counts tokens that the ledger has not."""
    tokens = {"cache_read_input_tokens": 0, "output_tokens": 1, "uncached_input_tokens": 1, "model": name}
    result = {**tokens, "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}}
    day = {"starting_at": "2026-11-16T00:00:00Z", "ending_at": "2026-11-17T00:00:00Z", "results": [result]}
    imports.keep(project, name, export.parse(json.dumps({"data": [day]}).encode()), f"user:{name}")


def _document(name: str) -> dict:
    return {**REFUND, "title": f"{name} wants a refund", "guidance": f"Be kind to {name}.", "constants": {"who": name}}


def _tool(project: Project, name: str) -> None:
    """Registered in this project only."""
    tools.tool(name, description=name, input_schema={"type": "object", "properties": {}})(lambda: {"found": name})
    project.tools.create(name=name)


def _endpoint(workflow: Workflow, name: str) -> None:
    """A webhook that was told something and of a group of flags, and has answered."""
    address = f"https://93.184.215.14/{name}"
    said = {"kind": "webhook", "address": address, "events": list(Type.values), "created_by": name}
    endpoint = Endpoint(project=workflow.project, workflow=workflow, **said)
    endpoint.begin()
    delivery = try_out(endpoint, name)
    delivery.answer = delivery.error = name
    delivery.save()
    Overdue.objects.create(endpoint=endpoint, workflow=workflow.pk, step=name, reason="uncovered")
    Digest(project=workflow.project, workflow=workflow, every="week", created_by=name).begin([endpoint])


def client_of(project: Project, *scopes: str) -> Client:
    _, token = ApiKey.objects.issue(project, list(scopes))
    return Client(headers={"Authorization": f"Bearer {token}"})


def filled(pattern: str, ids: dict[str, str]) -> str:
    def said(found: re.Match) -> str:
        try:
            return ids[found[1]]
        except KeyError:
            return WORDS[found[1]]

    return "/api/v1/" + re.sub(r"<(\w+:\w+)>", said, pattern)


def kinds_in(pattern: str) -> list[str]:
    """Of ids; a word is the same in every project."""
    return [kind for kind in re.findall(r"<(\w+:\w+)>", pattern) if kind not in WORDS]


def tables() -> Iterator[type[models.Model]]:
    for app in OWN:
        yield from apps.get_app_config(app).get_models()


def everything() -> dict[str, list]:
    """All rows there are, but for what reading itself leaves: when a key was last used."""
    hidden = {"last_used_at", "seen_at"}
    return {
        table.__name__: [
            {key: row[key] for key in row.keys() - hidden} for row in table.objects.order_by("pk").values()
        ]
        for table in tables()
    }
