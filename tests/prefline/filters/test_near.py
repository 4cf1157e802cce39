"""Near duplicates."""

from __future__ import annotations

import random
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.filters import near as near_module
from prefline.filters.fingerprints import (
    Fingerprints,
    concatenate,
    fingerprint_texts,
    form_duplicates,
    jaccard,
    rows_per_band,
    shingles,
)
from prefline.filters.near import find_near_duplicates
from prefline.filters.near_duplicates import NearDuplicates

RULE = NearDuplicates(threshold=0.7, words=2)
# Sentences of few words, so that many are near to each other.
SENTENCES = st.lists(
    st.sampled_from(["red", "green", "blue", "old", "new"]), min_size=1, max_size=9
)
TEXTS = st.lists(SENTENCES.map(" ".join), max_size=25)


def by_id(texts: list[str]) -> dict[str, str]:
    return {f"{number:04d}": text for number, text in enumerate(dict.fromkeys(texts))}


def near_of(
    texts: dict[str, str], rule: NearDuplicates = RULE, known: dict[str, str] | None = None
) -> dict[str, str]:
    """Names of what goes, each with that of what stays, of texts in the order of their names."""
    every = [pair for some in (known or {}, texts) for pair in sorted(some.items())]
    said = [text for _, text in every]
    gone, before = find_near_duplicates(
        fingerprint_texts(said, rule).bands,
        lambda places: (said[place] for place in places.tolist()),
        rule,
        len(known or ()),
    )
    pairs = zip(gone.tolist(), before.tolist(), strict=True)
    return {every[one][0]: every[other][0] for one, other in pairs}


def near(one: str, other: str, rule: NearDuplicates = RULE) -> bool:
    return jaccard(shingles(one, rule.words), shingles(other, rule.words)) >= rule.threshold


@given(TEXTS)
def test_what_goes_is_near_to_what_stays(texts: list[str]) -> None:
    given_texts = by_id(texts)
    gone = near_of(given_texts)

    for later, earlier in gone.items():
        assert earlier not in gone
        assert earlier < later
        assert near(given_texts[later], given_texts[earlier])


@given(TEXTS)
def test_doing_it_again_changes_nothing(texts: list[str]) -> None:
    given_texts = by_id(texts)
    gone = near_of(given_texts)
    left = {name: text for name, text in given_texts.items() if name not in gone}

    assert near_of(left) == {}


@given(TEXTS, TEXTS)
@settings(max_examples=20)
def test_what_stands_stays_and_what_is_near_to_it_goes(texts: list[str], before: list[str]) -> None:
    new = {f"a{name}": text for name, text in by_id(texts).items()}
    known = {f"b{name}": text for name, text in by_id(before).items()}
    gone = near_of(new, known=known)

    assert not set(gone) & set(known)
    assert set(gone.values()) <= (set(new) | set(known)) - set(gone)


def test_nearly_all_pairs_above_the_threshold_are_found() -> None:
    draw, rule = random.Random(0), NearDuplicates(threshold=0.7)
    texts: dict[str, str] = {}
    for number in range(400):
        said = [f"w{draw.randrange(10_000)}" for _ in range(40)]
        changed = [*said]
        for place in draw.sample(range(40), draw.randrange(4)):
            changed[place] = "other"
        texts[f"{number:04d}a"], texts[f"{number:04d}b"] = " ".join(said), " ".join(changed)
    gone = near_of(texts, rule)
    wanted = {
        f"{number:04d}b"
        for number in range(400)
        if near(texts[f"{number:04d}a"], texts[f"{number:04d}b"], rule)
    }

    assert set(gone) <= wanted, "what goes is always checked exactly"
    assert len(wanted) > 200
    assert len(gone) / len(wanted) >= 0.98


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 1.0])
def test_a_pair_at_the_threshold_is_missed_once_in_a_hundred_at_most(threshold: float) -> None:
    rows = rows_per_band(threshold, 128)
    missed = (1 - threshold**rows) ** (128 // rows)

    assert missed <= 0.01
    assert rows == 128 or (1 - threshold ** (rows + 1)) ** (128 // (rows + 1)) > 0.01


@given(TEXTS, st.sampled_from([1, 3, 64]), st.sampled_from([0.3, 0.5, 0.7, 1.0]))
def test_of_near_ones_the_nearest_that_stays_is_named(
    texts: list[str], rare: int, threshold: float
) -> None:
    """What the rule says, read literally: every text with every one before it."""
    given_texts, rule = by_id(texts), NearDuplicates(threshold=threshold, words=2)
    kept: list[str] = []
    wanted: dict[str, str] = {}
    for name in sorted(given_texts):
        mine = shingles(given_texts[name], rule.words)
        found = [(-jaccard(shingles(given_texts[one], rule.words), mine), one) for one in kept]
        if found and -min(found)[0] >= threshold:
            wanted[name] = min(found)[1]
        else:
            kept.append(name)
    names, said = sorted(given_texts), [given_texts[name] for name in sorted(given_texts)]
    with patch.object(near_module, "_RARE", rare):
        gone, before = find_near_duplicates(
            [lambda: np.zeros(len(said), np.uint64)],  # a band that all texts share
            lambda places: (said[place] for place in places.tolist()),
            rule,
        )

    pairs = zip(gone.tolist(), before.tolist(), strict=True)
    assert {names[one]: names[other] for one, other in pairs} == wanted


@given(TEXTS, st.lists(st.integers(0, 25), max_size=4), st.data())
def test_marks_are_the_same_however_texts_are_cut_into_shards(
    texts: list[str], cuts: list[int], data: st.DataObject
) -> None:
    at = sorted({0, len(texts), *(cut for cut in cuts if cut < len(texts))})
    shards = [texts[begin:end] for begin, end in pairwise(at)] or [[]]
    whole, parts = (
        fingerprint_texts(texts, RULE),
        concatenate([fingerprint_texts(shard, RULE) for shard in shards]),
    )
    some = np.array(sorted(data.draw(st.sets(st.integers(0, max(0, len(texts) - 1))))), np.int64)

    assert columns(whole) == columns(parts)
    if texts:
        assert columns(whole.at(some)) == columns(
            fingerprint_texts([texts[one] for one in some], RULE)
        )


def columns(marks: Fingerprints) -> list[list[int]]:
    return [marks.forms.tolist(), *(band().tolist() for band in marks.bands)]


@given(TEXTS, TEXTS)
@settings(max_examples=20)
def test_of_texts_of_one_form_the_first_stays(texts: list[str], before: list[str]) -> None:
    every = [*before, *texts]
    gone, firsts = form_duplicates(fingerprint_texts(every, None).forms, len(before))
    pairs = list(zip(gone.tolist(), firsts.tolist(), strict=True))

    assert all(every[later] == every[earlier] and earlier < later for later, earlier in pairs)
    left = [text for place, text in enumerate(every) if place not in {*gone.tolist()}]
    new = left[len(before) :]
    assert len(new) == len({*new}) == len({*texts} - {*before})


def test_letter_case_white_space_and_forms_of_a_letter_make_no_other_text() -> None:
    texts = ["Caf\u00e9  au lait?", " CAFE\u0301 AU\nLAIT", "cafe au lait"]
    gone, firsts = form_duplicates(fingerprint_texts(texts, None).forms)

    assert (gone.tolist(), firsts.tolist()) == ([1], [0])
