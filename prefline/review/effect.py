"""The effect of people's answers on the labels, told while they answer.

How often people agree with labels is measured on the pairs that were drawn at random, as `publish`
does (`prefline/labeling/version_warrant.py`): on those that the stage `pair` has counted, and on
what was answered since. Figures move at every tenth answer only: one that moved at each would tell
a reviewer what the judges said of the pair that they just answered.
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from prefline.config import Params
from prefline.ids import in_random_share
from prefline.labeling.version_warrant import MACHINE, warrant_of
from prefline.labeling.warrant import Standard, measure
from prefline.labeling.warrant_words import remedy
from prefline.project import Project
from prefline.review.answer_log import TIE, AnswerLog, Entry
from prefline.review.desk import Desk
from prefline.review.tables import Stamp, stamp_of
from prefline.tables import ANCHORS, read_table, table_from_rows

Json = dict[str, Any]

STEP = 10  # answers between two looks at the figures, and whose worth is foretold
_PRIOR = 4.0  # pairs that the labels' own p count for, where a rate is foretold
_PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class Agreement:
    """On `n` pairs drawn at random people agree with the share `value` of labels, [low, high]."""

    n: int
    value: float | None
    low: float | None
    high: float | None

    @property
    def reach(self) -> float:
        """Half the width of the interval; 1/2 where nothing was measured."""
        return 0.5 if self.low is None or self.high is None else (self.high - self.low) / 2


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of answers. `unused` of all `answers` came after the stage `pair` last ran.

    `by_checks` and `by_people` are the anchors; `before` and `now` are the agreement with labels
    without and with the unused answers, up to answer `counted_to`. `next_reach` is half the
    interval's width after ten more, of which `next_drawn` are on pairs drawn at random, and
    `next_mended` how many wrong labels they are expected to put right. `seconds` is the mean
    time of an answer, `cost_usd` that of all at the hourly rate.
    """

    answers: int
    unused: int
    by_checks: int
    by_people: int
    counted_to: int
    before: Agreement
    now: Agreement
    next_reach: float
    next_pairs: int
    next_drawn: int
    next_mended: float
    remedy: str
    seconds: float | None
    cost_usd: float | None
    hourly_usd: float


@dataclass(frozen=True, slots=True)
class _Tables:
    """The pipeline's tables: columns of preferences, the anchors, the number of pairs."""

    preferences: pa.Table
    machine_p: float
    anchors: pa.Table
    pairs: int
    used: frozenset[tuple[str, str]]


class EffectMeter:
    """Computes the effect; keeps what it has read until a table changes. Safe to share."""

    def __init__(self, project: Project, params: Params, hourly_usd: float) -> None:
        self._project = project
        self._params = params
        self._hourly_usd = hourly_usd
        self._lock = threading.Lock()
        self._state: object = None
        self._tables = _no_tables()
        self._answered: object = None
        self._measured: tuple[Agreement, Agreement, str] | None = None

    def measure(self, desk: Desk) -> Effect:
        """Return the effect of all answers. Raises `TableError` for a damaged table."""
        with self._lock:
            logs, queued = desk.logs, desk.queued
            self._read()
            tables = self._tables
            new = _unused(logs, tables.used)
            counted = new[: len(new) - len(new) % STEP]
            before, now, advice = self._agreement(counted)
            answered = {entry.pair_id for _, entry in _answers(logs)}
            upcoming = [row for pair, row in queued.items() if pair not in answered][:STEP]
            drawn = sum(self._is_drawn(row["pair_id"]) for row in upcoming)
            seconds = [e.seconds for log in logs for e in log.standing if e.seconds is not None]
            people = set(_of(tables.anchors, _PEOPLE)) | {entry.pair_id for _, entry in new}
            return Effect(
                answers=sum(1 for _ in _answers(logs)),
                unused=len(new),
                by_checks=len(set(_of(tables.anchors, "verifier")) - people),
                by_people=len(people),
                counted_to=len(counted),
                before=before,
                now=now,
                next_reach=_foretold(now, drawn, tables.machine_p),
                next_pairs=len(upcoming),
                next_drawn=drawn,
                next_mended=sum(row["value"] for row in upcoming),
                remedy=advice,
                seconds=float(np.mean(seconds)) if seconds else None,
                cost_usd=sum(seconds) / 3600 * self._hourly_usd if seconds else None,
                hourly_usd=self._hourly_usd,
            )

    def _is_drawn(self, pair_id: str) -> bool:
        params = self._params.pair
        return in_random_share(pair_id, params.seed, params.review.random_share)

    def _agreement(self, counted: Sequence[tuple[str, Entry]]) -> tuple[Agreement, Agreement, str]:
        """Return the agreement before and with these answers, and what would warrant labels."""
        state = (self._state, tuple((who, e.pair_id, e.preferred) for who, e in counted))
        if self._measured is None or self._answered != state:
            anchors = self._tables.anchors
            more = self._rows(counted)
            known = pa.array([row["pair_id"] for row in more], pa.string())
            kept = anchors.filter(pc.invert(pc.and_(
                pc.is_in(anchors["pair_id"], value_set=known),
                _told_by(anchors, _PEOPLE),
            )))  # fmt: skip
            both = pa.concat_tables([kept, table_from_rows(more, ANCHORS)])
            asked = self._params.publish.warrant
            document = warrant_of(
                self._tables.preferences,
                both,
                Standard(asked.agreement, asked.confidence) if asked else Standard(),
                pairs=self._tables.pairs,
                random_share=self._params.pair.review.random_share,
            )
            self._measured = _agreement(anchors), _agreement(both), remedy(document)
            self._answered = state
        return self._measured

    def _rows(self, counted: Iterable[tuple[str, Entry]]) -> list[Json]:
        """Return a row of anchors for each drawn pair that was answered and has a label."""
        words: dict[str, list[str]] = defaultdict(list)
        for _, entry in counted:
            if self._is_drawn(entry.pair_id):
                words[entry.pair_id].append(str(entry.preferred))
        wanted = pa.array(sorted(words), pa.string())
        found = self._tables.preferences
        labels = found.filter(pc.and_(
            pc.is_in(found["pair_id"], value_set=wanted),
            pc.is_in(found["label_source"], value_set=pa.array(MACHINE, pa.string())),
        )).to_pylist()  # fmt: skip
        return [_anchor(row, words[row["pair_id"]]) for row in labels]

    def _read(self) -> None:
        names = ("preferences", "anchors", "answers")
        state = tuple(_stamps(self._project, name) for name in names)
        if state == self._state:
            return
        metrics = self._project.metrics("pair")
        figures = orjson.loads(metrics.read_bytes()) if metrics.is_file() else {}
        columns = ["pair_id", "prompt_id", "category", "label_source", "p_chosen", "chosen_id"]
        preferences = _table(self._project, "preferences", columns)
        machine = pc.is_in(preferences["label_source"], value_set=pa.array(MACHINE, pa.string()))
        mean = pc.mean(preferences.filter(machine)["p_chosen"]).as_py()
        answers = _table(self._project, "answers", ["pair_id", "reviewer"])
        self._tables = _Tables(
            preferences,
            mean or 0.5,
            _table(self._project, "anchors", ANCHORS.names),
            figures.get("pairs", 0),
            frozenset(zip(*(column.to_pylist() for column in answers.columns), strict=True)),
        )
        self._state = state


