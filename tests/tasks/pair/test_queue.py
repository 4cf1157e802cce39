from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.config import PairParams
from prefline.tables import REVIEW_QUEUE
from prefline.tables.schemas import with_turns
from tasks.pair.formats.plain import Answer, Answers
from tasks.pair.labels import LabelledPair, disagreement
from tasks.pair.queue import QueuedPair, draw_queue, is_random, review_value, write_queue
from tests.tasks.pair.material import (
    JUDGES,
    MODELS,
    category,
    judged,
    label_pairs,
    params,
    queue_of,
    rows_of,
    written,
)

TABLES = st.lists(st.integers(0, 199), min_size=1, max_size=40, unique=True).map(
    lambda places: [judged(200)[at] for at in sorted(places)]
)
REVIEWS = st.builds(
    params,
    size=st.integers(0, 8),
    random_share=st.sampled_from([0.0, 0.3, 1.0]),
    high_stakes=st.sampled_from([(), ("odd",)]),
)


def one_pair(**changes: Any) -> LabelledPair:
    calm = next(one for one in judged(16) if not disagreement(one))
    return replace(calm, **({"log_odds_se": 0.0, "reason": None} | changes))


def answers_on(queue: list[QueuedPair], n: int) -> Answers:
    """n answers on each pair of the queue."""
    pairs = [one.pair for one in queue]
    return Answers(tuple(
        Answer(one.evidence.pair_id, f"r{at}", one.chosen, one.rejected, "")
        for one in pairs for at in range(n)
    ))  # fmt: skip


@given(TABLES, REVIEWS)
@settings(deadline=None)
def test_value_fills_no_more_places_than_asked_and_leaves_out_nothing_worth_more(
    table: list[LabelledPair], given: PairParams
) -> None:
    queue = queue_of(table, given)
    valued = [one for one in queue if one.why != "random"]
    inside = {one.pair.evidence.pair_id for one in queue}
    outside = [one for one in table if one.evidence.pair_id not in inside]
    least = min((one.value for one in valued), default=math.inf)

    assert len(valued) <= given.review.size
    assert [one.pair.evidence.pair_id for one in queue] == sorted(inside)
    for one in outside:
        value = review_value(one, category(one), given)
        assert value == 0 or (len(valued) == given.review.size and value <= least + 1e-12)


@given(TABLES, REVIEWS)
@settings(deadline=None)
def test_the_random_share_is_drawn_from_all_pairs_whatever_was_said_of_them(
    table: list[LabelledPair], given: PairParams
) -> None:
    drawn = {o.pair.evidence.pair_id for o in queue_of(table, given) if o.why == "random"}

    assert drawn == {o.evidence.pair_id for o in table if is_random(o.evidence.pair_id, given)}


def test_the_random_share_has_kept_and_rejected_pairs_in_their_proportion() -> None:
    given = params(random_share=0.2, size=0)
    table = judged(1_600)
    queue = queue_of(table, given)
    rejected = sum(one.pair.reason is not None for one in queue) / len(queue)
    of_all = sum(one.reason is not None for one in table) / len(table)

    assert len(queue) / 1_600 == pytest.approx(0.2, abs=0.03)
    assert rejected == pytest.approx(of_all, abs=0.06)


@given(TABLES, REVIEWS)
@settings(deadline=None)
def test_no_file_for_reviewers_tells_a_model_a_judge_or_why(
    table: list[LabelledPair], given: PairParams
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder, table, given)
        files = {path.name: path for path in folder.iterdir()}
        for_us = files.pop("queue.parquet")
        shown = {name: path.read_text() for name, path in files.items()}

        assert pq.ParquetFile(for_us).schema_arrow.names == REVIEW_QUEUE.names
    assert set(shown) == {
        "queue.jsonl", "label_studio.json", "label_studio.xml",
        "argilla.jsonl", "argilla_settings.json",
    }  # fmt: skip
    hidden = (*MODELS, *JUDGES, "random", "uncertain", "high_stakes", "disagree", 'value":0', "why")
    for name, text in shown.items():
        assert not [word for word in hidden if word in text], name


def test_which_answer_comes_first_is_a_toss() -> None:
    with tempfile.TemporaryDirectory() as name:
        rows = written(Path(name), judged(1_600), params(random_share=1.0))

    lower_first = sum(row["response_a_id"] < row["response_b_id"] for row in rows)
    assert lower_first / len(rows) == pytest.approx(0.5, abs=0.07)


def test_the_value_of_an_answer_is_the_error_that_it_takes_off() -> None:
    given = params(human_accuracy=0.9, high_stakes=("law",), high_stakes_weight=2)

    def value(category: str = "chat", **changes: object) -> float:
        return review_value(one_pair(**changes), category, given)

    assert value(p_chosen=0.7) == pytest.approx(0.2)
    assert value("law", p_chosen=0.7) == pytest.approx(0.4)
    assert value(p_chosen=0.95) == 0
    assert value(p_chosen=0.7, log_odds_se=2.0) > value(p_chosen=0.7)
    assert value(p_chosen=0.5, reason="tie") == 0
    assert value(p_chosen=0.5, reason="no_valid_verdict") == pytest.approx(0.4)


