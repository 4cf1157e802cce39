"""One row for each round, as JSON lines in data/rounds/rounds.jsonl."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

import orjson
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from prefline.atomic import atomic_write
from prefline.errors import InputError
from prefline.stats.bootstrap import Figure

log = logging.getLogger(__name__)

Share = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A round: what it produced, and its measures.

    Round 0, where there is one, is the policy that everything started from: nothing was trained
    for it. `version` of `dataset` is what `model` was trained on, `policy` what wrote the
    responses in it. The figures are of `model`, each by prompt so that two rounds can be
    compared pair by pair:

    - `gold`: mean pass over the samples of each held-out prompt with a check whose template
      training saw; `unseen`: of those whose template it did not see. No prompt is in both.
    - `proxy`: what the reward or judge that trained it says of held-out prompts, on any scale
      that stays the same over rounds; empty if not measured.
    - `wins`: 1, 0.5 or 0 (means over samples and orders) for `model` against `policy`, by a judge
      that took no part in the training; empty if not measured.
    - `mean_length` in characters; `distinct`, the share of n-grams that are distinct.
    - `cost_usd` of the whole round; `judge`: how often the judge was right on pairs of `policy`'s
      own outputs that a check decides, None where checks alone made the labels.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    number: Annotated[int, Field(ge=0)]
    dataset: str
    version: Annotated[int, Field(ge=0)]
    model: str
    policy: str
    gold: dict[str, Share] = field(default_factory=dict)
    unseen: dict[str, Share] = field(default_factory=dict)
    proxy: dict[str, Number] = field(default_factory=dict)
    wins: dict[str, Share] = field(default_factory=dict)
    mean_length: Amount = 0.0
    distinct: Share = 0.0
    cost_usd: Amount = 0.0
    judge: Figure | None = None

    @property
    def held_out(self) -> dict[str, float]:
        """Return gold outcomes of all held-out prompts, of either kind."""
        return {**self.gold, **self.unseen}


_ROUND = TypeAdapter(Round)


def read_rounds(path: Path) -> tuple[Round, ...]:
    """Read the rounds in `path`, in their order; none if there is no such file.

    A last line that a killed process tore off (without its line end, and no whole row) is
    skipped with a warning in the log: that round counts as not done, and the next append removes
    the torn line. Raises `InputError`, naming file, line and field, for any other fault.
    """
    if not path.exists():
        return ()
    *lines, rest = path.read_bytes().split(b"\n")
    rounds = [_parse(path, at, line) for at, line in enumerate(lines, 1)]
    if rest and (last := _whole(path, len(lines) + 1, rest)):
        rounds.append(last)
    _check_order(path, rounds)
    return tuple(rounds)


def append_round(path: Path, new: Round) -> None:
    """Append a round; the file is written anew and renamed into place, so it is there whole.

    A round of the last number stands instead of the one noted before (it was done again), so
    that noting it twice is noting it once; an earlier one that is the same changes nothing.
    Raises `InputError` for an earlier round that differs, for a number that skips one, and as
    `read_rounds` does; `DiskFull` or `ObjectStoreError` if it cannot be written.
    """
    rounds = list(read_rounds(path))
    if rounds and new.number < rounds[-1].number:
        if new in rounds:
            return
        raise InputError(
            f"{path}: round {new.number} is noted already, with other figures, and later "
            "rounds rest on it",
            "remove its line and those after it to do these rounds again",
        )
    if rounds and rounds[-1].number == new.number:
        rounds.pop()
    rounds.append(new)
    _check_order(path, rounds)
    with atomic_write(path) as file:
        file.write(b"".join(map(_line, rounds)))


def _line(row: Round) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_SORT_KEYS) + b"\n"


def _whole(path: Path, at: int, rest: bytes) -> Round | None:
    """Parse a last line without its end: None where it was torn off."""
    try:
        orjson.loads(rest)
    except orjson.JSONDecodeError:
        log.warning("%s, line %d was torn off by a process that ended: passed over", path, at)
        return None
    return _parse(path, at, rest)


def _parse(path: Path, at: int, line: bytes) -> Round:
    try:
        row = _ROUND.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{path}, line {at}: " + (f"`{where}`: " if where else "") + first["msg"],
            "bring back the file from DVC or git, or remove this line and those after it",
        ) from error
    both = row.gold.keys() & row.unseen.keys()
    if both:
        raise InputError(
            f"{path}, line {at}: `unseen`: prompt {min(both)} is in `gold` too",
            "a held-out prompt's template was either seen in training or not: give it once",
        )
    return row


def _check_order(path: Path, rounds: Sequence[Round]) -> None:
    for at, (before, following) in enumerate(itertools.pairwise(rounds), 2):
        if following.number != before.number + 1:
            raise InputError(
                f"{path}, line {at}: `number` is {following.number} after {before.number}",
                "rounds follow each other: bring back the lines that are missing",
            )
