"""Tables joined out of core."""

from __future__ import annotations

from pathlib import Path

from prefline.ids import pair_id
from prefline.tables import JUDGMENTS, PROMPTS, RESPONSES, table_from_rows, write_table
from tasks.pair.judged import open_pairs
from tests.tasks.pair.material import rows_of


def test_a_project_s_path_may_hold_a_quotation_mark(tmp_path: Path) -> None:
    project = tmp_path / "a team's"
    tables = {
        "judgments": (rows_of([("first", "second")]), JUDGMENTS),
        "responses": ([], RESPONSES),
        "prompts": ([], PROMPTS),
    }
    for name, (rows, schema) in tables.items():
        write_table(project / name, table_from_rows(rows, schema), schema)

    with open_pairs(*(project / name for name in tables), work=project / "work") as joined:
        assert joined.judged().n_judgments == 2
        assert len(joined.judgments_on([pair_id("000a", "000b")])) == 2
