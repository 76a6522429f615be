"""Which flags are alike: literal pairs of what was found and what came in."""

import pytest

from designs.similarity import MOST, THRESHOLD, alike, explained, text_of, words_of

GIFT = (
    "The customer paid with a gift card; the instructions do not say where the money goes.\n"
    "I bought the blue kettle with a gift card and want my money back."
)
GIFT_TOO = (
    "The order was paid by gift card, and nothing says where the money goes.\n"
    "Hello, I paid the lamp with a gift card, can I have my money back?"
)
CLOSED = (
    "The customer says the seller closed his shop; no policy covers it.\n"
    "The seller of my lamp has closed his shop, who pays me back?"
)
EXCHANGE = "An exchange is asked for, which is not covered.\nI would like to exchange the shoes for a larger size."
BITCOIN = "The customer wants a refund in cryptocurrency, which is not covered.\nPay me back in bitcoin please."
HARDWARE = "The ticket is about a fault, none of the queues is for it.\nMy laptop screen flickers since yesterday."
PARKING = "The ticket is about parking, none of the queues is for it.\nWhen can I get a permit for the garage?"
PARKING_TOO = (
    "A parking space is asked for, none of the queues is for it.\nI need a parking permit for the garage of C."
)
LEAK = (
    "The claim concerns water damage from a neighbour's washing machine.\nDear team, last night water came through the ceiling of "
    "my kitchen because the washing machine upstairs leaked, and the cupboard, the floor and two chairs are spoiled. I called the "
    "landlord at once. Please tell me which documents you need from me. Kind regards, Anna"
)
LEAK_TOO = (
    "Water damage caused by a neighbour's dishwasher is not covered by the instructions.\nHello, the dishwasher of the neighbour "
    "upstairs leaked, water came through our ceiling and the floor and a carpet are spoiled. The landlord knows. Which documents "
    "do you need? Regards, Tom"
)
BICYCLE = (
    "The claim concerns a stolen bicycle abroad.\nDear team, on our holiday in Portugal my bicycle was stolen in front of "
    "the hotel although it was locked. I went to the police and have their report. Please tell me how to proceed, and which "
    "documents you need from me. Kind regards, Paul"
)


@pytest.mark.parametrize(
    ("one", "other", "percent"),
    [(GIFT, GIFT_TOO, 56), (PARKING, PARKING_TOO, 57), (LEAK, LEAK_TOO, 47), (GIFT, GIFT, 100)],
)
def test_these_belong_together(one, other, percent):
    found = alike(words_of(one), words_of(other))
    assert found >= THRESHOLD
    assert round(found * 100) == percent


@pytest.mark.parametrize(
    ("one", "other", "percent"),
    [(GIFT, CLOSED, 13), (EXCHANGE, BITCOIN, 0), (HARDWARE, PARKING, 0), (LEAK, BICYCLE, 34)],
)
def test_and_these_do_not(one, other, percent):
    found = alike(words_of(one), words_of(other))
    assert found < THRESHOLD
    assert round(found * 100) == percent


def test_it_is_the_same_from_either_side():
    assert alike(words_of(GIFT), words_of(GIFT_TOO)) == alike(words_of(GIFT_TOO), words_of(GIFT))


def test_the_same_sentence_of_ours_brings_no_two_together():
    said = "The model says that this is not covered"
    assert alike(words_of(f"{said}\nPay me in bitcoin"), words_of(f"{said}\nMy kettle leaks")) == 0


def test_what_was_found_sets_two_apart_that_came_in_alike():
    came = "Please refund the kettle"
    assert alike(words_of(f"A gift card\n{came}"), words_of(f"An insulted clerk\n{came}")) == 0.5
    assert alike(words_of(f"A gift card\n{came}"), words_of(f"A gift card\n{came}")) == 1


def test_without_words_in_either_input_what_was_found_decides():
    assert alike(words_of("A gift card\n700"), words_of("An insulted clerk\n12")) == 0
    assert alike(words_of("A gift card\n700"), words_of("The gift card\n12")) == 1


def test_ids_amounts_and_marks_are_not_compared():
    said = "Refund of order A4711x for [redacted:card-number], 1200 EUR, 0190a000-0000-7000-8000-000000000000"
    assert words_of(said).found == ("order", "refund")


def test_a_script_without_spaces_is_compared_by_its_signs():
    assert words_of("\n退款 礼品卡 refund").came == ("refund", "卡", "品", "款", "礼", "退")


def test_what_stands_for_a_flag_is_what_was_found_and_the_texts_of_the_input():
    input = {"message": "My kettle", "order": {"id": 4711, "lines": ["a lid", None, "a cord"]}, "paid": True}
    assert text_of("Nothing\ncovers it.", input) == "Nothing covers it.\nMy kettle\na lid\na cord"
    assert text_of("", "kettle") == "\nkettle"
    assert text_of("", None) == ""


def test_it_is_bounded_however_large_and_deep_the_input_is():
    deep: list = ["kettle"]
    for _ in range(100_000):
        deep = [deep]
    assert text_of("Found.", deep) == "Found.\nkettle"
    assert len(text_of("long " * 1000, ["kettles " * 10_000] * 100)) == MOST


def test_it_is_explained_by_the_words_that_they_share():
    found = explained(words_of("It says\nMy gift card paid for it"), words_of("It says\nIt was paid with a gift card"))
    assert (found.similarity, found.explanation) == (
        0.8571,
        "86% alike with the first. In both inputs: “card”, “gift”, “paid”. In what was found: “says”.",
    )


def test_of_many_shared_words_the_longest_are_named():
    assert explained(words_of(LEAK), words_of(LEAK_TOO)).explanation == (
        "47% alike with the first. In both inputs: “documents”, “landlord”, “upstairs”, “ceiling”, “regards”, “spoiled” "
        "and 7 more. In what was found: “neighbour”, “damage”, “water”."
    )


def test_two_without_words_are_not_told_apart():
    found = explained(words_of("700"), words_of("12"))
    assert (found.similarity, found.explanation) == (1.0, "100% alike with the first. There are no words to compare.")