def steadiness(log: AnswerLog) -> tuple[int, int]:
    """Return on how many of the pairs that a reviewer saw twice they said the same, and of how
    many."""
    first = {entry.pair_id: entry.preferred for entry in log.standing if not entry.repeat}
    again = [
        entry for entry in log.standing if entry.repeat and entry.preferred and
        first.get(entry.pair_id)
    ]  # fmt: skip
    return sum(first[entry.pair_id] == entry.preferred for entry in again), len(again)


def _foretold(now: Agreement, more: int, claimed: float) -> float:
    """Return half the width that the interval will have after `more` pairs drawn at random."""
    if not more:
        return now.reach
    agreeing = (now.value or 0.0) * now.n
    rate = (agreeing + _PRIOR * claimed) / (now.n + _PRIOR)
    n = now.n + more
    right = np.arange(n) < math.floor(agreeing + rate * more + 0.5)
    later = measure(right)
    return Agreement(n, later.agrees, later.low, later.high).reach


def _agreement(anchors: pa.Table) -> Agreement:
    wanted = pc.and_(
        pc.and_(_told_by(anchors, _PEOPLE), anchors["drawn"]),
        pc.and_(anchors["kept"], pc.is_valid(anchors["agrees"])),
    )
    right = np.asarray(anchors.filter(wanted)["agrees"].to_numpy(), dtype=bool)
    measured = measure(right)
    return Agreement(measured.n, measured.agrees, measured.low, measured.high)


def _anchor(label: Json, words: Sequence[str]) -> Json:
    """Return a row of anchors; people who differ do not decide it."""
    settled = len(set(words)) == 1
    return {
        "pair_id": label["pair_id"],
        "prompt_id": label["prompt_id"],
        "category": label["category"],
        "told_by": _PEOPLE,
        "drawn": True,
        "label_source": label["label_source"],
        "p_chosen": label["p_chosen"],
        "agrees": words[0] == label["chosen_id"] if settled else None,
        "tie": settled and words[0] == TIE,
        "kept": True,
    }


def _answers(logs: Iterable[AnswerLog]) -> Iterable[tuple[str, Entry]]:
    return (
        (log.reviewer, entry)
        for log in logs
        for entry in log.standing
        if entry.preferred is not None and not entry.repeat
    )


def _unused(logs: Iterable[AnswerLog], used: frozenset[tuple[str, str]]) -> list[tuple[str, Entry]]:
    """Return the answers that the stage `pair` has not seen, in the order of their times."""
    new = [(who, entry) for who, entry in _answers(logs) if (entry.pair_id, who) not in used]
    return sorted(new, key=lambda item: item[1].answered_at)


def _told_by(anchors: pa.Table, name: str) -> Any:
    return pc.is_in(anchors["told_by"], value_set=pa.array([name], pa.string()))


def _of(anchors: pa.Table, told_by: str) -> list[str]:
    told = anchors.filter(_told_by(anchors, told_by))
    return [str(pair) for pair in told["pair_id"].to_pylist()]


def _stamps(project: Project, name: str) -> Stamp:
    return stamp_of(sorted(project.table(name).glob("part-*.parquet")))


def _table(project: Project, name: str, columns: Sequence[str]) -> pa.Table:
    from prefline.tables import SCHEMAS

    if not _stamps(project, name):
        return SCHEMAS[name].empty_table().select(list(columns))
    return read_table(project.table(name), columns=list(columns))


def _no_tables() -> _Tables:
    empty: Mapping[str, pa.Schema] = {"anchors": ANCHORS}
    return _Tables(pa.table({}), 0.5, empty["anchors"].empty_table(), 0, frozenset())
