"""`manage.py create_api_key --project NAME [--scopes read,execute] [--name NAME]`: prints the key, alone, once."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_slug
from django.db import transaction

from projects import keys
from projects.models import ApiKey, Scope
from projects.schema import bring_up_to_date

BY = "command:create_api_key"
MOST = ApiKey._meta.get_field("name").max_length


class Command(BaseCommand):
    help = "Makes an API key of a project (and the project, if it is new) and prints it, once: it is not kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, help="The project's name: letters, digits, hyphens.")
        parser.add_argument(
            "--scopes",
            default=",".join(Scope.values),
            help=f"Comma-separated; all by default: {', '.join(Scope.values)}.",
        )
        parser.add_argument("--name", default="", help="What it is for, such as nightly-import; the audit says it.")

    def handle(self, *, project: str, scopes: str, name: str, **options: object) -> None:
        wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
        if unknown := set(wanted) - set(Scope.values):
            raise CommandError(f"Unknown scope {sorted(unknown)[0]!r}; known are {', '.join(Scope.values)}.")
        if len(name) > MOST or not name.isprintable():
            raise CommandError(f"A key's name has at most {MOST} printable characters.")
        if not wanted:
            raise CommandError("A key needs at least one scope.")
        try:
            validate_slug(project)
        except Exception as error:
            raise CommandError("A project's name has letters, digits, hyphens and underscores only.") from error
        bring_up_to_date()
        with transaction.atomic():
            _, token = keys.issue(keys.establish(project, BY), wanted, BY, name=name)
        self.stdout.write(token)
