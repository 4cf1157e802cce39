"""The pairs of an old version labelled again, from what was stored, at no cost.

The judgments, responses and prompts are those of which the version was made; the label model, and
people's answers, are those of now. So there are three sets of labels: as published, as they
would be now under the version's params, and as they would be under others. The first two differ
by code and answers alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefline.config import PairParams
from prefline.labeling.warrant import measure
from prefline.stats.bootstrap import NOTHING, Figure, ratio
from prefline.tables import JUDGMENTS
from tasks.pair.anchors import anchor_rows
from tasks.pair.formats.plain import Answers
from tasks.pair.judged import COLUMNS, open_pairs
from tasks.pair.labels import LabelledPairs, label_pairs

_MOST_EXAMPLES = 20
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Label:
    """A preference: which response is better, how surely, and what that rests on."""

    prompt_id: str
    chosen_id: str
    p_chosen: float
    label_source: str
    category: str


Labels = Mapping[str, Label]
"""The preferences by pair id."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The tables that a version was made of.

    `judgments` without what judges gave as reasons, the files of `responses` and `prompts`, the
    names of the judges that are people, and why `judge` refused a pair, by its id.
    """

    judgments: pa.Table
    responses: Sequence[Path]
    prompts: Sequence[Path]
    human_judges: Collection[str]
    refused: Mapping[str, str]

    def without(self, judges: Collection[str]) -> Stored:
        """Return the same without what these judges said."""
        named = pc.is_in(self.judgments["judge"], pa.array(judges, pa.string()))
        return replace(self, judgments=self.judgments.filter(pc.invert(named)))


@dataclass(frozen=True, slots=True)
class Relabelled:
    """The labels of a version's pairs, and how often people agree with them on drawn pairs."""

    labels: Labels
    pairs: int
    agreement: dict[str, Any]


def stored_from(
    judgments: Sequence[Path],
    responses: Sequence[Path],
    prompts: Sequence[Path],
    rejections: Iterable[Mapping[str, Any]],
    human_judges: Collection[str],
) -> Stored:
    """Return what a version was made of, from the files of its tables and rows of `rejections`."""
    return Stored(
        judgments=pa.concat_tables(map(_read_judgments, judgments)),
        responses=responses,
        prompts=prompts,
        human_judges=human_judges,
        refused={
            row["id"]: row["reason"]
            for row in rejections
            if row["stage"] == "judge" and row["kind"] == "pair"
        },
    )


def _read_judgments(path: Path) -> pa.Table:
    """Return the columns that labels are made of; those that an old version lacks are null."""
    with pq.ParquetFile(path) as file:
        table = file.read(columns=[name for name in COLUMNS if name in file.schema_arrow.names])
    for name in COLUMNS:
        if name not in table.column_names:
            field = JUDGMENTS.field(name)
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table.select(COLUMNS)


def relabel(stored: Stored, answers: Answers, params: PairParams) -> Relabelled:
    """Label stored pairs under these params. Raises what `label_pairs` does."""
    labels, count = dict[str, Label](), 0
    with open_pairs(stored.judgments, stored.responses, stored.prompts) as tables:
        labelled = label_pairs(
            tables,
            params,
            answers=answers,
            human_judges=stored.human_judges,
            refused=stored.refused,
        )
        for pair in labelled.final:
            count += 1
            if pair.reason is None:
                labels[pair.evidence.pair_id] = Label(
                    pair.evidence.prompt_id,
                    pair.chosen,
                    pair.p_chosen,
                    pair.label_source,
                    pair.evidence.category or "",
                )
        return Relabelled(labels, count, _agreement(labelled, params))


def _agreement(labelled: LabelledPairs, params: PairParams) -> dict[str, Any]:
    """Return how often people agree with labels that their answers did not teach."""
    agrees = [
        row["agrees"]
        for row in anchor_rows(labelled, params)
        if row["told_by"] == "people" and row["drawn"] and row["kept"] and row["agrees"] is not None
    ]
    figure = asdict(measure(np.array(agrees, dtype=bool)))
    return {name: figure[name] for name in ("n", "agrees", "low", "high")}


def changes(before: Labels, after: Labels) -> dict[str, Any]:
    """Return how labels differ, with 95 % intervals by prompt.

    `flipped` is of the pairs that are preferences in both, `removed` of those before, `added` of
    those after; `p_change` the mean absolute change of the probability of the same response.
    """
    both = sorted(before.keys() & after.keys())
    flips = [name for name in both if before[name].chosen_id != after[name].chosen_id]
    flipped = set(flips)
    moved = [
        abs(after[name].p_chosen - (1 - before[name].p_chosen if name in flipped else
                                    before[name].p_chosen))
        for name in both
    ]  # fmt: skip
    prompts = [before[name].prompt_id for name in both]
    categories = sorted({before[name].category for name in both})
    surest = sorted(flips, key=lambda name: (-after[name].p_chosen, name))
    return {
        "before": len(before),
        "after": len(after),
        "both": len(both),
        "flipped": _share([name in flipped for name in both], prompts),
        "removed": _share_missing(before, after),
        "added": _share_missing(after, before),
        "p_change": _rounded(ratio(moved, np.ones(len(moved)), prompts)),
        "by_category": {
            category: _of_category(category, both, flipped, before) for category in categories
        },
        "flips": [
            {
                "pair_id": name,
                "chosen_before": before[name].chosen_id,
                "chosen_after": after[name].chosen_id,
                "p_before": before[name].p_chosen,
                "p_after": after[name].p_chosen,
                "label_source": after[name].label_source,
                "category": after[name].category,
            }
            for name in surest[:_MOST_EXAMPLES]
        ],
    }


def _of_category(
    category: str, both: list[str], flipped: Collection[str], before: Labels
) -> dict[str, Any]:
    names = [name for name in both if before[name].category == category]
    return _share([name in flipped for name in names], [before[name].prompt_id for name in names])


def _share_missing(of: Labels, other: Labels) -> dict[str, Any]:
    """Return the share of labels that the other does not have."""
    names = sorted(of)
    return _share([name not in other for name in names], [of[name].prompt_id for name in names])


def _share(flags: list[bool], prompts: list[str]) -> dict[str, Any]:
    """Return the count and the share of flags, with its interval by prompt."""
    figure = ratio(flags, np.ones(len(flags)), prompts) if flags else NOTHING
    return {"count": sum(flags)} | _rounded(figure)


def _rounded(figure: Figure) -> dict[str, Any]:
    return {
        name: round(value, _DIGITS) if isinstance(value, float) else value
        for name, value in figure.as_dict().items()
    }
