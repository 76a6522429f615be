"""The gate in front of a model, by an injected clock: limits, the line before it, `retry-after`, and the breaker."""

import threading

import pytest

from gateway import pressure
from gateway.models import Limit
from gateway.pressure import Entry, Gate, Refusal, Share
from gateway.types import AccessDenied, Completion, NotSent, NotTheProtocol, OutcomeUnknown, Rejected, Throttled, Usage

ANSWER = Completion("Yes.", "claude-haiku-5-5", Usage(input=60, cache_read=1000, output=40))
FAILURE = Throttled("The provider answered 500.")


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


NAME = ("scripted", "claude-haiku-5-5")


def gate_of(clock, concurrent=None, tokens=None):
    """Of a worker that has had its share for a minute."""
    return Gate(NAME, Share(concurrent, tokens), clock, since=clock.now - 60)


def fail(gate, times, error=FAILURE):
    for number in range(times):
        gate.enter(f"failing {number}", 100).leave(error=error)


def refused(gate, who="somebody", tokens=100):
    answer = gate.enter(who, tokens)
    assert isinstance(answer, Refusal)
    return answer.reason, round(answer.seconds, 2)


def entered(gate, who="somebody", tokens=100):
    answer = gate.enter(who, tokens)
    assert isinstance(answer, Entry), answer
    return answer


def test_without_a_limit_everything_enters(clock):
    gate = gate_of(clock)
    for number in range(1000):
        entered(gate, number)
    assert (gate.room(), gate.state().in_flight) == (None, 1000)


def test_no_more_calls_are_in_flight_than_allowed(clock):
    gate = gate_of(clock, concurrent=2)
    first = entered(gate, "a")
    entered(gate, "b")
    assert refused(gate, "c")[0] == "rate"
    first.leave(ANSWER)
    entered(gate, "c")
    assert gate.state().in_flight == 2


def test_who_leaves_twice_frees_one_place(clock):
    gate = gate_of(clock, concurrent=2)
    first = entered(gate, "a")
    entered(gate, "b")
    first.leave(ANSWER)
    first.leave()
    entered(gate, "c")
    assert refused(gate, "d")[0] == "rate"


def test_who_came_first_is_served_first(clock):
    gate = gate_of(clock, concurrent=2)
    calls = [entered(gate, "a"), entered(gate, "b")]
    refused(gate, "c")
    refused(gate, "d")
    calls[0].leave(ANSWER)
    assert refused(gate, "d")[0] == "rate"
    assert refused(gate, "newcomer")[0] == "rate"
    entered(gate, "c")
    calls[1].leave(ANSWER)
    entered(gate, "d")


def test_the_line_is_as_long_as_the_share_and_who_finds_it_full_is_sent_away(clock):
    gate = gate_of(clock, concurrent=2)
    entered(gate, "a")
    entered(gate, "b")
    assert refused(gate, "c")[1] <= 1.0
    assert refused(gate, "d")[1] <= 1.0
    assert refused(gate, "e") == ("rate", 2.5)
    assert (gate.state().waiting, gate.room()) == (2, 0)


def test_who_does_not_come_back_loses_its_place(clock):
    gate = gate_of(clock, concurrent=1)
    first = entered(gate, "a")
    refused(gate, "gone")
    first.leave(ANSWER)
    assert refused(gate, "b")[0] == "rate"
    clock.now += 3.1
    entered(gate, "b")


def test_a_smaller_share_holds_for_what_comes_next(clock):
    gate = gate_of(clock, concurrent=2)
    calls = [entered(gate, "a"), entered(gate, "b")]
    gate.allow(Share(1))
    calls[0].leave(ANSWER)
    assert refused(gate, "c")[0] == "rate"
    calls[1].leave(ANSWER)
    entered(gate, "c")


def test_a_worker_without_a_share_sends_everything_away(clock):
    gate = gate_of(clock, concurrent=0)
    assert refused(gate) == ("rate", 2.5)
    assert gate.room() == 0


def test_tokens_come_back_with_the_minute(clock):
    gate = gate_of(clock, tokens=6000)
    for number in range(6):
        entered(gate, number, tokens=1000)
    assert refused(gate, "a", tokens=1000) == ("rate", 1.0)  # in line: in ten seconds, and it asks every second
    clock.now += 9.9
    assert refused(gate, "b", tokens=1000)[0] == "rate"
    clock.now += 0.2
    entered(gate, "b", tokens=1000)


