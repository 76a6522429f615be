"""A summary as an auditor reads it: by REST, and only if the cells, what is pending and the ledger itself say the same."""

from datetime import date

from rest_framework.test import APIClient

from projects.models import ApiKey, Project
from workflows.models import Workflow

from .ledgers import summary_of


def audited(
    workflow: Workflow | None,
    baseline: str | None = None,
    *,
    project: Project | None = None,
    simulated: bool = False,
    since: date | None = None,
    until: date | None = None,
) -> dict:
    """The literal JSON. Without a workflow, of the project."""
    proven = summary_of(workflow, baseline, project=project, simulated=simulated, since=since, until=until)
    address = f"/api/v1/workflows/{workflow.name}/costs" if workflow else "/api/v1/costs"
    given = {"baseline": baseline, "since": since, "until": until}
    query = {name: str(value) for name, value in given.items() if value is not None}
    answer = reader_of(project or workflow.project).get(address, {**query, "simulated": str(simulated).lower()})
    assert (answer.status_code, answer.json()) == (200, proven)
    return answer.json()


def reader_of(project: Project) -> APIClient:
    _, token = ApiKey.objects.issue(project, ["read"])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def figures(summary: dict, *names: str) -> list:
    return [summary[name] for name in names]
