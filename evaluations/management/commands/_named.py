"""Which workflow a command is about."""

from django.core.management.base import CommandError

from projects.models import Project
from workflows.models import Workflow


def workflow_named(name: str, project: str) -> Workflow:
    """Raises `CommandError` that says which there are."""
    if not Project.objects.filter(name=project).exists():
        raise CommandError(f"There is no project {project!r}.")
    rows = Workflow.objects.filter(project__name=project).select_related("project", "live__version")
    if (workflow := rows.filter(name=name).first()) is None:
        known = rows.order_by("name").values_list("name", flat=True)[:20]
        raise CommandError(f"There is no workflow {name!r} in {project}; there are {', '.join(known) or 'none'}.")
    return workflow
