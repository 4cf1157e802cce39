from __future__ import annotations

from tasks.judge.comparisons import Comparison
from tasks.judge.context import JudgeContext
from tasks.judge.jobs import plan_comparisons
from tests.tasks.judge.material import PAIRWISE, VERIFIER, prompt, response


def pairs(count: int, *, right: int = 0) -> list[Comparison]:
    """Comparisons, in `right` of which the first answer alone is right."""
    return [
        Comparison(
            prompt(),
            response("4" if number < right else "7", f"{number}a"),
            response("5", f"{number}b"),
        )
        for number in range(count)
    ]


def test_a_model_judge_sees_both_orders() -> None:
    (one,) = pairs(1)

    assert list(plan_comparisons([one], PAIRWISE, JudgeContext())) == [one, one.swapped()]


def test_one_order_only_where_params_say_so() -> None:
    (one,) = pairs(1)
    judge = PAIRWISE.model_copy(update={"orders": "random"})

    assert list(plan_comparisons([one], judge, JudgeContext())) == [one]


def test_a_verifier_is_asked_once_and_only_where_there_is_one() -> None:
    (one,) = pairs(1)
    other = Comparison(prompt("Why?", None), response("x"), response("y"))

    assert list(plan_comparisons([one, other], VERIFIER, JudgeContext())) == [one]


def test_the_asked_share_of_a_judge_s_pairs_comes_from_what_a_verifier_decides() -> None:
    judge = PAIRWISE.model_copy(update={"max_pairs": 20, "gold_share": 0.5, "orders": "random"})
    drawn = list(plan_comparisons(pairs(1_000, right=50), judge, JudgeContext()))

    assert len(drawn) == 20
    assert sum(one.first.text == "4" for one in drawn) >= 10


def test_where_too_few_are_decided_the_others_fill_up() -> None:
    judge = PAIRWISE.model_copy(update={"max_pairs": 20, "orders": "random"})
    drawn = list(plan_comparisons(pairs(100, right=3), judge, JudgeContext()))

    assert len(drawn) == 20
    assert sum(one.first.text == "4" for one in drawn) == 3


def test_more_pairs_add_to_the_draw_of_fewer() -> None:
    def drawn(most: int) -> set[str]:
        judge = PAIRWISE.model_copy(update={"max_pairs": most, "gold_share": 0.0})
        return {one.pair_id for one in plan_comparisons(pairs(100), judge, JudgeContext())}

    assert drawn(10) < drawn(30)
