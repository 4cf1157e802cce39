"""What the review queue finds, on planted truth: `python -m benchmarks.labels.review`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from benchmarks.labels.planted import Planted, Setting, plant
from benchmarks.labels.table import interval
from benchmarks.report import write_results
from prefline.config import PairParams
from prefline.ids import lot
from tasks.pair.formats.plain import Answer, Answers
from tasks.pair.labels import LabelledPair, label_pairs
from tasks.pair.metrics import pair_metrics
from tasks.pair.queue import draw_queue, is_random, review_value

SEEDS = 20
SETTINGS = (
    Setting("three judges"),
    Setting("three judges, a fifth of the prompts verified", gold=0.2),
    Setting("three judges, 60 prompts", prompts=60),
    Setting("verdicts without probabilities", hard=True),
    Setting("better answers are longer (correlation 0.3)", follows=0.3),
    Setting("two judges", judges=("weak", "fair")),
)
PARAMS = PairParams.model_validate({"review": {"random_share": 0.1, "size": 0}})
ORDERS: Mapping[str, Callable[[LabelledPair], float]] = {
    "by lot": lambda one: lot("lot", one.evidence.pair_id),
    "by p_chosen": lambda one: one.p_chosen,
    "by value": lambda one: -review_value(one, "", PARAMS),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Shares of wrong labels among the first tenth in each order; the labels' accuracy, and what
    the random share says of it: its figure, and whether its interval holds the accuracy."""

    wrong: Mapping[str, float]
    accuracy: float
    measured: float
    inside: bool


def measure(setting: Setting, seed: int) -> Outcome:
    """Plant a table, label it, and look at a tenth of it."""
    planted = plant(setting, seed)
    judged = label_pairs(planted.rows, PARAMS, lengths=planted.lengths).by_judges
    wrong = {one.evidence.pair_id: one.chosen != _better(planted, one) for one in judged}
    first = {name: _first(judged, order) for name, order in ORDERS.items()}
    queue = draw_queue(judged, {}, {one.evidence.prompt_id: "" for one in judged}, PARAMS)
    answers = Answers(tuple(_answer(planted, one.pair) for one in queue))
    assert all(is_random(one.pair_id, PARAMS) for one in answers.given)
    labelled = label_pairs(planted.rows, PARAMS, answers=answers, lengths=planted.lengths)
    figures = pair_metrics(labelled, queue, planted.rows, PARAMS)
    found = figures["reviews"]["against_people"]["random"]["accuracy"]
    accuracy = 1 - mean(wrong.values())
    return Outcome(
        {name: mean(wrong[one.evidence.pair_id] for one in some) for name, some in first.items()},
        accuracy,
        found["value"],
        found["low"] <= accuracy <= found["high"],
    )


def _better(planted: Planted, one: LabelledPair) -> str:
    return planted.better[one.evidence.lower, one.evidence.upper]


def _first(
    judged: Sequence[LabelledPair], order: Callable[[LabelledPair], float]
) -> list[LabelledPair]:
    return sorted(judged, key=lambda one: (order(one), one.evidence.pair_id))[: len(judged) // 10]


def _answer(planted: Planted, one: LabelledPair) -> Answer:
    """By somebody who is always right, so that what is measured is the sample alone."""
    better = _better(planted, one)
    other = one.rejected if better == one.chosen else one.chosen
    return Answer(one.evidence.pair_id, "reviewer", better, other, "")


def table(found: Mapping[Setting, Sequence[Outcome]]) -> str:
    """The outcomes as Markdown."""
    lines = [
        f"| wrong labels in the first tenth | {' | '.join(ORDERS)} |",
        "|---|---|---|---|",
        *(
            f"| {setting.name} | "
            + " | ".join(interval([outcome.wrong[name] for outcome in outcomes]) for name in ORDERS)
            + " |"
            for setting, outcomes in found.items()
        ),
        "",
        "| accuracy of all labels | true | measured on the random share | interval holds it |",
        "|---|---|---|---|",
        *(
            f"| {setting.name} | {mean(outcome.accuracy for outcome in outcomes):.4f} | "
            f"{interval([outcome.measured for outcome in outcomes], '.4f')} | "
            f"{sum(outcome.inside for outcome in outcomes)} of {len(outcomes)} |"
            for setting, outcomes in found.items()
        ),
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure every setting and write the tables into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    seeds = range(1_000, 1_000 + parser.parse_args().seeds)
    found = {setting: [measure(setting, seed) for seed in seeds] for setting in SETTINGS}
    title = f"The review queue, {len(seeds)} seeds"
    write_results("benchmarks.labels.review", title, table(found))


if __name__ == "__main__":
    main()
