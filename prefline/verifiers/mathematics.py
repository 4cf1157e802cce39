"""Verifier of a reply by mathematical equivalence, as `math-verify` tells it (with SymPy)."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field

from prefline.verifiers.verifier import Check, Undecided, Verifier, excerpt
from prefline.verifiers.worker import bounded

_LONGEST = 20_000  # characters of a reply that are read, from its end
_MARKS = re.compile(r"\$|\\\(|\\\[|\\boxed")  # of LaTeX in a text


class Mathematics(Verifier):
    """Passes if the reply's final expression equals `answer`: 1/2, 0.5, 50 % and \\frac{1}{2} are
    one; so are x(x+1) and x^2+x, and sets, intervals, matrices and equations. An expression in
    \\boxed{} counts before others. Digits after the sixth place do not count (`decimals`)."""

    accuracy: ClassVar[float] = 0.97  # how the reply got there is not looked at
    costly: ClassVar[bool] = True

    kind: Literal["math"]
    answer: str = Field(min_length=1, max_length=2_000)
    decimals: int = Field(6, ge=0, le=30)
    timeout_s: float = Field(5.0, gt=0, le=60)

    def check(self, text: str) -> Check:
        """Parse both and compare; a comparison that does not end cannot tell."""
        outcome = bounded(
            f"{__name__}:compare", self.timeout_s,
            answer=self.answer, reply=text[-_LONGEST:], decimals=self.decimals,
        )  # fmt: skip
        if outcome["undecided"]:
            raise Undecided(outcome["undecided"])
        shown = excerpt(outcome["reply"] or "no expression")
        if outcome["equal"]:
            return Check(passed=True, why=f"{shown} equals {excerpt(self.answer)}")
        return Check(passed=False, why=f"expected {excerpt(self.answer)}, got {shown}")


def prepare() -> None:
    """Import what `compare` needs, and let SymPy import what it puts off."""
    import logging

    logging.disable()  # math-verify warns that it has no time limit of its own
    compare("x^2+x", "$x(x+1)$", 6)


def compare(answer: str, reply: str, decimals: int) -> dict[str, Any]:
    """Return whether the reply's final expression equals the answer, the expression, and why it
    cannot be told if so. Runs in a process that is ended if this takes too long."""
    from math_verify import parse

    gold = [] if _MARKS.search(answer) else parse(f"${answer}$", parsing_timeout=None)
    if all(isinstance(one, str) for one in gold):
        gold = parse(answer, parsing_timeout=None)
    found = parse(reply, parsing_timeout=None)
    shown = str(found[-1]) if found else ""
    if not gold:
        return _outcome(
            shown, undecided=f"the answer {answer[:80]!r} is no mathematical expression"
        )
    return _outcome(shown, **_compare(gold, found, decimals))


def _compare(gold: list[Any], found: list[Any], decimals: int) -> dict[str, Any]:
    from itertools import product

    from math_verify import verify

    fault = ""
    for one, other in product(gold, found):
        try:
            if verify(
                one, other, float_rounding=decimals, timeout_seconds=None, raise_on_error=True
            ):
                return {"equal": True}
        except Exception as error:  # noqa: BLE001 - SymPy raises anything; it is told, not hidden
            fault = f"SymPy cannot compare: {type(error).__name__}: {error}"[:200]
    return {"undecided": fault}


def _outcome(reply: str, *, equal: bool = False, undecided: str = "") -> dict[str, Any]:
    return {"reply": reply, "equal": equal, "undecided": undecided}
