"""What the head of the page says that answers do."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefline.config import read_params
from prefline.project import Project
from prefline.review.desk import EQUAL, LEFT, RIGHT, Desk
from prefline.review.effect import Effect, EffectMeter, steadiness
from tests.prefline.report.projects import save, save_json
from tests.prefline.review.material import label, queue_row, review_project, save_labels


@pytest.fixture
def project(tmp_path: Path) -> Project:
    rows = [queue_row(n) for n in range(40)]
    project = review_project(tmp_path, rows)
    save_labels(project, rows)
    save_json(project.metrics("pair"), {"pairs": 40})
    text = project.params.read_text() + "pair: {review: {random_share: 1}}\n"
    project.params.write_text(text)
    return project


def effect_of(project: Project, words: str, seconds: float = 30.0) -> Effect:
    """Answer as many pairs (l, r or e), and measure."""
    desk = Desk(project, repeat_share=0)
    for word in words:
        showing = desk.next_for("ann")
        assert showing is not None
        desk.answer("ann", showing, {"l": LEFT, "r": RIGHT, "e": EQUAL}[word], seconds, "")
    return EffectMeter(project, read_params(project.params), 60.0).measure(desk)


def test_before_anybody_answers_nothing_is_known_and_ten_answers_bring_much(
    project: Project,
) -> None:
    effect = effect_of(project, "")
    assert effect.now.value is None
    assert effect.now.reach == 0.5
    assert effect.next_reach < 0.25
    assert effect.next_mended == pytest.approx(2.5)
    assert effect.seconds is None


def test_the_interval_narrows_with_answers_on_drawn_pairs(project: Project) -> None:
    ten, twenty = effect_of(project, "l" * 9 + "r"), effect_of(project, "l" * 9 + "e")
    assert (ten.now.n, ten.now.value) == (10, 0.9)
    assert (twenty.now.n, twenty.now.value) == (20, 0.9)
    assert twenty.now.reach < ten.now.reach
    assert twenty.next_reach < twenty.now.reach
    assert twenty.by_people == 20


def test_figures_do_not_move_within_ten_answers_so_that_they_tell_of_no_pair(
    project: Project,
) -> None:
    before = effect_of(project, "l" * 10)
    after = effect_of(project, "r" * 9)
    assert after.now == before.now
    assert effect_of(project, "r").now.value == 0.5


def test_time_and_cost_are_of_all_answers(project: Project) -> None:
    effect = effect_of(project, "lr", 90.0)
    assert effect.seconds == 90.0
    assert effect.cost_usd == pytest.approx(3.0)


def test_answers_that_the_stage_pair_has_seen_are_not_counted_twice(project: Project) -> None:
    effect_of(project, "l" * 10)
    rows = [queue_row(n) for n in range(10)]
    answered = {"reviewer": "ann", "place": "x", "accuracy": 0.95}
    save(project, "answers", [
        {"pair_id": row["pair_id"], "prompt_id": row["prompt_id"],
         "preferred_id": row["response_a_id"], **answered}
        for row in rows
    ])  # fmt: skip
    told = {"category": "sums", "told_by": "people", "drawn": True, "label_source": "ai",
            "p_chosen": 0.9, "agrees": True, "tie": False, "kept": True}  # fmt: skip
    save(project, "anchors", [
        {"pair_id": row["pair_id"], "prompt_id": row["prompt_id"], **told} for row in rows
    ])  # fmt: skip
    save(project, "preferences", [
        label(queue_row(n), **({"label_source": "human"} if n < 10 else {})) for n in range(40)
    ])  # fmt: skip
    effect = effect_of(project, "r" * 10)
    assert effect.unused == 10
    assert (effect.before.n, effect.now.n) == (10, 20)
    assert (effect.before.value, effect.now.value) == (1.0, 0.5)


def test_a_reviewer_who_says_the_same_twice_is_steady(project: Project) -> None:
    desk = Desk(project, repeat_share=1)
    for _ in range(24):
        showing = desk.next_for("ann")
        assert showing is not None
        prefers_b = showing.right.startswith("Right")
        desk.answer("ann", showing, RIGHT if prefers_b else LEFT, None, "")
    same, of = steadiness(desk.log("ann"))
    assert of > 4
    assert same == of
