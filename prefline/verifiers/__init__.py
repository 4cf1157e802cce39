"""Programmatic checks of a response: what decides where a prompt names one.

verifier.py       what a verifier is, and the table of all that are declared
answers.py        the reply against an answer, a number, a pattern
json_schema.py    the reply against a JSON schema, within a bound on time
patterns.py       regular expressions in linear time
constraints.py    instructions that can be checked: length, words, letter case, form, language
text_measures.py  what can be counted in a reply, and its form as a whole
"""

from prefline.verifiers.verifier import (
    RULES,
    VERIFIERS,
    Check,
    Verifier,
    accuracy_of,
    check,
    parse_verifier,
    without_fence,
)

__all__ = [
    "RULES",
    "VERIFIERS",
    "Check",
    "Verifier",
    "accuracy_of",
    "check",
    "parse_verifier",
    "without_fence",
]
