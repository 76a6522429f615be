"""Sends what is due, and writes down what came of it.

The housekeeping's thread does all that touches the database: it claims deliveries (a compare-and-set behind `FOR UPDATE SKIP
LOCKED`), hands them over and goes on. What waits for a receiver waits on the event loop, or, for a mail server, in one of two
threads; so a dead receiver holds up neither executions nor others. A claim is a lease: should the process end, the delivery is
due again, with the same id. A receiver hears everything once at least, and tells by the id what it has heard before.
"""

import logging
import random
import threading
from asyncio import run_coroutine_threadsafe
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

from gateway.event_loop import event_loop
from projects.keeping import redaction

from . import mail, posting, signing
from .models import Delivery, DeliveryQuerySet, Endpoint, Kind
from .posting import Outcome

logger = logging.getLogger(__name__)

MINUTE, HOUR = 60, 3600
# Seconds after each failed attempt but the last (Standard Webhooks): ten attempts in 75 hours and 35 minutes.
SCHEDULE = (5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
TRIED_FOR = timedelta(seconds=sum(SCHEDULE)) + timedelta(hours=12)  # and whatever Retry-After and its line made of that
FAILS_FOR = timedelta(days=5)  # longer than one thing is tried: then it is not a receiver any more
JITTER = 0.1
LEASE = timedelta(minutes=2)  # longer than an attempt takes, and than its outcome waits for a round
AT_ONCE = 100  # in flight, in one worker
EACH, FAILING = 4, 1  # of them to one receiver, and to one that failed last
ENDPOINTS = 25  # looked at in one round
IN_ONE_MAIL = 2_000
GATHERS = timedelta(minutes=1)  # a mail takes along what is due within so long
ANSWER = 500  # characters that are kept
GIVEN_UP_AT_ONCE = 1_000


@dataclass(frozen=True)
class Claim:
    """One attempt: of a webhook, or of the mail that several deliveries make. `rows`: of each, its id and its count of attempts."""

    endpoint: Endpoint
    rows: tuple[tuple[UUID, int], ...]
    bodies: tuple[str, ...]
    secrets: tuple[str | None, ...] = ()


_lock = threading.Lock()
_in_flight: Counter[UUID] = Counter()
_ended: deque[tuple[Claim, Outcome]] = deque()


def deliver() -> int:
    """One round; how many attempts it began."""
    settle()
    claims = claim_all()
    for claim in claims:
        _start(claim)
    return len(claims)


def settle() -> None:
    """Writes down what came of attempts that have ended. One that cannot be written stays until the next round."""
    while _ended:
        _settle(*_ended[0])
        _ended.popleft()


def claim_all() -> list[Claim]:
    """What is due, as far as there is room: of each endpoint a few."""
    claims: list[Claim] = []
    with _lock:
        busy = Counter(_in_flight)
    for endpoint in _with_something_due():
        room = AT_ONCE - busy.total() - len(claims)
        most = (FAILING if endpoint.failing_since else EACH) - busy[endpoint.pk]
        if (limit := min(room, most)) > 0:
            claims += _claim_mail(endpoint) if endpoint.kind == Kind.EMAIL else _claim_webhooks(endpoint, limit)
    return claims


def _with_something_due() -> list[Endpoint]:
    due = Delivery.objects.due().filter(endpoint=OuterRef("pk"))
    return list(Endpoint.objects.listening().filter(Exists(due)).select_related("project").order_by("?")[:ENDPOINTS])


def _claim_webhooks(endpoint: Endpoint, limit: int) -> list[Claim]:
    rows = _claim(Delivery.objects.due().filter(endpoint=endpoint), limit)
    secrets = tuple(secret.text for secret in endpoint.secrets.alive().order_by("-pk")) if rows else ()
    return [Claim(endpoint, ((pk, attempts),), (body,), secrets) for pk, attempts, body in rows]


def _claim_mail(endpoint: Endpoint) -> list[Claim]:
    """What is a letter goes by itself, one at a time: what came of it is its own."""
    letters = Delivery.objects.due().filter(endpoint=endpoint, type__in=mail.letters)
    if rows := _claim(letters, 1):
        return [Claim(endpoint, tuple((pk, attempts) for pk, attempts, _ in rows), (rows[0][2],))]
    others = Delivery.objects.due(within=GATHERS).filter(endpoint=endpoint).exclude(type__in=mail.letters)
    rows = _claim(others, IN_ONE_MAIL)
    ids = tuple((pk, attempts) for pk, attempts, _ in rows)
    return [Claim(endpoint, ids, tuple(body for *_, body in rows))] if rows else []


@transaction.atomic
def _claim(due: DeliveryQuerySet, limit: int) -> list[tuple[UUID, int, str]]:
    free = due.select_for_update(skip_locked=True).order_by("due_at")
    rows = list(free.values_list("pk", "attempts", "body")[:limit])
    mine = Delivery.objects.filter(pk__in=[pk for pk, *_ in rows])
    mine.update(attempts=F("attempts") + 1, due_at=Now() + LEASE, attempted_at=Now())
    return [(pk, attempts + 1, body) for pk, attempts, body in rows]


def _start(claim: Claim) -> None:
    with _lock:
        _in_flight[claim.endpoint.pk] += 1
    if claim.endpoint.kind == Kind.EMAIL:
        began: Future[Outcome] = _postmen().submit(mail.send, claim.endpoint, claim.bodies)
    else:
        began = run_coroutine_threadsafe(_send(claim), event_loop())
    began.add_done_callback(partial(_over, claim))


async def _send(claim: Claim) -> Outcome:
    if None in claim.secrets or not claim.secrets:
        return Outcome(
            error="It cannot be signed: SECRET_KEY is not the one its secret was made with. Rotate the secret."
        )
    body = claim.bodies[0].encode()
    headers = signing.headers(claim.secrets, str(claim.rows[0][0]), timezone.now(), body)
    return await posting.post(claim.endpoint.address, body, headers)


def _over(claim: Claim, ended: "Future[Outcome]") -> None:
    """On the loop, or in a postman's thread: nothing here may wait."""
    try:
        outcome = ended.result()
    except BaseException as error:  # a fault of ours, or the loop ends: the lease brings it back
        logger.error("an attempt to tell broke: %s", type(error).__name__)
        outcome = Outcome(error="We broke; the error is in the log.")
    with _lock:
        _in_flight[claim.endpoint.pk] -= 1
        if not _in_flight[claim.endpoint.pk]:
            del _in_flight[claim.endpoint.pk]
    _ended.append((claim, outcome))


@cache
def _postmen() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, thread_name_prefix="mail")


