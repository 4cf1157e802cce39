"""Examples: which are drawn, and what is said of them."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from prefline.report.examples import draw_ids, read_examples
from prefline.report.facts import read_facts
from prefline.tables import PREFERENCES, read_table, table_from_rows, write_table
from tests.prefline.report.projects import Project, Row

rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=40)


@given(rows, st.randoms())
def test_the_draw_does_not_depend_on_the_order_of_the_rows(
    drawn: list[tuple[int, int]], random: st.DataObject
) -> None:
    table = _preferences(drawn)
    order = list(range(table.num_rows))
    random.shuffle(order)
    assert draw_ids(table) == draw_ids(table.take(pa.array(order, pa.int64())))


@given(rows)
def test_no_prompt_is_shown_twice_before_every_one_of_its_category_is_shown(
    drawn: list[tuple[int, int]],
) -> None:
    table = _preferences(drawn)
    of = {row["pair_id"]: (row["category"], row["prompt_id"]) for row in table.to_pylist()}
    shown = [of[pair] for pair in draw_ids(table, count=len(drawn))]
    assert len(shown) == len(drawn)
    for category in {category for category, _ in shown}:
        prompts = [prompt for name, prompt in shown if name == category]
        assert len(set(prompts[: len(set(prompts))])) == len(set(prompts))


def test_categories_take_turns() -> None:
    table = _preferences([(number, number % 3) for number in range(9)])
    of = {row["pair_id"]: row["category"] for row in table.to_pylist()}
    first_three = [of[pair] for pair in draw_ids(table, count=3)]
    assert sorted(first_three) == ["0", "1", "2"]


def test_reasons_are_told_of_chosen_and_rejected_and_the_check_comes_first(
    project: Project,
) -> None:
    check, judge = read_facts(project).examples[0].why
    assert check.startswith("verifier: chosen passes: number")
    assert "; rejected fails: " in check
    assert judge == "big: changes with the order"


def test_a_judge_that_names_one_winner_in_both_orders_is_told_in_one_line(
    project: Project,
) -> None:
    judgments = read_table(project.table("judgments"))
    as_rows: list[Row] = judgments.to_pylist()
    for row in as_rows:
        if row["judge"] == "big" and as_rows[0]["first_id"] == row["second_id"]:
            row["verdict"] = "second"
    preferences = read_table(project.table("preferences"))
    (found,) = read_examples(
        [preferences["pair_id"][0].as_py()],
        preferences.to_batches(),
        pa.Table.from_pylist(as_rows, schema=judgments.schema).to_batches(),
        [],
    )
    assert found.why[1] == "big: prefers chosen in both orders"


def test_an_answer_that_is_no_plain_sample_says_how_it_came_about(project: Project) -> None:
    row = read_table(project.table("preferences")).slice(0, 1).to_pylist()[0]
    responses = read_table(project.table("responses"))
    as_rows: list[Row] = responses.to_pylist()
    for one in as_rows:
        if one["response_id"] == row["chosen_id"]:
            one |= {"origin": "revised", "parent_id": "the draft", "principle": "concise"}
        if one["response_id"] == row["rejected_id"]:
            one |= {"origin": "imported"}
    write_table(
        project.table("responses"), table_from_rows(as_rows, responses.schema), responses.schema
    )
    (found,) = [one for one in read_facts(project).examples if one.pair_id == row["pair_id"]]

    assert (found.chosen_by, found.rejected_by) == ("revision of the draft by concise", "imported")


def test_a_long_text_is_cut_and_says_so(project: Project) -> None:
    preferences = read_table(project.table("preferences"))
    row = preferences.slice(0, 1).to_pylist()[0]
    row["chosen"] = [{"role": "assistant", "content": "x" * 10_000}]
    table = pa.Table.from_pylist([row], schema=preferences.schema)
    (found,) = read_examples([row["pair_id"]], table.to_batches(), [], [])
    assert found.chosen.endswith("... (6,000 more characters)")


def _preferences(drawn: list[tuple[int, int]]) -> pa.Table:
    # A prompt has one category.
    made = [
        {"pair_id": f"{number:04d}", "prompt_id": f"{prompt}-{category}", "category": str(category)}
        for number, (prompt, category) in enumerate(drawn)
    ]
    return table_from_rows(made, PREFERENCES).select(["pair_id", "prompt_id", "category"])
