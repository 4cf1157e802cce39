"""Prompts among which copies are looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from prefline.config import NearDuplicates
from prefline.filters.marks import Marks, joined, marks_of
from prefline.tables.prompts import Prompt
from tasks.sample.drawing.tickets import Ids, Places, as_number


@dataclass(frozen=True, slots=True)
class Crowd:
    """Prompts in the order of their places: their ids as numbers, what copies are found by, and
    `prompts`, which gives those at some places, which rise."""

    ids: Ids
    marks: Marks
    prompts: Callable[[Places], Iterator[Prompt]]

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, places: Places) -> Crowd:
        """Some of them only."""
        return Crowd(self.ids[places], self.marks.at(places), lambda at: self.prompts(places[at]))

    def and_then(self, others: Crowd) -> Crowd:
        """These, and others after them."""

        def prompts(places: Places) -> Iterator[Prompt]:
            mine = places[places < len(self)]
            yield from self.prompts(mine)
            yield from others.prompts(places[len(mine) :] - len(self))

        ids = np.concatenate([self.ids, others.ids])
        return Crowd(ids, joined([self.marks, others.marks]), prompts)


def crowd_of(prompts: Sequence[Prompt], near: NearDuplicates | None) -> Crowd:
    """Prompts that are all in memory, in their order."""
    ids = np.array([as_number(one.prompt_id) for one in prompts], np.uint64)
    marks = marks_of([one.text for one in prompts], near)
    return Crowd(ids, marks, lambda places: (prompts[place] for place in places.tolist()))
