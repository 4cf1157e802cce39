"""The dataset card: what a version is, how it was made, how good its labels are.

facts.py          what a card tells
front_matter.py   the YAML that Hugging Face reads
markdown.py       text of any kind, made harmless to the page
sections.py       what a version holds, and how it is read
making.py         how it was made, and by whom
measured.py       how good the labels are
"""

from __future__ import annotations

from prefline.releases.card import making, measured, sections
from prefline.releases.card.facts import (
    CardFacts,
    FormatFacts,
    JudgeFacts,
    ModelFacts,
    SourceFacts,
)
from prefline.releases.card.front_matter import card_of_some, front_matter, split_card

_SECTIONS = (
    sections.title,
    sections.forced,
    sections.about,
    sections.loading,
    sections.formats,
    measured.labels,
    measured.quality,
    measured.biases,
    making.generation,
    making.judging,
    making.principles,
    making.rejections,
    making.validation,
    sections.sources,
    making.cost,
    sections.sample,
    sections.changes,
    sections.limits,
)


def card(facts: CardFacts) -> str:
    """The card in Markdown with Hugging Face's YAML front matter. The same facts give the same
    bytes: it holds no clock but that of a forced publishing, and no version number of its own."""
    told = (section(facts) for section in _SECTIONS)
    return front_matter(facts) + "\n\n".join(one for one in told if one) + "\n"


__all__ = [
    "CardFacts",
    "FormatFacts",
    "JudgeFacts",
    "ModelFacts",
    "SourceFacts",
    "card",
    "card_of_some",
    "split_card",
]