def test_a_usage_corrects_what_was_thought(clock):
    gate = gate_of(clock, tokens=6000)
    for number in range(6):
        entered(gate, number, tokens=1000).leave(ANSWER)  # 100 each: what the cache held does not count
    for number in range(5):
        entered(gate, number, tokens=1000)
    assert refused(gate, tokens=1000)[0] == "rate"


@pytest.mark.parametrize(("error", "kept"), [(FAILURE, False), (None, False), (OutcomeUnknown("It was lost."), True)])
def test_a_call_that_was_not_made_used_nothing(clock, error, kept):
    gate = gate_of(clock, tokens=1000)
    entered(gate, tokens=1000).leave(error=error)
    assert isinstance(gate.enter("next", 1000), Refusal) == kept


def test_a_request_above_the_whole_limit_passes_when_nothing_else_does(clock):
    gate = gate_of(clock, tokens=1000)
    entered(gate, "large", tokens=5000)
    assert refused(gate, "small", tokens=10)[0] == "rate"
    clock.now += 60 * 4.1
    entered(gate, "small", tokens=10)


def test_a_share_that_changes_makes_no_tokens(clock):
    gate = gate_of(clock, tokens=6000)
    entered(gate, tokens=4000)
    for tokens in (3000, 60_000, 0, 6000):  # none are left of the 2,000 once nothing was allowed
        gate.allow(Share(tokens=tokens))
        assert isinstance(gate.enter("somebody", 2500), Refusal)
    assert refused(gate, tokens=1)[0] == "rate"
    clock.now += 60
    entered(gate, tokens=6000)


def test_a_worker_that_has_just_come_begins_without_tokens(clock):
    gate = Gate(NAME, Share(tokens=6000), clock)
    assert refused(gate, "a", tokens=1000) == ("rate", 1.0)
    clock.now += 10
    entered(gate, "a", tokens=1000)
    assert refused(gate, "b", tokens=1000)[0] == "rate"


def test_a_restart_gives_no_tokens_twice():
    pressure.share_out({NAME: Share(tokens=6000)})
    pressure._since[NAME] -= 60
    entered(pressure.gate(*NAME), tokens=6000)
    for known in (pressure._gates, pressure._shares, pressure._since):  # as in a new process
        known.clear()
    pressure.share_out({NAME: Share(0)})  # until the others have seen it
    assert refused(pressure.gate(*NAME), tokens=1000)[0] == "rate"
    pressure.share_out({NAME: Share(tokens=6000)})
    assert refused(pressure.gate(*NAME), tokens=1000)[0] == "rate"


@pytest.mark.parametrize("name", [NAME, ("scripted", "")])
def test_a_model_that_nobody_asked_for_a_minute_has_all_its_tokens(name):
    pressure.share_out({name: Share(tokens=6000)})
    pressure._since[name] -= 60
    pressure.share_out({name: Share(tokens=6000)})  # each second
    entered(pressure.gate(*NAME), tokens=6000)


def test_what_a_share_grew_by_counts_from_then():
    pressure.share_out({NAME: Share(tokens=3000)})
    pressure._since[NAME] -= 60
    pressure.share_out({NAME: Share(tokens=6000)})
    assert refused(pressure.gate(*NAME), tokens=1000)[0] == "rate"


@pytest.mark.parametrize("error", [Throttled("429", 7.5), AccessDenied("Spent.", 7.5)])
def test_a_retry_after_shuts_it_for_everybody_for_exactly_so_long(clock, error):
    gate = gate_of(clock)
    other = entered(gate, "other")
    entered(gate, "a").leave(error=error)
    assert refused(gate, "b") == ("provider", 7.5)
    other.leave(ANSWER)  # it was under way before
    clock.now += 7.4
    assert (refused(gate, "c"), gate.room(), gate.state().state) == (("provider", 0.1), 0, "shut")
    clock.now += 0.1
    entered(gate, "d")


def test_a_shorter_retry_after_does_not_open_what_a_longer_one_shut(clock):
    gate = gate_of(clock)
    first, second = entered(gate, "a"), entered(gate, "b")
    first.leave(error=Throttled("429", 60))
    second.leave(error=Throttled("429", 1))
    assert refused(gate) == ("provider", 60.0)


@pytest.mark.parametrize(
    "error",
    [
        FAILURE,
        Throttled("429", 0.0),
        NotSent("No."),
        OutcomeUnknown("?"),
        NotTheProtocol("<html>"),
        AccessDenied("No."),
    ],
)
def test_five_failures_in_a_row_open_the_breaker(clock, error):
    gate = gate_of(clock)
    fail(gate, 4, error)
    entered(gate).leave(error=error)
    assert refused(gate) == ("provider", 30.0)
    assert (gate.room(), gate.state().state) == (0, "shut")


