from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.llm.replies import Record, packing
from prefline.llm.replies.packing import Packed, UnreadableError, pack, unpack

RECORDS = st.builds(
    Record,
    st.binary(max_size=200),
    st.binary(max_size=200),
    st.booleans(),
    st.integers(0, 2**40),
)
KEYED = st.tuples(st.text("0123456789abcdef", min_size=32, max_size=32), RECORDS)


@given(st.lists(KEYED, max_size=5))
def test_records_come_back_as_they_were(keyed: list[tuple[str, Record]]) -> None:
    rows = pack(keyed)

    assert [(row.key, unpack(row)) for row in rows] == keyed


@given(st.lists(KEYED, max_size=5))
def test_records_that_are_packed_together_are_packed_as_each_alone(
    keyed: list[tuple[str, Record]],
) -> None:
    assert pack(keyed) == [row for one in keyed for row in pack([one])]


@given(KEYED, st.data())
def test_no_change_of_a_byte_goes_unseen(keyed: tuple[str, Record], data: st.DataObject) -> None:
    (row,) = pack([keyed])
    packed = bytearray(row.packed)
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))

    with pytest.raises(UnreadableError):
        unpack(row._replace(packed=bytes(packed)))


@given(KEYED, st.sampled_from(["created", "batch", "dictionary", "request_bytes", "checksum"]))
def test_no_change_of_a_number_goes_unseen(keyed: tuple[str, Record], column: str) -> None:
    (row,) = pack([keyed])

    with pytest.raises(UnreadableError):
        unpack(row._replace(**{column: getattr(row, column) + 1}))


@given(KEYED, st.sampled_from(Packed._fields), st.sampled_from([None, "text", b"\xff"]))
def test_a_value_of_another_type_is_unreadable(
    keyed: tuple[str, Record], column: str, value: object
) -> None:
    (row,) = pack([keyed])

    with pytest.raises(UnreadableError):
        unpack(row._replace(**{column: value}))


def test_a_published_dictionary_never_changes() -> None:
    dictionary = packing.DICTIONARIES[1]

    assert packing.VERSION == 1
    assert hashlib.sha256(dictionary).hexdigest().startswith("7b7952e8672bc102")


def test_a_record_of_a_later_dictionary_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "VERSION", 200)
    (row,) = pack([("0" * 32, Record(b"{}", b"{}", batch=False, created=0))])

    with pytest.raises(UnreadableError, match="200 of a later version"):
        unpack(row)


def test_a_chat_takes_less_than_half_of_its_room() -> None:
    record = Record(
        b'{"model":"gpt-5.4","messages":[{"role":"user","content":"What is the capital of France'
        b', and how many people live there?"}],"temperature":0.8,"top_p":1.0,"max_tokens":400,'
        b'"seed":7}',
        b'{"id":"chatcmpl-Ab3","object":"chat.completion","created":1763000000,"model":"gpt-5.4",'
        b'"choices":[{"index":0,"message":{"role":"assistant","content":"Paris; about two million '
        b'people live in the city itself.","refusal":null,"annotations":[]},"logprobs":null,'
        b'"finish_reason":"stop"}],"usage":{"prompt_tokens":21,"completion_tokens":14,'
        b'"total_tokens":35,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0}}}',
        batch=False,
        created=0,
    )
    (row,) = pack([("0" * 32, record)])

    assert len(row.packed) < 0.5 * (len(record.request) + len(record.reply))
