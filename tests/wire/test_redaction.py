"""What may not be kept is found by its form or its field, replaced by a mark, and costs no more than reading the text."""

import json
import time

import pytest

from tests.secrets import SECRETS
from wire.redaction import NAMES, PATTERNS, SHORTEST, USUAL, USUAL_NAMES, is_card, is_iban, path_of, policy_of

ALL = policy_of(frozenset(NAMES), ())
INNOCENT = [
    "The task-force-on-learning-methods met; see sk-learn and disk-usage-of-the-day.",
    "An API key begins with sk-ant- or AKIA, a token with ghp_, and a JWT with eyJ.",
    "The bearer of good news; Bearer bonds; a bearer responsibilities plan; basic understanding of it",
    "https://shop.example/orders?from=10:30&to=11:45 and mail to tom@shop.example: thanks",
    "postgres://reader@db.example:5432/shop has no password",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "Order 4000123412341235 and 2026 2027 2028 2029, call +49 30 1234 5678, at 20261125123456",
    "commit 4111111111111111deadbeef4111111111111111, 0.4111111111111111, id a4111111111111111",
    "DE89 3704 0044 0532 0130 01 is no account, and 4111 1111 1111 1112 is no card",
    "[redacted:api-key] and postgres://u:[redacted:url-password]@db and Bearer [redacted:authorization]",
]


@pytest.mark.parametrize(("name", "secret", "left"), SECRETS)
@pytest.mark.parametrize("around", ["{}", "Please use {} for it, thanks.", '{{"a": "{}"}}', "({}),\n{}"])
def test_a_secret_becomes_a_mark_that_says_what_it_was(name, secret, left, around):
    told = around.replace("{{", "{").replace("}}", "}")
    assert ALL.text(told.replace("{}", secret)) == told.replace("{}", left.format(f"[redacted:{name}]"))


def test_every_pattern_is_tried():
    assert {name for name, _, _ in SECRETS} == set(NAMES)


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_looks_like_one_stays(text):
    assert ALL.text(text) is text


@pytest.mark.parametrize(("name", "secret", "left"), SECRETS)
def test_redacting_twice_is_redacting_once(name, secret, left):
    once = ALL.value({"a": [secret], secret: 1})
    assert ALL.counted(once) == (once, 0)


@pytest.mark.parametrize(("name", "secret", "left"), SECRETS)
def test_a_pattern_that_is_switched_off_is_not_looked_for(name, secret, left):
    others = policy_of(frozenset(NAMES) - {name}, ())
    assert secret in others.text(secret)


def test_an_account_number_is_looked_for_only_where_that_is_wanted():
    assert set(NAMES) - USUAL_NAMES == {"iban"}


@pytest.mark.parametrize(
    ("digits", "yes"),
    [
        ("4111111111111111", True),
        ("378282246310005", True),
        ("5555555555554444", True),
        ("6011111111111117", True),
        ("4111111111111112", False),
        ("1234567812345670", False),  # right by its last digit, and of no network
        ("0000000000000000", False),
    ],
)
def test_a_card_is_of_a_network_and_has_a_right_last_digit(digits, yes):
    assert is_card(digits) is yes


def test_an_account_has_right_check_digits():
    assert is_iban("GB82WEST12345698765432")
    assert not is_iban("GB83WEST12345698765432")


def test_a_value_is_looked_at_to_its_last_text_number_and_key():
    key = SECRETS[0][1]
    value = {"a": [1, {"b": f"it is {key}"}], "card": 4111111111111111, key: None, "n": 17, "f": 1.5, "t": True}
    clean, count = USUAL.counted(value)
    assert clean == {
        "a": [1, {"b": "it is [redacted:api-key]"}],
        "card": "[redacted:card]",
        "[redacted:api-key]": None,
        "n": 17,
        "f": 1.5,
        "t": True,
    }
    assert count == 3
    assert list(clean) == ["a", "card", "[redacted:api-key]", "n", "f", "t"]


def test_two_keys_that_become_one_are_both_kept():
    first, second = (secret for name, secret, _ in SECRETS[:2])
    assert list(USUAL.value({first: 1, second: 2})) == ["[redacted:api-key]", "[redacted:api-key]'"]


def test_a_value_without_secrets_is_the_same_object():
    value = {"a": [1, 2.5, None, True, "a sentence"], "b": {"c": {}}}
    assert USUAL.value(value) is value


