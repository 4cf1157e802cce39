"""Tables of pairs that people have labelled, as pairs to try a reward model on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prefline.config import HumanPairs
from prefline.errors import InputError
from prefline.ids import content_hash, content_id
from prefline.sources import read_rows, watched_file
from prefline.tables import Rejection
from tasks.evaluate.labelled import LabelledPair
from tasks.evaluate.layouts import LAYOUTS, Cells, Unusable
from tasks.evaluate.layouts.cells import reach

FOLDER = "data/imported/human"


@dataclass(frozen=True, slots=True)
class HumanTable:
    """A table of `n_rows` rows: each is among `pairs` or among `rejections`, or one of `n_left`
    that `max_pairs` did not draw."""

    name: str
    pairs: tuple[LabelledPair, ...]
    rejections: tuple[Rejection, ...]
    n_left: int

    @property
    def n_rows(self) -> int:
        """How many rows the table has."""
        return len(self.pairs) + len(self.rejections) + self.n_left


def read_human(table: HumanPairs, root: Path, seed: int = 0) -> HumanTable:
    """The labelled pairs of a table, in its order, from the project at `root`.

    Rows that are no pair are rejections with a reason: `same_text`, `diverging_dialogue`, `tie`,
    `empty`, `no_answer` or `no_prompt`. Raises `InputError` that names file, row, field and
    remedy for a row that cannot be read, and for a file outside of data/imported/human.
    """
    path = watched_file(root, table.path, FOLDER)
    layout = LAYOUTS[table.layout]
    pairs, rejections = list[LabelledPair](), list[Rejection]()
    unseen = dict(table.columns)
    for place, row in read_rows(path):
        for ours in [name for name, theirs in unseen.items() if reach(row, theirs) is not None]:
            del unseen[ours]
        found = layout(Cells(table, place, row))
        if isinstance(found, Unusable):
            rejections.append(_rejection(table, place, found))
        else:
            pairs.append(found)
    if unseen and (pairs or rejections):
        ours, theirs = next(iter(unseen.items()))
        raise InputError(
            f"{path.name}: no row has a value in '{theirs}', which `columns` names for '{ours}'",
            f"correct the columns of {table.name} under evaluate.human",
        )
    drawn = _drawn(pairs, table, seed)
    return HumanTable(table.name, drawn, tuple(rejections), len(pairs) - len(drawn))


def _rejection(table: HumanPairs, place: str, found: Unusable) -> Rejection:
    identity = content_id("human", table.name, place)
    return Rejection("evaluate", "pair", identity, found.reason, f"{place}: {found.detail}")


def _drawn(pairs: Sequence[LabelledPair], table: HumanPairs, seed: int) -> tuple[LabelledPair, ...]:
    """`max_pairs` of the pairs, in their order: those with the least hashes, which depend on what
    a pair says and not on where it stands."""
    if table.max_pairs is None or len(pairs) <= table.max_pairs:
        return tuple(pairs)

    def lot(number: int) -> str:
        pair = pairs[number]
        said = sorted((pair.chosen, pair.rejected))
        return content_hash(("human", table.name, seed, pair.prompt_id, said))

    kept = sorted(range(len(pairs)), key=lot)[: table.max_pairs]
    return tuple(pairs[number] for number in sorted(kept))
