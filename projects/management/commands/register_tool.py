"""`manage.py register_tool NAME --project NAME`: lets a project's definitions name a tool."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from projects.models import Project, Tool
from projects.schema import bring_up_to_date
from projects.tools import registered


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
            Tool.objects.update_or_create(project=owner, name=name, defaults={"enabled": True})
            self.stdout.write(f"{name} is registered in {project}.")
