"""Every fault in its short form, on servers and processes of its own: `make chaos` does the same for longer."""

import os
import random

import pytest

from tests.chaos import callers, servers, workers
from tests.chaos.house import House
from tests.chaos.verdict import Seen
from wire import crash

pytestmark = [
    pytest.mark.skipif(
        os.environ.get("TEST_ON") == "embedded", reason="several processes need PostgreSQL and a broker"
    ),
    pytest.mark.xdist_group("house"),  # one house, and one fault at a time
]


@pytest.fixture(scope="module")
def house():
    with House(int(os.environ.get("SEED") or random.randrange(10**6)), quick=True) as house:
        yield house


def expect_kept(house: House, seen: Seen) -> None:
    assert seen.broken == [], f"SEED={house.seed} {seen.done}: {seen.figures}\n{house.complaints()}"


def test_workers_killed_at_each_named_point_lose_nothing_and_repeat_nothing_that_was_recorded(house):
    assert {*workers.POINTS, "after-accept"} == set(crash.POINTS)
    expect_kept(house, workers.crash_points(house, workers.POINTS, executions=40))


def test_workers_killed_at_any_time_lose_nothing(house):
    expect_kept(house, workers.random_kills(house, kills=2, workers=2, executions=30))


def test_workers_killed_while_executions_call_others_lose_nothing(house):
    expect_kept(house, workers.killed_under_callers(house, kills=1, callers=5, each=4))


def test_workers_killed_under_an_evaluation_lose_no_case_and_try_none_twice(house):
    expect_kept(house, workers.killed_under_an_evaluation(house, kills=1, cases=30))


def test_a_frozen_worker_that_wakes_up_overwrites_nothing_and_its_cost_is_kept(house):
    expect_kept(house, workers.frozen(house, calls=10))


def test_a_worker_that_is_told_to_end_gives_back_what_it_holds_and_leaves_in_time(house):
    expect_kept(house, workers.told_to_end(house, calls=10, within=1))


def test_a_step_that_ends_its_workers_is_poisoned_and_nothing_else_is(house):
    expect_kept(house, workers.poisoned(house, innocents=10))


def test_clocks_that_are_wrong_steal_nothing_and_hold_nothing_up(house):
    expect_kept(house, workers.clocks(house, executions=6))


def test_a_broker_that_forgets_everything_loses_nothing(house):
    expect_kept(house, servers.broker_forgets(house, times=2, executions=20))


def test_a_broker_that_dies_stops_nobody(house):
    expect_kept(house, servers.broker_dies(house, away=1.5, executions=20))


def test_a_broker_that_freezes_stops_neither_a_heartbeat_nor_a_caller(house):
    expect_kept(house, servers.broker_freezes(house, executions=20))


def test_bells_that_ring_too_often_or_for_nothing_and_messages_that_are_none_do_no_harm(house):
    expect_kept(house, servers.rubbish(house, executions=10))


def test_a_database_that_dies_takes_no_paid_answer_with_it_and_the_api_says_when_to_come_again(house):
    expect_kept(house, servers.database_dies(house, times=1, away=1.5, executions=25))


def test_a_database_that_restarts_under_idle_workers_is_found_again_at_once(house):
    expect_kept(house, servers.database_restarts(house, times=2))


def test_a_version_that_is_published_meanwhile_changes_nothing_in_flight(house):
    expect_kept(house, callers.published_meanwhile(house, executions=20))


def test_fifty_callers_with_one_key_at_two_web_processes_make_one_execution(house):
    expect_kept(house, callers.one_key(house, callers=50))


def test_a_web_process_killed_before_its_answer_has_accepted_once(house):
    expect_kept(house, callers.killed_before_the_answer(house))


def test_twenty_callers_publish_one_number_once(house):
    expect_kept(house, callers.one_number(house, callers=20))
