"""Ids that grow with time."""

from datetime import timedelta

from django.utils import timezone

from wire.ids import first_id, new_id


def test_ids_are_in_the_order_in_which_one_process_makes_them():
    made = []
    for _ in range(2000):
        made.append(new_id())
        sum(range(50))  # what lies between two rows takes longer than a 4,096th of a millisecond
    assert made == sorted(made)
    assert len(set(made)) == 2000
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}


def test_a_moment_stands_before_every_id_that_is_made_from_then_on():
    before = timezone.now()
    assert first_id(before) <= new_id() < first_id(timezone.now() + timedelta(seconds=1))
