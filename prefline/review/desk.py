"""The choice of the pair that a reviewer sees next, and the keeping of their answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.ids import lot
from prefline.project import Project
from prefline.review.answer_log import TIE, AnswerLog, Entry, reviewers_in
from prefline.tables import REVIEW_QUEUE, read_table

Row = dict[str, Any]

LEFT, RIGHT, EQUAL, SKIP = "left", "right", "equal", "skip"
_SIDES = ("a", "b")
_AWAY_S = 600.0  # after which a pair that somebody looks at is given to others
_GAP = 8  # answers between two showings of a pair
_LAST_GAP = 3  # where there is nothing else left to show
_QUEUES = ("review", "withheld")


@dataclass(frozen=True, slots=True)
class Showing:
    """A pair as a reviewer sees it: the messages of the prompt, and the answers left and right.

    A pair that is shown for the second time (`repeat`) has them the other way round.
    """

    pair_id: str
    prompt: list[dict[str, str]]
    left_id: str
    right_id: str
    left: str
    right: str
    repeat: bool
    comment: str = ""
    tools: str | None = None

    def entry(self, word: str, seconds: float | None, comment: str) -> Entry:
        """Return the answer `word`: left, right, equal or skip."""
        preferred = {LEFT: self.left_id, RIGHT: self.right_id, EQUAL: TIE, SKIP: None}[word]
        other = self.left_id if word == RIGHT else self.right_id
        return Entry(self.pair_id, preferred, other, self.repeat, seconds, comment)


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of the pairs that a reviewer has seen (`done`), that are left, and that others look at
    now; and what can be taken back."""

    done: int
    left: int
    with_others: int
    last: Entry | None


@dataclass(slots=True)
class _Queue:
    """The rows of the queues that there are, in their order."""

    tables: list[pa.Table] = field(default_factory=list)
    place: dict[str, tuple[int, int]] = field(default_factory=dict)
    hidden: dict[str, Row] = field(default_factory=dict)

    def row(self, pair_id: str) -> Row:
        table, at = self.place[pair_id]
        row: Row = self.tables[table].slice(at, 1).to_pylist()[0]
        return row