@pytest.mark.parametrize("answer", [{"completion": ANSWER}, {"error": Rejected("Too long.")}])
def test_an_answer_between_begins_the_count_anew(clock, answer):
    gate = gate_of(clock)
    fail(gate, 4)
    entered(gate).leave(**answer)
    fail(gate, 4)
    entered(gate)


def test_one_probe_passes_every_thirty_seconds_until_one_is_answered(clock):
    gate = gate_of(clock)
    fail(gate, 5)
    probes = []
    for _ in range(1000):
        clock.now += 0.25
        answer = gate.enter("somebody", 100)
        if isinstance(answer, Entry):
            probes.append(clock.now - 1000)
            answer.leave(error=FAILURE)
    assert probes == [30, 60, 90, 120, 150, 180, 210, 240]
    clock.now = 1270
    assert (gate.room(), gate.state().state) == (1, "half-open")
    probe = entered(gate, "probe")
    assert (gate.room(), gate.state().state, refused(gate)) == (0, "half-open", ("provider", 30.0))
    clock.now += 31  # it is slow, and still the only one
    assert refused(gate) == ("provider", 2.5)
    probe.leave(ANSWER)
    assert (gate.room(), gate.state().state) == (None, "open")
    fail(gate, 4)
    entered(gate)


def test_a_probe_that_was_not_made_is_given_to_the_next(clock):
    gate = gate_of(clock)
    fail(gate, 5)
    clock.now += 30
    entered(gate, "a").leave()
    entered(gate, "b")
    assert refused(gate, "c") == ("provider", 30.0)


def test_failures_that_come_late_do_not_put_the_probe_off(clock):
    gate = gate_of(clock)
    late = [entered(gate, number) for number in range(300)]
    fail(gate, 5)
    clock.now += 20
    for each in late:
        each.leave(error=FAILURE)
    assert refused(gate) == ("provider", 10.0)


def test_a_probe_that_is_told_to_wait_waits(clock):
    gate = gate_of(clock)
    fail(gate, 5)
    clock.now += 30
    entered(gate).leave(error=Throttled("429", 100))
    clock.now += 99
    assert refused(gate) == ("provider", 1.0)
    clock.now += 1
    entered(gate, "probe")
    assert refused(gate, "second")[0] == "provider"


def test_threads_never_exceed_the_limit():
    gate = Gate(("scripted", "claude-haiku-5-5"), Share(3))
    inside, most = [], []

    def call(who):
        for number in range(200):
            answer = gate.enter((who, number), 100)
            if isinstance(answer, Entry):
                inside.append(who)
                most.append(len(inside))
                inside.pop()
                answer.leave(ANSWER)

    threads = [threading.Thread(target=call, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= max(most) <= 3
    assert gate.state().in_flight == 0


@pytest.mark.parametrize(
    ("workers", "shares"),
    [(1, [(10, 90_000)]), (3, [(4, 30_000), (3, 30_000), (3, 30_000)]), (2, [(5, 45_000), (5, 45_000)])],
)
def test_the_shares_of_all_workers_add_up_to_the_limit(workers, shares):
    limit = Limit(provider="scripted", concurrent=10, tokens_per_minute=90_000)
    assert [limit.share(rank, workers) for rank in range(workers)] == [Share(*share) for share in shares]


def test_more_workers_than_calls_leave_the_younger_ones_without():
    limit = Limit(provider="scripted", concurrent=2)
    assert [limit.share(rank, 4) for rank in range(4)] == [Share(1), Share(1), Share(0), Share(0)]


def test_a_limit_of_its_own_goes_before_that_of_each_model():
    pressure.share_out({("anthropic", ""): Share(5), ("anthropic", "claude-opus-5-5"): Share(1)})
    rooms = [pressure.gate("anthropic", f"claude-{name}-5-5").room() for name in ("opus", "haiku", "sonnet")]
    assert rooms == [2, 10, 10]
    assert pressure.gate("scripted", "claude-haiku-5-5").room() is None
    pressure.share_out({})
    assert pressure.gate("anthropic", "claude-opus-5-5").room() is None


def test_it_says_how_every_gate_stands():
    pressure.share_out({("anthropic", "claude-haiku-5-5"): Share(1)})
    gate = pressure.gate("anthropic", "claude-haiku-5-5")
    entered(gate, "a")
    refused(gate, "b")
    assert pressure.state() == [pressure.State("anthropic", "claude-haiku-5-5", "open", 1, 1)]
