from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.llm.replies import Record, packing
from prefline.llm.replies.framing import HEADER, MAGIC, frame, frames, scan, unframe
from prefline.llm.replies.journal import Reader

RECORDS = st.builds(
    Record,
    st.binary(max_size=200),
    st.binary(max_size=200),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
KEYED = st.tuples(st.binary(min_size=16, max_size=16), RECORDS)


@given(KEYED)
def test_a_record_comes_back_as_it_was(keyed: tuple[bytes, Record]) -> None:
    assert unframe(frame(*keyed)) == keyed


@given(st.lists(KEYED, max_size=5))
def test_records_that_are_framed_together_are_framed_as_each_alone(
    keyed: list[tuple[bytes, Record]],
) -> None:
    assert frames(keyed) == [frame(*one) for one in keyed]


@given(KEYED, st.data())
def test_no_change_of_a_byte_goes_unseen(keyed: tuple[bytes, Record], data: st.DataObject) -> None:
    framed = bytearray(frame(*keyed))
    framed[data.draw(st.integers(0, len(framed) - 1))] ^= data.draw(st.integers(1, 255))

    assert unframe(bytes(framed)) is None


@given(st.lists(KEYED, min_size=1, max_size=6), st.binary(max_size=60), st.data())
def test_behind_whatever_stands_between_records_the_next_is_found(
    keyed: list[tuple[bytes, Record]], rubbish: bytes, data: st.DataObject
) -> None:
    frames = [frame(*one) for one in keyed]
    where = data.draw(st.integers(0, len(frames) - 1))
    begin = len(b"".join(frames[:where]))
    found = scan(b"".join([*frames[:where], rubbish, *frames[where:]]), last=True)

    assert [key for key, _, _ in found.entries] == [key for key, _ in keyed]
    assert found.damaged == ([begin] if rubbish else [])


@given(st.lists(KEYED, max_size=6), st.data())
def test_of_a_record_that_is_still_written_nothing_is_said(
    keyed: list[tuple[bytes, Record]], data: st.DataObject
) -> None:
    whole = b"".join(frame(*one) for one in keyed)
    torn = frame(bytes(16), Record(b"{}", b"{}", batch=False, at=0))
    found = scan(whole + torn[: data.draw(st.integers(0, len(torn) - 1))], last=False)

    assert len(found.entries) == len(keyed)
    assert (found.damaged, found.end) == ([], len(whole))


@given(kinds=st.lists(st.sampled_from([0, 1, 2]), max_size=12), chunk=st.integers(1, 300))
def test_a_journal_is_read_alike_in_chunks_of_any_size(
    kinds: list[int], chunk: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    noise = os.urandom(500).replace(MAGIC, b"    ")
    small, large = (Record(b"{}", text, batch=False, at=0) for text in (b"{}", noise))
    pieces = [noise[:90], frame(b"s" * 16, small), frame(b"l" * 16, large)]
    path = tmp_path_factory.mktemp("journal") / "1.replies"
    path.write_bytes(b"".join(pieces[kind] for kind in kinds))

    assert keys_in(path, chunk) == [b"?sl"[kind : kind + 1] * 16 for kind in kinds if kind]


def keys_in(path: Path, chunk: int) -> list[bytes]:
    with pytest.MonkeyPatch.context() as patch, path.open("rb") as file:
        patch.setattr("prefline.llm.replies.journal._CHUNK", chunk)
        parts = Reader(path.name).news(file.fileno(), finished=True)
        return [key for part in parts for key, _, _ in part.entries]


def test_a_published_dictionary_never_changes() -> None:
    skeleton = packing._SKELETONS[1]

    assert packing.VERSION == 1
    assert hashlib.sha256(skeleton).hexdigest().startswith("7b7952e8672bc102")


def test_a_record_of_a_later_dictionary_is_kept_and_taken_as_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packing, "VERSION", 200)
    later = frame(bytes(16), Record(b"{}", b"{}", batch=False, at=0))

    assert len(scan(later, last=True).entries) == 1
    assert unframe(later) is None


def test_a_chat_takes_less_than_half_of_its_room(chat_record: Record) -> None:
    packed = len(frame(bytes(16), chat_record))

    assert packed - HEADER < 0.5 * (len(chat_record.request) + len(chat_record.reply))


@pytest.fixture
def chat_record() -> Record:
    """A short question and its answer, as a vendor sends it."""
    return Record(
        b'{"model":"gpt-5.4","messages":[{"role":"user","content":"What is the capital of France'
        b', and how many people live there?"}],"temperature":0.8,"top_p":1.0,"max_tokens":400,'
        b'"seed":7}',
        b'{"id":"chatcmpl-Ab3","object":"chat.completion","created":1763000000,"model":"gpt-5.4",'
        b'"choices":[{"index":0,"message":{"role":"assistant","content":"Paris; about two million '
        b'people live in the city itself.","refusal":null,"annotations":[]},"logprobs":null,'
        b'"finish_reason":"stop"}],"usage":{"prompt_tokens":21,"completion_tokens":14,'
        b'"total_tokens":35,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0}}}',
        batch=False,
        at=0,
    )