def test_a_label_that_judges_contradict_is_trusted_less() -> None:
    shared, disputed = (
        replace(one, p_chosen=0.8, log_odds_se=0.0, reason=None)
        for one in label_pairs(
            rows_of([("first", "first"), ("first", "second")]), PairParams()
        ).by_judges
    )

    assert review_value(shared, "", params()) == pytest.approx(0.95 - 0.8)
    assert review_value(disputed, "", params()) == pytest.approx(0.95 - (0.8 - 0.5 * 0.5 * 0.3))


def test_why_a_pair_was_chosen_is_kept_for_us() -> None:
    queue = queue_of(judged(200), params(size=100, random_share=0.1, high_stakes=("odd",)))

    assert {one.why for one in queue} == {"random", "high_stakes", "judges_disagree", "uncertain"}
    assert {category(one.pair) for one in queue if one.why == "high_stakes"} == {"odd"}


def test_a_pair_stays_in_the_queue_until_it_has_its_answers() -> None:
    given, table = params(size=10, random_share=0.05, reviewers_per_pair=2), judged(200)
    first = queue_of(table, given)
    begun = queue_of(table, given, answers_on(first, 1))
    done = queue_of(table, given, answers_on(first, 2))
    pairs = [{one.pair.evidence.pair_id for one in queue} for queue in (first, begun, done)]

    assert pairs[1] == pairs[0]
    assert {one.why for one in begun} == {"random", "begun"}
    assert {one.n_answers for one in begun} == {1}
    assert not pairs[2] & pairs[0]
    assert len(pairs[2]) == 10


def test_random_pairs_come_first_until_the_truth_of_enough_is_known() -> None:
    given, table = params(size=10, random_share=0.01, anchors_first=20), list(judged(200))
    none, some, enough = (draw_queue(table, {}, given, n_anchors=n) for n in (0.0, 12.5, 20.0))
    drawn = {queued.pair.evidence.pair_id for queued in none[:20]}

    assert [queued.why == "random" for queued in none] == [True] * 20 + [False] * 10
    assert [queued.why == "random" for queued in some] == [True] * 8 + [False] * 10
    assert {queued.pair.evidence.pair_id for queued in some[:8]} < drawn
    assert enough == sorted(enough, key=lambda queued: queued.pair.evidence.pair_id)
    assert sum(queued.why == "random" for queued in enough) < 8


def test_pairs_for_which_adaptive_judging_would_buy_an_answer_are_all_queued() -> None:
    given, table = params(size=3, random_share=0), list(judged(64))
    budgeted = {one.evidence.pair_id for one in table[::4]}
    queue = draw_queue(table, {}, given, budgeted=budgeted)

    assert {one.pair.evidence.pair_id for one in queue if one.why == "budgeted"} == budgeted
    assert sum(one.why != "budgeted" for one in queue) == 3


def test_pairs_that_were_begun_stay_though_the_size_was_made_smaller() -> None:
    table, many = judged(200), params(size=10, random_share=0, reviewers_per_pair=2)
    first = queue_of(table, many)
    few = params(size=3, random_share=0, reviewers_per_pair=2)

    assert [one.why for one in queue_of(table, few, answers_on(first, 1))] == ["begun"] * 10


def test_a_prompt_with_tools_is_shown_part_by_part(tmp_path: Path) -> None:
    calls = '[{"type":"function","function":{"name":"f","arguments":{"x":1}}}]'
    prompt = [
        {"role": "user", "content": "Go on."},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "4"},
    ]
    row = {
        "pair_id": "p", "prompt_id": "q", "prompt": prompt, "response_a": "a", "response_b": "b",
        "response_a_id": "1", "response_b_id": "2", "why": "random", "value": 0.1, "n_answers": 0,
        "tools": '[{"function":{"name":"f"}}]',
    }  # fmt: skip
    write_queue(tmp_path, [row], 1, with_turns(REVIEW_QUEUE))
    shown = orjson.loads((tmp_path / "queue.jsonl").read_bytes())
    (task,) = orjson.loads((tmp_path / "label_studio.json").read_bytes())

    assert [(turn["role"], turn["content"]) for turn in shown["prompt"]] == [
        ("tools", "f()"), ("user", "Go on."), ("call f", '{"x":1}'), ("result f", "4")
    ]  # fmt: skip
    assert 'call f: {"x":1}' in task["data"]["prompt"]
    (stored,) = pq.read_table(tmp_path / "queue.parquet").to_pylist()
    assert (stored["tools"], stored["prompt"][1]["tool_calls"]) == (row["tools"], calls)
