from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from prefline.llm.replies.index import Index, fingerprint

# Few of them, at both ends of every segment and of the table.
FINGERPRINTS = st.sampled_from(
    [n + base for base in (0, 1 << 53, 1 << 63, (1 << 64) - 40) for n in range(12)]
)


@given(st.lists(st.tuples(FINGERPRINTS, st.booleans()), max_size=200))
def test_it_finds_what_a_dict_of_lists_finds(steps: list[tuple[int, bool]]) -> None:
    index, places = Index(), dict[int, list[int]]()
    for place, (short, only_if_new) in enumerate(steps, 1):
        known = places.setdefault(short, [])
        if only_if_new:
            assert list(index.claim(short, place)) == known
        else:
            index.add(short, place)
        if not (only_if_new and known):
            known.append(place)

    assert {short: list(index.find(short)) for short in places} == places
    assert len(index) == sum(map(len, places.values()))
    assert index.find(77) == ()


def test_a_fingerprint_is_64_bits_of_the_key() -> None:
    assert fingerprint(bytes(range(16))) == 0x0001020304050607


def test_it_takes_at_most_fifty_bytes_an_entry_while_it_grows() -> None:
    index, draw = Index(), random.Random(0)
    for place in range(1, 60_001):
        index.claim(draw.getrandbits(64), place)
        if place > 10_000 and place % 1_000 == 0:
            assert index.size <= 50 * len(index)
    assert len(index) == 60_000
