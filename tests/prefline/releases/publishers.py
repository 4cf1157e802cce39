"""Publishers in processes of their own, some of which do not live to see their version.

They are forked from a process that has imported everything once, so that each costs little.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import boto3

from prefline.releases import publish
from prefline.storage import ObjectStore, open_store
from tests.prefline.releases.drafts import parted, preference

SERVER = get_context("forkserver")
SERVER.set_forkserver_preload(["tests.prefline.releases.warm"])

# What S3's operations look like is read once, in the process that all are forked from.
_SESSION = boto3.Session()
_SESSION.client("s3", "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")

_STEPS = ("put", "put_file", "get", "size", "list", "entries", "delete", "check_writable")


class Mortal:
    """A store whose user is killed before or after the n-th operation from its first write on."""

    def __init__(self, store: ObjectStore, last: int, *, before: bool) -> None:
        self._store, self._left, self._before = store, last, before
        self._writing = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        self._writing = self._writing or name == "put"
        return self._counted(found) if self._writing and name in _STEPS else found

    def _counted(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self._left -= 1
            if self._left == 0 and self._before:
                os.kill(os.getpid(), signal.SIGKILL)
            result = operation(*arguments)
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return counted


def publish_number(uri: str, folder: str, number: int, last: int = 0, before: bool = False) -> int:
    """Publish a version of two files, one of which other versions have too; dies at its `last`
    operation on the store, counted from its first write on, if that is not 0."""
    store = open_store(uri)
    parts = [[preference(number % 5)], [preference(100 + number)]]
    one = parted(Path(folder) / str(number), parts)
    return publish(Mortal(store, last, before=before) if last else store, one).manifest.version


def told(arguments: tuple[Any, ...], variables: dict[str, str], answer: Any) -> None:
    """`publish_number` in a process of its own: what it says is sent through `answer`."""
    os.environ.update(variables)  # the process that it is forked from has those of its own start
    boto3.Session = lambda **_: _SESSION  # type: ignore[assignment,misc]
    try:
        answer.send(publish_number(*arguments))
    except Exception as error:  # noqa: BLE001 - the parent looks at it
        answer.send(repr(error))


def start(*arguments: Any) -> tuple[BaseProcess, Any]:
    """Start a publisher; the process, and where its version's number can be received."""
    receiver, sender = SERVER.Pipe(duplex=False)
    process = SERVER.Process(target=told, args=(arguments, dict(os.environ), sender))
    process.start()
    sender.close()
    return process, receiver
