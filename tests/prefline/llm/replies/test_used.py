"""Which replies a clean-up must leave alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from prefline.llm.replies.used import used_keys
from prefline.project import Project
from prefline.tables import SCHEMAS, table_from_rows, write_table
from tests.tasks.validate.line import judgment, prompt, response


def keep(project: Project, name: str, *rows: dict[str, Any], schema: pa.Schema) -> None:
    write_table(project.table(name), table_from_rows(rows, schema), schema)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A response and a judgment that calls are behind."""
    made = Project(tmp_path)
    rows = {"responses": response(0, "a"), "judgments": judgment(0, "a", "b")}
    for number, (name, row) in enumerate(rows.items()):
        keep(made, name, row | {"request_key": f"0{number}"}, schema=SCHEMAS[name])
    return made


def test_the_reply_behind_a_prompt_that_a_model_made_is_used(project: Project) -> None:
    keep(
        project, "prompts", prompt(0), prompt(1) | {"request_key": "0a"}, schema=SCHEMAS["prompts"]
    )

    assert used_keys(project) == {b"\x00", b"\x01", b"\x0a"}


def test_prompts_of_a_run_before_models_made_some_name_none(project: Project) -> None:
    schema = SCHEMAS["prompts"]
    older = schema.remove(schema.get_field_index("request_key"))
    keep(project, "prompts", prompt(0), schema=older)

    assert used_keys(project) == {b"\x00", b"\x01"}
