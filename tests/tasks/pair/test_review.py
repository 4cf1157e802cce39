from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefline.errors import InputError
from prefline.params import PairParams
from tasks.pair.label import label_pairs
from tasks.pair.review import draw_queue, queue_row, read_reviews
from tests.prefline.labels.judgments import judgment, planted

PARAMS = PairParams(review_size=5, review_random_share=0.1)


def test_the_least_certain_pairs_go_first_and_some_are_drawn_at_random() -> None:
    rows = planted(400, 0.0, 1.0) + [
        row
        for number in range(20)
        for row in (
            judgment(f"{number}x", f"{number}y", "first", p_first=0.6, prompt="open"),
            judgment(f"{number}y", f"{number}x", "first", p_first=0.6, prompt="open"),
        )
    ]
    _, decided = label_pairs(rows, {}, PARAMS)
    queue = draw_queue(decided, PARAMS)

    assert sum(why == "uncertain" for _, why in queue) == 5
    assert 20 < sum(why == "random" for _, why in queue) < 70


def test_nothing_in_the_queue_tells_a_model_or_a_verdict() -> None:
    _, (one,) = label_pairs([judgment("a", "b", "first", p_first=0.6)], {}, PARAMS)
    responses = {"a": {"text": "A!", "model": "gpt"}, "b": {"text": "B!", "model": "llama"}}
    row = queue_row(one, "uncertain", {"messages": []}, responses)

    assert set(row) == {
        "pair_id", "prompt_id", "prompt", "response_a", "response_b",
        "response_a_id", "response_b_id", "why",
    }  # fmt: skip


def test_reviewers_add_up_and_a_second_word_replaces_the_first(tmp_path: Path) -> None:
    words = [
        ("pair", "ann", "a", "b"),
        ("pair", "ben", "a", "b"),
        ("pair", "ben", "b", "a"),
        ("two", "ann", "tie", "a"),
    ]
    fields = ("pair_id", "reviewer", "preferred_id", "other_id")
    lines = [json.dumps(dict(zip(fields, word, strict=True))) for word in words]
    (tmp_path / "answers.jsonl").write_text("\n".join(lines))

    assert read_reviews(tmp_path, PARAMS) == {"pair": 0.0, "two": 0.0}


@pytest.mark.parametrize("field", ["pair_id", "reviewer", "preferred_id", "other_id"])
def test_a_review_without_a_field_names_file_row_and_field(field: str, tmp_path: Path) -> None:
    whole = {"pair_id": "p", "reviewer": "ann", "preferred_id": "a", "other_id": "b"}
    del whole[field]
    (tmp_path / "answers.jsonl").write_text(json.dumps(whole))

    with pytest.raises(InputError, match=f"answers.jsonl, row 1: field '{field}'"):
        read_reviews(tmp_path, PARAMS)