@transaction.atomic
def _settle(claim: Claim, outcome: Outcome) -> None:
    """Only where the claim is still the newest: else another worker has it, or it is given up."""
    endpoint = claim.endpoint
    said = {
        "response_code": outcome.code,
        "answer": kept(endpoint.project_id, outcome.answer),
        "error": outcome.error,
    }
    for attempts in {attempts for _, attempts in claim.rows}:
        ids = [pk for pk, count in claim.rows if count == attempts]
        mine = Delivery.objects.filter(pk__in=ids, attempts=attempts, state=Delivery.State.WAITING)
        if not outcome.error:
            mine.update(**said, state=Delivery.State.DELIVERED, delivered_at=Now())
            continue
        seconds = pause(attempts, outcome.retry_after)
        last = mine if seconds is None or outcome.is_gone else mine.filter(created_at__lt=Now() - TRIED_FOR)
        last.update(**said, state=Delivery.State.FAILED)
        mine.update(**said, due_at=Now() + timedelta(seconds=seconds or 0))
    _judge(endpoint, outcome)


def _judge(endpoint: Endpoint, outcome: Outcome) -> None:
    """How the endpoint is doing. Whoever answers 410, or has taken nothing for days, is not told any more, until a person enables
    it again. Not so a mail's: where the mail server is away, none of them takes anything."""
    rows = Endpoint.objects.filter(pk=endpoint.pk)
    if outcome.is_gone:
        endpoint.disable("It answered 410 Gone.")
        logger.warning("the endpoint %s answered 410 and is disabled", endpoint.pk)
    elif outcome.error:
        rows.filter(failing_since=None).update(failing_since=Now())
        since = endpoint.failing_since
        lasting = rows.filter(kind=Kind.WEBHOOK, enabled=True, failing_since__lt=Now() - FAILS_FOR)
        because = since and f"It took nothing since {since:%Y-%m-%d %H:%M} UTC, and last: {outcome.error}"
        if because and lasting.exists():
            endpoint.disable(because[:200])
            logger.warning("the endpoint %s took nothing for %d days and is disabled", endpoint.pk, FAILS_FOR.days)
    elif endpoint.failing_since:
        rows.update(failing_since=None)


def pause(attempts: int, retry_after: float | None = None) -> float | None:
    """Seconds until the next one, after so many attempts; None: there is none."""
    if attempts > len(SCHEDULE):
        return None
    usual = SCHEDULE[attempts - 1] * random.uniform(1, 1 + JITTER)
    return max(usual, retry_after or 0)


def kept(project_id: int, answer: bytes) -> str:
    """The beginning of an answer as it may stand in a row: it comes from anywhere."""
    text = answer.decode("utf-8", "replace").replace("\x00", "")
    return redaction(project_id).text(text)[:ANSWER]


def give_up() -> None:
    """A worker's duty: what waits for an endpoint that is disabled is not sent any more."""
    waiting = Delivery.objects.filter(endpoint=OuterRef("pk"), state=Delivery.State.WAITING)
    for endpoint in Endpoint.objects.filter(Exists(waiting), enabled=False)[:ENDPOINTS]:
        rows = endpoint.deliveries.filter(state=Delivery.State.WAITING).order_by("due_at")
        batch = list(rows.values_list("pk", flat=True)[:GIVEN_UP_AT_ONCE])
        mine = Delivery.objects.filter(pk__in=batch, state=Delivery.State.WAITING, endpoint__enabled=False)
        mine.filter(error="").update(error="Its endpoint was disabled.")
        mine.update(state=Delivery.State.FAILED)
