"""Compression of single records, with a dictionary of what all of them have in common.

A record of 2 KB is too short for a compressor to learn the JSON around the texts; the
dictionary knows it from the start. Records name the version of their dictionary: a better one
gets a number of its own, and **a published one never changes**, or its records are lost.
"""

from __future__ import annotations

import threading

import zstandard

VERSION = 1
_LEVEL = 1  # level 3 saves one byte in a hundred more, for two thirds more CPU

# What is seen most often comes last, where the compressor names it in the fewest bits.
_SKELETONS = {
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


class _Contexts(threading.local):
    """The compressor and the decompressors of one thread: they must not be shared."""

    def __init__(self) -> None:
        dictionaries = {
            version: zstandard.ZstdCompressionDict(text, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
            for version, text in _SKELETONS.items()
        }
        self.compressor = zstandard.ZstdCompressor(
            _LEVEL, dictionaries[VERSION], write_checksum=False, write_dict_id=False
        )
        self.decompressors = {
            version: zstandard.ZstdDecompressor(dictionary)
            for version, dictionary in dictionaries.items()
        }


_contexts = _Contexts()


def pack(data: list[bytes]) -> list[bytes]:
    """Each of these compressed on its own, with the dictionary `VERSION`.

    All in one call, which gives the interpreter's lock up once: given up for each, it would be
    waited for each time, 5 ms long, where another thread computes.
    """
    compressor = _contexts.compressor
    if not any(data):  # which that call refuses
        return [compressor.compress(one) for one in data]
    packed = compressor.multi_compress_to_buffer(list(data))
    return [packed[number].tobytes() for number in range(len(packed))]


def unpack(version: int, packed: bytes) -> bytes | None:
    """What was packed with the dictionary of that version; None if it cannot be had back:
    it is damaged, or of a later version of this code."""
    decompressor = _contexts.decompressors.get(version)
    try:
        return None if decompressor is None else decompressor.decompress(packed)
    except zstandard.ZstdError:
        return None
