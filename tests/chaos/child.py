"""`manage.py run_worker` with a shorter lease, or by a clock that is wrong: what no operator wants, and no variable says.

python -m tests.chaos.child LEASE_SECONDS CLOCK_HOURS
"""

import os
import sys
from datetime import UTC, datetime, timedelta

import time_machine


def main(lease: float, hours: float) -> None:
    if hours:
        time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True).start()
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    from django.core.management import call_command

    from executions import models, worker

    models.LEASE, worker.HEARTBEAT = timedelta(seconds=lease), lease / 4
    call_command("run_worker")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
