from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import PUBLISH_FORMATS
from prefline.releases.card import (
    CardData,
    FormatData,
    JudgeData,
    ModelData,
    SourceData,
    card,
)
from prefline.releases.card.markdown import code, interval, plain, shortened, visible
from prefline.releases.layout import folder_path
from prefline.tables import PREFERENCES, table_from_rows
from tests.prefline.releases.drafts import preference

HOSTILE = "a|b\n# c <script>alert(1)</script> ```` [x](http://evil) \u202e ![i](j) `q` $m$"
FIGURE = {"value": 0.6, "low": 0.5, "high": 0.7, "n": 40}
FACTS = CardData(
    dataset="demo",
    store="s3://team/prefs",
    license="CC-BY-4.0",
    formats=(
        FormatData("preference", {"train": 5, "test": 2}),
        FormatData(
            "kto",
            {"train": 3},
            {"responses chosen in one pair and rejected in another": 4},
            hub_tags=("kto",),
        ),
    ),
    sources=(SourceData("bundled", 7, 3, {"CC0-1.0": 2, "MIT": 1}),),
    categories={"sums": 7},
    label_sources={"ai": 7},
    languages=("en",),
    models=(ModelData("m", 7, 7, "https://models/v1"),),
    generation={"temperature": 0.8},
    judges=(
        JudgeData(
            "big", "constitution", "big-7b", "https://judges/v1",
            principles=(("brief", "Choose the brief one."),),
            figures={"prefers_first": FIGURE, "intransitive": FIGURE},
            removed=("prefers_first",),
            warnings=("little is known of it",),
        ),
    ),
    thresholds={"min_p_chosen": 0.65},
    quality=("judge `big`: right on 60%",),
    against_people={"accuracy": FIGURE, "brier": FIGURE | {"value": None}},
    rejections={("pair", "tie"): 4},
    validation={"expectations": [
        {"passed": True},
        {"passed": False, "table": "responses", "severity": "warning", "says": "few are cut off",
         "n_failed": 3},
    ]},
    costs={("judge", "big"): {"calls": 9, "input_tokens": 1_000, "output_tokens": 2,
                              "cost_usd": 0.25}},
    sample=(preference(1),),
    parent=3,
    changes={"added": 1, "removed": 0, "flipped": 0,
             "categories": {"sums": {"added": 1, "removed": 0, "flipped": 0}}},
    meaning="f" * 64,
)  # fmt: skip


def test_the_same_facts_give_the_same_bytes() -> None:
    assert card(FACTS) == card(replace(FACTS))


def test_hugging_face_reads_the_front_matter() -> None:
    data = DatasetCard(card(FACTS)).data.to_dict()

    assert data["license"] == "cc-by-4.0"
    assert data["language"] == ["en"]
    assert data["size_categories"] == ["n<1K"]
    assert {"preference", "kto", "rlaif"} <= set(data["tags"])
    assert [one["config_name"] for one in data["configs"]] == ["preference", "kto"]


