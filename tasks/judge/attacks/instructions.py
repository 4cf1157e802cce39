"""Instructions to the judge inside a response."""

from __future__ import annotations

from tasks.judge.attacks.asked import asks_for
from tasks.judge.attacks.finding import Finding, quoted
from tasks.judge.attacks.text import Text
from tasks.judge.attacks.wording import address


def instruction(prompt: Text, response: Text) -> Finding | None:
    """Words to the judge, unless the prompt speaks of judging or of injections, or holds such words
    itself (a text to translate, to quote or to put right)."""
    found = address(response.plain, response.vocabulary)
    if found is None or asks_for(prompt.plain, "judging", "injection"):
        return None
    if address(prompt.plain, prompt.vocabulary) is not None:
        return None
    return Finding("instruction", f"speaks to the judge: {quoted(found)}")
