"""What a card tells. Nothing in here is made safe for Markdown yet but `quality`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Counts = Mapping[str, int]
Figure = Mapping[str, Any]
"""A figure with its 95 % interval: value, low, high (None where there is nothing) and n."""


@dataclass(frozen=True, slots=True)
class FormatFacts:
    """One format: its rows by split, and what it leaves out: counts by the reason in words."""

    name: str
    rows: Counts
    left_out: Counts = field(default_factory=dict)
    description: str = ""
    hub_tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """One source of prompts: rows of preferences and different prompts that are from it, and the
    licences of those prompts by how many have each."""

    name: str
    rows: int
    prompts: int
    licenses: Counts


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model that wrote responses: how often chosen and rejected, and where it was asked."""

    name: str
    chosen: int
    rejected: int
    at: str = ""


@dataclass(frozen=True, slots=True)
class JudgeFacts:
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
class CardFacts:
    """Everything on a card. `store` is where the dataset is published, as params name it;
    `generation` and `thresholds` are params by name; `quality` is lines of Markdown, one
    finding each, and `against_people` figures of labels where people looked; `rejections` counts by
    (stage, reason); `costs` has calls, tokens and USD by (stage, name); `sample` is rows of
    `preference`; `parent` the version that `changes` are against."""

    dataset: str
    store: str
    license: str
    formats: Sequence[FormatFacts]
    sources: Sequence[SourceFacts] = ()
    categories: Counts = field(default_factory=dict)
    label_sources: Counts = field(default_factory=dict)
    languages: Sequence[str] = ()
    models: Sequence[ModelFacts] = ()
    generation: Mapping[str, Any] = field(default_factory=dict)
    judges: Sequence[JudgeFacts] = ()
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    quality: Sequence[str] = ()
    against_people: Mapping[str, Figure] = field(default_factory=dict)
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
