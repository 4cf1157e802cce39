"""An object store in memory whose every operation waits for its turn: to drive interleavings.

Actors run in threads of their own, one at a time: before each operation of the store an actor
gives its turn back, and goes on when the schedule picks it again.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefline.storage import Entry, ObjectMissing
from prefline.storage.store import Entries, Keys

_LONG_AGO = datetime.now(UTC) - timedelta(days=365)


class Killed(BaseException):
    """The actor ends here, as by SIGKILL: nothing of it runs any more against the store."""


class MemoryStore:
    """The `ObjectStore` of a dict. Everything in it is old, so that no grace protects it."""

    uri = "memory"
    identity = "memory"

    def __init__(self, turn: Callable[[], None] = lambda: None) -> None:
        self.objects: dict[str, bytes] = {}
        self._turn = turn

    def seen_by(self, turn: Callable[[], None]) -> MemoryStore:
        """The same store for an actor that waits for its turns."""
        mine = MemoryStore(turn)
        mine.objects = self.objects
        return mine

    def local_path(self, key: str) -> Path | None:
        return Path(key)  # so that nothing of it is kept elsewhere

    def put(self, key: str, data: bytes) -> bool:
        self._turn()
        if key in self.objects:
            return False
        self.objects[key] = data
        return True

    def put_file(self, key: str, path: Path) -> bool:
        self._turn()
        if key in self.objects:  # a look, and a turn later perhaps nothing to upload
            return False
        return self.put(key, path.read_bytes())

    def get(self, key: str) -> bytes:
        self._turn()
        if key not in self.objects:
            raise ObjectMissing(self.uri, key)
        return self.objects[key]

    def download(self, key: str, path: Path) -> str:
        raise NotImplementedError("publishers and collections download nothing")

    def size(self, key: str) -> int | None:
        self._turn()
        return len(self.objects[key]) if key in self.objects else None

    def list(self, prefix: str) -> list[str]:
        self._turn()
        return sorted(key for key in self.objects if key.startswith(prefix))

    def entries(self, prefix: str) -> Entries:
        self._turn()
        return [
            Entry(key, len(data), datetime.now(UTC) if "/intents/" in key else _LONG_AGO)
            for key, data in sorted(self.objects.items())
            if key.startswith(prefix)
        ]

    def delete(self, key: str) -> None:
        self._turn()
        self.objects.pop(key, None)

    def abort_unfinished(self, prefix: str, older_than: timedelta) -> Keys:  # noqa: ARG002
        return []

    def check_writable(self) -> None:
        return


class Actor(threading.Thread):
    """One who works on the store; `run_until_turn` lets it do one operation."""

    def __init__(self, store: MemoryStore, work: Callable[[MemoryStore], object]) -> None:
        super().__init__(daemon=True)
        self._go, self._gave_back = threading.Semaphore(0), threading.Semaphore(0)
        self._work, self._store = work, store.seen_by(self.wait_for_turn)
        self.done = self.killed = False
        self.result: object = None

    def wait_for_turn(self) -> None:
        """Give the turn back, and wait for the next."""
        self._gave_back.release()
        self._go.acquire()
        if self.killed:
            raise Killed

    def run(self) -> None:
        self._go.acquire()
        try:
            self.result = self._work(self._store)
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.result = error
        self.done = True
        self._gave_back.release()

    def step(self) -> None:
        """One operation, up to the next."""
        self._go.release()
        self._gave_back.acquire()


def play(actors: list[Actor], chance: random.Random, kill: Actor | None = None) -> None:
    """Let actors take turns in a random order until all have ended; `kill` dies at some turn."""
    turns_to_live = chance.randrange(40)
    for actor in actors:
        if not actor.ident:  # some have had turns already
            actor.start()
    # Some schedules are fair, in some one actor gets far ahead, and in some each has many turns in
    # a row: an error that takes several steps by one between two steps of another needs those.
    weights = {actor: chance.choice((1, 1, 5, 25)) for actor in actors}
    goes_on = chance.choice((0.0, 0.5, 0.9))
    one = actors[0]
    while waiting := [actor for actor in actors if not actor.done]:
        if one.done or chance.random() >= goes_on:
            one = chance.choices(waiting, [weights[actor] for actor in waiting])[0]
        if one is kill and turns_to_live == 0:
            one.killed = True
        turns_to_live -= one is kill
        one.step()
    for actor in actors:
        actor.join()
