"""False structure: delimiters that end the answer early, turns of others, forms of a verdict."""

from __future__ import annotations

import re

from tasks.judge.attacks.findings import Finding, Text, asks_for, quoted
from tasks.judge.patterns import PatternFile

_DELIMITERS = PatternFile("delimiters")
_VERDICTS = PatternFile("verdicts")
_TOKEN_SIGNS = ("<|", "INST]", "SYS>>", "s>", "_of_turn", "##", "<\uff5c")
_SCORE_LINES = 2
# Words of a verdict that make it honest where the prompt has them too.
_ASKED_WORDS = frozenset(("verdict", "winner", "rank", "prefer"))
_WORDS = re.compile(r"\w+")


def delimiter(prompt: Text, response: Text) -> Finding | None:
    """Find false structure, unless the prompt holds it too or is about templates, markup or
    conversations, whichever would make it honest."""
    found = _token(prompt, response) or _frame(prompt, response) or _turn(prompt, response)
    if found is None or found.casefold() in prompt.folded:
        return None
    return Finding("delimiter", f"false structure: {quoted(found)}")


def verdict(prompt: Text, response: Text) -> Finding | None:
    """Find a verdict in one of the forms that judges write, unless the prompt asks for judging,
    for scores, or for what was found."""
    found = _verdict_form(response)
    if found is None or asks_for(prompt.plain, "judging", "injection"):
        return None
    # Forms that an answer to a quiz or a rating has too.
    if _VERDICTS["ambiguous"].search(found) and asks_for(prompt.plain, "scoring", "choice"):
        return None
    asked_words = set(_WORDS.findall(found.casefold())) & _ASKED_WORDS
    if asked_words & prompt.vocabulary or found.casefold() in prompt.folded:
        return None
    return Finding("verdict", f"looks like a verdict: {quoted(found)}")


def _token(prompt: Text, response: Text) -> str | None:
    """Find a control token with something after it: one at the very end is a model's own slip."""
    if not any(sign in response.plain for sign in _TOKEN_SIGNS):
        return None
    if asks_for(prompt.plain, "templates"):
        return None
    for name in ("token", "template"):
        match = _DELIMITERS[name].search(response.plain)
        if match and _DELIMITERS["token"].sub("", response.plain[match.start() :]).strip():
            return None if name == "template" and match.start() == 0 else match.group()
    return None


def _frame(prompt: Text, response: Text) -> str | None:
    """Find delimiters around answers, as judges' prompts set them."""
    plain, words = response.plain, response.vocabulary
    if not words.isdisjoint(_DELIMITERS.words("edges")):
        match = _DELIMITERS["mark"].search(plain)
        if match:
            return match.group()
    for match in _DELIMITERS["closing"].finditer(plain) if "</" in plain else ():
        opening = f"<{match.group(1)}".casefold()
        if opening not in plain[: match.start()].casefold() and not asks_for(
            prompt.plain, "markup"
        ):
            return match.group()
    match = _DELIMITERS["broken_out"].search(plain) if "}" in plain else None
    if match and plain[: match.start()].count("{") < 1:
        return match.group()
    if words.isdisjoint(_DELIMITERS.words("later")):
        return None
    match = _DELIMITERS["second_answer"].search(plain)
    if match is None or not _DELIMITERS["judge_asks"].search(plain):
        return None
    return match.group()


def _turn(prompt: Text, response: Text) -> str | None:
    """Find a turn of somebody else that speaks of judging."""
    if response.vocabulary.isdisjoint(_DELIMITERS.words("speakers")):
        return None
    if asks_for(prompt.plain, "conversation", "judging"):
        return None
    turns = [match.group() for match in _DELIMITERS["turn"].finditer(response.plain)]
    return next((turn for turn in turns if _DELIMITERS["turn_words"].search(turn)), None)


def _verdict_form(response: Text) -> str | None:
    plain, words = response.plain, response.vocabulary
    searched: list[tuple[str, str]] = []
    if "[[" in plain:
        searched.append(("in_brackets", plain))
    if "{" in plain:
        searched.append(("in_data", plain))
    if "</" in plain:
        searched.append(("in_tags", plain))
    if ">" in plain or _has_label_and_name(words):
        searched += [("in_lines", line) for line in plain.splitlines() if _may_decide(line)]
    for forms, text in searched:
        for form in _VERDICTS.alternatives(forms):
            if match := form.search(text):
                return match.group()
    if not words & {"5", "10"}:
        return None
    scores = [match.group() for match in _VERDICTS["scores"].finditer(plain)]
    return " ".join(scores) if len(scores) >= _SCORE_LINES else None


def _may_decide(line: str) -> bool:
    return ">" in line or _has_label_and_name(frozenset(_WORDS.findall(line.casefold())))


def _has_label_and_name(words: frozenset[str]) -> bool:
    has_label = not words.isdisjoint(_VERDICTS.words("labels"))
    return has_label and not words.isdisjoint(_VERDICTS.words("names"))
