"""Prompts as they are read, through every filter that looks at one by itself, onto disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from prefline.config import FilterParams
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt
from prefline.tables.shards import Spread, shards
from tasks.sample.filtering.faults import Fault
from tasks.sample.filtering.keeping import Sieve
from tasks.sample.filtering.pool import (
    Pool,
    prompt_of,
    settle_rejections,
    shelved,
    shelved_rejections,
)

_SHARD = 20_000  # prompts


@dataclass(frozen=True, slots=True)
class Sifted:
    """What came of a shard: lines of prompts that passed and of rejections, by shelf, and how often
    personal data was taken out."""

    passed: dict[int, bytes]
    rejected: dict[int, bytes]
    redacted: Counter[str]


@dataclass(frozen=True)
class Sift:
    """The work on one shard, which is lines of prompts."""

    faults: Sequence[Fault]
    params: FilterParams

    def __call__(self, shard: bytes) -> Sifted:
        """Sift them."""
        sieve = Sieve(self.faults, self.params)
        read = (prompt_of(orjson.loads(line)) for line in shard.splitlines())
        passed = shelved((one.prompt_id, orjson.dumps(one)) for one in sieve.sift(read))
        return Sifted(passed, shelved_rejections(sieve.rejected.values()), sieve.redacted)


@dataclass(slots=True)
class Offered:
    """How many rows were read, and how often personal data was taken out, by its kind."""

    rows: int
    redacted: Counter[str]


def sift(
    read: Iterable[Prompt | Rejection], work: Sift, passed: Pool, rejected: Pool, spread: Spread
) -> Offered:
    """Put what passes into one pool and what does not into another, which is settled then. A row
    that its reader rejected stays so. Raises `DiskFull`, and what reading raises."""
    offered = Offered(0, Counter())

    def prompts() -> Iterator[bytes]:
        for one in read:
            offered.rows += 1
            if isinstance(one, Prompt):
                yield orjson.dumps(one)
            else:
                rejected.put(shelved_rejections([one]))

    for found in spread(work, map(b"\n".join, shards(prompts(), _SHARD))):
        passed.put(found.passed)
        rejected.put(found.rejected)
        offered.redacted += found.redacted
    settle_rejections(rejected)
    return offered
