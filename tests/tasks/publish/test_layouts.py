"""Formats of trainers other than TRL, against what their projects document.

Where a project's own package is installed (llamafactory, axolotl, ms-swift, openrlhf, rewardbench:
this project depends on none of them), its loader reads the rows too. NeMo RL is on no registry.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from prefline.config import PUBLISH_FORMATS
from prefline.ids import content_id
from prefline.tables.schemas import RUBRICS
from prefline.verifiers.reward import check_reward, compute_score
from tasks.publish.write import Written
from tests.tasks.publish.rows import Row, pair, prompts_with, rows_in, some_pairs, written

TRAINERS = ("nemo_rl", "openrlhf", "ms_swift", "llama_factory", "axolotl")
SYSTEM = {"role": "system", "content": "be brief"}
CHAT = [
    SYSTEM,
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": "hi"},
    {"role": "user", "content": "and now?"},
]
ASKED_TWICE = [{"role": "user", "content": "one"}, {"role": "user", "content": "two"}]
TWO_TURNS = [{"role": "assistant", "content": "first"}, {"role": "assistant", "content": "second"}]
ROWS = [*some_pairs(3), pair(20, 0, 1) | {"prompt": CHAT}]
TOOL = [
    {"role": "user", "content": "look"},
    {"role": "tool", "content": "nothing"},
    {"role": "user", "content": "and?"},
]
HARD = [
    *ROWS,
    pair(21, 0, 1) | {"prompt": ASKED_TWICE},
    pair(22, 0, 1) | {"rejected": TWO_TURNS},
    pair(23, 0, 1) | {"prompt": [SYSTEM]},
    pair(24, 0, 1) | {"prompt": TOOL},
]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("layouts")
    return written(folder, HARD, formats=("preference", *TRAINERS))


def in_layout(published: Written, name: str) -> dict[str, Row]:
    return {row["pair_id"]: row for row in rows_in(published, name)}


def pair_ids(*prompts: int) -> set[str]:
    ids = {content_id("prompt", prompt) for prompt in prompts}
    return {row["pair_id"] for row in HARD if row["prompt_id"] in ids}


def test_nemo_rl_has_a_context_and_two_completions_of_which_rank_0_is_chosen(
    published: Written,
) -> None:
    found = in_layout(published, "nemo_rl")

    assert set(found) == {row["pair_id"] for row in HARD} - pair_ids(22, 24)
    for row in ROWS:
        assert found[row["pair_id"]]["context"] == row["prompt"]
        assert found[row["pair_id"]]["completions"] == [
            {"rank": 0, "completion": row["chosen"]},
            {"rank": 1, "completion": row["rejected"]},
        ]


def test_openrlhf_has_two_whole_conversations_and_the_margin(published: Written) -> None:
    found = in_layout(published, "openrlhf")

    assert set(found) == {row["pair_id"] for row in HARD} - pair_ids(22, 24)
    for row in ROWS:
        made = found[row["pair_id"]]
        assert made["chosen"] == row["prompt"] + row["chosen"]
        assert made["rejected"] == row["prompt"] + row["rejected"]
        assert made["margin"] == row["log_odds"]


def test_ms_swift_has_messages_and_a_rejected_response(published: Written) -> None:
    found = in_layout(published, "ms_swift")

    assert set(found) == {row["pair_id"] for row in HARD} - pair_ids(22, 24)
    for row in ROWS:
        assert found[row["pair_id"]]["messages"] == row["prompt"] + row["chosen"]
        assert found[row["pair_id"]]["rejected_response"] == row["rejected"][0]["content"]


def test_llama_factory_has_sharegpt_turns_and_no_prompt_that_it_would_skip(
    published: Written,
) -> None:
    speaks = {"system": "system", "user": "human", "assistant": "gpt"}

    def turned(message: dict[str, str]) -> dict[str, str]:
        return {"from": speaks[message["role"]], "value": message["content"]}

    found = in_layout(published, "llama_factory")

    assert set(found) == {row["pair_id"] for row in ROWS}
    for row in ROWS:
        made = found[row["pair_id"]]
        assert made["conversations"] == [turned(one) for one in row["prompt"]]
        assert made["chosen"] == turned(row["chosen"][0])
        assert made["rejected"] == turned(row["rejected"][0])


def test_axolotl_has_messages_and_one_message_on_each_side(published: Written) -> None:
    found = in_layout(published, "axolotl")

    assert set(found) == {row["pair_id"] for row in HARD} - pair_ids(22, 24)
    for row in ROWS:
        made = found[row["pair_id"]]
        assert made["messages"] == row["prompt"]
        assert (made["chosen"], made["rejected"]) == (row["chosen"][0], row["rejected"][0])


def test_what_a_trainer_cannot_take_is_counted_by_reason(published: Written) -> None:
    unfit = {"several_turns": 1, "tools": 1}
    assert published.left_out == dict.fromkeys(TRAINERS, unfit) | {
        "llama_factory": {**unfit, "not_alternating": 2}
    }


@pytest.mark.parametrize("name", [*TRAINERS, "verl", "rubrics", "reward_bench_2"])
def test_a_layout_has_no_place_for_what_models_thought(name: str) -> None:
    assert not PUBLISH_FORMATS.get(name).takes_thinking


# Prompts with their checks


CHECKS = {1: json.dumps({"kind": "numeric", "value": 4}), 2: None, 3: None}


def test_verl_has_each_prompt_that_has_a_check_once_with_the_check_as_its_truth(
    tmp_path: Path,
) -> None:
    rows = [pair(1, 0, 1), pair(1, 1, 2), pair(2, 0, 1), pair(3, 0, 1)]
    prompts = prompts_with(CHECKS, {1: "4"})
    found = written(tmp_path, rows, formats=("preference", "verl"), prompts=prompts)
    (row,) = rows_in(found, "verl")

    assert row["prompt"] == [{"role": "user", "content": "question 1"}]
    assert row["reward_model"] == {"style": "rule", "ground_truth": CHECKS[1]}
    assert row["extra_info"] == {"index": 0, "split": "train", "reference": "4"}
    assert (row["data_source"], row["ability"]) == ("source-1", "category-1")
    assert found.left_out == {"verl": {"no_check": 2}}


def test_rubrics_have_each_prompt_that_has_one_once(tmp_path: Path) -> None:
    rows = [pair(1, 0, 1), pair(1, 1, 2), pair(2, 0, 1)]
    criteria = [{"criterion": "Says 4.", "weight": 3.0}]
    prompts = prompts_with(CHECKS, {1: "4"})
    kind = RUBRICS.field("criteria").type
    ids = prompts["prompt_id"].to_pylist()
    of_first = [criteria if identity == rows[0]["prompt_id"] else None for identity in ids]
    prompts = prompts.append_column("rubric", pa.array(of_first, kind))
    found = written(tmp_path, rows, formats=("preference", "rubrics"), prompts=prompts)
    (row,) = rows_in(found, "rubrics")
    assert (row["rubric"], row["reference"]) == (criteria, "4")
    assert row["prompt"] == [{"role": "user", "content": "question 1"}]
    assert found.left_out == {"rubrics": {"no_rubric": 1}}


@pytest.mark.parametrize(
    ("reply", "score"),
    [("It is 4.", 1.0), ("5", 0.0), ("<think>\n5?\n</think>\n4", 1.0), ("", 0.0)],
)
def test_the_check_is_the_reward_in_verl_and_in_trl(reply: str, score: float) -> None:
    truth = str(CHECKS[1])

    assert compute_score("bundled", reply, truth, {"index": 0}, num_turns=1) == score
    as_messages = [[{"role": "assistant", "content": reply}]]
    given = [{"style": "rule", "ground_truth": truth}]
    assert check_reward(as_messages, reward_model=given, prompts=[[]]) == [score]
    assert check_reward([reply], reward_model=given) == [score]


# RewardBench 2


def test_reward_bench_2_has_best_of_four_and_ties_with_their_reference(tmp_path: Path) -> None:
    best = [pair(1, 0, wrong) for wrong in (1, 2, 3, 4)] + [pair(1, 1, 2)]
    tied = [pair(2, right, wrong) for right in (0, 1) for wrong in (2, 3)]
    too_few = [pair(3, 0, 1), pair(3, 1, 2)]
    circle = [pair(5, 0, 1), pair(5, 1, 2), pair(5, 2, 0)]
    turns = [pair(6, 0, wrong) | {"prompt": CHAT} for wrong in (1, 2, 3)]
    found = written(
        tmp_path, [*best, *tied, *too_few, *circle, *turns],
        formats=("preference", "reward_bench_2"),
    )  # fmt: skip
    rows = rows_in(found, "reward_bench_2")
    (four,) = [row for row in rows if row["prompt"] == "question 1"]
    ref, ties = [row for row in rows if row["prompt"] == "question 2"]

    assert len(rows) == 3
    assert four["chosen"] == ["answer 1.0"]
    assert len(four["rejected"]) == 3
    assert set(four["rejected"]) < {f"answer 1.{wrong}" for wrong in (1, 2, 3, 4)}
    assert (four["subset"], four["id"]) == ("category-1", four["prompt_id"])
    assert four["models"][0] == "model-0"
    assert (ref["subset"], ties["subset"]) == ("Ties", "Ties")
    assert (ref["id"].split(":")[0], ties["id"].split(":")[0]) == ("ref", "tied")
    assert ref["id"].split(":")[1] == ties["id"].split(":")[1]
    assert (ref["num_correct"], ties["num_correct"]) == (1, 2)
    assert set(ties["chosen"]) == {"answer 2.0", "answer 2.1"}
    assert ref["chosen"] == ties["chosen"][:1]
    assert set(ties["rejected"]) == set(ref["rejected"]) == {"answer 2.2", "answer 2.3"}
    for row in rows:
        assert row["total_completions"] == len(row["chosen"]) + len(row["rejected"])
        assert row["models"] == [
            f"model-{text.split('.')[1]}" for text in row["chosen"] + row["rejected"]
        ]
    assert found.left_out["reward_bench_2"] == {
        "none_right": 1, "too_few_wrong": 1, "several_turns": 1
    }  # fmt: skip


# By the projects' own loaders, where they are installed


class Tokenizer:
    """Chat templates and nothing else."""

    eos_token, chat_template = "</s>", "plain"

    def apply_chat_template(self, messages: list[dict[str, str]], **given: Any) -> str:
        text = "".join(f"[{one['role']}] {one['content']}\n" for one in messages)
        return text + ("[assistant] " if given.get("add_generation_prompt") else "")


def installed(module: str) -> Any:
    return pytest.importorskip(module, exc_type=ImportError)


def test_openrlhf_reads_its_rows(published: Written) -> None:
    preprocess = installed("openrlhf.datasets.reward_dataset").preprocess_data
    for row in rows_in(published, "openrlhf"):
        prompt, chosen, rejected, margin = preprocess(
            row, apply_chat_template=Tokenizer().apply_chat_template, is_dpo=True
        )
        assert prompt.endswith("[assistant] ")
        assert chosen == row["chosen"][-1]["content"] + "\n"
        assert rejected == row["rejected"][-1]["content"] + "\n"
        assert margin == row["margin"]


def test_llama_factory_reads_its_rows(published: Written) -> None:
    converter = installed("llamafactory.data.converter")
    parser = installed("llamafactory.data.parser")
    attributes = parser.DatasetAttr("file", "pairs")
    attributes.join(
        {"formatting": "sharegpt", "ranking": True,
         "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"}}
    )  # fmt: skip
    convert = converter.SharegptDatasetConverter(attributes, None)
    for row in rows_in(published, "llama_factory"):
        made = convert(row)
        assert len(made["_prompt"]) % 2 == 1
        assert [one["content"] for one in made["_response"]] == [
            row["chosen"]["value"], row["rejected"]["value"]
        ]  # fmt: skip


def test_axolotl_reads_its_rows(published: Written) -> None:
    strategy = installed("axolotl.prompt_strategies.dpo.chat_template")
    transform, _ = strategy.default(
        {"datasets": [{}], "chat_template": "jinja", "chat_template_jinja": "plain"}
    )
    for row in rows_in(published, "axolotl"):
        made = transform(row, tokenizer=Tokenizer())
        assert made["chosen"] == row["chosen"]["content"]
        assert made["rejected"] == row["rejected"]["content"]


def test_ms_swift_reads_its_rows(published: Written) -> None:
    preprocessors = installed("swift.dataset.preprocessor")
    from datasets import Dataset

    rows = Dataset.from_list(rows_in(published, "ms_swift"))
    made = preprocessors.AutoPreprocessor()(rows, strict=True)

    assert len(made) == len(rows)
    for row, given in zip(made, rows, strict=True):
        assert row["messages"][-1]["content"] == given["messages"][-1]["content"]
        assert row["rejected_response"] == given["rejected_response"]


def test_rewardbench_reads_its_rows(tmp_path: Path) -> None:
    bench = installed("rewardbench.utils")
    rows = [pair(1, 0, wrong) for wrong in (1, 2, 3)]
    rows += [pair(2, right, wrong) for right in (0, 1) for wrong in (2, 3)]
    made = rows_in(written(tmp_path, rows, formats=("reward_bench_2",)), "reward_bench_2")
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))
    loaded = bench.load_bon_dataset_v2(
        str(tmp_path / "rows.jsonl"), custom_dialogue_formatting=True,
        logger=logging.getLogger("rewardbench"),
    )  # fmt: skip

    assert len(loaded[0]) == sum(row["total_completions"] for row in made)
