"""Claims on requests: what one process has in flight, no other sends.

A claim is a lock of the operating system on one byte of the file `<database>-claims`, at the
place that the request's key names. So it ends with its process, however that ends; no clock is
asked whether an owner still lives, and nothing has to be tidied up.

A process that has the store to itself locks all places at once, and from then on a claim costs
it no system call. It looks several times a second whether another has come, and then keeps the
places of what it has in flight alone. The locks are those of POSIX (`lockf`), which a forked
process does not inherit. They are the process's: of two `Claims` on one file in one process,
neither holds the other back.
"""

from __future__ import annotations

import fcntl
import os

from prefline.llm.replies.database import Database

SHARE_EVERY_S = 0.2
"""Seconds between two calls of `Claims.share` while requests are in flight."""

_HERE = 0  # a place that every process with claims holds, shared
_FIRST = 1 << 60  # of the places of keys
_PLACES = 1 << 60
_DIGITS = 15  # of a key: 60 bits. Two keys at one place only wait for one another.


class Claims:
    """The claims of one process on the requests of one store. For one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._file: int | None = None
        self._keys: set[str] = set()
        self.times_alone = 0
        """The number of times that it came to be alone: unchanged, it was so all the while."""
        self.alone = False
        """No other process can hold a claim, or store a reply, without waiting for this one."""

    def take(self, key: str) -> bool:
        """Claim a request that this process has not claimed; return False if another process has.

        Where others may be at work (not `alone` before), look the reply up once more afterwards:
        an owner may have stored it and let go. Raises `ReplyStoreError`.
        """
        if self._file is None:
            self._open()
        if not self.alone and not self._lock(fcntl.LOCK_EX, _place_of(key)):
            return False
        self._keys.add(key)
        return True

    def free(self, key: str) -> None:
        """Give a claim up, if there is one: its reply is stored, or there will be none."""
        if key in self._keys:
            self._keys.remove(key)
            if not self.alone:
                self._unlock(_place_of(key))

    def share(self) -> None:
        """Take all places if no other process is there, and else only those in flight."""
        if self._file is None:
            return
        # Whoever can hold this place alone is alone.
        is_only = self._lock(fcntl.LOCK_EX, _HERE)
        if is_only:
            self._lock(fcntl.LOCK_SH, _HERE)
            if not self.alone and self._lock(fcntl.LOCK_EX, _FIRST, _PLACES):
                self.alone = True
                self.times_alone += 1
        elif self.alone:
            free_from = _FIRST
            for place in sorted(map(_place_of, self._keys)):
                if place > free_from:
                    self._unlock(free_from, place - free_from)
                free_from = place + 1
            self._unlock(free_from, _FIRST + _PLACES - free_from)
            self.alone = False

    def close(self) -> None:
        """Give all claims up."""
        if self._file is not None:
            os.close(self._file)
        self._file, self.alone = None, False
        self._keys.clear()

    def _open(self) -> None:
        path = self._database.path.with_name(f"{self._database.path.name}-claims")
        with self._database.errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            # Another may hold it alone, for as long as it takes to see that it is not.
            fcntl.lockf(self._file, fcntl.LOCK_SH, 1, _HERE)
        self.share()

    def _lock(self, how: int, place: int, length: int = 1) -> bool:
        assert self._file is not None
        try:
            fcntl.lockf(self._file, how | fcntl.LOCK_NB, length, place)
        except (BlockingIOError, PermissionError):  # POSIX allows for either
            return False
        except OSError:
            with self._database.errors():
                raise
        return True

    def _unlock(self, place: int, length: int = 1) -> None:
        assert self._file is not None
        fcntl.lockf(self._file, fcntl.LOCK_UN, length, place)


def _place_of(key: str) -> int:
    return _FIRST + int(key[:_DIGITS], 16)
