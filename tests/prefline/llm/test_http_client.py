from __future__ import annotations

import asyncio
import gzip
import itertools
import resource
import ssl
from collections.abc import Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from prefline.errors import ParamsError
from prefline.llm.http_client import HttpClient, PreparedCall, allow_connections, tls_context
from prefline.llm.http_connection import (
    BodyTooLong,
    CannotConnect,
    Connection,
    ConnectionLost,
    HttpResponse,
)
from tests.prefline.llm.raw_server import connect_proxy, raw_server

T = TypeVar("T")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, T]], T]:
    """Runs a coroutine on the loop of the standard library, or the one that the engine has."""

    def on_loop(work: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(asyncio.wait_for(work, 20))

    return on_loop


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls_context.cache_clear()


async def post(
    where: str, scheme: str = "http", times: int = 1, timeout_s: float = 5
) -> list[HttpResponse]:
    client = HttpClient(timeout_s)
    try:
        call = PreparedCall("POST", f"{scheme}://{where}/v1/x?y=1", {"Authorization": "Bearer k"})
        return [await client.send(call, b'{"n":%d}' % n) for n in range(times)]
    finally:
        client.close()


def test_a_body_goes_out_and_an_answer_comes_back(run: Any) -> None:
    async def go() -> None:
        async with raw_server(OK) as (where, seen):
            (answer,) = await post(where)

            assert (answer.status, answer.body) == (200, b"hi")
            assert seen.bodies == [b'{"n":0}']
            assert seen.heads[0].startswith(f"POST /v1/x?y=1 HTTP/1.1\r\nHost: {where}\r\n")
            assert "Authorization: Bearer k" in seen.heads[0]

    run(go())


def test_a_connection_is_kept_for_the_next_call(run: Any) -> None:
    async def go() -> None:
        async with raw_server(OK) as (where, seen):
            await post(where, times=5)

            assert (len(seen.bodies), seen.connections) == (5, 1)

    run(go())


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), id="told to close"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", id="HTTP 1.0"),
    ],
)
def test_a_connection_that_the_server_ends_is_not_used_again(reply: bytes, run: Any) -> None:
    async def go() -> None:
        async with raw_server(reply) as (where, seen):
            answers = await post(where, times=3)

            assert [answer.body for answer in answers] == [b"hi"] * 3
            assert seen.connections == 3

    run(go())


@given(body=st.binary(max_size=2_000), cuts=st.lists(st.integers(0, 2_500), max_size=8))
def test_an_answer_is_whole_however_it_is_cut_into_packets(body: bytes, cuts: list[int]) -> None:
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in (body[:700], body[700:]) if c)
    plain = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    packed = gzip.compress(body)
    replies = [
        plain,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked + b"0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
        % (len(packed), packed),
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + plain,
    ]

    async def go() -> None:
        for reply in replies:
            connection = Connection()
            connection.connection_made(_Nowhere())
            answered = connection.exchange(b"")
            edges = sorted({0, len(reply), *(cut for cut in cuts if cut < len(reply))})
            for start, end in itertools.pairwise(edges):
                connection.data_received(reply[start:end])

            assert (await answered).body == body
            assert connection.idle

    asyncio.run(go())


class _Nowhere(asyncio.Transport):
    dropped = False

    def write(self, data: Any) -> None:
        pass

    def abort(self) -> None:
        self.dropped = True


async def read_in(pieces: Iterable[bytes]) -> tuple[object, bool, bool]:
    connection, wire = Connection(), _Nowhere()
    connection.connection_made(wire)
    answer = connection.exchange(b"")
    for piece in pieces:
        connection.data_received(piece)
    if not answer.done():
        connection.connection_lost(None)
    error = answer.exception()
    status, body = (0, b"") if error else (answer.result().status, answer.result().body)
    return (type(error), status, body), connection.idle, wire.dropped


