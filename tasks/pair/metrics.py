"""The stage's figures: counts, calibrations, reviews, and the labels and judges against people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from prefline.audit.report import audit_table
from prefline.config import PairParams
from prefline.ids import pair_id
from prefline.labeling.report import labels_report, meaning
from prefline.labeling.warrant import measure
from prefline.stats.agreement import Ratings, krippendorff_alpha
from prefline.stats.bootstrap import NOTHING
from tasks.pair.consensus import Votes
from tasks.pair.labels import LabelledPair, LabelledPairs
from tasks.pair.queue import QueuedPair, is_random

Row = Mapping[str, Any]
Figures = dict[str, Any]

# Figures of the audit: of labels, by their names here, and of judges.
_OF_LABELS = {"accuracy": "accuracy_per_order", "brier": "brier", "ece": "ece"}
_OF_JUDGES = (
    "accuracy_per_order", "accuracy_both_orders", "inconsistent", "kappa", "brier", "ece",
)  # fmt: skip
_LABEL, _PREFERENCE = "label", "preference"
_COLUMNS = pa.schema(
    [(name, pa.string()) for name in
     ("pair_id", "prompt_id", "judge", "first_id", "second_id", "verdict", "gold")]
    + [("p_first", pa.float64())]
)  # fmt: skip
_EVEN = 0.5
_DIGITS = 9  # of a figure: beyond them machines differ


def pair_metrics(
    pairs: LabelledPairs,
    queue: Sequence[QueuedPair],
    judgments: Iterable[Row],
    params: PairParams,
    warnings: Sequence[str] = (),
) -> Figures:
    """Return counts of labels and rejections, the judges' calibrations, and figures of reviews.

    `judgments` are those on the pairs that people looked at, `warnings` what the answers gave.
    """
    known = sorted(params.prior_accuracy)
    document = labels_report(pairs.labels, known)
    counts = _counts(pairs, params)
    kept, anchored = counts.kept, counts.anchored
    return {
        "pairs": kept + counts.rejected.total(),
        "preferences": kept,
        "queued_for_review": len(queue),
        "mean_p_chosen": counts.p_chosen / kept if kept else None,
        "label_source": dict(sorted(counts.sources.items())),
        "rejected": dict(sorted(counts.rejected.items())),
        "calibration": document["judges"],
        "anchors": {
            name: document[name]
            for name in ("anchors", "held_at_even_odds", "against_unanimous", "agreement_trust")
        }
        | {
            "anchored_preferences": anchored,
            "meaning": meaning(anchored, kept, pairs.labels.n_anchors, known),
            "remedy": None if anchored == kept else document["remedy"],
        },
        "verifiers": {kind: asdict(figures) for kind, figures in pairs.verifiers.items()},
        "warnings": list(warnings),
        "warrant": [asdict(row) for row in pairs.warrant],
        "reviews": _review_figures(pairs, queue, params)
        | {"against_people": _against_people(pairs, counts.drawn, list(judgments), params)},
    }


@dataclass(slots=True)
class _Counts:
    """Counts of all pairs: those `kept` as preferences, how many of them are `anchored`, the sum
    of their `p_chosen`, and their label's `sources`; the `rejected`, by reason; and the judged ones
    that are `drawn` for people."""

    kept: int = 0
    anchored: int = 0
    p_chosen: float = 0.0
    sources: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    drawn: int = 0


def _counts(pairs: LabelledPairs, params: PairParams) -> _Counts:
    counts = _Counts()
    counts.drawn -= sum(is_random(n, params) for n in pairs.by_people.keys() - pairs.reviewed)
    for pair in pairs.final:
        counts.drawn += is_random(pair.evidence.pair_id, params)
        if pair.reason is not None:
            counts.rejected[pair.reason] += 1
            continue
        counts.kept += 1
        counts.anchored += pair.anchored
        counts.p_chosen += pair.p_chosen
        counts.sources[pair.label_source] += 1
    return counts


def _review_figures(
    pairs: LabelledPairs, queue: Iterable[QueuedPair], params: PairParams
) -> Figures:
    """Return counts of answers, each reviewer's estimated accuracy, how far reviewers agree
    (nominal, with its interval by prompt), and pairs queued by why."""
    reviews = pairs.reviews
    prompts = {name: pair.evidence.prompt_id for name, pair in pairs.by_people.items()}
    return {
        "n_answers": len(reviews.votes),
        "n_pairs": len(reviews.by_pair()),
        "ties": sum(vote == 0 for vote in reviews.votes.values()),
        "skipped": reviews.skipped,
        "unknown_pairs": len(reviews.unknown),
        "reviewers": {name: asdict(one) for name, one in sorted(pairs.reviewers.items())},
        "steadiness": _steadiness(reviews.repeats),
        "krippendorff_alpha": _alpha(reviews.votes, prompts, params.seed),
        "queued": dict(sorted(Counter(one.why for one in queue).items())),
    }


def _steadiness(repeats: Mapping[tuple[str, str], bool]) -> Figures:
    """Return by reviewer the share of pairs, of those that they saw twice, of which they said the
    same, with its exact interval."""
    names = sorted({reviewer for _, reviewer in repeats})
    same = {
        name: measure(np.array([one for (_, who), one in repeats.items() if who == name]))
        for name in names
    }
    return {
        name: _rounded({"value": one.agrees, "low": one.low, "high": one.high, "n": one.n})
        for name, one in same.items()
    }


def _alpha(votes: Votes, prompts: Mapping[str, str], seed: int) -> Figures:
    if not votes:
        return NOTHING.as_dict()
    pairs, item = np.unique([pair for pair, _ in votes], return_inverse=True)
    _, cluster = np.unique([prompts[pair] for pair in pairs], return_inverse=True)
    reviewers = np.array([reviewer for _, reviewer in votes])
    label = np.array(list(votes.values()))
    ratings = [
        Ratings(item[mine], label[mine], cluster[item[mine]])
        for mine in (reviewers == name for name in np.unique(reviewers))
    ]
    return _rounded(krippendorff_alpha(ratings, seed).as_dict())


def _against_people(
    pairs: LabelledPairs, drawn: int, judgments: Sequence[Row], params: PairParams
) -> Figures:
    """Return figures of the labels and judges against people.

    On the random share alone, which is an unbiased sample as far as it has been reviewed, and on
    all reviewed pairs, which were chosen for being hard.
    """
    people = pairs.by_people
    random = {name: pair for name, pair in people.items() if is_random(name, params)}
    of_random, of_all = (
        _figures_against(pairs.reviewed.values(), reviewed, judgments, params.seed)
        for reviewed in (random, people)
    )
    counts = {"drawn": drawn, "reviewed": len(random)}
    return {"random": counts | of_random, "all": {"reviewed": len(people)} | of_all}


def _figures_against(
    pairs: Iterable[LabelledPair],
    people: Mapping[str, LabelledPair],
    judgments: Iterable[Row],
    seed: int,
) -> Figures:
    """Return figures of the judges' labels, and of each judge, on pairs that people decided.

    With intervals by prompt (docs/audit.md). `pairs` have their label on the word of judges
    alone, `people` are the pairs with people's label, by id. People have decided a pair if they
    prefer one response, or see neither better (a gold tie). `accuracy` is the share of right
    winners where people prefer one, a label of one half being not right;
    `accuracy_of_preferences` is of the labels that would have been kept. `brier` and `ece` are of
    the probability of the label.
    """
    gold = {name: side for name, pair in people.items() if (side := _gold(pair)) is not None}
    labelled = [pair for pair in pairs if pair.evidence.pair_id in gold]
    rows = [_label_row(_LABEL, pair, gold) for pair in labelled]
    rows += [_label_row(_PREFERENCE, pair, gold) for pair in labelled if pair.reason is None]
    of_labels = _audit(rows, "labels", seed)
    of_judges = _audit(list(_judge_rows(judgments, gold)), "judgments", seed)
    return {
        "pairs": len(gold),
        **{name: _figure(of_labels, _LABEL, figure) for name, figure in _OF_LABELS.items()},
        "accuracy_of_preferences": _figure(of_labels, _PREFERENCE, _OF_LABELS["accuracy"]),
        "judges": {
            judge: {name: _figure(of_judges, judge, name) for name in _OF_JUDGES}
            | {name: of_judges[judge][name] for name in ("n_pairs", "n_verdicts")}
            for judge in sorted(of_judges)
        },
    }


def _gold(people: LabelledPair) -> int | None:
    """+1 if people prefer the lower id, -1 the upper, 0 neither; None if they do not agree."""
    if people.reason == "people_tie":
        return 0
    if people.reason is not None:
        return None
    return 1 if people.chosen == people.evidence.lower else -1


def _label_row(name: str, pair: LabelledPair, gold: Mapping[str, int]) -> Figures:
    evidence, p = pair.evidence, pair.p_lower
    verdict = "tie" if p == _EVEN else "first" if p > _EVEN else "second"
    return {
        "pair_id": evidence.pair_id, "prompt_id": evidence.prompt_id, "judge": name,
        "first_id": evidence.lower, "second_id": evidence.upper,
        "verdict": verdict, "p_first": p, "gold": _in_order(gold[evidence.pair_id], True),
    }  # fmt: skip


def _judge_rows(judgments: Iterable[Row], gold: Mapping[str, int]) -> Iterable[Figures]:
    for row in judgments:
        identity = pair_id(row["first_id"], row["second_id"])
        if identity in gold:
            side = _in_order(gold[identity], row["first_id"] < row["second_id"])
            yield {name: row.get(name) for name in _COLUMNS.names} | {
                "pair_id": identity, "gold": side,
            }  # fmt: skip


def _in_order(side: int, lower_first: bool) -> str:
    if side == 0:
        return "tie"
    return "first" if (side == 1) == lower_first else "second"


def _audit(rows: Sequence[Row], name: str, seed: int) -> dict[str, Figures]:
    """Return the audit's figures of each judge.

    Rows are put into an order of their own, since sums of floats depend on it.
    """
    if not rows:
        return {}
    rows = sorted(rows, key=lambda row: ([str(row[name]) for name in _COLUMNS.names]))
    table = pa.Table.from_pylist(rows, _COLUMNS)
    judges: dict[str, Figures] = audit_table(table, f"{name} against people", seed=seed)["judges"]
    return judges


def _figure(judges: Mapping[str, Figures], judge: str, name: str) -> Figures:
    return _rounded(judges[judge][name] if judge in judges else NOTHING.as_dict())


def _rounded(figure: Figures) -> Figures:
    return {key: value if value is None else round(value, _DIGITS) for key, value in figure.items()}
