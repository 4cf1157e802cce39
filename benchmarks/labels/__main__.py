"""`python -m benchmarks.labels [--seeds 10]` writes the tables of benchmarks/results/labels.md."""

from __future__ import annotations

import argparse

from benchmarks.labels.measure import measure
from benchmarks.labels.planted import Setting
from benchmarks.labels.table import tables
from benchmarks.report import write_results

SETTINGS = (
    Setting("Three judges, both orders, probabilities; length independent of quality"),
    Setting("The same, 6,000 pairs", prompts=1_000),
    Setting("A quarter of the prompts verified", prompts=500, gold=0.25),
    Setting("Length follows quality (0.3), 25 % verified", prompts=500, follows=0.3, gold=0.25),
    Setting("Length follows quality (0.3), 5 % verified", prompts=500, follows=0.3, gold=0.05),
    Setting("Length follows quality (0.3), nothing verified", follows=0.3),
    Setting("Verdicts only", hard=True),
    Setting("Verdicts only, one order", hard=True, both=False),
    Setting("One order, drawn at random", both=False),
    Setting("One judge (good), nothing verified", judges=("good",)),
    Setting("Two judges (fair, good), nothing verified", judges=("fair", "good")),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    seeds = range(parser.parse_args().seeds)
    found = {setting: [measure(setting, seed) for seed in seeds] for setting in SETTINGS}
    write_results("benchmarks.labels", "Labels on planted truth", tables(found))


if __name__ == "__main__":
    main()
