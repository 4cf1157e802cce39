"""`python -m benchmarks.labels.recorded`: the audit of a frontier judge's recorded judgments.

It stands beside the win rates that were published from them (AlpacaEval 2, Dubois et al. 2024,
arXiv 2404.04475).
"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks.labels.recorded_table import FOLDER, JUDGE, audit_table
from benchmarks.report import write_results
from prefline.audit import report

# Model: mean of the rows at hand, length-controlled win rate as published, both in percent.
PUBLISHED = {
    "claude-2.1": (15.65, 25.25),
    "gpt-3.5-turbo-1106": (8.97, 19.30),
    "claude-2.1_concise": (9.08, 18.21),
    "OpenHermes-2.5-Mistral-7B": (10.19, 16.25),
    "vicuna-13b-v1.5": (6.51, 10.48),
    "gemma-7b-it": (6.88, 10.43),
    "alpaca-7b": (2.41, 5.88),
}
JUDGE_FIGURES = (
    "prefers_first",
    "tie",
    "invalid",
    "position_bias",
    "win_rate_longer",
    "length_bias",
)


def section(audit: dict[str, Any]) -> str:
    """The tables of models and of the judge."""
    models = audit["models"]
    lines = [
        "| model | win rate | as published from these rows | length-controlled | as published |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {_percent(models[name]['win_rate'])} | {raw:.2f} | "
            f"{_percent(models[name]['length_controlled_win_rate'])} | {controlled:.2f} |"
            for name, (raw, controlled) in PUBLISHED.items()
        ),
    ]
    off = max(abs(100 * models[m]["win_rate"]["value"] - raw) for m, (raw, _) in PUBLISHED.items())
    ranked = sorted(
        PUBLISHED, key=lambda name: -models[name]["length_controlled_win_rate"]["value"]
    )
    same = ranked == sorted(PUBLISHED, key=lambda name: -PUBLISHED[name][1])
    how = "as published" if same else f"otherwise than published: {', '.join(ranked)}"
    judge = audit["judges"][JUDGE]
    return "\n".join(
        [
            *lines,
            "",
            f"Largest difference in win rate: {off:.2f} points. The length-controlled win rates "
            f"rank the models {how}.",
            "",
            "| the judge | |",
            "|---|---|",
            *(f"| {key.replace('_', ' ')} | {_shown(judge[key])} |" for key in JUDGE_FIGURES),
        ]
    )  # fmt: skip


def _percent(figure: dict[str, Any]) -> str:
    return f"{100 * figure['value']:.2f} [{100 * figure['low']:.2f}, {100 * figure['high']:.2f}]"


def _shown(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return "-"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    if not FOLDER.is_dir():
        print("skipped: there are no recorded judgments; PREFLINE_RECORDED names their folder")
        return
    found = report.audit_table(audit_table(), "recorded judgments")
    write_results("benchmarks.labels.recorded", "Labels on recorded judgments", section(found))


if __name__ == "__main__":
    main()