@given(
    status=st.sampled_from([b"200 OK", b"200 ", b"204 No Content", b"100 Continue", b"500 No"]),
    headers=st.lists(
        st.sampled_from(
            [b"Content-Type: application/json", b"Date: now", b"connection: close",
             b"Connection:  keep-alive", b"Transfer-Encoding: chunked", b"content-encoding: gzip",
             b"Content-Length: 2", b"Content-Length:2 ", b"content-length: 3",
             b"Content-Length : 2", b"content-length: +2", b"x-content-length: 2",
             b"Content-Length: " + b"2" * 5_000, b"server: a\r\n folded", b"no colon"]
        ),
        max_size=4,
    ),
    line=st.sampled_from([b"\r\n", b"\n"]),
    body=st.sampled_from([b"hi", b"", b"hi!", b"2\r\nhi\r\n0\r\n\r\n", b"hiHTTP/1.1 200 OK\r\n"]),
)  # fmt: skip
def test_an_answer_that_comes_whole_is_read_as_one_that_comes_in_pieces(
    status: bytes, headers: list[bytes], line: bytes, body: bytes
) -> None:
    answer = b"HTTP/1.1 " + line.join([status, *headers]) + line + line + body

    async def both() -> None:
        whole = await read_in([answer])
        # The parser has the first byte, and so it reads all of it.
        assert whole == await read_in([answer[:1], answer[1:]])

    asyncio.run(both())


