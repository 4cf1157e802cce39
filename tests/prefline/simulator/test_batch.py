"""The batch API over real HTTP: what clients of OpenAI's see."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import openai
import orjson
import pytest

from prefline.simulator import Batching, SimulatedServer, SimulatorConfig
from tests.prefline.simulator.client import Client, prompt
from tests.simulated import threaded_server

WAIT_S = 10.0


def entry(number: int, **change: Any) -> dict[str, Any]:
    body = prompt(f"Question {number}")
    line = {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions"}
    return {**line, "body": body, **change}


def jsonl(*lines: Any) -> bytes:
    return b"".join(
        (line if isinstance(line, bytes) else orjson.dumps(line)) + b"\n" for line in lines
    )


def entries(count: int) -> bytes:
    return jsonl(*(entry(number) for number in range(count)))


@contextmanager
def sdk_of(server: SimulatedServer, key: str = "k") -> Iterator[openai.OpenAI]:
    with closing(openai.OpenAI(api_key=key, base_url=server.base_url, max_retries=0)) as sdk:
        yield sdk


def start(sdk: openai.OpenAI, content: bytes, **more: Any) -> Any:
    file = sdk.files.create(file=("in.jsonl", content), purpose="batch")
    return sdk.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        **more,
    )


def ended(sdk: openai.OpenAI, batch_id: str) -> Any:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        batch = sdk.batches.retrieve(batch_id)
        if batch.status in {"completed", "failed", "expired", "cancelled"}:
            return batch
        time.sleep(0.01)
    raise AssertionError(f"the batch is still {batch.status}")


def run(sdk: openai.OpenAI, content: bytes) -> Any:
    return ended(sdk, start(sdk, content).id)


def lines_of(sdk: openai.OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    if file_id is None:
        return []
    return [orjson.loads(line) for line in sdk.files.content(file_id).content.splitlines()]


def counts(batch: Any) -> tuple[int, int, int]:
    line_counts = batch.request_counts
    return line_counts.total, line_counts.completed, line_counts.failed


@pytest.fixture(scope="module")
def plain() -> Iterator[openai.OpenAI]:
    with threaded_server() as server, sdk_of(server) as sdk:
        yield sdk


class TestThroughTheOpenaiPackage:
    def test_a_batch_gives_the_answers_that_live_requests_get(self, plain: openai.OpenAI) -> None:
        batch = run(plain, entries(40))
        assert (batch.status, counts(batch)) == ("completed", (40, 40, 0))
        assert batch.error_file_id is None
        assert batch.errors is None
        assert batch.completed_at >= batch.finalizing_at >= batch.in_progress_at
        lines = lines_of(plain, batch.output_file_id)
        for line in lines:
            assert line.keys() == {"id", "custom_id", "response", "error"}
            assert line["response"].keys() == {"status_code", "request_id", "body"}
            live = plain.chat.completions.create(**prompt(f"Question {line['custom_id'][1:]}"))
            assert line["response"]["body"]["choices"] == live.to_dict()["choices"]
        assert batch.usage.total_tokens == sum(
            line["response"]["body"]["usage"]["total_tokens"] for line in lines
        )

    @pytest.mark.parametrize("count", [2, 3, 40])
    def test_output_lines_come_in_another_order(self, plain: openai.OpenAI, count: int) -> None:
        batch = run(plain, entries(count))
        ids = [line["custom_id"] for line in lines_of(plain, batch.output_file_id)]
        asked = [f"c{number}" for number in range(count)]
        assert ids != asked
        assert sorted(ids) == sorted(asked)

    def test_files_are_listed_described_read_and_deleted(self, plain: openai.OpenAI) -> None:
        file = plain.files.create(file=("mine.jsonl", b"x\r\n--y\r\n"), purpose="batch")
        assert (file.filename, file.bytes, file.purpose) == ("mine.jsonl", 8, "batch")
        assert plain.files.retrieve(file.id) == file
        assert plain.files.content(file.id).content == b"x\r\n--y\r\n"
        assert file in plain.files.list(limit=1, purpose="batch").data
        assert plain.files.delete(file.id).deleted
        with pytest.raises(openai.NotFoundError, match="No such File"):
            plain.files.retrieve(file.id)

    def test_batches_are_listed_page_by_page_newest_first(self, plain: openai.OpenAI) -> None:
        made = [start(plain, entries(1), metadata={"n": str(n)}) for n in range(3)]
        first = plain.batches.list(limit=2)
        assert [batch.id for batch in first.data] == [made[2].id, made[1].id]
        assert first.data[0].metadata == {"n": "2"}
        assert first.has_more
        following = plain.batches.list(limit=1, after=made[1].id)
        assert [batch.id for batch in following.data] == [made[0].id]
        assert {batch.id for batch in made} <= {batch.id for batch in plain.batches.list(limit=2)}

    def test_what_is_missing_or_malformed_is_refused(self, plain: openai.OpenAI) -> None:
        with pytest.raises(openai.NotFoundError):
            plain.batches.retrieve("batch_none")
        with pytest.raises(openai.BadRequestError, match=r"Must be \.jsonl"):
            plain.files.create(file=("in.txt", b"{}"), purpose="batch")
        made: Any = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
        for change in ({"endpoint": "/v1/embeddings"}, {"completion_window": "1h"}, {}):
            with pytest.raises(openai.BadRequestError):
                plain.batches.create(**{**made, "input_file_id": "file-none", **change})
        with pytest.raises(openai.BadRequestError, match="limit"):
            plain.batches.list(limit=101)


PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{}\r\n'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("", b"--x\r\nno end"),
        ("application/json", b"{}"),
        ("multipart/form-data", PART + b"--x--\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x\r\nno end"),
        ("multipart/form-data; boundary=x", PART),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno name\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", PART + b"--x--\r\n"),  # without a purpose
    ],
)
def test_a_malformed_form_is_400(plain: openai.OpenAI, content_type: str, body: bytes) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    reply = httpx.post(f"{plain.base_url}files", content=body, headers=headers)
    assert reply.status_code == 400
    assert reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (jsonl(entry(0), b"{no json"), "invalid_json_line", 2),
        (jsonl(entry(0), entry(1), entry(0)), "duplicate_custom_id", 3),
        (jsonl(entry(0), entry(1, body=prompt("x", "sim-weak"))), "model_mismatch", 2),
        (jsonl(entry(0, body=prompt("x", "nope"))), "model_not_found", 1),
        (jsonl(entry(0, url="/v1/embeddings")), "url_mismatch", 1),
        (jsonl(entry(0, method="GET")), "invalid_method", 1),
        (jsonl(b"", {"custom_id": "a"}), "missing_required_parameter", 2),
        (jsonl(entry(0, body="text")), "invalid_type", 1),
        (b"\n", "empty_file", None),
        (entries(6), "too_many_tasks", None),
        (entries(1) + b" " * 5000, "file_too_large", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_breaks_the_rules_fails_and_says_where(
    strict: openai.OpenAI, content: bytes, code: str, line: int | None
) -> None:
    batch = run(strict, content)
    assert batch.status == "failed"
    assert batch.errors.data[0].code == code
    assert batch.errors.data[0].line == line
    assert batch.errors.data[0].message
    assert (batch.output_file_id, counts(batch)) == (None, (0, 0, 0))


@pytest.fixture(scope="module")
def strict() -> Iterator[openai.OpenAI]:
    config = SimulatorConfig(batch=Batching(max_lines=5, max_bytes=4000))
    with threaded_server(config) as server, sdk_of(server) as sdk:
        yield sdk


class TestTime:
    def test_a_batch_goes_through_its_statuses_and_counts_up(self) -> None:
        config = SimulatorConfig(batch=Batching(latency_ms=500))
        with threaded_server(config) as server, sdk_of(server) as sdk:
            started = time.monotonic()
            batch = start(sdk, entries(50))
            seen = [(batch.status, 0)]
            while batch.status != "completed":
                time.sleep(0.01)
                batch = sdk.batches.retrieve(batch.id)
                seen.append((batch.status, batch.request_counts.completed))
            assert time.monotonic() - started >= 0.5  # never early
        statuses = list(dict.fromkeys(status for status, _ in seen))
        # On busy cores one may be over between two looks.
        order = ["validating", "in_progress", "finalizing", "completed"]
        assert statuses == [status for status in order if status in statuses]
        assert {"in_progress", "completed"} <= set(statuses)
        done = [count for _, count in seen]
        assert done == sorted(done)
        assert len(set(done)) > 2

    def test_a_cancelled_batch_keeps_what_was_done(self) -> None:
        config = SimulatorConfig(batch=Batching(latency_ms=1000))
        with threaded_server(config) as server, sdk_of(server) as sdk:
            batch = start(sdk, entries(50))
            while sdk.batches.retrieve(batch.id).request_counts.completed < 5:
                time.sleep(0.01)
            assert sdk.batches.cancel(batch.id).status == "cancelling"
            batch = ended(sdk, batch.id)
            assert batch.status == "cancelled"
            done, left = (lines_of(sdk, i) for i in (batch.output_file_id, batch.error_file_id))
            assert 5 <= len(done) == batch.request_counts.completed < 50
            assert {line["error"]["code"] for line in left} == {"batch_cancelled"}
            assert len({line["custom_id"] for line in [*done, *left]}) == 50
            assert server.stats().answered == len(done)
            with pytest.raises(openai.ConflictError):
                sdk.batches.cancel(batch.id)

    def test_a_batch_cancelled_before_it_began_has_no_files(self) -> None:
        config = SimulatorConfig(batch=Batching(latency_ms=60_000))
        with threaded_server(config) as server, sdk_of(server) as sdk:
            batch = start(sdk, entries(2))
            sdk.batches.cancel(batch.id)
            batch = ended(sdk, batch.id)
            assert (batch.status, batch.output_file_id) == ("cancelled", None)

    def test_an_expired_batch_has_the_lines_not_reached_in_its_error_file(self) -> None:
        config = SimulatorConfig(batch=Batching(expired_share=0.3, latency_ms=100))
        with threaded_server(config) as server, sdk_of(server) as sdk:
            batch = run(sdk, entries(10))
            assert (batch.status, counts(batch)) == ("expired", (10, 7, 0))
            assert len(lines_of(sdk, batch.output_file_id)) == 7
            left = lines_of(sdk, batch.error_file_id)
            assert [line["error"]["code"] for line in left] == ["batch_expired"] * 3
            assert [line["response"] for line in left] == [None] * 3
            assert server.stats().requests == 7


class TestPlantedFailures:
    def test_lines_fail_at_their_rate_and_a_second_batch_can_succeed(self) -> None:
        config = SimulatorConfig(batch=Batching(line_failures=0.3))
        with threaded_server(config) as server, sdk_of(server) as sdk:
            batch = run(sdk, entries(400))
            bad = lines_of(sdk, batch.error_file_id)
            assert batch.status == "completed"
            assert len(bad) == batch.request_counts.failed == pytest.approx(120, abs=40)
            kinds = {line["response"] and line["response"]["status_code"] for line in bad}
            assert kinds == {500, None}
            for line in bad:
                error = line["error"] or line["response"]["body"]["error"]
                assert error["message"]
            stats = server.stats()
            assert stats.by_fault["batch_500"] + stats.by_fault["batch_timeout"] == len(bad)
            again = [entry(int(line["custom_id"][1:])) for line in bad]
            assert 0 < counts(run(sdk, jsonl(*again)))[2] < len(bad)
            assert server.stats().duplicates == 0

    def test_a_line_that_would_be_refused_live_ends_in_the_error_file(
        self, plain: openai.OpenAI
    ) -> None:
        batch = run(plain, jsonl(entry(0), entry(1, body=prompt("x", n=0))))
        (line,) = lines_of(plain, batch.error_file_id)
        assert (line["custom_id"], line["response"]["status_code"]) == ("c1", 400)
        assert line["response"]["body"]["error"]["param"] == "n"

    def test_whole_batches_fail_at_their_rate(self) -> None:
        config = SimulatorConfig(batch=Batching(fail=0.5))
        with threaded_server(config) as server, sdk_of(server) as sdk:
            made = [start(sdk, entries(1)).id for _ in range(20)]
            batches = [ended(sdk, batch_id) for batch_id in made]
            assert {batch.status for batch in batches} == {"failed", "completed"}
            failed = next(batch for batch in batches if batch.status == "failed")
            assert failed.errors.data[0].code == "token_limit_exceeded"


class TestCounts:
    def test_what_a_batch_answered_and_a_live_request_asks_again_is_a_duplicate(self) -> None:
        with threaded_server() as server, sdk_of(server) as sdk, closing(Client(server)) as live:
            run(sdk, entries(3))
            live.chat(prompt("Question 1"))
            run(sdk, entries(1))
            stats, log = server.stats(), server.log()
        assert (stats.requests, stats.answered, stats.in_batches) == (5, 5, 4)
        assert (stats.distinct, stats.duplicates, stats.peak_in_flight) == (3, 2, 1)
        assert [line.batch for line in log] == [True, True, True, False, True]
        assert [line.answered for line in log] == [False, False, False, True, True]
        assert log[3].body == log[1].body

    def test_files_and_batches_are_behind_the_key(self) -> None:
        with threaded_server(SimulatorConfig(key="right")) as server:
            with sdk_of(server, "wrong") as sdk:
                for ask in (sdk.files.list, sdk.batches.list):
                    with pytest.raises(openai.AuthenticationError):
                        ask()
                with pytest.raises(openai.AuthenticationError):
                    start(sdk, entries(1))
            with sdk_of(server, "right") as sdk:
                assert run(sdk, entries(1)).status == "completed"
