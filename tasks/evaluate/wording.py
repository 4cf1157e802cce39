"""What an evaluation found, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Figures = Mapping[str, Any]


def sentences(figures: Figures) -> Iterator[str]:
    """What there is to say of the figures, the most telling first."""
    if "passes" in figures:
        yield from _of_policy(figures)
    for name, one in figures.get("pairs", {}).items():
        rules = one["overall"]
        yield (
            f"{name}: right on {_share(rules['accuracy'])} of {one['n_pairs']:,} pairs of "
            f"{one['n_prompts']:,} prompts; the longer answer on {_share(rules['longer_wins'])}"
        )
    picks = figures.get("best_of")
    if picks and picks["n_prompts"]:
        yield (
            f"picking by reward passes {_share(picks['picked'])}, any answer "
            f"{_share(picks['random'])}: {_gain(picks['over_random'])}"
        )


def _of_policy(figures: Figures) -> Iterator[str]:
    names = {"seen": "of templates seen in training", "unseen": "of templates never seen"}
    for part, says in names.items():
        now, before = figures["passes"][part], figures["base_passes"][part]
        if now["pass_rate"]["n"]:
            yield (
                f"{figures['model']} passes {_share(now['pass_rate'])} of held-out prompts {says}, "
                f"its base {_share(before['pass_rate'])}: {_gain(now['over']['base'])}"
            )
    length = figures["drift"]["base"]["characters"]["ratio"]
    yield f"its answers are {length['value']:.2f} times as long as those of its base"
    for other, one in figures.get("wins", {}).get("against", {}).items():
        yield (
            f"the judge prefers it to the {other} in {_share(one['raw'])}, in "
            f"{_share(one['length_controlled'])} with length taken out"
        )
    if "kl" in figures:
        yield f"KL from its base: {figures['kl']['per_token_k3']['value']:.3f} nats a token"


def _share(figure: Figures) -> str:
    if figure["value"] is None:
        return "nothing"
    if figure["low"] is None:
        return f"{figure['value']:.1%}"
    return f"{figure['value']:.1%} [{figure['low']:.1%}, {figure['high']:.1%}]"


def _gain(figure: Figures) -> str:
    if figure["value"] is None or figure["low"] is None:
        return "a gain that cannot be told"
    told = f"{figure['value']:+.1%} [{figure['low']:+.1%}, {figure['high']:+.1%}]"
    if figure["low"] > 0:
        return f"better, {told}"
    return f"worse, {told}" if figure["high"] < 0 else f"within noise, {told}"
