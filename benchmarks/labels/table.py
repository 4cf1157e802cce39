"""What was measured, as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, stdev

from scipy.stats import t as student

from benchmarks.labels.measure import Outcome
from benchmarks.labels.planted import Setting


def interval(values: Sequence[float], form: str = ".3f") -> str:
    """Mean and 95 % Student interval over seeds."""
    middle = mean(values)
    reach = student.ppf(0.975, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return f"{middle:{form}} [{middle - reach:{form}}, {middle + reach:{form}}]"


def tables(found: Mapping[Setting, Sequence[Outcome]]) -> str:
    """One section for each setting."""
    return "\n\n".join(_section(setting, outcomes) for setting, outcomes in found.items())


def _section(setting: Setting, outcomes: Sequence[Outcome]) -> str:
    ways = list(outcomes[0].accuracy)
    lines = [
        f"### {setting.name}",
        "",
        f"{setting.prompts * 6:,} pairs, {len(outcomes)} seeds.",
        "",
        "| way to label | accuracy | the model's lead | calibration error |",
        "|---|---|---|---|",
        *(_way(name, ways[0], outcomes) for name in ways),
        "",
        "| judge | position bias, found - planted | length bias, found - planted |",
        "|---|---|---|",
        *(_judge(name, outcomes) for name in outcomes[0].position_errors),
    ]
    return "\n".join(lines)


def _way(name: str, model: str, outcomes: Sequence[Outcome]) -> str:
    lead = [outcome.accuracy[model] - outcome.accuracy[name] for outcome in outcomes]
    cells = [
        interval([outcome.accuracy[name] for outcome in outcomes], ".4f"),
        "" if name == model else interval(lead, "+.4f"),
        interval([outcome.ece[name] for outcome in outcomes]),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _judge(name: str, outcomes: Sequence[Outcome]) -> str:
    cells = [
        _errors(outcome.position_errors[name] for outcome in outcomes),
        _errors(outcome.length_errors[name] for outcome in outcomes),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _errors(values: Iterable[float]) -> str:
    found = list(values)
    return f"{interval(found, '+.3f')}, largest {max(map(abs, found)):.3f}"
