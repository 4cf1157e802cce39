"""Texts as numbers, in as many chunks as a table has shards."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from prefline.tables.encoding import encode_texts

CHUNKS = st.lists(st.lists(st.none() | st.text("ab", max_size=2), max_size=4), max_size=5)


@given(CHUNKS)
def test_texts_are_numbered_alike_however_they_are_cut_into_chunks(
    chunks: list[list[str | None]],
) -> None:
    texts = [text for chunk in chunks for text in chunk]
    cut = encode_texts(pa.chunked_array([pa.array(c, pa.string()) for c in chunks], pa.string()))

    assert cut.to_pylist() == texts
    assert cut.equals(encode_texts(pa.array(texts, pa.string())))
    first = dict.fromkeys(text for text in texts if text is not None)
    assert cut.dictionary.to_pylist() == list(first)
