"""stand-in until the graders land"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Grade:
    right: bool
    said: str = ""


def faults(spec, prefix=""):
    return []


def grade(graders, expected, output, input):
    return Grade(expected == output, "" if expected == output else "It differs.")
