from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.labels.recorded_table import FOLDER, JUDGE, audit_table
from prefline.audit.report import audit
from tests.prefline.audit.tables import Row, audited, row


def match(pair: str, first: str, second: str, **said: object) -> Row:
    """A verdict on responses of two models, whose names are in the ids."""
    pair_id = f"{pair}|{min(first, second)}|{max(first, second)}"
    ids = {"first_id": f"{pair}{first}", "second_id": f"{pair}{second}", "prompt_id": pair}
    return (
        {"pair_id": pair_id, "judge": "j", "first_model": first, "second_model": second}
        | ids
        | said
    )


def test_a_win_rate_is_the_mean_over_pairs_of_both_orders(tmp_path: Path) -> None:
    rows = [
        match("1", "x", "y", verdict="first"), match("1", "y", "x", verdict="first"),  # 0.5
        match("2", "x", "y", verdict="tie"),  # 0.5
        match("3", "x", "y", verdict="first", p_first=0.8),  # p binds
        match("4", "x", "y", verdict="invalid"),  # left out
        match("5", "z", "x", verdict="first"),  # 0
    ]  # fmt: skip
    models = audited(tmp_path, rows)["models"]

    assert models["x"]["win_rate"]["value"] == pytest.approx((0.5 + 0.5 + 0.8 + 0) / 4)
    assert models["y"]["win_rate"]["value"] == pytest.approx((0.5 + 0.5 + 0.2) / 3)
    assert models["z"]["win_rate"] == {"value": 1, "low": pytest.approx(0.025), "high": 1, "n": 1}
    assert models["x"]["n_pairs"] == 4
    assert models["x"]["length_controlled_win_rate"]["value"] is None


def test_without_models_there_are_none(tmp_path: Path) -> None:
    assert audited(tmp_path, [row("1", "first")])["models"] == {}


def planted(n: int, *, effect: float, skill: float, seed: int = 0) -> list[Row]:
    """Model "long" against "short", mostly the longer, whose log-odds of winning are known."""
    random, rows = np.random.default_rng(seed), []
    longer = random.normal(300, 300, n)
    for i, extra in enumerate(longer):
        p = 1 / (1 + np.exp(-(skill + effect * np.tanh(extra / longer.std()))))
        first = bool(random.random() < 0.5)
        models = ("long", "short") if first else ("short", "long")
        lengths = (1_000 + extra, 1_000) if first else (1_000, 1_000 + extra)
        said = {"first_length": lengths[0], "second_length": lengths[1]}
        rows.append(match(f"{i}", *models, p_first=float(p if first else 1 - p), **said))
    return rows


def test_a_win_rate_that_is_all_length_is_a_half_once_length_is_taken_out(tmp_path: Path) -> None:
    model = audited(tmp_path, planted(800, effect=1.5, skill=0.0))["models"]["long"]

    assert model["win_rate"]["value"] > 0.65
    assert model["length_controlled_win_rate"]["value"] == pytest.approx(0.5, abs=0.02)


def test_where_length_does_nothing_the_length_controlled_win_rate_is_the_win_rate(
    tmp_path: Path,
) -> None:
    model = audited(tmp_path, planted(800, effect=0.0, skill=0.7))["models"]["long"]

    controlled = model["length_controlled_win_rate"]
    assert controlled["value"] == pytest.approx(model["win_rate"]["value"], abs=0.005)
    assert controlled["low"] <= controlled["value"] <= controlled["high"]


def test_two_models_win_rates_add_up_to_one_also_without_length(tmp_path: Path) -> None:
    models = audited(tmp_path, planted(200, effect=1.0, skill=0.5))["models"]

    for name in ("win_rate", "length_controlled_win_rate"):
        assert models["long"][name]["value"] + models["short"][name]["value"] == pytest.approx(1)


# Of the recorded judgments: mean of the rows there, published length-controlled win rate, in %.
PUBLISHED = {
    "claude-2.1": (15.65, 25.25),
    "claude-2.1_concise": (9.08, 18.21),
    "gpt-3.5-turbo-1106": (8.97, 19.30),
    "OpenHermes-2.5-Mistral-7B": (10.19, 16.25),
    "vicuna-13b-v1.5": (6.51, 10.48),
    "gemma-7b-it": (6.88, 10.43),
    "alpaca-7b": (2.41, 5.88),
}


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the recorded judgments are not beside the project")
def test_recorded_judgments_give_the_published_win_rates_and_ranks(tmp_path: Path) -> None:
    pq.write_table(audit_table(), tmp_path / "recorded.parquet")
    found = audit(tmp_path / "recorded.parquet")
    models = found["models"]

    for name, (win_rate, _) in PUBLISHED.items():
        assert 100 * models[name]["win_rate"]["value"] == pytest.approx(win_rate, abs=0.3)
    ours = sorted(PUBLISHED, key=lambda m: models[m]["length_controlled_win_rate"]["value"])
    assert ours == sorted(PUBLISHED, key=lambda m: PUBLISHED[m][1])
    for name, (_, published) in PUBLISHED.items():
        controlled = 100 * models[name]["length_controlled_win_rate"]["value"]
        assert controlled == pytest.approx(published, abs=6)
    judge = found["judges"][JUDGE]
    assert judge["prefers_first"]["value"] == pytest.approx(0.449, abs=0.001)
    assert judge["position_bias"]["high"] < 0
