"""Programmatic checks of a response: what decides where a prompt names one.

verifier.py       what a verifier is, and the table of all that are declared
answers.py        the reply against an answer, a number, a pattern
json_schema.py    the reply against a JSON schema, within a bound on time
patterns.py       regular expressions in linear time
calls.py          the tools that were called, and their arguments
constraints.py    instructions that can be checked: length, words, letter case, form, language
ifeval.py         IFEval's 25 instructions by their own names
mathematics.py    the reply against an answer, by mathematical equivalence
code.py           the reply as a program, against tests; sandbox.py is where it runs, and
                  in_sandbox.py what begins there
sql.py            the reply as a query, against the rows of another
worker.py         a process for checks that may not end
text_measures.py  what can be counted in a reply, and its form as a whole
"""

from prefline.verifiers.verifier import (
    RULES,
    VERIFIERS,
    Check,
    Verifier,
    accuracy_of,
    check,
    check_side_by_side,
    parse_verifier,
    require_checks,
    without_fence,
)

__all__ = [
    "RULES",
    "VERIFIERS",
    "Check",
    "Verifier",
    "accuracy_of",
    "check",
    "check_side_by_side",
    "parse_verifier",
    "require_checks",
    "without_fence",
]
