"""Judges that are asked about answers of their own family.

Models prefer their own answers (Panickssery et al. 2024, arXiv 2404.13076), so a jury should be of
several families (Verga et al. 2024, arXiv 2404.18796).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from prefline.config import Judge, ModelJudge
from prefline.errors import ParamsError
from tasks.judge.comparisons import Comparison

_FIRST_WORD = re.compile(r"[A-Za-z]+")


def family_of(model: str, families: Mapping[str, str]) -> str:
    """Return a model's family: the one in `families`, or else the first word of its name, without
    the owner before a slash (`meta/Llama-3.1-8B`: llama)."""
    known = families.get(model)
    if known is not None:
        return known.casefold()
    name = model.rsplit("/", 1)[-1]
    word = _FIRST_WORD.search(name)
    return (word.group() if word else name).casefold()


def is_of_own_family(judge: ModelJudge, families: Mapping[str, str], model: str) -> bool:
    """Return whether a model is the judge itself or of its family."""
    own_model = judge.endpoint.model
    family = judge.endpoint.family or family_of(own_model, families)
    return model == own_model or family_of(model, families) == family.casefold()


def exactly_one_is_own(
    judge: ModelJudge, families: Mapping[str, str], comparison: Comparison
) -> bool:
    """Return whether one answer of a pair is the judge's own and the other is not: where it may
    prefer its own. Of two of its own it can only prefer the better one."""
    first, second = (
        is_of_own_family(judge, families, side.model)
        for side in (comparison.first, comparison.second)
    )
    return first != second


def self_preference_warnings(
    judges: Iterable[Judge], families: Mapping[str, str], models: Iterable[str]
) -> list[str]:
    """Return a sentence for each judge that is asked about answers of its own model or family.

    `models` are those that wrote the answers. Raises `ParamsError` where params refuse that.
    """
    models, warnings = sorted(set(models)), []
    for judge in judges:
        if not isinstance(judge, ModelJudge) or judge.own_family == "skip":
            continue
        own = [model for model in models if is_of_own_family(judge, families, model)]
        if own and judge.own_family == "refuse":
            raise ParamsError(
                f"judge {judge.name} ({judge.endpoint.model}) would judge answers of its own "
                f"family: {', '.join(own)}",
                "take a judge of another family, or set its own_family to warn or skip; where the "
                "families are wrong, set judge.families or the endpoint's family",
            )
        if own and own == models:
            warnings.append(
                f"judge {judge.name} judges answers of its own family alone ({', '.join(own)}): it "
                "is hardly stronger than what it judges"
            )
        elif own:
            warnings.append(
                f"judge {judge.name} judges answers of its own family ({', '.join(own)}), which "
                "judges tend to prefer: see self_preference in the metrics, or set own_family"
            )
    return warnings
