"""The warrant of a version in words, the same wherever it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prefline.labeling.warrant import Standard

Json = Mapping[str, Any]
_NAMES = {"judges": "labels by judges", "checks": "labels by programmatic checks"}
_OF_PEOPLE = {"all": "labels by people's imported verdicts", "some": "labels by judges and people"}


def with_words(document: Json, judged: Json, *, asked: bool) -> dict[str, Any]:
    """Return the document with what it `says`, the `remedy`, and whether a warrant was `asked`.

    `judged` are the metrics of the stage `judge`, which tell the judges that are people.
    """
    document = {**document, "human_judges": human_judges(judged)}
    words = {"says": warrant_lines(document), "remedy": remedy(document) or None}
    return {**document, "asked": asked, **words}


def human_judges(judged: Json) -> str:
    """Return whether "all", "some" or "none" of the judges are people."""
    kinds = [figures.get("kind") == "human" for figures in judged.get("judges", {}).values()]
    return "some" if any(kinds) and not all(kinds) else "all" if any(kinds) else "none"


def _name(name: str, document: Json) -> str:
    """Return what labels of this kind are called."""
    who = document.get("human_judges", "none")
    return _OF_PEOPLE.get(who, _NAMES[name]) if name == "judges" else _NAMES[name]


def warrant_lines(document: Json) -> list[str]:
    """Return a line on the labels of each kind that there is, and one on all of them."""
    lines = [
        kind_line(name, kind, document)
        for name, kind in document["kinds"].items()
        if kind["state"] != "none"
    ]
    if document["people"]:
        lines.append(f"labels by people: {document['people']:,}, the word of those who looked")
    present = [kind for kind in document["kinds"].values() if kind["state"] != "none"]
    whole = document["estimate"]
    if len(present) > 1 and whole["low"] is not None:
        lines.append(f"people would agree with about {_share(whole)} of all of them")
    answered, drawn = document["answered"], document["drawn"] or 0
    if 0 < answered < drawn:
        lines.append(
            f"people have answered {answered:,} of {drawn:,} drawn pairs: the figures hold as far "
            "as those left out are no harder"
        )
    return lines


def kind_line(name: str, kind: Json, document: Json) -> str:
    """Return what is known of the labels of a kind."""
    standard, measured = Standard(**document["standard"]), kind["measured"]
    what = f"{_name(name, document)} ({kind['rows']:,})"
    if kind["state"] == "unmeasured":
        return f"{what}: nobody has measured how often people agree with them{_beside(kind)}"
    drawn = f"{measured['n']:,} {'pair' if measured['n'] == 1 else 'pairs'} drawn at random"
    seen = f"{what}: people agree with {_share(measured)} of {drawn}"
    if kind["estimate"]["method"] == "ppi" and kind["rows"] > measured["n"]:
        seen += f", so with about {_share(kind['estimate'])} of all"
    return f"{seen}; {_verdict(kind, standard, document)}{_beside(kind)}"


def detail_lines(document: Json) -> list[str]:
    """Return people's agreement by threshold and category, a line for each kind that has some."""
    lines = []
    for name, kind in document["kinds"].items():
        parts = [
            f"p_chosen from {row['threshold']:g} on {_share(row)} of {row['n']:,}"
            for row in _distinct(kind["by_threshold"])
        ]
        parts += [
            f"{category} {_share(figure)} of {figure['n']:,}"
            for category, figure in sorted(kind["by_category"].items())
        ]
        if parts:
            lines.append(f"{_name(name, document)}, people agree: {'; '.join(parts)}")
    return lines


def _distinct(rows: Sequence[Json]) -> list[Json]:
    """Return the thresholds with drawn pairs; of those with the same pairs above, the highest."""
    found = {row["n"]: row for row in rows if row["n"]}
    return list(found.values())


def _verdict(kind: Json, standard: Standard, document: Json) -> str:
    state, bar = kind["state"], f"at least {standard.agreement:.0%}"
    sure = f"confidence {standard.confidence:.0%}"
    if state == "below":
        return f"fewer than {standard.agreement:.0%}: not warranted"
    if state == "short":
        return f"too few to warrant {bar}"
    above = kind["above_threshold"]
    if kind.get("with_judges"):
        joint = kind["with_judges"]
        return (
            f"warranted together with {_name('judges', document)}: people agree with "
            f"{joint['agrees']:.0%} of {joint['n']:,} pairs of both ({sure})"
        )
    if state == "whole":
        return f"warranted: people agree with {bar} of them ({sure})"
    return (
        f"warranted: people agree with {bar} of the {kind['warranted']:,} with p_chosen of at "
        f"least {kind['threshold']:g} ({sure}; {_share(above)} of {above['n']:,} drawn pairs)"
    )


def _beside(kind: Json) -> str:
    """Return how judges agree with checks, which warrants nothing of pairs without a check."""
    checks = kind["against_checks"]
    if not checks["n"]:
        return ""
    return (
        f" (judges agree with {_share(checks)} of {checks['n']:,} verified pairs, which says "
        "nothing of pairs that no check decides)"
    )


def remedy(document: Json) -> str:
    """Return how many answers of people would warrant labels; empty where none are missing."""
    missing = [(name, kind) for name, kind in document["kinds"].items() if kind["answers_missing"]]
    if not missing:
        return _no_number(document)
    name, kind = min(missing, key=lambda item: item[1]["answers_missing"])
    more, share = kind["answers_missing"], document["random_share"]
    labels = _name(name, document)
    if share > 1:
        return (
            f"there are too few pairs: about {more:,} more answers on pairs drawn at random would "
            f"be needed to warrant {labels}; lower the standard, or sample more prompts"
        )
    return (
        f"let people answer about {more:,} more pairs of the random share of data/review (with "
        f"pair.review.random_share: {share:g}), which will probably warrant {labels} "
        f"with p_chosen of at least {kind['missing']['threshold']:g}"
    )


def _no_number(document: Json) -> str:
    """Return what helps where more answers of people do not."""
    if not any(kind["state"] in ("below", "short") for kind in document["kinds"].values()):
        return ""
    return (
        "more answers will not help as it stands: people agree too seldom, whatever p_chosen is; "
        "ask better judges, let people decide the pairs themselves, or lower the standard"
    )


def _share(figure: Json) -> str:
    value = figure["value"] if "value" in figure else figure["agrees"]
    if figure["low"] is None:
        return f"{value:.0%}"
    return f"{value:.0%} [{figure['low']:.0%}, {figure['high']:.0%}]"
