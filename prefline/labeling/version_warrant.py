"""The worth of a table's labels in people's eyes, by what they rest on.

Only answers on pairs that were drawn at random from all pairs count (`pair.review.random_share`):
how the others were chosen, for being hard or for having a check, says nothing of the rest. Labels
of judges and labels of checks are measured each by itself. That judges agree with checks is told
beside it, and warrants nothing: where a check decides, its word is the label, and where none does
it did not measure anybody.

Where people see a tie, no label agrees with them. Where they do not decide, nothing was measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefline.labeling.warrant import (
    Standard,
    agreement_by_threshold,
    binomial_tail,
    lower_bound,
    measure,
    missing_anchors,
    warranted_threshold,
)
from prefline.stats import Bools, Floats
from prefline.stats.bootstrap import Figure
from prefline.stats.prediction_powered import prediction_powered_mean

KINDS: Mapping[str, tuple[str, ...]] = {"judges": ("ai", "imported"), "checks": ("verifier",)}
COLUMNS = ("label_source", "p_chosen")
MACHINE = tuple(name for names in KINDS.values() for name in names)
PEOPLE = ("human",)
WARRANTED = ("whole", "part")
_FEWEST_OF_CATEGORY = 10
_FEWEST_OF_ESTIMATE = 30  # drawn pairs, from which a normal interval is used
_DIGITS = 9  # beyond them machines differ

Json = dict[str, Any]


def warrant_of(
    preferences: pa.Table,
    anchors: pa.Table,
    standard: Standard,
    *,
    pairs: int,
    random_share: float,
    drawn: int | None = None,
) -> Json:
    """Return what the labels are worth, as a document.

    `preferences` has the columns `COLUMNS`, `anchors` is the table of this name. `pairs` is how
    many pairs there are, kept or not, of which `random_share` is drawn for people: `drawn` pairs,
    where they were counted.
    """
    p, told = _floats(preferences), _Told(anchors)
    kinds = {
        kind: _of_kind(
            told.of_kind(kind), told.by_checks(kind), p[_rests_on(preferences, names)], standard
        )
        for kind, names in KINDS.items()
    }
    _join_checks(kinds, told, standard)
    for kind in kinds.values():
        kind["answers_missing"] = _answers(kind, pairs)
    return {
        "standard": asdict(standard),
        "rows": len(p),
        "people": int(np.sum(_rests_on(preferences, PEOPLE))),
        "kinds": kinds,
        "estimate": _estimate(told.all, p[_rests_on(preferences, MACHINE)]),
        "answered": told.n_drawn,
        "drawn": drawn,
        "random_share": _share_wanted(kinds, told.n_drawn, pairs, random_share),
    }


def drawn_pairs(paired: Mapping[str, Any]) -> int | None:
    """Return how many pairs were drawn for people, answered or not; None where nobody counted.

    `paired` are the metrics of the stage `pair`.
    """
    of_random = paired.get("reviews", {}).get("against_people", {}).get("random", {})
    return of_random.get("drawn") if isinstance(of_random, dict) else None


def publishable(document: Json, preferences: pa.Table) -> Bools:
    """Return which rows the warrant lets through, (N,): those of people, and warranted ones.

    `preferences` has the columns `COLUMNS`.
    """
    through, p = _rests_on(preferences, PEOPLE), _floats(preferences)
    for kind, names in KINDS.items():
        threshold = document["kinds"][kind]["threshold"]
        if threshold is not None:
            through = through | (_rests_on(preferences, names) & (p >= threshold))
    return through


def is_warranted(document: Json) -> bool:
    """Tell whether labels of some kind are warranted."""
    return any(kind["state"] in WARRANTED for kind in document["kinds"].values())


class _Told:
    """The anchors as arrays, (n,) each."""

    def __init__(self, table: pa.Table) -> None:
        self.people = np.asarray(_texts(table, "told_by") == "people")
        self.source = _texts(table, "label_source")
        self.category = _texts(table, "category")
        self.p = _floats(table)
        self.drawn, self.kept, self.tie = (_bools(table[n]) for n in ("drawn", "kept", "tie"))
        self.decided = _bools(pc.is_valid(table["agrees"]))
        self.agrees = _bools(pc.fill_null(table["agrees"], pa.scalar(False)))

    @property
    def n_drawn(self) -> int:
        """The number of drawn pairs that people answered, kept or not."""
        return int(np.sum(self.people & self.drawn))

    @property
    def all(self) -> _Measured:
        """People's word on all drawn pairs that would be preferences."""
        return self._take(self.people & self.drawn & self.kept)

    def of_kind(self, kind: str) -> _Measured:
        """Return people's word on drawn pairs whose label is of this kind."""
        wanted = self.people & self.drawn & self.kept & np.isin(self.source, KINDS[kind])
        return self._take(wanted)

    def by_checks(self, kind: str) -> _Measured:
        """Return the checks' word on labels of this kind; none on their own."""
        wanted = ~self.people & self.kept & np.isin(self.source, KINDS[kind])
        return self._take(wanted)

    def _take(self, wanted: Bools) -> _Measured:
        rows = wanted & self.decided
        return _Measured(
            self.p[rows],
            self.agrees[rows],
            self.category[rows],
            int(self.tie[rows].sum()),
            int(np.sum(wanted & ~self.decided)),
        )


class _Measured:
    """Labels beside the word of those who told the truth: `p`, `agrees`, `category`, (n,) each;
    how many of the words are `ties`, and on how many pairs there was none (`undecided`)."""

    def __init__(self, p: Floats, agrees: Bools, category: Any, ties: int, undecided: int) -> None:
        self.p, self.agrees, self.category = p, agrees, category
        self.ties, self.undecided = ties, undecided


