"""Adaptive judging on recorded juries of real models (`juries.py`): accuracy by budget.

The truth of a fifth of the pairs is told, as a verifier would; accuracy is on the rest. A person,
of 20 times a call's price, is right in 95 %; their answers anchor the judges too, as in `pair`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.labels.recorded_table import FOLDER
from prefline.config import AdaptiveParams
from prefline.ids import lot, pair_id
from prefline.labeling import label_votes
from prefline.stats import Floats
from tasks.judge.adaptive import (
    AdaptivePlan,
    History,
    Question,
    left_to_people,
    next_batch,
    tier_of,
)

Row = dict[str, Any]
SETS = (("natural", "adversarial"), ("faireval", "mt-bench"))
SHARES = (0.5, 0.3)
DRAWS = 5
_TOLD = 0.2
_USD, _HUMAN_USD, _HUMAN_ACCURACY = 0.001, 0.02, 0.95
_PARAMS = AdaptiveParams(calibration_pairs=30)


@dataclass(frozen=True, slots=True)
class RecordedJury:
    """A jury's answers by question, the better response of each pair, and its prompt."""

    name: str
    answers: Mapping[Question, Row]
    better: Mapping[str, str]
    sides: Mapping[str, tuple[str, str, str]]
    lengths: Mapping[str, int]

    def told(self, draw: int) -> list[Row]:
        """Return the verifier's rows: a share of the pairs."""
        order = sorted(self.better, key=lambda pair: lot("told", draw, pair))
        return [self.word(pair) for pair in order[: round(_TOLD * len(order))]]

    def word(self, pair: str, right: bool = True) -> Row:
        """Return the row that tells the truth of a pair, or the opposite."""
        prompt, first, second = self.sides[pair]
        verdict = "first" if (self.better[pair] == first) == right else "second"
        return {"prompt_id": prompt, "first_id": first, "second_id": second, "judge": "verifier",
                "method": "verifier", "verdict": verdict, "p_first": None}  # fmt: skip


def recorded_juries() -> Iterator[RecordedJury]:
    """Yield the models under one prompt of two pairs of sets."""
    table = pq.read_table(FOLDER / "juries.parquet").to_pylist()
    for sets in SETS:
        prompt = "Vanilla" if "natural" in sets else "Vanilla_NoRules"
        rows = [row for row in table
                if row["set"] in sets and row["judge"].endswith(f"/{prompt}")]  # fmt: skip
        answers, better, sides, lengths = {}, {}, {}, {}
        for row in rows:
            first, second = row["first_id"], row["second_id"]
            pair = pair_id(first, second)
            better[pair] = first if row["gold"] == "first" else second
            sides[pair] = (row["prompt_id"], *sorted((first, second)))
            lengths |= {first: row["first_length"], second: row["second_length"]}
            if row["verdict"] != "invalid":
                question = Question(row["judge"], pair, first < second)
                answers[question] = row | {"method": "pairwise", "p_first": None}
        yield RecordedJury(" and ".join(sets), answers, better, sides, lengths)


def measure(jury: RecordedJury, draw: int) -> dict[str, tuple[float, float]]:
    """Return (accuracy on pairs that were not told, share of everything's cost) by way to ask."""
    told, every = jury.told(draw), sorted(jury.answers)
    found = {"everything": (_accuracy(jury, told, every, {}), 1.0)}
    for share in SHARES:
        most = {"max_usd": share * _USD * len(every)}
        asked, _ = _adaptive(jury, told, most, draw)
        random = [q for q in every if lot("random", draw, *_key(q)) < share]
        found[f"adaptive, {share:.0%}"] = (
            _accuracy(jury, told, asked, {}), len(asked) / len(every)
        )  # fmt: skip
        found[f"at random, {share:.0%}"] = (
            _accuracy(jury, told, random, {}), len(random) / len(every)
        )  # fmt: skip
    for share in (1.0, 0.5):
        most = {"max_usd": share * _USD * len(every), "human_usd": _HUMAN_USD}
        asked, people = _adaptive(jury, told, most, draw)
        cost = len(asked) * _USD + len(people) * _HUMAN_USD
        answered = {pair: lot("person", draw, pair) < _HUMAN_ACCURACY for pair in people}
        found[f"adaptive with people, {share:.0%}"] = (
            _accuracy(jury, told, asked, answered), cost / (_USD * len(every))
        )  # fmt: skip
    return found


def section(jury: RecordedJury) -> str:
    """Return the table of one jury."""
    found = [measure(jury, draw) for draw in range(DRAWS)]
    lines = [
        f"### Recorded: {jury.name}",
        "",
        f"{len(jury.better)} pairs, {len({q.judge for q in jury.answers})} models, both orders, "
        f"bare verdicts; a fifth of the pairs verified; {DRAWS} draws.",
        "",
        "| asked | accuracy on the rest | share of the cost |",
        "|---|---|---|",
        *(
            f"| {way} | {mean(one[way][0] for one in found):.3f} | "
            f"{mean(one[way][1] for one in found):.0%} |"
            for way in found[0]
        ),
    ]
    return "\n".join(lines)


def _adaptive(
    jury: RecordedJury, told: list[Row], budget: Mapping[str, float], seed: int
) -> tuple[list[Question], list[str]]:
    by_judge: dict[str, list[Question]] = {}
    for question in sorted(jury.answers):
        by_judge.setdefault(question.judge, []).append(question)
    tiers = [tier_of(judge, questions, _USD) for judge, questions in by_judge.items()]
    plan = AdaptivePlan(tiers, _PARAMS.model_copy(update=dict(budget)), seed)
    asked: set[Question] = set()
    batches = 0
    while True:
        rows = told + [jury.answers[question] for question in sorted(asked)]
        history = History.of(rows, jury.lengths, frozenset(asked), batches, _USD * len(asked))
        batch = next_batch(plan, history)
        if not batch:
            return sorted(asked), left_to_people(plan, history)
        asked.update(batch)
        batches += 1


def _accuracy(
    jury: RecordedJury, told: list[Row], asked: Sequence[Question], people: Mapping[str, bool]
) -> float:
    """Return the accuracy on pairs that were not told; `people` says whether they are right."""
    words = [jury.word(pair, right) for pair, right in people.items()]
    answers = [jury.answers[question] for question in asked]
    history = History.of(told + words + answers, jury.lengths)
    log_odds: Floats = label_votes(history.votes).log_odds.round(9)
    lower = dict(zip((pair.pair_id for pair in history.evidence), log_odds, strict=True))
    known = {pair_id(row["first_id"], row["second_id"]) for row in told}
    right = []
    for pair, better in jury.better.items():
        if pair in known:
            continue
        if pair in people:
            right.append(float(people[pair]))
            continue
        odds = lower.get(pair, 0.0)
        chosen_lower = better == jury.sides[pair][1]
        right.append(0.5 if odds == 0 else float((odds > 0) == chosen_lower))
    return float(np.mean(right))


def _key(question: Question) -> tuple[str, str, bool]:
    return question.judge, question.pair_id, question.shown_first