def test_a_body_without_a_length_ends_with_its_connection(run: Any) -> None:
    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        await writer.drain()
        writer.close()

    async def go() -> None:
        async with raw_server(reply) as (where, _):
            assert [answer.body for answer in await post(where)] == [b"all of it"]

    run(go())


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", id="cut off"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nha", id="chunk"),
        pytest.param(b"", id="closed without a word"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="another protocol"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
            id="not gzip",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", id="brotli"
        ),
    ],
)
def test_half_an_answer_is_a_lost_connection(reply: bytes, run: Any) -> None:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        await writer.drain()
        writer.close()

    async def go() -> None:
        async with raw_server(send) as (where, _):
            with pytest.raises(ConnectionLost):
                await post(where)

    run(go())


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip bomb"])
def test_a_body_of_100_megabytes_is_not_read_to_its_end(packed: bool, run: Any) -> None:
    sent = 0

    async def reply(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        body = gzip.compress(bytes(100 << 20)) if packed else bytes(1 << 20)
        encoding = b"Content-Encoding: gzip\r\n" if packed else b""
        length = len(body) if packed else 100 << 20
        head = b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (encoding, length)
        writer.write(head)
        for _ in range(1 if packed else 100):
            writer.write(body)
            await writer.drain()
            sent += len(body)

    async def go() -> None:
        async with raw_server(reply) as (where, _):
            with pytest.raises(BodyTooLong):
                await post(where, timeout_s=15)
        assert sent < 60 << 20

    run(go())


def test_a_server_that_takes_the_call_and_never_answers_ends_at_the_deadline(run: Any) -> None:
    async def reply(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3_600)

    async def go() -> None:
        async with raw_server(reply) as (where, _):
            with pytest.raises(TimeoutError):
                await post(where, timeout_s=0.2)

    run(go())


def test_nobody_there_is_said_so(run: Any) -> None:
    with pytest.raises(CannotConnect):
        run(post("127.0.0.1:9"))
    with pytest.raises(CannotConnect):
        run(post("no-such-host.invalid"))


def test_a_server_with_a_trusted_certificate_is_talked_to(
    run: Any, authority: trustme.CA, trusted: None
) -> None:
    async def go() -> None:
        async with raw_server(OK, server_tls(authority)) as (where, seen):
            assert [answer.body for answer in await post(where, "https", 3)] == [b"hi"] * 3
            assert seen.connections == 1

    run(go())


@pytest.mark.parametrize("flaw", ["unknown authority", "another name"])
def test_a_certificate_that_does_not_hold_is_refused_with_the_remedy(
    flaw: str, run: Any, authority: trustme.CA, trusted: None
) -> None:
    other = flaw == "unknown authority"
    tls = server_tls(trustme.CA() if other else authority, "127.0.0.1" if other else "elsewhere")

    async def go() -> None:
        async with raw_server(OK, tls) as (where, seen):
            with pytest.raises(CannotConnect, match="not trusted"):
                await post(where, "https")
            assert not seen.heads

    run(go())


def test_a_proxy_gets_the_whole_url_and_its_own_credentials(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        async with raw_server(OK) as (proxy, seen):
            monkeypatch.setenv("http_proxy", f"http://me:p%40ss@{proxy}")
            (answer,) = await post("models.example")

            assert answer.body == b"hi"
            head = seen.heads[0]
            assert head.startswith("POST http://models.example/v1/x?y=1 HTTP/1.1")
            assert "Host: models.example\r\n" in head
            assert "Proxy-Authorization: Basic bWU6cEBzcw==" in head

    run(go())


def test_what_no_proxy_names_is_called_directly(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        async with raw_server(OK) as (where, seen):
            monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            await post(where)

            assert seen.heads[0].startswith("POST /v1/x")

    run(go())


def test_tls_goes_through_a_proxys_tunnel_which_sees_no_key(
    run: Any, authority: trustme.CA, trusted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        async with (
            raw_server(OK, server_tls(authority)) as (where, seen),
            connect_proxy() as (proxy, proxied),
        ):
            monkeypatch.setenv("https_proxy", f"http://{proxy}")
            answers = await post(where, "https", times=3)

            assert [answer.body for answer in answers] == [b"hi"] * 3
            assert (len(seen.heads), seen.connections) == (3, 1)
            assert proxied.heads[0].startswith(f"CONNECT {where} HTTP/1.1")
            assert "Bearer" not in "".join(proxied.heads)

    run(go())


def test_a_proxys_no_is_told(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        async with connect_proxy("407 Proxy Authentication Required") as (proxy, _):
            monkeypatch.setenv("https_proxy", f"http://{proxy}")
            with pytest.raises(CannotConnect, match="407"):
                await post("models.example", "https")

    run(go())


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "https://127.0.0.1:8443"])
def test_a_proxy_of_another_kind_is_named(
    proxy: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy)

    with pytest.raises(CannotConnect, match="http:// one"):
        run(post("models.example", "https"))


def test_what_follows_an_answer_unasked_is_not_taken_for_the_next_one(run: Any) -> None:
    async def go() -> None:
        more = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nb"
        async with raw_server(OK + more) as (where, seen):
            answers = await post(where, times=2)

            assert [answer.body for answer in answers] == [b"hi", b"hi"]
            assert seen.connections == 2

    run(go())


def test_a_proxy_is_asked_for_an_ipv6_address_in_brackets(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        async with connect_proxy("403 Forbidden") as (proxy, proxied):
            monkeypatch.setenv("https_proxy", f"http://{proxy}")
            with pytest.raises(CannotConnect):
                await post("[2001:db8::1]:8443", "https")

            assert proxied.heads[0].startswith("CONNECT [2001:db8::1]:8443 HTTP/1.1")

    run(go())


@pytest.fixture
def few_open_files() -> Iterator[None]:
    """Allow this process 512 open files, and as many as the system lets it ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(("connections", "allowed"), [(100, 512), (1_000, 1_256)])
def test_the_limit_of_open_files_is_raised_as_far_as_the_connections_need(
    connections: int, allowed: int, few_open_files: None
) -> None:
    allow_connections(connections)

    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == allowed


def test_more_connections_than_the_system_allows_are_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (512, 4_096))

    with pytest.raises(ParamsError, match=r"lower engine\.max_in_flight"):
        allow_connections(10_000)
