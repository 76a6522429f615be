"""How much a model is asked at once: one gate per provider and model of this process, in front of every call.

A gate lets in what this worker's share of the limits allows, shuts for as long as the provider asks, and opens a breaker after
failures in a row. It knows only this process: each worker learns for itself what its provider answers.
"""

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace

from .types import Completion, NotTheProtocol, OutcomeUnknown, ProviderError, Rejected, Request

FAILURES = 5  # in a row, without an answer between: then the breaker opens
OPEN_FOR = 30.0  # seconds, and so long between two probes

SOONEST, LATEST = 0.02, 1.0  # seconds after which one in line asks again
AWAY = 2.5  # seconds at least for whom the line has no place
ABSENT = 2.0  # seconds after its time at which one in line counts as gone
LINE = 10  # places in line where only tokens are limited; else as many as there may be calls
SMOOTHING = 0.2

BYTES_PER_TOKEN = 4

Name = tuple[str, str]  # provider and model


@dataclass(frozen=True)
class Share:
    """What this worker may do of a limit: calls at once, tokens in a minute. None: as many as there are."""

    concurrent: int | None = None
    tokens: int | None = None


@dataclass(frozen=True)
class Refusal:
    """Ask again after so many seconds. `reason`: `rate`, a limit of ours is reached; `provider`, it is to be left alone."""

    seconds: float
    reason: str
    detail: str


@dataclass(frozen=True)
class State:
    """How a gate stands: `open`, `shut`, or `half-open` (for one probe), with its calls in flight and those in line.
    `endpoint`: where it is asked; empty for what every project has."""

    provider: str
    model: str
    state: str
    in_flight: int
    waiting: int
    endpoint: str = ""


class Entry:
    """That one call was let in. `leave` may be called twice; without an answer or an error the call was not made."""

    def __init__(self, gate: "Gate", tokens: int, at: float, probe: bool) -> None:
        self.tokens, self.at, self.probe = tokens, at, probe
        self._gate: Gate | None = gate

    def leave(self, completion: Completion | None = None, error: ProviderError | None = None) -> None:
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.left(self, completion, error)


