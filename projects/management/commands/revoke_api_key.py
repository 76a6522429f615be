"""`manage.py revoke_api_key PREFIX`."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from projects.models import ApiKey
from projects.schema import bring_up_to_date


class Command(BaseCommand):
    help = "Revokes an API key at once. PREFIX is the part between wm_ and the next underscore."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prefix", metavar="PREFIX")

    def handle(self, *, prefix: str, **options: object) -> None:
        bring_up_to_date()
        if not ApiKey.objects.filter(prefix=prefix).exists():
            raise CommandError(f"There is no key {prefix!r}.")
        if not ApiKey.objects.filter(prefix=prefix, revoked_at=None).update(revoked_at=timezone.now()):
            raise CommandError(f"The key {prefix!r} is revoked already.")
        self.stdout.write(f"{prefix} is revoked.")
