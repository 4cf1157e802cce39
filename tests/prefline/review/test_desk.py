"""Which pair a reviewer sees next."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefline.project import Project
from prefline.review.desk import EQUAL, LEFT, SKIP, Desk, Showing
from tests.prefline.report.projects import save
from tests.prefline.review.material import queue_row, review_project, write_queue


def take(desk: Desk, reviewer: str, word: str = LEFT) -> Showing:
    """Answer the next pair."""
    showing = desk.next_for(reviewer)
    assert showing is not None
    desk.answer(reviewer, showing, word, 1.0, "")
    return showing


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return review_project(tmp_path, 12)


def test_all_pairs_come_once_in_the_order_of_the_queue(project: Project) -> None:
    desk = Desk(project, repeat_share=0)
    seen = [take(desk, "ann").pair_id for _ in range(12)]
    assert seen == [queue_row(n)["pair_id"] for n in range(12)]
    assert desk.next_for("ann") is None
    assert desk.progress("ann").left == 0


def test_two_reviewers_at_once_get_different_pairs_where_one_answer_is_enough(
    project: Project,
) -> None:
    desk = Desk(project, repeat_share=0)
    seen = [take(desk, name).pair_id for _ in range(6) for name in ("ann", "bob")]
    assert len(set(seen)) == 12
    restarted = Desk(project, repeat_share=0)
    assert restarted.next_for("ann") is None
    assert restarted.next_for("bob") is None


def test_what_one_looks_at_is_given_to_others_once_that_one_is_away(project: Project) -> None:
    time = [0.0]
    desk = Desk(project, repeat_share=0, now=lambda: time[0])
    held = desk.next_for("ann")
    assert held is not None
    assert desk.progress("bob").with_others == 1
    others = [take(desk, "bob").pair_id for _ in range(11)]
    assert held.pair_id not in others
    assert desk.next_for("bob") is None
    time[0] = 601.0
    assert take(desk, "bob").pair_id == held.pair_id


def test_a_pair_that_wants_two_answers_goes_to_two_reviewers(project: Project) -> None:
    desk = Desk(project, reviewers_per_pair=2, repeat_share=0)
    assert take(desk, "ann").pair_id == take(desk, "bob").pair_id
    third = desk.next_for("eve")
    assert third is not None
    assert third.pair_id == queue_row(1)["pair_id"]


def test_a_skipped_pair_stays_for_the_others(project: Project) -> None:
    desk = Desk(project, repeat_share=0)
    skipped = take(desk, "ann", SKIP).pair_id
    assert take(desk, "ann").pair_id != skipped
    assert take(desk, "bob").pair_id == skipped


def test_answers_that_came_by_other_ways_count(project: Project) -> None:
    row = queue_row(0)
    save(project, "answers", [{
        "pair_id": row["pair_id"], "prompt_id": row["prompt_id"], "reviewer": "argilla:1",
        "preferred_id": row["response_a_id"], "place": "argilla.json, row 1", "accuracy": 0.95,
    }])  # fmt: skip
    assert take(Desk(project), "ann").pair_id == queue_row(1)["pair_id"]


def test_what_was_taken_back_is_shown_next_latest_first(project: Project) -> None:
    desk = Desk(project, repeat_share=0)
    first, second = take(desk, "ann"), take(desk, "ann", EQUAL)
    assert desk.undo("ann", second.pair_id)
    assert desk.undo("ann", first.pair_id)
    again = Desk(project, repeat_share=0)
    assert [take(again, "ann").pair_id for _ in range(2)] == [first.pair_id, second.pair_id]


def test_a_share_is_shown_twice_turned_round_and_some_answers_later(project: Project) -> None:
    desk = Desk(project, repeat_share=1)
    seen = [take(desk, "ann") for _ in range(12 + 9)]
    assert desk.next_for("ann") is None
    again = [showing for showing in seen if showing.repeat]
    assert len(again) == 9
    for showing in again:
        first = next(one for one in seen if one.pair_id == showing.pair_id)
        assert (first.left_id, first.left) == (showing.right_id, showing.right)
        assert seen.index(showing) - seen.index(first) > 3


def test_a_new_queue_is_read_as_it_appears_and_withheld_pairs_come_after_it(
    project: Project,
) -> None:
    desk = Desk(project, repeat_share=0)
    take(desk, "ann")
    write_queue(project, [queue_row(50)])
    write_queue(project, [queue_row(60), queue_row(50)], "withheld")
    seen = [take(desk, "ann").pair_id for _ in range(2)]
    assert seen == [queue_row(50)["pair_id"], queue_row(60)["pair_id"]]
    assert desk.next_for("ann") is None
