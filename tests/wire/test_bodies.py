"""Bodies of requests: what is wrong is said once for each place, and every place is one of the body."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

import pytest
from pydantic import Field

from wire.bodies import Body, Moment, Usd, moment
from wire.problems import Invalid


class Parcel(Body):
    name: str
    content: dict[str, object] | str = ""
    weights: list[int] | None = None
    price: Usd | None = None
    sent_at: Moment | None = None
    labels: Annotated[list[str], Field(min_length=1, max_length=2)] = ["a"]
    size: Annotated[int, Field(ge=1, lt=10)] = 1
    code: Annotated[str, Field(min_length=2, max_length=3)] = "ab"
    way: Literal["land", "sea"] = "land"


def faults_in(data: object) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as found:
        Parcel.read(data)
    return [(fault.pointer, fault.detail) for fault in found.value.faults]


@pytest.mark.parametrize(
    ("data", "faults"),
    [
        ({}, [("/name", "This is required.")]),
        ({"name": "a", "content": 5}, [("/content", "This must be an object.")]),
        ({"name": "a", "content": {"str": 1}, "weights": 3}, [("/weights", "This must be a list.")]),
        ({"name": "a", "nmae": "b"}, [("/nmae", "Unknown key.")]),
        ({"name": 1, "a/b": 2}, [("/name", "This must be text."), ("/a~1b", "Unknown key.")]),
        ({"name": "a", "labels": []}, [("/labels", "At least 1 must stand in this list.")]),
        ({"name": "a", "labels": ["a"] * 3}, [("/labels", "At most 2 may stand in this list.")]),
        ({"name": "a", "size": 0}, [("/size", "This must be at least 1.")]),
        ({"name": "a", "size": 10}, [("/size", "This must be less than 10.")]),
        ({"name": "a", "code": "a"}, [("/code", "This has at least 2 characters.")]),
        ({"name": "a", "code": "abcd"}, [("/code", "This has at most 3 characters.")]),
        ({"name": "a", "way": "air"}, [("/way", "This must be 'land' or 'sea'.")]),
        ({"name": "a", "price": "-1"}, [("/price", "This must be an amount from 0 to 1000000 USD.")]),
        ({"name": "a", "price": 1_000_001}, [("/price", "This must be an amount from 0 to 1000000 USD.")]),
        ({"name": "a", "price": 1e300}, [("/price", "This must be an amount from 0 to 1000000 USD.")]),
        ({"name": "a", "price": "0.0000000000001"}, [("/price", "An amount has at most twelve places.")]),
    ],
)
def test_each_place_that_is_wrong_is_named_once(data, faults):
    assert faults_in(data) == faults


@pytest.mark.parametrize("price", ["5.20", "0", "0.000000000001", 5, 5.5, 1e-12, 1e6, "00012.50"])
def test_an_amount_is_a_number_as_json_writes_one(price):
    assert Parcel.read({"name": "a", "price": price}).price == Decimal(str(price))


@pytest.mark.parametrize(
    "price",
    [
        "1_000",
        "１",
        " 5",
        "5\n",
        "+5",
        ".5",
        "5.",
        "0x10",
        "NaN",
        "sNaN",
        "Infinity",
        "1e9999",
        "",
        True,
        [],
        "9" * 99999,
    ],
)
def test_an_amount_is_nothing_else(price):
    assert faults_in({"name": "a", "price": price}) == [
        ("/price", 'This must be an amount in USD, such as "5.20".'),
    ]


@pytest.mark.parametrize(
    ("price", "sentence"),
    [
        ("-1", "This must be an amount from 0 to 1000000 USD."),
        (-0.01, "This must be an amount from 0 to 1000000 USD."),
        ("1000000.000000000001", "This must be an amount from 0 to 1000000 USD."),
        ("10000000", "This must be an amount from 0 to 1000000 USD."),
        ("0.0000000000001", "An amount has at most twelve places."),
    ],
)
def test_an_amount_that_cannot_be_kept_is_refused_with_the_reason(price, sentence):
    assert faults_in({"name": "a", "price": price}) == [("/price", sentence)]


def test_a_wrong_part_of_a_list_is_named_by_its_number():
    whole = "This must be a whole number."
    assert faults_in({"name": "a", "weights": [1, "2", 3, True]}) == [("/weights/1", whole), ("/weights/3", whole)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0001-01-01T00:00:00+01:00", "lies outside the years 1 to 9999"),
        ("9999-12-31T23:59:59-00:01", "lies outside the years 1 to 9999"),
        ("10000-01-01T00:00:00Z", "must be a time such as"),
        ("0000-01-01T00:00:00Z", "must be a time such as"),
        ("2026-11-23T24:00:00Z", "must be a time such as"),
        ("2026-11-23T09:30:00", "needs its offset"),
        (20261123, "must be a time such as|needs its offset"),
        (None, "must be a time such as"),
        ("2026-W48-1T09:30:00Z", "must be a time such as"),
        ("2026-11-23T09:30Z", "must be a time such as"),
        ("2026-11-23T09:30:00,5Z", "must be a time such as"),
        ("20261123T093000Z", "must be a time such as"),
        ("2026-11-23T09:30:60Z", "must be a time such as"),
        ("2026-11-23T09:30:00+0200", "must be a time such as"),
        ("２026-11-23T09:30:00Z", "must be a time such as"),
    ],
)
def test_a_time_that_is_none_is_refused_with_a_sentence(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        moment(text)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2026-11-23T09:30:00+02:00", datetime(2026, 11, 23, 7, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_utc(text, time):
    assert moment(text) == time


@pytest.mark.parametrize(
    "price",
    ["a lot", "", " 5", "5\n", "5_000", "٥", "+5", "1e3", "0x10", "NaN", "Infinity", ".5", "5.", "1,5", True, [5]],
)
def test_an_amount_is_plain_digits(price):
    """Python reads most of these as a number."""
    assert faults_in({"name": "a", "price": price}) == [("/price", 'This must be an amount in USD, such as "5.20".')]


@pytest.mark.parametrize(
    ("price", "amount"),
    [("5.20", "5.20"), ("0", "0"), ("000.5", "0.5"), (5, "5"), (0.1, "0.1"), ("1000000", "1000000")],
)
def test_an_amount_is_read_as_it_is_written(price, amount):
    assert Parcel.read({"name": "a", "price": price}).price == Decimal(amount)
