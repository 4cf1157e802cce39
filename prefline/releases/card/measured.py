"""How good the labels are, as this run measured it."""

from __future__ import annotations

from prefline.releases.card.facts import CardFacts, JudgeFacts
from prefline.releases.card.markdown import interval, plain, table

_MEANS = {
    "verifier": "a programmatic check",
    "ai": "model judges alone",
    "human": "people",
    "imported": "verdicts given elsewhere",
}
_BIASES = {
    "prefers_first": ("share of verdicts for what is seen first", True),
    "position_bias": ("log-odds for what is seen first", False),
    "win_rate_longer": ("share of verdicts for the longer answer", True),
    "length_bias": ("log-odds per unit of log length ratio", False),
    "self_preference": ("for answers of its own model", True),
    "intransitive": ("share of triples that go round in a circle", True),
    "inconsistent": ("share of pairs whose winner changes with the order", True),
}


def labels(facts: CardFacts) -> str:
    """What the labels rest on."""
    rows = [(name, n, _MEANS.get(name, "")) for name, n in sorted(facts.label_sources.items())]
    return "## Labels rest on\n\n" + table(("label_source", "rows", "which is"), rows)


def quality(facts: CardFacts) -> str:
    """Accuracy of judges and labels, with 95 % intervals."""
    lines = [f"- {line}" for line in facts.quality]
    text = "## Label quality\n\nWith 95 % intervals, by prompt.\n\n" + "\n".join(lines)
    measured = [
        (name.replace("_", " "), interval(figure, share=name not in ("brier", "ece")), figure["n"])
        for name, figure in facts.against_people.items()
        if figure.get("value") is not None
    ]
    if measured:
        text += "\n\nAgainst people, on pairs drawn at random:\n\n"
        text += table(("figure", "value", "pairs"), measured)
    return text


def biases(facts: CardFacts) -> str:
    """What each judge's verdicts follow beside quality, and whether labels were corrected by it."""
    rows = [row for one in facts.judges for row in _rows(one)]
    if not rows:
        return "### Biases\n\nNo model judge was measured."
    text = "### Biases\n\n" + table(("judge", "bias", "measured", "removed from labels"), rows)
    warnings = [f"- {plain(one.name)}: {plain(w)}" for one in facts.judges for w in one.warnings]
    return text + ("\n\n" + "\n".join(warnings) if warnings else "")


def _rows(judge: JudgeFacts) -> list[tuple[str, str, str, bool]]:
    return [
        (judge.name, says, interval(judge.figures[name], share=share), name in judge.removed)
        for name, (says, share) in _BIASES.items()
        if judge.figures.get(name, {}).get("value") is not None
    ]
