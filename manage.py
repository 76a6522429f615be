#!/usr/bin/env python
"""Every command of the project: `python manage.py help`."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db.migrations.exceptions import InconsistentMigrationHistory

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"Configuration: {error}\n")
        sys.exit(2)
    except InconsistentMigrationHistory:
        from projects.schema import what_to_do_with_an_older_one

        sys.stderr.write(f"Database: {what_to_do_with_an_older_one()}\n")
        sys.exit(2)
