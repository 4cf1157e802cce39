from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

import pytest

from prefline.llm.replies.claims import Claims
from prefline.llm.replies.database import Database
from tests.prefline.llm.replies.stores import key


@contextmanager
def other_process(path: Path) -> Iterator[Callable[..., bool]]:
    """A process with claims of its own, which does as it is told; killed at the end."""
    ours, theirs = Pipe()
    child = os.fork()
    if child == 0:
        ours.close()
        _obey(theirs, Claims(Database(path)))
    theirs.close()

    def tell(method: str, *keys: str) -> bool:
        ours.send((method, *keys))
        answer: bool = ours.recv()
        return answer

    try:
        yield tell
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def _obey(orders: Connection, claims: Claims) -> None:
    try:
        while True:
            method, *keys = orders.recv()
            orders.send(bool(getattr(claims, method)(*keys)))
    finally:
        os._exit(0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "none" / "replies.db"


@pytest.fixture
def claims(path: Path) -> Iterator[Claims]:
    claims = Claims(Database(path))
    yield claims
    claims.close()


def test_a_process_alone_has_every_claim_and_shares_them_once_another_comes(
    path: Path, claims: Claims
) -> None:
    assert claims.take(key(1))
    assert claims.take(key(2))
    assert claims.alone

    with other_process(path) as other:
        assert not other("take", key(3)), "all is claimed until the first looks again"
        claims.free(key(2))
        claims.share()

        assert not claims.alone
        assert not other("take", key(1)), "what is in flight stays claimed"
        assert other("take", key(2)), "what was freed"
        assert other("take", key(3)), "what was never claimed"
        assert not claims.take(key(3))
        assert claims.take(key(4))
        assert not other("take", key(4))
        other("free", key(3))
        assert claims.take(key(3))

    claims.share()
    assert claims.alone, "the other has gone"
    assert claims.take(key(2))


def test_the_claims_of_a_killed_process_are_free(path: Path, claims: Claims) -> None:
    with other_process(path) as other:
        assert other("take", key(1))
        other("share")
        assert not claims.take(key(1))
    assert claims.take(key(1))


def test_one_that_gives_up_its_claims_is_not_waited_for(path: Path, claims: Claims) -> None:
    with other_process(path) as other:
        assert other("take", key(1))
        other("close")
        assert claims.take(key(1))
        assert not other("take", key(1))