def _of_kind(told: _Measured, checks: _Measured, p: Floats, standard: Standard) -> Json:
    threshold = warranted_threshold(told.p, told.agrees, standard) if len(p) else None
    above = told.p >= (threshold or 0.0)
    whole = measure(told.agrees)
    document: Json = {
        "rows": len(p),
        "threshold": threshold,
        "warranted": int(np.sum(p >= threshold)) if threshold is not None else 0,
        "measured": _figure(whole),
        "above_threshold": None,
        "by_threshold": [asdict(row) for row in agreement_by_threshold(told.p, told.agrees)],
        "by_category": _by_category(told, above),
        "estimate": _estimate(told, p),
        "ties": told.ties,
        "undecided": told.undecided,
        "against_checks": _figure(measure(checks.agrees)),
        "missing": None,
    }
    if threshold is not None:
        agreeing, n = int(told.agrees[above].sum()), int(above.sum())
        document["above_threshold"] = _figure(measure(told.agrees[above])) | {
            "at_least": round(lower_bound(agreeing, n, 1 - standard.confidence), _DIGITS)
        }
    elif len(p):
        missing = missing_anchors(told.p, told.agrees, p, standard)
        document["missing"] = missing and {"threshold": missing[0], "anchors": missing[1]}
    document["state"] = _state(document, whole.high, standard)
    return document


def _state(kind: Json, high: float | None, standard: Standard) -> str:
    """Return whole, part, below (proved not to agree enough), short (of answers), unmeasured,
    or none where there are no labels of the kind."""
    if not kind["rows"]:
        return "none"
    if kind["threshold"] is not None:
        return "whole" if kind["warranted"] == kind["rows"] else "part"
    if high is None:
        return "unmeasured"
    return "below" if high < standard.agreement else "short"


def _join_checks(kinds: Json, told: _Told, standard: Standard) -> None:
    """Let the labels of checks through where too few of them were drawn to be tested alone, and
    people's word on them together with warranted labels of judges is enough."""
    checks, judges = kinds["checks"], kinds["judges"]
    if checks["state"] != "short" or judges["state"] not in WARRANTED:
        return
    ours, theirs = told.of_kind("checks"), told.of_kind("judges")
    above = theirs.p >= judges["threshold"]
    agreeing = int(ours.agrees.sum() + theirs.agrees[above].sum())
    n = len(ours.p) + int(above.sum())
    if binomial_tail(agreeing, n, standard.agreement) <= 1 - standard.confidence:
        checks |= {"threshold": 0.5, "warranted": checks["rows"], "state": "whole"}
        checks |= {"missing": None, "with_judges": {"n": n, "agrees": agreeing / n}}


def _by_category(told: _Measured, above: Bools) -> Json:
    found = {
        str(name): _figure(measure(told.agrees[above & (told.category == name)]))
        for name in np.unique(told.category)
    }
    return {name: one for name, one in found.items() if one["n"] >= _FEWEST_OF_CATEGORY}


def _estimate(told: _Measured, p: Floats) -> Json:
    """Return the share of all labels of a kind that people would agree with.

    Prediction-powered (`method` ppi); by the drawn pairs alone, with an exact interval, where they
    are too few for a normal one or all agree (`method` exact).
    """
    figure = prediction_powered_mean(told.agrees.astype(float), told.p, p)
    if len(told.p) < _FEWEST_OF_ESTIMATE or told.agrees.all() or not told.agrees.any():
        alone = measure(told.agrees)
        figure, method = Figure(alone.agrees, alone.low, alone.high, alone.n), "exact"
    else:
        method = "ppi"
    shares = {
        name: value if value is None else round(min(1.0, max(0.0, value)), _DIGITS)
        for name, value in (("value", figure.value), ("low", figure.low), ("high", figure.high))
    }
    return {**shares, "n": figure.n, "method": method}


def _answers(kind: Json, pairs: int) -> int | None:
    """Return how many answers on the random share bring what is missing: only some of the pairs
    that are drawn have a label of this kind."""
    if not kind["missing"]:
        return None
    anchors, rows = int(kind["missing"]["anchors"]), int(kind["rows"])
    return math.ceil(anchors * max(pairs, rows) / rows)


def _share_wanted(kinds: Json, answered: int, pairs: int, share: float) -> float:
    """Return the random share that has as many pairs as are missing; the present one if that does.

    Above 1 there are too few pairs.
    """
    missing = [kind["answers_missing"] for kind in kinds.values() if kind["answers_missing"]]
    if not missing or not pairs:
        return share
    wanted = (answered + min(missing)) / pairs
    return share if wanted <= share else math.ceil(1000 * wanted) / 1000


def _figure(measured: Any) -> Json:
    figure = asdict(measured)
    return {name: figure[name] for name in ("n", "agrees", "low", "high")}


def _rests_on(table: pa.Table, sources: tuple[str, ...]) -> Bools:
    known = pa.array(sources, pa.string())
    return _bools(pc.is_in(pc.cast(table["label_source"], pa.string()), value_set=known))


def _texts(table: pa.Table, name: str) -> Any:
    column = pc.cast(table[name], pa.string())
    return np.asarray(column.to_numpy(), dtype=np.str_)


def _floats(table: pa.Table) -> Floats:
    return np.asarray(table["p_chosen"].to_numpy(), dtype=np.float64)


def _bools(column: Any) -> Bools:
    return np.asarray(column.to_numpy(), dtype=bool)
