from __future__ import annotations

from pathlib import Path

from prefline.llm.replies.summary import ModelShare, summary_of
from tests.prefline.llm.replies.folders import chat, journals, key, put


def test_replies_are_counted_by_model_each_key_once(tmp_path: Path) -> None:
    for number, (model, tokens) in enumerate([("a", 5), ("b", 7), ("a", 1)]):
        request, reply = chat(model, tokens)
        put(tmp_path, {key(number): reply}, request)
    put(tmp_path, {key(0): chat("a", 5)[1]}, chat("a", 5)[0])
    summary, sizes = summary_of(tmp_path)
    size = [path.stat().st_size for path in journals(tmp_path)]

    assert (summary.replies, sizes) == (3, size)
    assert summary.models == {
        "a": ModelShare(2, 6, 12, size[0] + size[2]),
        "b": ModelShare(1, 7, 14, size[1]),
    }
    assert summary.bytes == sum(size[:3])
    assert summary.oldest is not None
    assert summary.newest is not None
    assert summary.oldest <= summary.newest


def test_what_names_no_model_is_counted_as_unknown(tmp_path: Path) -> None:
    put(tmp_path, {key(1): b"[]"}, b"not JSON")

    assert list(summary_of(tmp_path)[0].models) == ["unknown"]


def test_a_store_that_is_not_there_is_empty(tmp_path: Path) -> None:
    summary, sizes = summary_of(tmp_path / "none")

    assert (summary.replies, summary.oldest, sizes) == (0, None, [])
