"""The embedded database is made and brought up to date by whichever command comes first: nobody has to prepare it."""

from django.core.management import call_command


def bring_up_to_date() -> None:
    call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
