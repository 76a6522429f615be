"""`manage.py register_tool NAME --project NAME`: lets a project's definitions name a tool."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from projects import audit
from projects.audit import Verb
from projects.models import Project, Tool
from projects.schema import bring_up_to_date
from projects.tools import registered

BY = "command:register_tool"


class Command(BaseCommand):
    help = "Registers tools in a project, by the names of the @tool functions in TOOL_MODULES."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="+", metavar="NAME")
        parser.add_argument("--project", required=True)

    def handle(self, *, names: list[str], project: str, **options: object) -> None:
        bring_up_to_date()
        owner = Project.objects.filter(name=project).first()
        if owner is None:
            raise CommandError(f"There is no project {project!r}; create_api_key --project {project} makes it.")
        known = registered()
        if unknown := [name for name in names if name not in known]:
            raise CommandError(f"No function is registered as {unknown[0]!r}; known are {', '.join(sorted(known))}.")
        taken = Tool.objects.filter(project=owner, name__in=names).exclude(kind=Tool.Kind.FUNCTION).first()
        if taken:
            raise CommandError(f"{taken} is {taken.get_kind_display()} in {project}, which was made in the admin.")
        for name in names:
            _register(owner, name)
            self.stdout.write(f"{name} is registered in {project}.")


@transaction.atomic
def _register(owner: Project, name: str) -> None:
    """Written down where it changes something."""
    tool, made = Tool.objects.select_for_update().get_or_create(project=owner, name=name)
    if made:
        audit.record(owner.pk, BY, Verb.CREATED, tool)
    elif not tool.enabled:
        tool.enabled = True
        tool.save(update_fields=["enabled"])
        audit.record(owner.pk, BY, Verb.CHANGED, tool, changes={"enabled": {"before": False, "after": True}})
