"""The dataset card: what a version is, how it was made, how good its labels are.

Its data are declared here; `sections` writes the page, `markdown` makes any text harmless to it.
The front matter is YAML by which Hugging Face lists, shows and loads a dataset
(https://huggingface.co/docs/hub/datasets-cards, .../datasets-manual-configuration).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from prefline.releases.layout import folder_pattern
from prefline.releases.manifest import PREFERENCE, DataFile

__all__ = [
    "CardData",
    "FormatData",
    "JudgeData",
    "ModelData",
    "SourceData",
    "card",
    "partial_card",
    "split_card",
]

_SIZES = (
    (10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"), (10**8, "10M<n<100M"), (10**9, "100M<n<1B"),
)  # fmt: skip
_TAGS = ("preference", "rlhf", "rlaif", "dpo", "prefline")
_FENCE = "---\n"

Counts = Mapping[str, int]
Figure = Mapping[str, Any]
"""A figure with its 95 % interval: value, low, high (None where there is nothing) and n."""


@dataclass(frozen=True, slots=True)
class FormatData:
    """One format: its rows by split, and what it leaves out: counts by the reason in words."""

    name: str
    rows: Counts
    left_out: Counts = field(default_factory=dict)
    description: str = ""
    hub_tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class SourceData:
    """One source of prompts: rows of preferences and different prompts that are from it, and the
    licences of those prompts by how many have each."""

    name: str
    rows: int
    prompts: int
    licenses: Counts


@dataclass(frozen=True, slots=True)
class ModelData:
    """A model that wrote responses: how often chosen and rejected, and where it was asked."""

    name: str
    chosen: int
    rejected: int
    at: str = ""


@dataclass(frozen=True, slots=True)
class JudgeData:
    """A judge: its method, its model and where that was asked, its principles (id, text), the
    figures that were measured of it, and by which of its biases labels were corrected."""

    name: str
    method: str
    model: str = ""
    at: str = ""
    principles: Sequence[tuple[str, str]] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)
    removed: Sequence[str] = ()
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CardData:
    """Everything on a card. Nothing in here is made safe for Markdown yet but `quality`.

    `store` is where the dataset is published, as params name it; `generation` and `thresholds` are
    params by name; `quality` is lines of Markdown, one finding each, and `against_people` figures
    of labels where people looked; `warrant` the document on what labels are worth in people's eyes
    (`prefline/labeling/version_warrant.py`); `rejections` counts by (stage, reason); `costs` has
    calls, tokens and USD by (stage, name); `sample` is rows of `preference`; `parent` the version
    that `changes` are against.
    """

    dataset: str
    store: str
    license: str
    formats: Sequence[FormatData]
    sources: Sequence[SourceData] = ()
    categories: Counts = field(default_factory=dict)
    label_sources: Counts = field(default_factory=dict)
    languages: Sequence[str] = ()
    models: Sequence[ModelData] = ()
    generation: Mapping[str, Any] = field(default_factory=dict)
    judges: Sequence[JudgeData] = ()
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    quality: Sequence[str] = ()
    against_people: Mapping[str, Figure] = field(default_factory=dict)
    warrant: Mapping[str, Any] = field(default_factory=dict)
    rejections: Mapping[tuple[str, str], int] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)
    costs: Mapping[tuple[str, str], Mapping[str, float]] = field(default_factory=dict)
    sample: Sequence[Mapping[str, Any]] = ()
    parent: int | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    forced: Mapping[str, Any] | None = None
    meaning: str = ""
    major: int = 1
    channel: str = "latest"

    @property
    def rows(self) -> int:
        """Rows of `preference`."""
        return sum(self.formats[0].rows.values()) if self.formats else 0


def card(data: CardData) -> str:
    """Write the card in Markdown with Hugging Face's YAML front matter.

    The same data give the same bytes: it holds no clock but that of a forced publishing, and no
    version number of its own.
    """
    from prefline.releases.card.sections import SECTIONS

    texts = (section(data) for section in SECTIONS)
    return _front_matter(data) + "\n\n".join(text for text in texts if text) + "\n"


def partial_card(card: str, files: Sequence[DataFile]) -> str:
    """Return a card for some of a version's files alone: its front matter names no others."""
    head, body = split_card(card)
    splits: dict[str, list[str]] = {}
    for file in files:
        of_format = splits.setdefault(file.format, [])
        if file.split not in of_format:
            of_format.append(file.split)
    head["configs"] = [_configuration(name, of_format) for name, of_format in splits.items()]
    return f"{_FENCE}{_yaml(head)}{_FENCE}{body}"


def split_card(card: str) -> tuple[dict[str, Any], str]:
    """Return the front matter of a card and the rest of it."""
    if not card.startswith(_FENCE):
        return {}, card
    head, _, body = card.removeprefix(_FENCE).partition(f"\n{_FENCE}")
    return dict(yaml.safe_load(head) or {}), body


def _front_matter(data: CardData) -> str:
    """Write a configuration for each format; `preference` is loaded where none is named."""
    head: dict[str, Any] = {"pretty_name": data.dataset, "license": data.license.lower()}
    if data.languages:
        head["language"] = list(data.languages)
    head |= {
        "task_categories": ["text-generation", "reinforcement-learning"],
        "tags": [*_TAGS, *(tag for form in data.formats for tag in form.hub_tags)],
        "size_categories": [next((size for limit, size in _SIZES if data.rows < limit), "n>1B")],
        "configs": [
            _configuration(form.name, sorted(form.rows)) for form in data.formats if form.rows
        ],
    }
    return f"{_FENCE}{_yaml(head)}{_FENCE}\n"


def _configuration(name: str, splits: Sequence[str]) -> dict[str, Any]:
    files = [{"split": split, "path": folder_pattern(name, split)} for split in splits]
    default = {"default": True} if name == PREFERENCE else {}
    return {"config_name": name, **default, "data_files": files}


def _yaml(head: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(head), sort_keys=False, allow_unicode=True)
