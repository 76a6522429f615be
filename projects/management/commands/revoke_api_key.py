"""`manage.py revoke_api_key PREFIX`."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from projects import keys
from projects.models import ApiKey
from projects.schema import bring_up_to_date


class Command(BaseCommand):
    help = "Revokes an API key at once. PREFIX is the part between wm_ and the next underscore."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prefix", metavar="PREFIX")

    def handle(self, *, prefix: str, **options: object) -> None:
        bring_up_to_date()
        key = ApiKey.objects.filter(prefix=prefix).first()
        if key is None:
            raise CommandError(f"There is no key {prefix!r}.")
        if not keys.revoke(key, "command:revoke_api_key"):
            raise CommandError(f"The key {prefix!r} is revoked already.")
        self.stdout.write(f"{prefix} is revoked.")
