"""`manage.py create_user NAME --project P --role ROLE`: prints a password, alone, once."""

import secrets

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from projects import audit
from projects.audit import Verb
from projects.models import Membership, Project, Role
from projects.schema import bring_up_to_date

BY = "command:create_user"


class Command(BaseCommand):
    help = (
        "Gives a person a role in a project, for the admin. Makes the account where there is none, and prints its password, once: "
        "it is not kept. For an account that is there it changes the role and prints nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The name to sign in with.")
        parser.add_argument("--project", required=True, help="The project's name.")
        parser.add_argument("--role", required=True, choices=Role.values, help="Each may do what those before it may.")

    def handle(self, *, name: str, project: str, role: str, **options: object) -> None:
        bring_up_to_date()
        found = Project.objects.filter(name=project).first()
        if found is None:
            raise CommandError(f"There is no project {project!r}; `create_api_key --project {project}` makes one.")
        password = _member(name, found, role)
        if password:
            self.stdout.write(password)
        else:
            self.stderr.write(f"{name} is {role} in {project} now, with the password as before.")


@transaction.atomic
def _member(name: str, project: Project, role: str) -> str | None:
    """The password of a new account."""
    accounts, password = get_user_model(), None
    account = accounts.objects.filter(username=name).first()
    if account is None:
        password = secrets.token_urlsafe(12)
        account = accounts(username=name, is_staff=True)
        account.set_password(password)
        try:
            account.full_clean()
        except ValidationError as error:
            raise CommandError(f"This is no name to sign in with: {' '.join(error.messages)}") from error
        account.save()
        audit.record(None, BY, Verb.CREATED, account)
    elif account.is_superuser:
        raise CommandError(f"{name} operates the installation, and needs no role.")
    before = Membership.objects.filter(account=account, project=project).values_list("role", flat=True).first()
    member, made = Membership.objects.update_or_create(account=account, project=project, defaults={"role": role})
    if before != role:
        changes = {"role": {"before": before, "after": role}}
        audit.record(project.pk, BY, Verb.CREATED if made else Verb.CHANGED, member, name, changes=changes)
    return password
