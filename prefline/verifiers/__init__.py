"""Programmatic checks of a response: the strong judge where a prompt names one.

    exact.py        the whole reply is one of the answers
    numeric.py      the last number in the reply
    regex.py        a pattern
    json_schema.py  JSON valid under a schema
    constraints.py  instructions that can be checked: length, words, letter case, form, language
    counting.py     what can be counted in a reply
    layout.py       its form as a whole: title, JSON, quotation, sections

Each kind is one frozen section with a method `check(text) -> Check`.
"""

from prefline.verifiers.check import Check
from prefline.verifiers.parse import Verifier, check, parse_verifier

RULES = 1
"""Rises where a check comes to pass other replies: then a label by it means something else."""

__all__ = ["RULES", "Check", "Verifier", "check", "parse_verifier"]
