"""The results as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.plateau.measure import STOPPING_RULE, WORTH, Outcome, Stop, true_plateau
from benchmarks.plateau.rounds import JUDGES, OVER, Setting
from benchmarks.plateau.world import Floats, expected_pass, expected_path
from prefline.stats.bootstrap import ratio

Results = Mapping[Setting, Sequence[Outcome]]


def tables(results: Results) -> str:
    """Return the ceilings, a table for each setting, and the reasons of the stopping rule."""
    paths = {setting: expected_path(setting.world, setting.last) for setting in results}
    parts = [_ceilings(results, paths), _paths(paths)]
    parts += [_ways(setting, results[setting], true_plateau(paths[setting])) for setting in results]
    return "\n\n".join([*parts, _reasons(results)])


def _ceilings(results: Results, paths: Mapping[Setting, Floats]) -> str:
    lines = [
        "### The ceiling moves with the judge",
        "",
        "| judge's ability | pass rate at the end | the policy's ability there | true plateau "
        "| judge right on checked pairs, first round | in the last |",
        "|---|---|---|---|---|---|",
    ]
    for setting in (judge for judge in JUDGES if judge in results):
        outcomes, path = results[setting], paths[setting]
        ability = setting.world.judge.ability
        right = np.mean([(outcome.judge[0], outcome.judge[-1]) for outcome in outcomes], axis=0)
        lines.append(
            f"| {ability:+.2f} | {path[-1]:.3f} | {_ability_at(setting, path[-1]):+.2f} | "
            f"round {true_plateau(path)} | {right[0]:.2f} | {right[1]:.2f} |"
        )
    return "\n".join(lines)


def _ability_at(setting: Setting, level: float) -> float:
    """Return the ability of a policy of ideal mean length that passes so often."""
    grid = np.linspace(-3, 5, 1_601)
    rates = [expected_pass(replace(setting.world.policy, ability=float(x))) for x in grid]
    return float(np.interp(level, rates, grid))


def _paths(paths: Mapping[Setting, Floats]) -> str:
    lines = ["### Expected pass rate after each round", ""]
    last = max(len(path) for path in paths.values())
    lines += [f"| | {' | '.join(map(str, range(last)))} |", "|---" * (last + 1) + "|"]
    for setting, path in paths.items():
        lines.append(f"| {setting.name} | {' | '.join(f'{x:.3f}' for x in path)} |")
    return "\n".join(lines)


def _ways(setting: Setting, outcomes: Sequence[Outcome], plateau: int) -> str:
    lines = [
        f"### {setting.name}",
        "",
        f"True plateau: round {plateau}. {len(outcomes)} seeds, {setting.held_out:,} held-out "
        f"prompts, {setting.world.pairs:,} pairs a round.",
        "",
        "| way to stop | kept within one round | earlier | later | kept within one of its own "
        "path's | ended within one round | rounds run | pass rate given away |",
        "|---|---|---|---|---|---|---|---|",
        *(_way(name, outcomes, plateau) for name in outcomes[0].stops),
    ]
    return "\n".join(lines)


def _way(name: str, outcomes: Sequence[Outcome], plateau: int) -> str:
    stops = [outcome.stops[name] for outcome in outcomes]
    off = np.array([stop.kept - plateau for stop in stops])
    own = [abs(outcome.stops[name].kept - true_plateau(outcome.truth)) <= 1 for outcome in outcomes]
    ended = [abs(stop.run - plateau) <= 1 for stop in stops]
    given = [outcome.truth.max() - outcome.truth[outcome.stops[name].kept] for outcome in outcomes]
    cells = (
        share(abs(off) <= 1), f"{np.mean(off < -1):.0%}", f"{np.mean(off > 1):.0%}",
        f"{np.mean(own):.0%}", f"{np.mean(ended):.0%}",
        f"{np.mean([stop.run for stop in stops]):.1f}", f"{np.mean(given):.3f}",
    )  # fmt: skip
    return f"| {name} | {' | '.join(cells)} |"


def share(holds: Iterable[bool]) -> str:
    """Return a share of seeds with its 95 % interval."""
    flags = [float(hold) for hold in holds]
    figure = ratio(flags, [1.0] * len(flags), range(len(flags)))
    return f"{figure.value:.0%} [{figure.low:.0%}, {figure.high:.0%}]"


def _reasons(results: Results) -> str:
    lines = [
        "### Why the stopping rule ended it",
        "",
        "| setting | reasons | while more than "
        f"{2 * WORTH:.0%} were still to come on the expected path |",
        "|---|---|---|",
    ]
    for setting, outcomes in results.items():
        stops = [outcome.stops[STOPPING_RULE] for outcome in outcomes]
        path = expected_path(setting.world, setting.last)
        lines.append(f"| {setting.name} | {_counts(stops)} | {share(_early(stops, path))} |")
    if OVER in results:
        caught = [
            result.stops[STOPPING_RULE].reason == "over_optimisation" for result in results[OVER]
        ]
        lines += ["", f"Over-optimisation is called that in {share(caught)} of its seeds."]
    return "\n".join(lines)


def _early(stops: Sequence[Stop], path: Floats) -> list[bool]:
    return [path[stop.kept :].max() - path[stop.kept] > 2 * WORTH for stop in stops]


def _counts(stops: Sequence[Stop]) -> str:
    counts = Counter(stop.reason for stop in stops)
    return ", ".join(f"{reason} {n}" for reason, n in counts.most_common())