@pytest.mark.parametrize(
    ("rows", "size"),
    [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**9, "n>1B")],
)
def test_sizes_are_hugging_face_s(rows: int, size: str) -> None:
    facts = replace(FACTS, formats=(FormatData("preference", {"train": rows}),))
    assert DatasetCard(card(facts)).data.to_dict()["size_categories"] == [size]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A version in a folder, with files of two formats."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hf")
    root = tmp_path / "got"
    rows = [preference(n) for n in range(5)]
    kto = [{"prompt": rows[0]["prompt"], "completion": rows[0]["chosen"], "label": True,
            "response_id": "r", "prompt_id": "p", "model": "m", "pair_id": "x", "n_pairs": 1,
            "split": "train", "category": "c", "source": "s"}]  # fmt: skip
    for name, split, number, some in [
        ("preference", "train", 0, rows[:2]), ("preference", "train", 1, rows[2:3]),
        ("preference", "test", 0, rows[3:]), ("kto", "train", 0, kto),
    ]:  # fmt: skip
        path = root / folder_path(name, split, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        schema = PUBLISH_FORMATS.get(name).schema if name == "kto" else PREFERENCES
        pq.write_table(table_from_rows(some, schema), path)
    (root / "README.md").write_text(card(FACTS))
    return root


def test_load_dataset_finds_every_format_and_split_by_the_card(folder: Path) -> None:
    from datasets import load_dataset

    plain_one = load_dataset(str(folder))
    kto = load_dataset(str(folder), "kto", split="train")

    assert {split: rows.num_rows for split, rows in plain_one.items()} == {"train": 3, "test": 2}
    assert plain_one["train"][2]["pair_id"] == preference(2)["pair_id"]
    assert kto[0]["label"] is True


@pytest.mark.parametrize(
    "told",
    [
        pytest.param("| bundled | 7 | 3 | CC0-1.0 (2), MIT (1) |", id="sources with licences"),
        pytest.param("chosen in one pair and rejected in another | 4 |", id="left"),
        pytest.param("| m | 7 | 7 | https\\://models/v1 |", id="models"),
        pytest.param("| big | constitution | big-7b | https\\://judges/v1 |", id="judges"),
        pytest.param("| brief | Choose the brief one. |", id="principles"),
        pytest.param("Generation: temperature 0.8.", id="generation parameters"),
        pytest.param("All rows of a prompt are in one split.", id="prompts and splits"),
        pytest.param("| accuracy | 60% (50% to 70%) | 40 |", id="labels against people"),
        pytest.param("first | 60% (50% to 70%) | yes |", id="a bias that is removed"),
        pytest.param("circle | 60% (50% to 70%) | no |", id="a bias that is not"),
        pytest.param("- big: little is known of it", id="warnings"),
        pytest.param("| pair | tie | 4 |", id="rejections"),
        pytest.param("1 of 2 hold.", id="validation"),
        pytest.param("| responses | warning | few are cut off | 3 |", id="what does not hold"),
        pytest.param("| judge | big | 9 | 1,000 | 2 | 0.2500 |", id="cost"),
        pytest.param("## Changes since version 3", id="changes"),
        pytest.param('load_dataset("folder", "kto", split="train")', id="how to load a format"),
        pytest.param('prefline.load("s3://team/prefs/demo@latest"', id="how to load"),
        pytest.param("No label rests on a programmatic check or on people.", id="limits"),
    ],
)
def test_the_card_tells(told: str) -> None:
    assert told in card(FACTS)


def test_a_forced_version_has_its_warning_first() -> None:
    forced = {"reason": HOSTILE, "failed": ["p is not\na probability"], "at": "2026-01-01"}
    text = card(replace(FACTS, forced=forced))
    body = text.split("---\n", 2)[2]

    assert body.lstrip().startswith("# demo\n\n> **Warning:")
    assert "> - p is not a probability" in body
    assert "<script>" not in body


def hostile_facts(text: str) -> CardData:
    said = [{"role": "user", "content": text}]
    return replace(
        FACTS, sample=(preference(1, prompt=said, category=text),), categories={text: 1},
        sources=(SourceData(text, 1, 1, {text: 1}),), models=(ModelData(text, 1, 1),),
        rejections={("pair", text): 1}, license=text,
        judges=(replace(FACTS.judges[0], model=text, principles=((text, text),)),),
    )  # fmt: skip


@given(st.text(max_size=60) | st.just(HOSTILE))
def test_no_text_of_the_data_changes_the_page(text: str) -> None:
    page, calm = (card(hostile_facts(one)) for one in (text, "calm"))
    blocks = re.compile(r"^```json\n(.*?)\n```$", re.MULTILINE | re.DOTALL)

    def outline(of: str) -> list[str]:
        """Its lines outside of the front matter and of samples, cut to what makes them."""
        body = blocks.sub("(block)", of.split("\n---\n", 1)[1])
        return [re.match(r"(#* |- |\||> |\(block\)|)", line)[0] for line in body.split("\n")]  # type: ignore[index]

    shown = json.loads(blocks.search(page)[1])  # type: ignore[index]
    assert outline(page) == outline(calm)
    assert shown["prompt"][0]["content"] == text
    heads = [DatasetCard(one).data.to_dict() for one in (page, calm)]
    assert heads[0]["configs"] == heads[1]["configs"]
    assert "<script" not in page.split("\n---\n", 1)[1]


@given(st.text())
def test_a_plain_text_is_one_line_without_cells_tags_links_or_code(text: str) -> None:
    shown = plain(text)

    assert len(shown.splitlines()) <= 1
    assert not re.search(r"(?<!\\)(\\\\)*[|`*\[\]~$<]", shown)
    assert "<" not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0.8", "0.8"),
        ("1. one", "1\\. one"),
        ("- one", "\\- one"),
        ("# one", "\\# one"),
        ("snake_case and _this_", "snake_case and \\_this\\_"),
        ("https://x.y", "https\\://x.y"),
        ("a & b", "a &amp; b"),
        ("\u202eabc", "\\\\u202eabc"),
    ],
)
def test_what_means_something_in_markdown_is_escaped_and_nothing_else(
    text: str, shown: str
) -> None:
    assert plain(text).replace("\\\\u", "\\u") == shown.replace("\\\\u", "\\u")


def test_long_texts_are_cut_with_a_word_on_what_is_missing() -> None:
    assert shortened("x" * 12, 10) == "x" * 10 + " [... 2 more characters]"
    assert "9,400 more characters" in code({"text": "y" * 10_000})


def test_what_cannot_be_seen_is_spelled_out() -> None:
    assert visible("a\u200bb\x1b\n\U000e0001") == "a\\u200bb\\u001b\n\\udb40\\udc01"


def test_a_figure_has_its_interval_or_says_that_there_is_none() -> None:
    nothing: dict[str, Any] = {"value": None, "low": None, "high": None, "n": 0}
    assert interval(nothing) == "not measured"
    assert interval({"value": 1.5, "low": 1.0, "high": 2.0, "n": 3}, share=False) == (
        "1.50 (1.00 to 2.00)"
    )
    assert interval({"value": 0.5, "low": None, "high": None, "n": 1}) == "50%"
