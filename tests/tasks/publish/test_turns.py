"""Conversations with tools in a version: as `datasets` loads them and chat templates take them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefline.releases.manifest import PREFERENCE
from tasks.publish.formats import publish_formats
from tasks.publish.sorting import read_order
from tasks.publish.thinking import Reasoning
from tasks.publish.turns import with_tools
from tasks.publish.write import Written, write_formats
from tests.tasks.publish.rows import ALL, Row, in_parts, pair, prompts_with, rows_in

TOOLS = '[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]'
LAYOUTS = ("nemo_rl", "openrlhf", "ms_swift", "llama_factory", "axolotl", "reward_bench_2", "verl")
# As Llama 3.1's template tells a call from other turns, and as Qwen 2.5's writes it.
TEMPLATE = (
    "{% if tools %}<tools>{{ tools | tojson }}</tools>{% endif %}"
    "{% for m in messages %}<{{ m.role }}>{% if 'tool_calls' in m %}"
    "{% for c in m.tool_calls %}{{ c.function.name }}:{{ c.function.arguments | tojson }}"
    "{% endfor %}{% else %}{{ m.content }}{% endif %}</{{ m.role }}>{% endfor %}"
)


def call(**arguments: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "weather", "arguments": arguments}}


def trajectory(says: str, **arguments: Any) -> list[dict[str, Any]]:
    """An answer of three turns, as the table `preferences` holds it."""
    calls = orjson.dumps([call(**arguments)]).decode()
    return [
        {"role": "assistant", "content": "", "reasoning": "I must look.", "tool_calls": calls},
        {"role": "tool", "content": "18 degrees", "name": "weather"},
        {"role": "assistant", "content": says},
    ]


ROWS = [
    pair(
        1, 0, 1, tools=TOOLS, chosen=trajectory("18.", city="Rome"),
        rejected=trajectory("20.", town="Rom", days=[1, None]),
    ),
    pair(2, 0, 1),
    pair(2, 0, 2),
    pair(3, 0, 1, tools=TOOLS),
]  # fmt: skip


def written(folder: Path, formats: tuple[str, ...] = ALL, **more: Any) -> Written:
    paths = in_parts(folder / "table", ROWS)
    columns = ["prompt_id", "chosen_id", "rejected_id", "p_chosen"]
    return write_formats(paths, read_order(paths, columns, folder), formats, folder / "out", **more)


def loaded(found: Written, name: str, folder: Path) -> list[Row]:
    from datasets import load_dataset

    files = [str(one.path) for one in found.files if one.format == name]
    rows = load_dataset("parquet", data_files=files, split="train", cache_dir=str(folder / "hf"))
    return sorted(rows.to_list(), key=lambda row: row.get("pair_id", ""))


def test_messages_are_loaded_as_they_were_with_no_key_that_says_nothing(tmp_path: Path) -> None:
    rows = {row["pair_id"]: row for row in loaded(written(tmp_path), PREFERENCE, tmp_path)}
    row, simple = rows[ROWS[0]["pair_id"]], rows[ROWS[1]["pair_id"]]

    assert row["prompt"] == ROWS[0]["prompt"]
    assert row["chosen"] == [
        {"role": "assistant", "content": "", "tool_calls": [call(city="Rome")]},
        {"role": "tool", "content": "18 degrees", "name": "weather"},
        {"role": "assistant", "content": "18."},
    ]
    assert row["rejected"][0]["tool_calls"] == [call(town="Rom", days=[1, None])]
    assert row["tools"] == orjson.loads(TOOLS)
    assert (simple["chosen"], simple["tools"]) == (ROWS[1]["chosen"], None)


def test_a_column_that_is_null_in_all_of_the_first_file_loads(tmp_path: Path) -> None:
    # huggingface/datasets#7222: the split `test` is the first file, and none of it has tools.
    simple = pair(4, 0, 1)
    paths = in_parts(tmp_path / "table", [ROWS[0], simple | {"tools": None}])
    order = read_order(paths, ["prompt_id", "chosen_id", "rejected_id", "p_chosen"], tmp_path)
    found = write_formats(paths, order, (PREFERENCE,), tmp_path / "out")
    rows = loaded(found, PREFERENCE, tmp_path)

    assert [file.split for file in found.files] == ["test", "train"]
    assert {row["split"]: row["tools"] is None for row in rows} == {"test": True, "train": False}
    assert all(row["n_reviews"] is row["reviewers"] is None for row in rows)


def test_a_chat_template_takes_them(tmp_path: Path) -> None:
    template = jinja2.Environment(autoescape=False).from_string(TEMPLATE)  # noqa: S701 - no HTML
    rows = {row["pair_id"]: row for row in loaded(written(tmp_path), PREFERENCE, tmp_path)}

    def rendered(row: Row, side: str) -> str:
        return template.render(messages=[*row["prompt"], *row[side]], tools=row["tools"])

    first, simple = rows[ROWS[0]["pair_id"]], rows[ROWS[1]["pair_id"]]
    assert '<assistant>weather:{"city": "Rome"}</assistant><tool>18 degrees</tool>' in rendered(
        first, "chosen"
    )
    assert rendered(first, "chosen").startswith('<tools>[{"function": {"name": "weather"')
    assert rendered(simple, "chosen") == (
        "<user>question 2</user><assistant>answer 2.0</assistant>"
    )
    # huggingface/trl#5213: what a prompt is rendered to begins what it and an answer are.
    alone = template.render(messages=first["prompt"], tools=first["tools"])
    assert all(rendered(first, side).startswith(alone) for side in ("chosen", "rejected"))


def test_formats_of_single_answers_have_tools_too(tmp_path: Path) -> None:
    found = written(tmp_path)

    for name in ("kto", "sft"):
        lengths = {
            (len(row["completion"]), row["tools"] is None) for row in loaded(found, name, tmp_path)
        }
        assert lengths == {(3, False), (1, True), (1, False)}
    (ranked,) = (
        row for row in loaded(found, "ranked", tmp_path) if row["pair_ids"] == [ROWS[0]["pair_id"]]
    )
    assert [one["completion"][-1]["content"] for one in ranked["responses"]] == ["18.", "20."]
    assert ranked["tools"] == orjson.loads(TOOLS)


def test_formats_without_a_place_for_tools_leave_such_rows_out_and_count_them(
    tmp_path: Path,
) -> None:
    prompts = prompts_with(dict.fromkeys((1, 2, 3), '{"kind": "numeric", "value": 1}'), {})
    found = written(tmp_path, ("preference", *LAYOUTS), prompts=prompts)

    for name in LAYOUTS[:5]:
        assert {row["prompt_id"] for row in rows_in(found, name)} == {ROWS[1]["prompt_id"]}
        assert {name: n for name, n in found.left_out[name].items() if n} == {"tools": 2}
    assert [row["prompt_id"] for row in rows_in(found, "verl")] == [ROWS[1]["prompt_id"]]
    assert found.left_out["verl"] == {"no_check": 0, "tools": 2}


def test_kept_reasoning_stands_with_the_turn_that_it_came_before(tmp_path: Path) -> None:
    responses = pa.table({"response_id": [ROWS[0]["chosen_id"]], "reasoning": ["So it is 18."]})
    found = written(tmp_path, ("preference",), reasoning=Reasoning(responses))
    rows = {row["pair_id"]: row for row in loaded(found, PREFERENCE, tmp_path)}
    chosen = rows[ROWS[0]["pair_id"]]["chosen"]

    assert [turn.get("thinking") for turn in chosen] == ["I must look.", None, "So it is 18."]
    assert "thinking" not in rows[ROWS[1]["pair_id"]]["chosen"][0]


@pytest.mark.parametrize("name", ALL)
def test_a_version_with_tools_is_of_the_schema_that_its_card_tells(
    name: str, tmp_path: Path
) -> None:
    (declared,) = publish_formats([name])

    for file in written(tmp_path, (name,)).files:
        assert pq.read_schema(file.path).names == with_tools(declared).schema.names
