from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from prefline.errors import VersionCorrupt
from prefline.releases import locate, publish, read_manifest
from prefline.releases.diff import Diff, Side, diff
from prefline.releases.diff_page import as_page, as_text
from prefline.storage import open_store
from tests.prefline.releases.drafts import draft, parted, preference


def compared(old: str, new: str) -> Diff:
    before, after = locate(old), locate(new)
    return diff(Side(before, read_manifest(before)), Side(after, read_manifest(after)))


def test_every_kind_of_change_is_told(published: str) -> None:
    found = compared(f"{published}@1", published)

    assert (found.added, found.removed, found.kept) == (1, 1, 4)
    assert (found.flipped, found.p_changed, found.moved, found.relabelled) == (1, 1, 1, 1)
    assert found.categories == {
        "c": {"added": 0, "removed": 1, "flipped": 1},
        "new": {"added": 1, "removed": 0, "flipped": 0},
    }
    assert found.sources["t"] == {"added": 1, "removed": 0, "flipped": 0}
    assert [one["pair_id"] for one in found.flips] == [f"{1:016x}"]


def test_backwards_added_and_removed_change_places(published: str) -> None:
    there, back = compared(f"{published}@1", published), compared(published, f"{published}@1")

    assert (there.added, there.removed) == (back.removed, back.added)
    assert (there.kept, there.flipped, there.moved) == (back.kept, back.flipped, back.moved)


def test_each_side_is_read_from_its_own_store(published: str, tmp_path: Path) -> None:
    other = open_store(str(tmp_path / "elsewhere"))
    publish(other, draft(tmp_path / "other", [preference(n) for n in range(3)]))
    found = compared(f"{published}@1", f"{tmp_path}/elsewhere/demo@1")

    assert (found.added, found.removed, found.kept) == (0, 2, 3)


def test_ids_and_words_may_be_of_any_script(tmp_path: Path, cache: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    for chosen in ("é", "è"):
        publish(store, draft(tmp_path / "one", [preference(1, chosen_id=chosen, source="数学")]))
    found = compared(f"{tmp_path}/store/demo@1", f"{tmp_path}/store/demo@2")

    assert (found.kept, found.flipped, found.sources["数学"]["flipped"]) == (1, 1, 1)


def test_a_file_that_both_have_counts_as_kept_and_is_not_read(tmp_path: Path, cache: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    same = [preference(n) for n in range(4)]
    publish(store, parted(tmp_path / "one", [same, [preference(5)]]))
    publish(store, parted(tmp_path / "two", [same, [preference(6), preference(7)]]))
    uri = f"{tmp_path}/store/demo"
    shared = {one.sha256 for one in read_manifest(locate(f"{uri}@1")).files} & {
        one.sha256 for one in read_manifest(locate(uri)).files
    }
    for sha256 in shared:
        (tmp_path / "store/demo/objects" / f"{sha256}.parquet").unlink()
    found = compared(f"{uri}@1", uri)

    assert len(shared) == 1
    assert (found.added, found.removed, found.kept) == (2, 1, 4)


def test_a_version_beside_itself_differs_in_nothing(published: str) -> None:
    found = compared(published, published)

    assert found.kept == 5
    assert not any((found.added, found.removed, found.flipped, found.moved, found.p_changed))
    assert (found.categories, found.quality, found.flips) == ({}, {}, [])


def test_figures_models_judges_and_columns_that_differ_are_told(
    tmp_path: Path, cache: Path
) -> None:
    store = open_store(str(tmp_path / "store"))
    for number, (accuracy, model) in enumerate([(0.7, "a"), (0.8, "b")]):
        one = draft(tmp_path / str(number), [preference(number)])
        publish(
            store,
            replace(
                one,
                quality={"judges": {"j": {"accuracy": accuracy, "n": 36}}, "words": ["prose"]},
                lineage={"models": [model], "judges": ["j"]},
            ),
        )
    found = compared(f"{tmp_path}/store/demo@1", f"{tmp_path}/store/demo@2")

    assert found.quality == {"judges.j.accuracy": {"old": 0.7, "new": 0.8}}
    assert found.lists["models"] == {"added": ["b"], "removed": ["a"]}
    assert found.lists["judges"] == {"added": [], "removed": []}
    assert "judges.j.accuracy: 0.7 -> 0.8" in as_text(found)


def test_words_of_the_data_cannot_break_the_page(published: str) -> None:
    found = compared(f"{published}@1", published)
    evil = "<script>alert(1)</script>"
    page = as_page(replace(found, categories={evil: {"added": 1, "removed": 0, "flipped": 0}}))

    assert evil not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace(found.old, "").replace(found.new, "")


def test_a_version_that_has_a_pair_twice_is_said_to_be_damaged(tmp_path: Path, cache: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    publish(store, draft(tmp_path / "one", [preference(1)]))
    publish(store, draft(tmp_path / "two", [preference(2), preference(2)]))

    with pytest.raises(VersionCorrupt, match="more than once"):
        compared(f"{tmp_path}/store/demo@1", f"{tmp_path}/store/demo@2")