class Gate:
    """Asked from any thread. `clock` gives seconds that only grow; `since` is when this worker came to have the share."""

    def __init__(
        self, name: Name, share: Share, clock: Callable[[], float] = time.monotonic, since: float | None = None
    ) -> None:
        self.name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._shut_until = clock()
        self._breaker = _Breaker()
        self._in_flight = 0
        self._line: dict[Hashable, float] = {}  # who waits, in order → until when they are expected to ask again
        self._duration = 1.0  # of a call, smoothed
        self._tokens = 0.0  # of a call, smoothed
        self._bucket: _Bucket | None = None
        self.allow(share, since)

    def allow(self, share: Share, since: float | None = None) -> None:
        """From now on (or since then) this much; what is in flight stays."""
        with self._lock:
            if share.tokens is None:
                self._bucket = None
            elif self._bucket is None:
                self._bucket = _Bucket(share.tokens, self._clock() if since is None else since)
            else:
                self._bucket.resize(share.tokens, self._clock())
            self._share = share

    def enter(self, who: Hashable, tokens: int) -> Entry | Refusal:
        """Lets one call in, or says when to ask again. Who is told to come back within `LATEST` seconds stands in line, and
        keeps its place by asking again."""
        with self._lock:
            now = self._clock()
            refusal = self._left_alone(now) or self._in_line(who, tokens, now)
            if refusal:
                return refusal
            self._line.pop(who, None)
            self._in_flight += 1
            self._tokens = _smoothed(self._tokens or tokens, tokens)
            if self._bucket:
                self._bucket.take(tokens, now)
            return Entry(self, tokens, now, self._breaker.enter(now))

    def left(self, entry: Entry, completion: Completion | None, error: ProviderError | None) -> None:
        """Learns from what came of a call; an `Entry` says it once."""
        with self._lock:
            now = self._clock()
            self._in_flight -= 1
            if self._bucket:
                self._bucket.take(_used(entry, completion, error) - entry.tokens, now)
            if completion is not None:
                self._duration = _smoothed(self._duration, now - entry.at)
            if completion is not None or isinstance(error, Rejected):
                self._breaker.answered()
            elif error is None:
                self._breaker.returned(entry.probe, now)
            elif error.retry_after:
                self._shut_until = max(self._shut_until, now + error.retry_after)
                self._breaker.refused(entry.probe)
            else:
                self._breaker.failed(entry.probe, now)

    def room(self) -> int | None:
        """How many more may come here without being sent away; None: any number."""
        with self._lock:
            now = self._clock()
            if self._left_alone(now):
                return 0
            if self._breaker.is_open:
                return 1
            rooms = []
            if self._share.concurrent is not None:
                rooms.append(self._share.concurrent - self._in_flight)
            if self._bucket:
                rooms.append(self._bucket.holds(self._tokens, now))
            return max(0, min(rooms) + self._longest_line - len(self._line)) if rooms else None

    def state(self) -> State:
        with self._lock:
            now = self._clock()
            waiting = sum(until > now for until in self._line.values())
            return State(*self.name, self._stands(now), self._in_flight, waiting)

    def _stands(self, now: float) -> str:
        if self._shut_until <= now and self._breaker.is_half_open(now):
            return "half-open"
        return "shut" if self._left_alone(now) else "open"

    def _left_alone(self, now: float) -> Refusal | None:
        target = ":".join(self.name)
        if self._shut_until > now:
            return Refusal(self._shut_until - now, "provider", f"{target} asked to be left alone until then.")
        if seconds := self._breaker.wait(now):
            return Refusal(seconds, "provider", f"{target} has not answered several times in a row.")
        return None

    def _in_line(self, who: Hashable, tokens: int, now: float) -> Refusal | None:
        """None: it is this one's turn. First come, first served, among those that did not go away."""
        self._line = {each: until for each, until in self._line.items() if until > now}
        place = list(self._line).index(who) if who in self._line else len(self._line)
        seconds = max(self._until_free(place), self._bucket.wait(tokens * (place + 1), now) if self._bucket else 0.0)
        if not seconds:
            return None
        detail = f"The limit on {':'.join(self.name)} is reached."
        if place >= self._longest_line:
            self._line.pop(who, None)
            return Refusal(max(seconds, AWAY), "rate", detail)
        seconds = min(max(seconds, SOONEST), LATEST)
        self._line[who] = now + seconds + ABSENT
        return Refusal(seconds, "rate", detail)

    def _until_free(self, place: int) -> float:
        """A quarter of the time in which as many calls end as have to: nobody knows when the next one does."""
        if self._share.concurrent is None or self._in_flight + place < self._share.concurrent:
            return 0.0
        ends = self._in_flight + place + 1 - self._share.concurrent
        return max(SOONEST, ends * self._duration / max(1, self._share.concurrent) / 4)

    @property
    def _longest_line(self) -> int:
        return LINE if self._share.concurrent is None else self._share.concurrent


class _Bucket:
    """Tokens that may still be used. It fills within a minute, as the providers' own do, and stands below zero where a call
    used more than was thought. It begins empty: what was used in the minute before, by this worker's predecessor or by
    those that had its share, nobody says."""

    def __init__(self, per_minute: int, since: float) -> None:
        self._per_minute = per_minute
        self._level, self._at = 0.0, since

    def resize(self, per_minute: int, now: float) -> None:
        """What is in it stays, as far as it has room: so what all workers have never grows by sharing out anew."""
        self._fill(now)
        self._per_minute = per_minute
        self._fill(now)

    def wait(self, tokens: int, now: float) -> float:
        """Seconds until so many are there. More than it can hold are there when it is full."""
        self._fill(now)
        most = max(1, self._per_minute)
        return max(0.0, min(tokens, most) - self._level) * 60 / most

    def take(self, tokens: int, now: float) -> None:
        self._fill(now)
        self._level = min(self._per_minute, self._level - tokens)

    def holds(self, tokens: float, now: float) -> int:
        """How many calls of so many tokens."""
        self._fill(now)
        return max(0, int(self._level / max(1.0, tokens)))

    def _fill(self, now: float) -> None:
        self._level = min(self._per_minute, self._level + (now - self._at) * self._per_minute / 60)
        self._at = now


