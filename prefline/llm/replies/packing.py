"""The compression of one record, and its checksum.

A record of 2 KB is too short for a compressor to learn the JSON around the texts, so a fixed
dictionary of that JSON goes with it. A record names the version of its dictionary: a better one
gets a number of its own, and **a published one never changes**, or its records are lost. The
database holds the dictionaries too, so that it can be read without this module.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import zstandard

VERSION = 1
_LEVEL = 1  # level 3 saves one byte in a hundred more, for two thirds more CPU

# What is seen most often comes last, where the compressor names it in the fewest bits.
DICTIONARIES = {
    1: b'{"token":"B","logprob":-0.0,"bytes":[66]},{"token":" A","logprob":-9999.0,'
    b'"bytes":[32,65]},{"token":"A","logprob":-0.1,"bytes":[65],"top_logprobs":[{"token":"A",'
    b'"logprob":-0.1,"bytes":[65]}"parallel_tool_calls":true,"response_format":{"type":'
    b'"json_schema","json_schema":{"name":"verdict","strict":true,"schema":{"type":"object",'
    b'"properties":{","stop_reason":null,"reasoning_content":null,"reasoning":null,'
    b'"tool_calls":[],"function_call":null,"audio":null,"kv_transfer_params":null,'
    b'"prompt_logprobs":null,"service_tier":null}"finish_reason":"length"}"finish_reason":'
    b'"tool_calls","refusal":null},"finish_reason":"stop"}],"logprobs":{"content":[{"token":"'
    b'{"id":"chatcmpl-","object":"chat.completion","created":17"}],"max_completion_tokens":,'
    b'"temperature":0.0,"top_p":1.0,"max_tokens":512,"seed":0,"logprobs":true,'
    b'"top_logprobs":10}{"model":"gpt-4.1-mini","messages":[{"role":"system","content":"'
    b'You are a helpful assistant."},{"role":"user","content":""},{"role":"assistant",'
    b'"content":""}],"temperature":0.7,"top_p":1.0,"max_tokens":1024,"seed":0}{"id":'
    b'"chatcmpl-","object":"chat.completion","created":17,"model":"gpt-4.1-mini","choices":'
    b'[{"index":0,"message":{"role":"assistant","content":"","refusal":null,"annotations":[]},'
    b'"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":100,'
    b'"completion_tokens":100,"total_tokens":200,"prompt_tokens_details":{"cached_tokens":0,'
    b'"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,'
    b'"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":'
    b'"default","system_fingerprint":"fp_"}',
}


class Record(NamedTuple):
    """A request's JSON body and the endpoint's JSON answer, as they were sent and received.

    `batch` says that it was bought at a batch's price, `created` when: Unix time in seconds.
    """

    request: bytes
    reply: bytes
    batch: bool
    created: int


class Packed(NamedTuple):
    """A record as a row holds it. `packed` is the request and the reply, one behind the other,
    compressed together; `request_bytes` is the length of the request."""

    key: str
    created: int
    batch: int
    dictionary: int
    request_bytes: int
    checksum: int
    packed: bytes


class UnreadableError(ValueError):
    """A row that does not give back what was stored."""


class _Contexts(threading.local):
    """The compressor and the decompressors of one thread: they must not be shared."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(
            _LEVEL,
            _dictionary(DICTIONARIES[VERSION]),
            write_checksum=False,  # a row has one of its own
            write_dict_id=False,
        )
        self._decompressors: dict[int, zstandard.ZstdDecompressor] = {}

    def decompressor(self, version: int) -> zstandard.ZstdDecompressor:
        """Return the decompressor for a dictionary. Raises `KeyError` if that is not known."""
        found = self._decompressors.get(version)
        if found is None:
            found = zstandard.ZstdDecompressor(_dictionary(DICTIONARIES[version]))
            self._decompressors[version] = found
        return found


def _dictionary(content: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


_contexts = _Contexts()


def pack(keyed: Sequence[tuple[str, Record]]) -> list[Packed]:
    """Pack records, each on its own, with the dictionary `VERSION`.

    All are compressed in one call, which gives the interpreter's lock up once: given up for
    each, it would be waited for each time, 5 ms long, where another thread computes.
    """
    texts = [record.request + record.reply for _, record in keyed]
    if any(texts):
        compressed = _contexts.compressor.multi_compress_to_buffer(list(texts))
        bodies = [compressed[number].tobytes() for number in range(len(texts))]
    else:  # which that call refuses
        bodies = [_contexts.compressor.compress(text) for text in texts]
    return [
        _with_checksum(key, record, body) for (key, record), body in zip(keyed, bodies, strict=True)
    ]


def _with_checksum(key: str, record: Record, packed: bytes) -> Packed:
    facts = (key, record.created, int(record.batch), VERSION, len(record.request))
    return Packed(*facts, _checksum(*facts, packed), packed)


def _checksum(
    key: str, created: int, batch: int, dictionary: int, request_bytes: int, packed: bytes
) -> int:
    """CRC-32 of all that a record is made of, since SQLite's pages have no checksums."""
    head = f"{key} {created} {batch} {dictionary} {request_bytes} "
    return zlib.crc32(packed, zlib.crc32(head.encode()))


def unpack(row: Packed) -> Record:
    """Return the record in a row. Raises `UnreadableError` if it is not what was stored, or if
    its dictionary is one of a later version."""
    key, created, batch, dictionary, request_bytes, checksum, packed = row
    try:
        if _checksum(key, created, batch, dictionary, request_bytes, packed) != checksum:
            raise UnreadableError("its checksum is wrong")
        both = _contexts.decompressor(dictionary).decompress(packed)
    except KeyError as error:
        raise UnreadableError(f"it needs the dictionary {error} of a later version") from error
    except (zstandard.ZstdError, TypeError) as error:  # a damaged row may hold any type
        raise UnreadableError(f"it cannot be decompressed: {error}") from error
    return Record(both[:request_bytes], both[request_bytes:], bool(batch), created)
