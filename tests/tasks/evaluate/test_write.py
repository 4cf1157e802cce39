"""An evaluation's files."""

from __future__ import annotations

import csv
from pathlib import Path

import orjson
import pyarrow.parquet as pq

from prefline.reward.models import Trained
from prefline.tables import Rejection
from tasks.evaluate.evaluation import Evaluation
from tasks.evaluate.trial import Trial
from tasks.evaluate.write import sentences, write_evaluation

LOST = Rejection("evaluate", "response", "r1", "timeout", "no answer in 10 s")


def figure(
    value: float | None, low: float | None = None, high: float | None = None
) -> dict[str, object]:
    return {"value": value, "low": low, "high": high, "n": 40}


def evaluation() -> Evaluation:
    trained = Trained("reward_head", "demo-1-head", {}, "base", {})
    row = {"cost_usd": 0.25}
    result = Evaluation.of(trained, {"base": Trial("base", [row, row], [LOST])})
    rules = {
        "accuracy": figure(0.7, 0.6, 0.8),
        "longer_wins": figure(0.4),
        "shorter_wins": figure(0.6),
        "over_shorter": figure(0.1, -0.1, 0.3),
        "by_length": figure(0.1),
    }
    result.figures["pairs"] = {"test": {"overall": rules, "n_pairs": 40, "n_prompts": 9}}
    result.outcomes["base"] = {"seen": {"p1": 0.5}}
    return result


def test_every_figure_outcome_and_lost_answer_is_written(tmp_path: Path) -> None:
    write_evaluation(tmp_path, evaluation())
    figures = orjson.loads((tmp_path / "metrics.json").read_bytes())
    with (tmp_path / "figures.csv").open() as file:
        rows = {row["figure"]: row["value"] for row in csv.DictReader(file)}

    assert (figures["model"], figures["cost_usd"]) == ("demo-1-head", 0.5)
    assert rows == {"pairs.test.overall.accuracy": "0.7", "pairs.test.overall.longer_wins": "0.4",
                    "pairs.test.overall.shorter_wins": "0.6",
                    "pairs.test.overall.over_shorter": "0.1"}  # fmt: skip
    assert orjson.loads((tmp_path / "outcomes.json").read_bytes()) == {
        "base": {"seen": {"p1": 0.5}}
    }
    (left_out,) = pq.read_table(tmp_path / "left_out.parquet").to_pylist()
    assert (left_out["id"], left_out["reason"]) == ("r1", "timeout")
    assert (tmp_path / "summary.txt").read_text() == (
        "test: right on 70.0% [60.0%, 80.0%] of 40 pairs of 9 prompts; the shorter answer on "
        "60.0%: within noise, +10.0% [-10.0%, +30.0%]\n"
    )


def policy(low: float, high: float, unseen: int = 12) -> dict[str, object]:
    gain = {"base": figure((low + high) / 2, low, high)}
    both = {
        part: {"pass_rate": figure(0.4, 0.3, 0.5) | {"n": n}, "over": gain}
        for part, n in (("seen", 40), ("unseen", unseen))
    }
    length = {"characters": {"ratio": figure(1.25)}}
    return {"model": "demo-1-dpo", "passes": both, "base_passes": both, "drift": {"base": length}}


def test_a_difference_is_called_better_only_where_its_interval_leaves_out_zero() -> None:
    assert "better, +2.0% [+1.0%, +3.0%]" in next(sentences(policy(0.01, 0.03)))
    assert "within noise, +0.0% [-1.0%, +1.0%]" in next(sentences(policy(-0.01, 0.01)))
    assert "worse, -2.0% [-3.0%, -1.0%]" in next(sentences(policy(-0.03, -0.01)))


def test_nothing_is_said_of_a_part_that_has_no_prompts() -> None:
    said = list(sentences(policy(0.01, 0.03, unseen=0)))

    assert not any("never seen" in one for one in said)
    assert said[-1] == "its answers are 1.25 times as long as those of its base"
