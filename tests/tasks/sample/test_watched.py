from __future__ import annotations

import pytest

from prefline.config import Source
from tasks.sample import unwatched_paths

DEPS = ["data/bundled/prompts.jsonl", "data/imported/prompts"]


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("data/bundled/prompts.jsonl", True),
        ("data/imported/prompts/a/b.csv", True),
        ("data/imported/prompts.csv", False),
        ("data/mine.csv", False),
        ("/somewhere/else.csv", False),
        ("s3://bucket/else.csv", True),
    ],
)
def test_a_file_is_watched_if_it_is_below_a_dependency(path: str, seen: bool) -> None:
    query = Source(name="q", sql="SELECT 1", files={"t": path})

    assert unwatched_paths([Source(name="s", path=path)], DEPS) == ([] if seen else [path])
    assert unwatched_paths([query], DEPS) == unwatched_paths([Source(name="s", path=path)], DEPS)
