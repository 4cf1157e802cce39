"""HTTP as clients may send it, byte by byte."""

import re
import socket
from collections.abc import Iterator
from contextlib import closing

import orjson
import pytest

from prefline.simulator import Latency, SimulatedServer, SimulatorConfig
from tests.prefline.simulator.client import Client, prompt
from tests.simulated import threaded_server

BODY = orjson.dumps(prompt("over a raw socket"))
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def raw(simulator: SimulatedServer) -> Iterator[socket.socket]:
    with connected(simulator) as opened:
        yield opened


def connected(server: SimulatedServer) -> socket.socket:
    host, port = server.base_url.split("/")[2].split(":")
    return socket.create_connection((host, int(port)), timeout=5)


def with_length(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def read(raw: socket.socket, count: int = 1) -> list[tuple[bytes, bytes]]:
    """Read the next `count` responses: head and body of each."""
    file, responses = raw.makefile("rb"), []
    for _ in range(count):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = file.readline()
            assert line, "the server closed"
            head += line
        (length,) = (
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"Content-Length" in line
        )
        responses.append((head, file.read(length)))
    return responses


def expected(client: Client) -> bytes:
    return client.chat(BODY).raw


def test_a_body_in_chunks_is_the_same_as_one_with_a_length(
    raw: socket.socket, client: Client
) -> None:
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:7], BODY[7:8], BODY[8:])
    )
    raw.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert read(raw)[0][1] == expected(client)


def test_a_request_may_come_byte_by_byte(raw: socket.socket, client: Client) -> None:
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in with_length(BODY):
        raw.sendall(bytes([byte]))
    assert read(raw)[0][1] == expected(client)


def test_a_client_that_waits_for_100_is_told_to_go_on(raw: socket.socket) -> None:
    raw.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
    assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    raw.sendall(BODY)
    assert read(raw)[0][0].startswith(b"HTTP/1.1 200 OK\r\n")


def test_requests_sent_ahead_are_answered_in_their_order() -> None:
    config = SimulatorConfig(latency=Latency(distribution="uniform", ms=20, spread=20))
    bodies = [orjson.dumps(prompt(f"Question {number}")) for number in range(30)]
    with threaded_server(config) as server, connected(server) as raw:
        raw.sendall(b"".join(with_length(body) for body in bodies))
        ids = [orjson.loads(body)["id"] for _, body in read(raw, len(bodies))]
        with closing(Client(server)) as client:
            assert ids == [client.chat(body).json["id"] for body in bodies]


def test_thousands_of_requests_sent_ahead_do_no_harm(raw: socket.socket) -> None:
    raw.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 3_000)
    assert len(read(raw, 3_000)) == 3_000


def test_a_client_that_asks_for_it_is_closed_after_the_answer(raw: socket.socket) -> None:
    raw.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = b""
    while piece := raw.recv(1000):
        answer += piece
    assert b"Connection: close\r\n" in answer
    assert answer.endswith(b'{"status":"ok"}')


def test_bytes_that_are_no_http_get_400_and_the_end(raw: socket.socket) -> None:
    raw.sendall(b"\x16\x03\x01 no http at all\r\n\r\n")
    assert re.match(rb"HTTP/1\.[01] 400 ", raw.recv(1000))
    while raw.recv(1000):
        pass  # the rest of the answer, and the end


def test_a_query_does_not_change_the_endpoint(client: Client) -> None:
    assert client.get("/health?x=1").json == {"status": "ok"}
    assert client._send("POST", "/v1/chat/completions?x=1", BODY).raw == expected(client)


def test_a_client_that_leaves_before_its_answer_bought_nothing() -> None:
    with threaded_server(SimulatorConfig(latency=Latency(ms=100))) as server:
        with connected(server) as raw:
            raw.sendall(with_length(BODY))
        with closing(Client(server)) as client:
            client.chat(prompt("later"))
        stats = server.stats()
    assert (stats.requests, stats.answered, stats.in_flight) == (2, 1, 0)
