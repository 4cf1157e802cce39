"""The last number in the reply."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from prefline.config.section import Section
from prefline.verifiers.check import Check

# A minus sign belongs to a number only where it cannot be a range or a subtraction.
_NUMBER = re.compile(r"(?<![\w.])[-\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w])")


class Numeric(Section):
    """Passes if the last number in the reply is `value`, give or take `tolerance`.

    The last one counts, as in grading by final answer (GSM8K, Cobbe et al. 2021,
    arXiv 2110.14168): what comes before is how the model got there.
    """

    kind: Literal["numeric"]
    value: float
    tolerance: float = Field(0.0, ge=0)

    def check(self, text: str) -> Check:
        """Compare the last number."""
        numbers = _NUMBER.findall(text)
        if not numbers:
            return Check(passed=False, why=f"expected {self.value:g}, there is no number")
        last = float(numbers[-1].replace(",", "").replace("\u2212", "-"))
        if abs(last - self.value) <= self.tolerance:
            return Check(passed=True, why=f"last number is {last:g}")
        return Check(passed=False, why=f"expected {self.value:g}, last number is {last:g}")