@pytest.mark.parametrize(
    ("field", "value", "clean"),
    [
        ("password", {"Password": "x", "a": [{"PASSWORD": {"b": 1}}]}, {"Password": ..., "a": [{"PASSWORD": ...}]}),
        ("password", {"passwords": "x", "password": None}, {"passwords": "x", "password": None}),
        ("/customer/iban", {"customer": {"iban": "x"}, "iban": "y"}, {"customer": {"iban": ...}, "iban": "y"}),
        ("/customer/iban", {"output": {"customer": {"iban": "x"}}}, {"output": {"customer": {"iban": ...}}}),
        ("/customer/iban", {"customer": {"bank": {"iban": "x"}}}, {"customer": {"bank": {"iban": "x"}}}),
        ("/orders/0/iban", {"orders": [{"iban": "x"}, {"iban": "y"}]}, {"orders": [{"iban": ...}, {"iban": ...}]}),
        ("/orders/iban", {"orders": {"17": {"iban": "x"}}}, {"orders": {"17": {"iban": ...}}}),
        ("/a~1b/c~0d", {"a/b": {"c~d": 1}}, {"a/b": {"c~d": ...}}),
        ("a/b", {"a/b": 1, "a": {"b": 2}}, {"a/b": ..., "a": {"b": 2}}),
    ],
)
def test_a_field_is_replaced_wherever_its_path_stands(field, value, clean):
    policy = policy_of(frozenset(), (field,))
    marked = json.loads(json.dumps(clean, default=lambda _: "[redacted:field]"))
    assert policy.value(value) == marked
    assert policy.counted(marked) == (marked, 0)


@pytest.mark.parametrize("field", ["", "/", "/a//b", "/0", "17", "x" * 201, "a\x00b", " "])
def test_a_field_that_names_nothing_is_refused(field):
    with pytest.raises(ValueError, match="/customer/iban"):
        path_of(field)


def test_a_text_that_is_json_stays_json():
    said = json.dumps({"card": 4111111111111111, "url": "postgres://u:hunter2@db"}).replace("/", "\\/")
    assert json.loads(USUAL.document(said)) == {
        "card": "[redacted:card]",
        "url": "postgres://u:[redacted:url-password]@db",
    }
    innocent = '{"a":  "one \\n two", "b": 1e3}'
    assert USUAL.document(innocent) is innocent


@pytest.mark.parametrize("broken", ['{"a": "%s"', '{"a": "%s", "a": 1}', "It is %s.", '{"a": "%s", "b": NaN}'])
def test_a_text_that_is_broken_json_is_a_text_and_does_not_become_better(broken):
    secret = SECRETS[0][1]
    assert USUAL.document(broken % secret) == broken % "[redacted:api-key]"


def test_fields_are_found_in_a_text_that_is_json():
    policy = policy_of(frozenset(), ("password",))
    assert json.loads(policy.document('{"output": {"password": "x"}}')) == {"output": {"password": "[redacted:field]"}}


def test_secrets_of_our_own_are_found_whatever_their_form(settings):
    settings.OWN_SECRETS = ("correct horse battery",)
    nothing = policy_of(frozenset(), ())
    assert nothing.text("It said: correct horse battery!") == "It said: [redacted:environment]!"


def test_what_must_not_be_changed_is_told_with_its_place():
    key = SECRETS[0][1]
    found = list(USUAL.faults({"steps": [{"a/b": f"use {key}"}], "n": 4111111111111111}))
    assert [(fault.pointer, fault.detail) for fault in found] == [
        ("/steps/0/a~1b", "This holds what looks like a secret (api-key)")
    ]


@pytest.mark.parametrize(
    "unit",
    [
        *("sk-", "sk-a", "-sk-ant-", "eyJ", "-eyJ", "eyJaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "-"),
        *("Bearer ", "Bearer\t\n", "Authorization: Basic ", "://", "://a:", "://:", "a@", "4111 ", "4111-1111 ", "41"),
        *("SG.", "SG.aaaaaaaaaaaaaaaa.", "xoxb-", "ghp_", "AKIA", "GB82 WEST ", "wm_00000000_", " ", "\\", '"', "["),
    ],
)
def test_no_text_takes_long(unit):
    text = unit * (500_000 // len(unit))
    began = time.process_time()
    ALL.text(text)
    assert time.process_time() - began < 3


def test_every_hint_is_led_by_a_letter_that_stands_for_itself():
    """Else looking for all of them at once would try each position of a text."""
    assert all(hint[0].isalnum() or hint[0] in "-_:" for pattern in PATTERNS for hint in pattern.hints)
    assert min(len(secret) for _, secret, _ in SECRETS) >= SHORTEST