class Desk:
    """Hands out pairs to reviewers. Safe to use from several threads.

    What was answered is in the reviewers' files alone; here is only who looks at what. Raises
    `TableError` for a damaged queue, and what `AnswerLog` raises.
    """

    def __init__(
        self,
        project: Project,
        *,
        reviewers_per_pair: int = 1,
        repeat_share: float = 0.1,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._project = project
        self._wanted = reviewers_per_pair
        self._repeat_share = repeat_share
        self._now = now
        self._lock = threading.RLock()
        self._logs: dict[str, AnswerLog] = {}
        self._queue = _Queue()
        self._queue_state: tuple[tuple[int, int] | None, ...] = (None,) * len(_QUEUES)
        self._elsewhere: dict[str, frozenset[str]] = {}
        self._looked_at: dict[str, tuple[str, float]] = {}

    @property
    def reviewers(self) -> list[str]:
        """The names of all who have answered here."""
        return reviewers_in(self._project.reviews)

    @property
    def logs(self) -> list[AnswerLog]:
        """The files of all reviewers, as they are now."""
        with self._lock:
            return [self.log(name) for name in self.reviewers]

    def log(self, reviewer: str) -> AnswerLog:
        """Return a reviewer's file, as it is now."""
        with self._lock:
            if reviewer not in self._logs:
                self._logs[reviewer] = AnswerLog(self._project.reviews, reviewer)
            else:
                self._logs[reviewer].refresh()
            return self._logs[reviewer]

    @property
    def queued(self) -> dict[str, Row]:
        """`why` and `value` of the queued pairs by id: not for reviewers."""
        with self._lock:
            self._load()
            return self._queue.hidden

    def next_for(self, reviewer: str) -> Showing | None:
        """Return the pair that the reviewer is to look at, which nobody else then gets; None
        where nothing is left for them now."""
        with self._lock:
            self._load()
            log = self.log(reviewer)
            pair_id, repeat = self._choose(log)
            self._looked_at = {
                pair: (name, since)
                for pair, (name, since) in self._looked_at.items()
                if name != reviewer
            }
            if pair_id is None:
                return None
            self._looked_at[pair_id] = (reviewer, self._now())
            return self.showing(pair_id, repeat=repeat, comment=_comment(log, pair_id, repeat))

    def showing(self, pair_id: str, *, repeat: bool, comment: str = "") -> Showing | None:
        """Return a queued pair as it is shown; None if the queue has it no more."""
        with self._lock:
            self._load()
            if pair_id not in self._queue.place:
                return None
            row = self._queue.row(pair_id)
        left, right = reversed(_SIDES) if repeat else _SIDES
        return Showing(
            pair_id,
            row["prompt"],
            row[f"response_{left}_id"],
            row[f"response_{right}_id"],
            row[f"response_{left}"],
            row[f"response_{right}"],
            repeat,
            comment,
            row.get("tools"),
        )

    def answer(
        self, reviewer: str, showing: Showing, word: str, seconds: float | None, comment: str
    ) -> bool:
        """Write an answer to the reviewer's file; False if they had answered already."""
        with self._lock:
            log = self.log(reviewer)
            return log.add(showing.entry(word, seconds, comment), left=showing.left_id)

    def undo(self, reviewer: str, pair_id: str) -> bool:
        """Take the reviewer's last answer back, if it is on this pair; it is shown next."""
        with self._lock:
            return self.log(reviewer).undo(pair_id)

    def progress(self, reviewer: str) -> Progress:
        """Return how far the reviewer is."""
        with self._lock:
            self._load()
            log = self.log(reviewer)
            mine = {entry.pair_id for entry in log.standing}
            open_pairs = [pair for pair in self._open(log) if pair not in mine]
            taken = sum(self._held_by_other(pair, reviewer) for pair in open_pairs)
            done = sum(not entry.repeat and self._known(entry) for entry in log.standing)
            last = log.standing[-1] if log.standing else None
            return Progress(done, len(open_pairs), taken, last)

    def _known(self, entry: Entry) -> bool:
        return entry.pair_id in self._queue.place

    def _choose(self, log: AnswerLog) -> tuple[str | None, bool]:
        for entry in reversed(log.taken_back):
            if self._known(entry):
                return entry.pair_id, entry.repeat
        due = self._repeats(log, _GAP)
        if due:
            return due[0], True
        for pair in self._open(log):
            if not self._held_by_other(pair, log.reviewer):
                return pair, False
        due = self._repeats(log, _LAST_GAP)
        return (due[0], True) if due else (None, False)

    def _repeats(self, log: AnswerLog, gap: int) -> list[str]:
        """Return the pairs to show again: a share of those answered, some answers ago."""
        again = {entry.pair_id for entry in log.standing if entry.repeat}
        return [
            entry.pair_id
            for entry in log.standing[: max(len(log.standing) - gap, 0)]
            if not entry.repeat
            and entry.preferred is not None
            and entry.pair_id not in again
            and self._known(entry)
            and lot("repeat", log.reviewer, entry.pair_id) < self._repeat_share
        ]

    def _open(self, log: AnswerLog) -> Iterable[str]:
        """Return the pairs that the reviewer has not seen and that want more answers, in order."""
        mine = {entry.pair_id for entry in log.standing}
        answered: dict[str, set[str]] = {}
        for other in self.logs:
            for entry in other.standing:
                if entry.preferred is not None:
                    answered.setdefault(entry.pair_id, set()).add(other.reviewer)
        return [
            pair
            for pair in self._queue.place
            if pair not in mine
            and log.reviewer not in self._elsewhere.get(pair, ())
            and len(answered.get(pair, set()) | self._elsewhere.get(pair, frozenset()))
            < self._wanted
        ]

    def _held_by_other(self, pair: str, reviewer: str) -> bool:
        """Tell whether others look at the pair now, so that it has all reviewers that it needs."""
        if self._wanted > 1 or pair not in self._looked_at:
            return False
        name, since = self._looked_at[pair]
        return name != reviewer and self._now() - since < _AWAY_S

    def _load(self) -> None:
        """Read the queues anew where `pair` or `publish` has written them."""
        paths = [self._project.table(name) / "queue.parquet" for name in _QUEUES]
        state = tuple(_stamp(path) for path in paths)
        if state == self._queue_state:
            return
        queue = _Queue()
        for path, stamp in zip(paths, state, strict=True):
            if stamp is None:
                continue
            table = _read_queue(path)
            for at, pair in enumerate(table["pair_id"].to_pylist()):
                queue.place.setdefault(str(pair), (len(queue.tables), at))
            for row in table.select(["pair_id", "why", "value"]).to_pylist():
                queue.hidden.setdefault(row["pair_id"], row)
            queue.tables.append(table)
        self._queue, self._queue_state = queue, state
        self._elsewhere = _answers_elsewhere(self._project)


def _comment(log: AnswerLog, pair_id: str, repeat: bool) -> str:
    """Return what the reviewer wrote with the answer that they took back."""
    for entry in reversed(log.taken_back):
        if entry.pair_id == pair_id and entry.repeat == repeat:
            return entry.comment
    return ""


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size


def _read_queue(path: Path) -> pa.Table:
    from prefline.errors import TableError

    try:
        return pq.read_table(path, columns=REVIEW_QUEUE.names)
    except (OSError, pa.ArrowException) as error:
        raise TableError(
            f"{path} cannot be read: {error}", "run `dvc repro pair`, which writes it anew"
        ) from error


def _answers_elsewhere(project: Project) -> dict[str, frozenset[str]]:
    """Return who answered on each pair outside this page, as the stage `pair` has counted them."""
    folder = project.table("answers")
    if not folder.is_dir():
        return {}
    here = set(reviewers_in(project.reviews))
    found: dict[str, set[str]] = {}
    for row in read_table(folder, columns=["pair_id", "reviewer"]).to_pylist():
        if row["reviewer"] not in here:
            found.setdefault(row["pair_id"], set()).add(row["reviewer"])
    return {pair: frozenset(names) for pair, names in found.items()}
