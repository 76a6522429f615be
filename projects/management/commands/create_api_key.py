"""`manage.py create_api_key --project NAME [--scopes read,execute]`: prints the key, alone, once."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_slug

from projects.models import ApiKey, Project, Scope
from projects.schema import bring_up_to_date


class Command(BaseCommand):
    help = "Makes an API key of a project (and the project, if it is new) and prints it, once: it is not kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, help="The project's name: letters, digits, hyphens.")
        parser.add_argument(
            "--scopes",
            default=",".join(Scope.values),
            help=f"Comma-separated; all by default: {', '.join(Scope.values)}.",
        )

    def handle(self, *, project: str, scopes: str, **options: object) -> None:
        wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
        if unknown := set(wanted) - set(Scope.values):
            raise CommandError(f"Unknown scope {sorted(unknown)[0]!r}; known are {', '.join(Scope.values)}.")
        if not wanted:
            raise CommandError("A key needs at least one scope.")
        try:
            validate_slug(project)
        except Exception as error:
            raise CommandError("A project's name has letters, digits, hyphens and underscores only.") from error
        bring_up_to_date()
        _, token = ApiKey.objects.issue(Project.objects.establish(project), wanted)
        self.stdout.write(token)
