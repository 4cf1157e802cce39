from __future__ import annotations

import json
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.pair import read_answers
from tasks.pair.labels import LabelledPairs
from tests.tasks.pair.material import (
    Row,
    Says,
    after,
    in_argilla,
    in_label_studio,
    judged,
    nested,
    params,
    plainly,
    save,
    written,
)

PARAMS = params(size=20, random_share=0.2, reviewers_per_pair=2)
TOOLS: dict[str, tuple[str, Callable[[Path, Says], list[Row]]]] = {
    "plain": ("answers.jsonl", plainly),
    "Label Studio": ("export.json", in_label_studio),
    "Argilla, flat": ("records.json", in_argilla),
    "Argilla, nested": (
        "records.json", lambda queue, says: [nested(row) for row in in_argilla(queue, says)],
    ),
}  # fmt: skip
SIDES = st.lists(st.sampled_from(["a", "b", "tie", None]), max_size=3)


def labels(labelled: LabelledPairs) -> list[tuple[str, str, float, str | None]]:
    return [(one.chosen, one.label_source, one.p_chosen, one.reason) for one in labelled.final]


def annotated(tool: str, says: dict[str, list[str | None]]) -> LabelledPairs:
    """Queue, annotation in the tool, and the labels that come of it."""
    name, annotate = TOOLS[tool]
    table = judged(60)
    with tempfile.TemporaryDirectory() as folder:
        queue, reviews = Path(folder) / "review", Path(folder) / "reviews"
        pairs = [row["pair_id"] for row in written(queue, table, PARAMS)]
        save(reviews / name, annotate(queue, {pair: says.get(pair, []) for pair in pairs}))
        return after(table, read_answers(reviews), PARAMS)


@given(st.lists(SIDES, min_size=30, max_size=30))
@settings(deadline=None, max_examples=15)
def test_the_same_words_give_the_same_labels_whatever_tool_they_came_through(
    sides: list[list[str | None]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pairs = [row["pair_id"] for row in written(Path(folder), judged(60), PARAMS)]
    says = dict(zip(pairs, sides, strict=False))
    plain, *others = (annotated(tool, says) for tool in TOOLS)

    assert len(plain.reviews.votes) == sum(s is not None for side in says.values() for s in side)
    for other in others:
        assert labels(other) == labels(plain)


@given(st.lists(SIDES, min_size=30, max_size=30))
@settings(deadline=None, max_examples=15)
def test_every_pair_ends_as_a_preference_or_a_rejection_and_never_both(
    sides: list[list[str | None]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pairs = [row["pair_id"] for row in written(Path(folder), judged(60), PARAMS)]
    labelled = annotated("plain", dict(zip(pairs, sides, strict=False)))
    kept = [one.evidence.pair_id for one in labelled.final if one.reason is None]
    rejected = [one.evidence.pair_id for one in labelled.final if one.reason is not None]

    assert len({*kept, *rejected}) == len(kept) + len(rejected) == 60
    for one in labelled.final:
        assert (one.reason is None) == (one.p_chosen >= PARAMS.min_p_chosen)
        if one.evidence.pair_id in labelled.by_people:
            assert one.label_source == "human"
            assert one.reason in (None, "people_tie", "people_disagree", "uncertain")


def test_label_studio_s_interface_shows_what_the_tasks_hold(tmp_path: Path) -> None:
    written(tmp_path, judged(60), PARAMS)
    interface = ET.parse(tmp_path / "label_studio.xml").getroot()  # noqa: S314 - our own
    names = {tag.get("name") for tag in interface.iter() if tag.get("name")}
    shown = {str(tag.get("value"))[1:] for tag in interface.iter("Text")}
    aimed = {name for tag in interface.iter() for name in (tag.get("toName") or "").split(",")}

    assert shown <= set(json.loads((tmp_path / "label_studio.json").read_text())[0]["data"])
    assert aimed - {""} <= names


def test_argilla_s_settings_name_every_key_of_its_records(tmp_path: Path) -> None:
    written(tmp_path, judged(60), PARAMS)
    settings = json.loads((tmp_path / "argilla_settings.json").read_text())
    record = json.loads((tmp_path / "argilla.jsonl").read_text().splitlines()[0])
    named = {one["name"] for part in ("fields", "metadata") for one in settings[part]}

    assert set(record) == named | {"id"}
    assert settings["distribution"]["min_submitted"] == 2
    assert not any(one["visible_for_annotators"] for one in settings["metadata"])


@pytest.mark.parametrize("tool", TOOLS)
def test_an_empty_queue_is_written_and_read_like_any_other(tool: str, tmp_path: Path) -> None:
    name, annotate = TOOLS[tool]
    assert written(tmp_path / "review", judged(60), params(size=0, random_share=0)) == []
    save(tmp_path / "reviews" / name, annotate(tmp_path / "review", {}))

    assert read_answers(tmp_path / "reviews").given == ()
