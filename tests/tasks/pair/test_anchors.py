from __future__ import annotations

from typing import Any

from prefline.config import PairParams
from prefline.tables import ANCHORS, table_from_rows
from tasks.pair import anchor_rows
from tasks.pair.formats.plain import Answer, Answers
from tasks.pair.queue import is_random, random_lot
from tests.prefline.labeling.judgments import judgment
from tests.tasks.pair.material import label_pairs, params

HALF = params(random_share=0.5)
PAIRS = 40


def judged(at: int, verdict: str = "first") -> list[dict[str, Any]]:
    """The judge sees the pair both ways, and names the lower id ("first") or the upper."""
    a, b = f"{at:03d}a", f"{at:03d}b"
    turned = {"first": "second", "second": "first"}[verdict]
    return [
        judgment(a, b, verdict, prompt=f"p{at:03d}"),
        judgment(b, a, turned, prompt=f"p{at:03d}"),
    ]


def anchors_of(
    rows: list[dict[str, Any]], says: dict[int, str], given: PairParams = HALF
) -> dict[tuple[str, str], dict[str, Any]]:
    """The anchors by prompt and by whose word they are, once people preferred these responses."""
    pairs = {one.evidence.lower: one.evidence for one in label_pairs(rows, given).by_judges}
    answers = [
        Answer(pair.pair_id, "ann", word, {pair.lower: pair.upper}.get(word, pair.lower), "")
        for pair, word in ((pairs[f"{at:03d}a"], word) for at, word in says.items())
    ]
    categories = {one.prompt_id: "odd" for one in pairs.values()}
    labelled = label_pairs(rows, given, answers=Answers(tuple(answers)), categories=categories)
    found = list(anchor_rows(labelled, given))
    assert {row["category"] for row in found} == {"odd"}
    assert table_from_rows(found, ANCHORS).num_rows == len(found)
    return {(row["prompt_id"], row["told_by"]): row for row in found}


def test_people_are_compared_with_the_label_that_they_did_not_teach() -> None:
    rows = [row for at in range(PAIRS) for row in judged(at)]
    says = {at: f"{at:03d}{'a' if at % 5 else 'b'}" for at in range(30)} | {30: "tie"}
    found = anchors_of(rows, says)

    assert len(found) == 31
    assert {row["label_source"] for row in found.values()} == {"ai"}
    agrees = {at: found[f"p{at:03d}", "people"]["agrees"] for at in (0, 1, 30)}
    assert agrees == {0: False, 1: True, 30: False}
    assert [at for (at, _), row in found.items() if row["tie"]] == ["p030"]
    # All pairs look the same, so labels differ only by whether their own fold was left out.
    assert {row["p_chosen"] > 0.5 for row in found.values()} == {True}


def test_which_anchors_were_drawn_at_random_is_told_by_the_hash_alone() -> None:
    rows = [row for at in range(PAIRS) for row in judged(at)]
    pairs = label_pairs(rows, HALF).by_judges
    early = min(pairs, key=lambda pair: random_lot(pair.evidence.pair_id, HALF)).evidence.lower
    says = {at: f"{at:03d}a" for at in range(PAIRS) if f"{at:03d}a" != early}
    found = anchors_of(rows, says)

    assert {row["drawn"] for row in found.values()} == {True, False}
    assert all(row["drawn"] is is_random(row["pair_id"], HALF) for row in found.values())


def test_pairs_are_drawn_as_far_as_people_answered_all_in_the_order_of_the_draw() -> None:
    few = params(random_share=0.02)
    rows = [row for at in range(PAIRS) for row in judged(at)]
    pairs = sorted(
        label_pairs(rows, few).by_judges,
        key=lambda pair: random_lot(pair.evidence.pair_id, few),
    )
    # The queue asked for the first ten of the draw; two more were worth most.
    asked = [int(pair.evidence.lower[:3]) for pair in (*pairs[:10], pairs[20], pairs[30])]
    found = anchors_of(rows, {at: f"{at:03d}a" for at in asked}, few)
    drawn = {int(prompt[1:]) for (prompt, _), row in found.items() if row["drawn"]}

    assert drawn == set(asked[:10])
    everything = anchors_of(rows, {at: f"{at:03d}a" for at in range(PAIRS)}, few)
    assert all(row["drawn"] for row in everything.values())


def test_a_verifier_is_compared_with_judges_and_people_with_the_verifier() -> None:
    rows = [row for at in range(PAIRS) for row in judged(at)]
    rows += [
        judgment(f"{at:03d}a", f"{at:03d}b", "first" if at else "second", judge="verifier",
                 p_first=1.0, prompt=f"p{at:03d}")
        for at in range(PAIRS // 2)
    ]  # fmt: skip
    found = anchors_of(rows, {0: "000a", 1: "001a"})

    assert len([1 for _, told_by in found if told_by == "verifier"]) == PAIRS // 2
    assert (found["p000", "verifier"]["label_source"], found["p000", "people"]["label_source"]) == (
        "ai", "verifier",
    )  # fmt: skip
    assert found["p000", "people"]["agrees"] is False
    assert found["p001", "people"]["agrees"] is True
    assert found["p001", "people"]["p_chosen"] > found["p001", "verifier"]["p_chosen"]
    assert (found["p000", "verifier"]["agrees"], found["p001", "verifier"]["agrees"]) == (
        False, True,
    )  # fmt: skip


def test_where_people_contradict_each_other_nothing_was_measured() -> None:
    rows = [row for at in range(PAIRS) for row in judged(at)]
    pair = label_pairs(rows, HALF).by_judges[0].evidence
    answers = Answers(
        (
            Answer(pair.pair_id, "ann", pair.lower, pair.upper, ""),
            Answer(pair.pair_id, "bob", pair.upper, pair.lower, ""),
        )
    )
    labelled = label_pairs(rows, HALF, answers=answers)
    (row,) = anchor_rows(labelled, HALF)

    assert (row["agrees"], row["tie"]) == (None, False)


def test_a_check_s_label_is_as_sure_as_answers_on_other_prompts_say() -> None:
    rows = [
        judgment(f"{at:03d}a", f"{at:03d}b", "first", judge="verifier", p_first=1.0,
                 prompt=f"p{at:03d}")
        for at in range(PAIRS)
    ]  # fmt: skip
    right = {at: f"{at:03d}a" for at in range(PAIRS)}
    one_wrong = anchors_of(rows, right | {7: "007b"})
    all_right = anchors_of(rows, right)
    p = {at: (all_right[f"p{at:03d}", "people"]["p_chosen"],
              one_wrong[f"p{at:03d}", "people"]["p_chosen"]) for at in range(PAIRS)}  # fmt: skip

    assert p[7][0] == p[7][1]
    assert sum(before > after for before, after in p.values()) > PAIRS / 2
