"""Every figure that reports show of a database, as text: `python -m tests.figures`, with its `DATABASE_URL`. Before that, with
the word `fill`, it writes a history into an empty one."""

import json
import os
import sys

import django


def figures() -> list[dict]:
    """Of each project and workflow, real and simulated, with every grouping; and what providers say."""
    from analytics.costs import summarise
    from analytics.extent import Extent
    from analytics.groups import GROUPINGS, grouped
    from analytics.representation import represent_group, represent_summary
    from analytics.usage.comparison import latest
    from analytics.usage.representation import represent_latest
    from projects.models import Project

    found = []
    for project in Project.objects.order_by("name"):
        for workflow in (None, *project.workflows.order_by("name")):
            for simulated in (False, True):
                extent = Extent(project, workflow, simulated)
                groups = {by: [represent_group(one) for one in grouped(extent, by)] for by in GROUPINGS}
                found.append({**represent_summary(summarise(extent)), "groups": groups})
        found += [represent_latest(one) for one in latest(project, None, None, None)]
    return found


def fill() -> None:
    """What 80 moves of a history leave, some of it in the cells; and an import."""
    from analytics.rollups import fold
    from analytics.usage import export, imports
    from tests.analytics.histories import History
    from tests.analytics.ledgers import make_measured_workflow
    from tests.analytics.test_usage import ANTHROPIC

    workflow = make_measured_workflow()
    history = History(1, [workflow])
    history.goes_on(60)
    fold()
    history.goes_on(20)
    imports.keep(workflow.project, "anthropic", export.read(ANTHROPIC), "user:rosa")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    if sys.argv[1:] == ["fill"]:
        fill()
    sys.stdout.write(json.dumps(figures(), default=str, indent=1))
