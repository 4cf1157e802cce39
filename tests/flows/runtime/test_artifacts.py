from __future__ import annotations

from pathlib import Path

from flows.runtime.artifacts import figures, links
from prefline.project import Project

RELEASE = {
    "store": "store",
    "dataset": "demo",
    "version": 3,
    "rows": {"train": 90, "test": 10},
    "quality": ["judge `small`: at chance"],
}
PAIRED = {"preferences": 100, "rejected": {"tie": 4, "unsure": 2}, "queued_for_review": 5}
JUDGED = {"judges": {"small": {"n_verdicts": 120}}}


def test_the_figures_are_a_row_each() -> None:
    rows = {row["figure"]: row["value"] for row in figures(RELEASE, JUDGED, PAIRED)}

    assert rows == {
        "version": "demo@3",
        "rows in train": 90,
        "rows in test": 10,
        "preferences": 100,
        "rejected pairs": 6,
        "queued for review": 5,
        "verdicts of small": 120,
        "label quality": "judge `small`: at chance",
    }


def test_what_a_run_has_not_made_has_no_row_and_no_link(tmp_path: Path) -> None:
    assert figures({}, {}, {}) == []
    assert links(Project(tmp_path), {}) == {}


def test_links_lead_to_the_pages_and_the_version(tmp_path: Path) -> None:
    (tmp_path / "report.html").touch()
    in_bucket = RELEASE | {"store": "s3://bucket/prefix"}

    assert links(Project(tmp_path), RELEASE) == {
        "report": f"file://{tmp_path}/report.html",
        "version": f"file://{tmp_path}/store/demo/versions/000003",
    }
    assert links(Project(tmp_path), in_bucket)["version"] == (
        "s3://bucket/prefix/demo/versions/000003"
    )