class _Breaker:
    """Opens after failures in a row; lets one probe through at a time, and closes with the first answer."""

    def __init__(self) -> None:
        self._failures = 0
        self._next_probe: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        return self._next_probe is not None

    def is_half_open(self, now: float) -> bool:
        return self._next_probe is not None and (self._probing or self._next_probe <= now)

    def wait(self, now: float) -> float:
        if self._next_probe is None:
            return 0.0
        return max(self._next_probe - now, AWAY if self._probing else 0.0)

    def enter(self, now: float) -> bool:
        """Whether this call is the probe."""
        if self._next_probe is None:
            return False
        self._probing, self._next_probe = True, now + OPEN_FOR
        return True

    def answered(self) -> None:
        self._failures, self._next_probe, self._probing = 0, None, False

    def failed(self, probe: bool, now: float) -> None:
        self._failures += 1
        if probe:
            self._probing = False
        elif self._failures >= FAILURES and self._next_probe is None:
            self._next_probe = now + OPEN_FOR

    def refused(self, probe: bool) -> None:
        """The provider lives, and says when it wants to be asked: neither an answer nor a failure."""
        self._probing = self._probing and not probe

    def returned(self, probe: bool, now: float) -> None:
        """The call was not made: another one may be the probe at once."""
        if probe and self._probing:
            self._probing, self._next_probe = False, now


_lock = threading.Lock()
_gates: dict[tuple[Name, str], Gate] = {}
_shares: dict[Name, Share] = {}
_since: dict[Name, float] = {}  # when this worker came to have as many tokens of a share: from then on a bucket fills


def gate(provider: str, model: str, endpoint: str = "") -> Gate:
    """`endpoint`: where it is asked, because two projects may call two endpoints by one name. A limit is of the name."""
    name = provider, model
    with _lock:
        if (name, endpoint) not in _gates:
            source = _source(name)
            _gates[name, endpoint] = Gate(name, _shares.get(source, Share()), since=_since.get(source))
        return _gates[name, endpoint]


def share_out(shares: Mapping[Name, Share]) -> None:
    """From now on each gate allows this much. A share without a model is of each model of its provider that has none."""
    with _lock:
        now = time.monotonic()
        for name, share in shares.items():
            before = _shares.get(name, Share())
            if (share.tokens or 0) > (before.tokens or 0):
                _since[name] = now
        _shares.clear()
        _shares.update(shares)
        for (name, _), each in _gates.items():
            each.allow(_shares.get(_source(name), Share()))


def state() -> list[State]:
    """How the gates of this process stand: for whoever watches it."""
    with _lock:
        gates = list(_gates.items())
    return [replace(each.state(), endpoint=endpoint) for (_, endpoint), each in gates]


def tokens_of(request: Request) -> int:
    """What a call is counted as until its usage is known: as a provider counts it, with all the output that it may write."""
    return request.prompt_bytes // BYTES_PER_TOKEN + request.max_output_tokens


def _source(name: Name) -> Name:
    """The name under which the share of this gate stands, if any does."""
    return name if name in _shares else (name[0], "")


def _used(entry: Entry, completion: Completion | None, error: ProviderError | None) -> int:
    """Tokens that the provider counted. What is read from its cache it does not count; what was lost, it may have."""
    if completion is not None:
        usage = completion.usage
        return usage.prompt - usage.cache_read + usage.output
    return entry.tokens if isinstance(error, OutcomeUnknown | NotTheProtocol) else 0


def _smoothed(before: float, now: float) -> float:
    return before + SMOOTHING * (now - before)
