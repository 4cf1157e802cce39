"""What the stages write in many rounds, with people's answers, passes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from prefline.config import ValidateParams
from prefline.tables import SCHEMAS, read_table, table_from_rows
from tasks.pair import (
    open_pairs,
    queue_rows,
    write_labels,
    write_pair_rejections,
    write_preferences,
)
from tasks.pair.formats.plain import Answer, Answers
from tasks.pair.queue import QueuedPair
from tasks.sample.draw import draw_round, ledger_tables
from tasks.sample.pool import Ids, id_of
from tasks.validate.database import open_database
from tasks.validate.review import WHYS
from tasks.validate.run import SUITES, check_suite
from tests.tasks.pair.material import after, category, judged, params, queue_of
from tests.tasks.sample.pools import params as drawing
from tests.tasks.sample.pools import pool_of, prompts
from tests.tasks.validate.line import good_line, prompt, response

if TYPE_CHECKING:
    from tasks.validate.expectations import Expectations

PARAMS = ValidateParams(min_preferences=1)


def not_held(table: str, tables: dict[str, pa.Table], expectations: Expectations) -> list[str]:
    suite = next(suite for suite in SUITES if suite.table == table)
    with open_database(good_line().tables() | tables) as database:
        found = check_suite(suite, database, PARAMS, expectations)
    return [str(one) for one in found if not one.passed]


def tables_of(**rows: list[dict[str, Any]]) -> dict[str, pa.Table]:
    return {name: table_from_rows(some, SCHEMAS[name]) for name, some in rows.items()}


def some_answers(queue: list[QueuedPair]) -> Answers:
    """One person's: for what the judges chose, and ties; on one pair of three none."""
    sides = [(one.pair.evidence.pair_id, one.pair.chosen, one.pair.rejected)
             for one in queue]  # fmt: skip
    return Answers((
        *(Answer(pair, "r0", chosen, rejected, "") for pair, chosen, rejected in sides[::3]),
        *(Answer(pair, "r0", "tie", chosen, "") for pair, chosen, _ in sides[1::3]),
    ))  # fmt: skip


def test_the_queue_of_a_line_that_people_have_begun_with_passes(
    tmp_path: Path, expectations: Expectations
) -> None:
    given = params(size=150, random_share=0.1, reviewers_per_pair=2, high_stakes=("odd",))
    table = judged(200)
    answers = some_answers(queue_of(table, given))
    queue, decided = queue_of(table, given, answers), after(table, answers, given).final
    asked = {
        one.evidence.prompt_id: prompt(0)
        | {"prompt_id": one.evidence.prompt_id, "category": category(one)}
        for one in table
    }
    responses = {
        name: response(0, "a")
        | {"response_id": name, "prompt_id": one.prompt_id, "text": f"Answer {name}."}
        for one in (pair.evidence for pair in table)
        for name in (one.lower, one.upper)
    }
    tables = tables_of(prompts=[*asked.values()], responses=[*responses.values()])
    judgments = SCHEMAS["judgments"].empty_table()
    with open_pairs(judgments, tables["responses"], tables["prompts"]) as joined:
        write_labels(joined, decided, given)
        write_preferences(joined, tmp_path / "preferences")
        write_pair_rejections(joined, tmp_path / "rejections", SCHEMAS["rejections"].empty_table())
        tables |= tables_of(review=list(queue_rows(joined, queue)))
    tables |= {name: read_table(tmp_path / name) for name in ("preferences", "rejections")}

    assert {one.why for one in queue} == set(WHYS) - {"budgeted"}
    assert {one.n_answers for one in queue if one.why == "random"} == {0, 1}
    assert {row["label_source"] for row in tables["preferences"].to_pylist()} >= {"ai", "human"}
    assert not_held("review", tables, expectations) == []


def test_an_empty_queue_passes(expectations: Expectations) -> None:
    assert not_held("review", tables_of(review=[]), expectations) == []


@pytest.mark.parametrize("of", [{}, {"size": 15, "reuse": True}], ids=["no size", "reuse"])
def test_a_ledger_of_rounds_that_come_to_prompts_again_passes(
    of: dict[str, Any], expectations: Expectations
) -> None:
    pool, ledger = pool_of(prompts(40), 0), dict[int, Ids]()
    for number in range(4):
        found = draw_round(pool, drawing(**of).model_copy(update={"round": number}), ledger)
        ledger[number] = pool.columns.ids[found.positions]
    drawn = pa.concat_tables(ledger_tables(ledger))
    last = [prompt(0) | {"prompt_id": id_of(int(one))} for one in ledger[3]]

    assert len(np.unique(np.concatenate([*ledger.values()]))) < drawn.num_rows
    tables = {"drawn": drawn} | tables_of(prompts=last)
    assert not_held("drawn", tables, expectations) == []
    assert not_held("prompts", tables, expectations) == []
