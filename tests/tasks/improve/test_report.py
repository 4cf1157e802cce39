from __future__ import annotations

import csv
import io

from rich.console import Console

from prefline.stats.bootstrap import Figure
from tasks.improve.report import HEADINGS, csv_text, markdown, terminal
from tests.tasks.improve.rounds import passes, round_with

ROUNDS = (
    round_with(0, passes(0.2)),
    round_with(1, passes(0.5, seed=1), unseen={"u": 1.0}, judge=Figure(0.7, 0.6, 0.8, 90)),
)


def test_the_table_names_the_best_round() -> None:
    lines = markdown(ROUNDS, 1).splitlines()

    assert lines[-1].startswith("| **1** | 1 | m1 | ")
    assert "70.0% [60.0%, 80.0%]" in lines[-1]
    assert {line.count("|") for line in lines} == {len(HEADINGS) + 1}


def test_a_plot_reads_plain_numbers_and_gaps() -> None:
    first, last = csv.DictReader(io.StringIO(csv_text(ROUNDS, 1)))

    assert (first["judge"], first["unseen"], last["judge"]) == ("", "", "0.7")
    assert float(last["gold_low"]) < float(last["gold"]) < float(last["gold_high"])
    assert (first["best"], last["best"]) == ("0", "1")


def test_a_terminal_shows_every_round() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(terminal(ROUNDS, 1))

    shown = console.export_text()
    assert "m0" in shown
    assert "m1" in shown
