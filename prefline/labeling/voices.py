"""Every judge's words as arrays: what it felt about each pair, its position bias taken off.

A voice is one judge with one method and one way of answering: with a probability (soft) or
with a bare verdict (hard). Each pair is seen from its lower id; `s` is +1 where the voice saw
the lower id first and -1 where it saw it second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prefline.config.judge import METHODS
from prefline.labeling.evidence import VERIFIER, Evidence
from prefline.labeling.position import Position, hard_position, no_position, soft_position

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, order=True)
class Voice:
    """Who speaks and how."""

    judge: str
    method: str
    hard: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """What `J` voices said of `N` pairs.

    `mean` (N, J) is a voice's mean log-odds that the lower id is better over the orders that it
    saw, its position bias taken off, 0 where it said nothing; `count` (N, J) the number of
    orders; `lean` (N, J) the mean of s over them. `log_ratio` (N,) is ln(length of lower /
    length of upper), `gold` (N,) +1 or -1 where a verifier decided, else 0.
    """

    voices: list[Voice]
    positions: list[Position]
    mean: Floats
    count: NDArray[np.int64]
    lean: Floats
    log_ratio: Floats
    gold: Floats


def hear(evidence: Sequence[Evidence]) -> Heard:
    """All model judges' words on all pairs, in the order of `evidence`."""
    voices, speaker, said = _spoken(evidence)
    shape = (len(evidence), len(voices))
    heard = Heard(
        voices, [], np.zeros(shape), np.zeros(shape, dtype=np.int64), np.zeros(shape),
        np.array([one.log_length_ratio for one in evidence], dtype=float),
        np.array([one.verified or 0 for one in evidence], dtype=float),
    )  # fmt: skip
    for at, voice in enumerate(voices):
        _listen(heard, at, voice, said[speaker == at])
    return heard


def main_voices(heard: Heard) -> dict[str, int]:
    """For each judge the place of the voice in which it spoke most."""
    spoke = heard.count.sum(axis=0)
    main: dict[str, int] = {}
    for at, voice in enumerate(heard.voices):
        if voice.judge not in main or spoke[at] > spoke[main[voice.judge]]:
            main[voice.judge] = at
    return main


def _spoken(evidence: Sequence[Evidence]) -> tuple[list[Voice], NDArray[np.int64], Floats]:
    """The voices; whose each word is (n,); and its pair, s and log-odds or vote (n, 3), sorted
    so that the order in which the words came makes no difference, not even in rounding."""
    known: dict[tuple[str, str, bool], int] = {}
    speaker, pair, side, value = [], [], [], []
    for place, one in enumerate(evidence):
        for saying in one.sayings:
            if saying.method != VERIFIER:
                key = (saying.judge, saying.method, saying.hard)
                speaker.append(known.setdefault(key, len(known)))
                pair.append(place)
                side.append(1.0 if saying.shown_first else -1.0)
                value.append(saying.log_odds)
    voices = sorted(known)
    ranks = np.array([voices.index(key) for key in known], dtype=np.int64)
    who = ranks[np.array(speaker, dtype=np.int64)]
    order = np.lexsort(np.array([value, side, pair, who]))
    said = np.column_stack([pair, side, value]).astype(float)[order]
    return [Voice(*key) for key in voices], who[order], said


def _position(voice: Voice) -> Callable[[NDArray[np.int64], Floats, Floats], Position]:
    """How the voice's position bias is found. One that is shown answers alone has none, and is not
    to be given one by chance: its ties would be no ties any more."""
    if not voice.hard and not _sees_order(voice.method):
        return no_position
    return hard_position if voice.hard else soft_position


def _sees_order(method: str) -> bool:
    """Return whether a judging method's declaration says that it sees an order; a method that is
    not declared here, of a table made elsewhere, is taken to see one."""
    return method not in METHODS.names() or METHODS.get(method).sees_order


def _listen(heard: Heard, at: int, voice: Voice, said: Floats) -> None:
    """Fill in the column `at`; `said` (n, 3) is pair, s and log-odds, sorted."""
    pairs, side, value = said[:, 0].astype(np.int64), said[:, 1], said[:, 2]
    position = _position(voice)(pairs, side, value)
    size = len(heard.mean)
    count = np.bincount(pairs, minlength=size)
    per_pair = np.maximum(count, 1)
    heard.positions.append(position)
    heard.count[:, at] = count
    heard.lean[:, at] = np.bincount(pairs, weights=side, minlength=size) / per_pair
    heard.mean[:, at] = np.bincount(pairs, weights=position.freed, minlength=size) / per_pair
