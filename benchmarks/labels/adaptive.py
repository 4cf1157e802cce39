"""`python -m benchmarks.labels.adaptive [--seeds 10]`: what adaptive judging saves, and what it
costs in accuracy, into benchmarks/results."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean

from benchmarks.labels import adaptive_juries
from benchmarks.labels.adaptive_juries import recorded_juries
from benchmarks.labels.measure import label_rows, position_errors, score_of
from benchmarks.labels.planted import Setting, plant
from benchmarks.labels.policies import (
    World,
    adaptive,
    cheapest_first,
    one_order,
    random_half,
    strongest_first,
    world_of,
)
from benchmarks.labels.table import interval
from benchmarks.report import write_results
from prefline.config import AdaptiveParams
from tasks.judge.adaptive import Question

ALL, ADAPTIVE = "everything", "adaptive"


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of table, and the judges' prices, if any."""

    setting: Setting
    usd: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """Of one way to ask: accuracy and calibration error on the pairs that no verifier decided,
    the share of the cost of asking everything, batches, and found - planted position biases."""

    accuracy: float
    ece: float
    cost: float
    batches: int
    position_errors: dict[str, float]


CASES = (
    Case(Setting("Three judges, both orders, probabilities")),
    Case(Setting("The same, 6,000 pairs", prompts=1_000)),
    Case(Setting("Prices 1 : 3 : 10; share of the cost"),
         usd={"weak": 0.001, "fair": 0.003, "good": 0.01}),
    Case(Setting("A quarter of the prompts verified", prompts=500, gold=0.25)),
    Case(Setting("Length follows quality (0.3), 5 % verified", 500, follows=0.3, gold=0.05)),
    Case(Setting("Verdicts only", hard=True)),
    Case(Setting("Verdicts only, 6,000 pairs", prompts=1_000, hard=True)),
    Case(Setting("Verdicts only, one order", hard=True, both=False)),
    Case(Setting("One order, drawn at random", both=False)),
    Case(Setting("Two judges (fair, good)", judges=("fair", "good"))),
    Case(Setting("One judge (good)", judges=("good",))),
)  # fmt: skip


def measure(case: Case, seed: int) -> dict[str, Result]:
    """Ask in every way, label by the model, compare with the truth."""
    world = world_of(plant(case.setting, seed), case.usd)
    every, params = set(world.answers), AdaptiveParams()
    found, batches = adaptive(world, params, seed)
    same = params.model_copy(update={"max_calls": len(found)})
    limit = {"max_usd": world.cost(every) / 2} if case.usd else {"max_calls": len(every) // 2}
    half = params.model_copy(update=limit)
    ways: dict[str, tuple[set[Question], int]] = {
        ALL: (every, 1),
        ADAPTIVE: (found, batches),
        "adaptive, budget of a half": adaptive(world, half, seed),
        "a random half": (random_half(world, seed), 1),
    }
    if case.setting.both:
        ways["one order of every judge"] = one_order(world, seed), 1
    if not case.usd and len(case.setting.judges) > 1:
        ways["cheapest first, as many calls"] = cheapest_first(world, same, seed)
        ways["strongest first, as many calls"] = strongest_first(world, same, seed)
    return {name: _result(world, *way) for name, way in ways.items()}


def _result(world: World, asked: set[Question], batches: int) -> Result:
    labels, found = label_rows(world.rows(asked), world.planted.lengths)
    chances = dict.fromkeys(world.planted.better, 0.5) | found
    return Result(
        *score_of(chances, world.planted),
        world.cost(asked) / world.cost(set(world.answers)),
        batches,
        position_errors(labels),
    )


def section(case: Case, found: Sequence[Mapping[str, Result]]) -> str:
    """The table of one case, seeds in `found`."""
    lines = [
        f"### {case.setting.name}",
        "",
        f"{case.setting.prompts * 6:,} pairs, {len(found)} seeds.",
        "",
        "| asked | accuracy | - everything's | share of the cost | batches | calibration error |",
        "|---|---|---|---|---|---|",
        *(_row(name, found) for name in found[0]),
        "",
        "Largest error of a position bias found, everything asked / adaptive: "
        + "; ".join(_biases(judge, found) for judge in case.setting.judges)
        + ".",
    ]
    return "\n".join(lines)


def _row(name: str, found: Sequence[Mapping[str, Result]]) -> str:
    lost = [one[name].accuracy - one[ALL].accuracy for one in found]
    cells = [
        interval([one[name].accuracy for one in found], ".4f"),
        "" if name == ALL else interval(lost, "+.4f"),
        f"{mean(one[name].cost for one in found):.1%}",
        f"{mean(one[name].batches for one in found):.1f}",
        interval([one[name].ece for one in found]),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _biases(judge: str, found: Sequence[Mapping[str, Result]]) -> str:
    def largest(way: str) -> str:
        errors = [one[way].position_errors.get(judge, float("nan")) for one in found]
        return f"{max(map(abs, errors)):.2f}"

    return f"{judge} {largest(ALL)} / {largest(ADAPTIVE)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    sections = []
    for case in CASES:
        found = [measure(case, seed) for seed in range(given.seeds)]
        sections.append(section(case, found))
        print(sections[-1], flush=True)
    for jury in recorded_juries():
        sections.append(adaptive_juries.section(jury))
        print(sections[-1], flush=True)
    write_results("benchmarks.labels.adaptive", "Adaptive judging", "\n\n".join(sections))


if __name__ == "__main__":
    main()
