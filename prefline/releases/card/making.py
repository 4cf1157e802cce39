"""How a version was made: models, judges, principles; what was rejected; what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefline.releases.card.facts import CardFacts
from prefline.releases.card.markdown import plain, table

_CHARGES = ("calls", "input_tokens", "output_tokens", "cost_usd")


def generation(facts: CardFacts) -> str:
    """The stages, the models that wrote responses, and how tokens were drawn."""
    models = table(
        ("model", "chosen", "rejected", "asked at"),
        [(one.name, one.chosen, one.rejected, one.at or "imported") for one in facts.models],
    )
    return "\n\n".join(
        [
            "## How it was made",
            "Stages: sample (prompts), generate (responses), judge (verdicts), pair (labels), "
            "validate, publish.",
            models,
            "Generation: " + _settings(facts.generation) + ".",
        ]
    )


def judging(facts: CardFacts) -> str:
    """The judges, and from where on a label counts."""
    rows = [(one.name, one.method, one.model, one.at) for one in facts.judges]
    text = "### Judges\n\n" + table(("judge", "method", "model", "asked at"), rows)
    if facts.thresholds:
        text += f"\n\nThresholds of a label: {_settings(facts.thresholds)}."
    return text + (f"\n\nMeaning of labels: `{facts.meaning}`." if facts.meaning else "")


def principles(facts: CardFacts) -> str:
    """The text of every principle that a judge applied."""
    told = {identity: said for one in facts.judges for identity, said in one.principles}
    if not told:
        return ""
    return "### Principles\n\n" + table(("id", "principle"), sorted(told.items()))


def rejections(facts: CardFacts) -> str:
    """What did not become a preference, by stage and reason."""
    rows = [(stage, reason, count) for (stage, reason), count in sorted(facts.rejections.items())]
    if not rows:
        return "### Rejected on the way\n\nNothing."
    return "### Rejected on the way\n\n" + table(("stage", "reason", "items"), rows)


def validation(facts: CardFacts) -> str:
    """How many expectations hold, and each that does not."""
    expectations = facts.validation.get("expectations", [])
    missed = [one for one in expectations if not one["passed"]]
    text = f"### Validation\n\n{len(expectations) - len(missed)} of {len(expectations)} hold."
    if missed:
        rows = [(one["table"], one["severity"], one["says"], one["n_failed"]) for one in missed]
        text += "\n\n" + table(("table", "severity", "does not hold", "rows"), rows)
    return text


def cost(facts: CardFacts) -> str:
    """Calls, tokens and USD, by stage and model or judge."""
    rows = [
        (stage, name, *(one[charge] for charge in _CHARGES))
        for (stage, name), one in sorted(facts.costs.items())
    ]
    if not rows:
        return ""
    names = ("stage", "model or judge", "calls", "input tokens", "output tokens", "USD")
    return "## Cost\n\n" + table(names, rows)


def _settings(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{plain(name)} {plain(value)}" for name, value in values.items()) or "none"
