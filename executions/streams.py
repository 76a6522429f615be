"""What waits in the queue, by stream: the executions of one publication, or the trials of one version. They ask the same
models, so what holds one of them up holds up all of them.

The statements are written by hand, because each reads its rows off the index `execution_queued` and none that it does not give.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from uuid import UUID

from django.db import connection

STREAM = "coalesce(publication_id, version_id * -1)"
QUEUED = "FROM executions_execution WHERE status = 'queued'"
# From each stream to the next, so that a backlog costs no more than a single execution.
WAITING = f"""
    WITH RECURSIVE waiting(stream) AS (
        SELECT min({STREAM}) {QUEUED}
        UNION ALL
        SELECT (SELECT min({STREAM}) {QUEUED} AND {STREAM} > stream) FROM waiting WHERE stream IS NOT NULL
    )
    SELECT stream, project_id FROM waiting
    LEFT JOIN workflows_publication AS publication ON publication.id = stream
    JOIN workflows_version AS version ON version.id = coalesce(publication.version_id, stream * -1)
    JOIN workflows_workflow AS workflow ON workflow.id = version.workflow_id
"""
OLDEST = f"SELECT queued_at, id {QUEUED} AND {STREAM} = %s ORDER BY queued_at, id LIMIT %s OFFSET %s"

Queued = tuple[object, UUID, int]  # since when, which one, of which stream


def waiting() -> dict[int, list[int]]:
    """Project → its streams in which something waits."""
    found = defaultdict(list)
    with connection.cursor() as cursor:
        for stream, project in cursor.execute(WAITING).fetchall():
            found[project].append(stream)
    return found


def oldest(stream: int, at_once: int, most: int) -> Iterator[Queued]:
    """The oldest first, at most so many, read a few at once."""
    for passed in count(0, at_once):
        wanted = min(at_once, most - passed)
        with connection.cursor() as cursor:
            rows = cursor.execute(OLDEST, [stream, wanted, passed]).fetchall() if wanted > 0 else []
        for queued_at, execution_id in rows:
            yield queued_at, UUID(str(execution_id)), stream
        if len(rows) < at_once:
            return
