"""The dataset card: what a version is, how it was made, how good its labels are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (10**6, "100K<n<1M"))


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card tells. `files` gives each split its paths relative to the card; `quality`
    is lines of text, one finding each; `rejections` counts by "stage: reason"; `sample` is
    rows of the dataset."""

    dataset: str
    license: str
    files: Mapping[str, Sequence[str]]
    rows: Mapping[str, int]
    models: Sequence[str]
    judges: Sequence[str]
    sources: Mapping[str, int]
    label_sources: Mapping[str, int]
    quality: Sequence[str]
    rejections: Mapping[str, int]
    validation: str
    cost: str
    sample: Sequence[Mapping[str, Any]]


def card(facts: CardFacts) -> str:
    """The card in Markdown with Hugging Face's YAML front matter. The same facts give the
    same bytes: it holds no clock and no version number."""
    sections = (
        f"# {facts.dataset}",
        "Preference data: for each prompt a chosen and a rejected answer, with the calibrated "
        "probability that chosen is better (`p_chosen`). Columns are those of TRL's "
        "conversational preference format, and the ids that lead back to every call.",
        _table("Rows", ("split", "rows"), facts.rows),
        _table("Labels rest on", ("label_source", "rows"), facts.label_sources),
        "`strong_ai` is the word of a programmatic check, `ai` that of a model judge, `human` "
        "that of people.",
        "## Label quality\n\n" + "\n".join(f"- {line}" for line in facts.quality),
        "## How it was made\n\n"
        f"- responses by: {', '.join(facts.models)}\n- judges: {', '.join(facts.judges)}\n"
        f"- cost: {facts.cost}\n- validation: {facts.validation}",
        _table("Prompts' sources", ("source", "rows"), facts.sources),
        _table("Rejected on the way", ("stage: reason", "items"), facts.rejections),
        "## Sample rows\n\n```json\n"
        + "\n".join(json.dumps(dict(row), ensure_ascii=False) for row in facts.sample)
        + "\n```",
        "## Known limits\n\n"
        "- Labels of programmatic checks say whether an answer passes the check, not whether it "
        "is well written.\n"
        "- A label of a model judge is worth what its measured accuracy above says.",
    )
    return _front_matter(facts) + "\n\n".join(sections) + "\n"


def _front_matter(facts: CardFacts) -> str:
    files = [{"split": split, "path": list(paths)} for split, paths in sorted(facts.files.items())]
    head = {
        "pretty_name": facts.dataset,
        "license": facts.license.lower(),
        "task_categories": ["reinforcement-learning"],
        "tags": ["preference", "dpo", "rlaif", "prefline"],
        "size_categories": [_size(sum(facts.rows.values()))],
        "configs": [{"config_name": "default", "data_files": files}],
    }
    return f"---\n{yaml.safe_dump(head, sort_keys=False)}---\n\n"


def _size(rows: int) -> str:
    return next((word for limit, word in _SIZES if rows < limit), "n>1M")


def _table(title: str, names: tuple[str, str], counts: Mapping[str, int]) -> str:
    lines = [f"## {title}", "", f"| {names[0]} | {names[1]} |", "| --- | ---: |"]
    lines += [f"| {name} | {count:,} |" for name, count in counts.items()]
    return "\n".join(lines)
