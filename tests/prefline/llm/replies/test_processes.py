from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefline.llm import ReplyStore
from prefline.llm.replies.maintenance import check
from tests.prefline.llm.replies.stores import body, key, numbers_in

ROOT = Path(__file__).parents[4]
MODULE = "tests.prefline.llm.replies.write_replies"
RANGES = (0, 10**6)  # where the first worker begins, and the second


class Workers:
    """Processes that buy and store replies, and what they have noted."""

    def __init__(self, path: Path, log: Path) -> None:
        self._log = log
        self._forker = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(path), str(log)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True,
        )  # fmt: skip
        self.running: list[int] = []

    def start(self, *first: int) -> list[int]:
        """Start one worker for each of these numbers; return their process ids."""
        assert self._forker.stdin is not None
        assert self._forker.stdout is not None
        self._forker.stdin.write(" ".join(map(str, first)) + "\n")
        self._forker.stdin.flush()
        self.running = [int(worker) for worker in self._forker.stdout.readline().split()]
        return self.running

    def kill(self) -> None:
        """Kill all that run, with no moment to tidy up."""
        assert self._forker.stdout is not None
        for worker in self.running:
            os.kill(worker, signal.SIGKILL)
        if self.running:
            assert self._forker.stdout.readline() == "end\n"
        self.running = []

    def noted(self) -> list[tuple[str, int]]:
        """What was bought and what was stored, in order."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [(word, int(number)) for word, number in (line.split() for line in lines)]

    def wait_for(self, stored: int) -> None:
        """Wait until that many replies were stored."""
        while sum(word == "stored" for word, _ in self.noted()) < stored:
            time.sleep(0.005)

    def close(self) -> None:
        self.kill()
        self._forker.communicate()


@contextmanager
def workers_on(folder: Path) -> Iterator[Workers]:
    workers = Workers(folder / "replies.db", folder / "log")
    try:
        yield workers
    finally:
        workers.close()


def test_killed_at_forty_moments_no_reply_is_lost_and_none_is_bought_twice(
    tmp_path: Path,
) -> None:
    path, draw = tmp_path / "replies.db", random.Random(7)
    present: set[int] = set()
    seen = 0
    with workers_on(tmp_path) as workers:
        for turn in range(20):
            workers.start(*RANGES)
            if turn % 2:  # else at the start: while the file is made, opened or recovered
                workers.wait_for(len(present) + 1)
            time.sleep(draw.random() * 0.08)
            workers.kill()
            noted = workers.noted()
            stored = {number for word, number in noted if word == "stored"}
            bought_now = [number for word, number in noted[seen:] if word == "bought"]

            assert not present & set(bought_now), "what was in the store is not bought again"
            # Of each worker as far as it has come, and a little further.
            bought = {number for word, number in noted if word == "bought"}
            present = set[int]()
            for first in RANGES:
                of_worker = [number for number in bought if first <= number < first + 10**6]
                present |= numbers_in(path, range(first, max(of_worker, default=first) + 100))
            assert stored <= present, "what was said to be stored is there"
            assert present <= bought
            seen = len(noted)
    assert len(present) > 200
    checked = check(path)
    assert (checked.ok, checked.replies) == (True, len(present))


def test_what_two_processes_store_at_once_is_seen_by_a_third_at_once(tmp_path: Path) -> None:
    with workers_on(tmp_path) as workers, ReplyStore(tmp_path / "replies.db") as store:
        workers.start(*RANGES)
        for wanted in (1, 50, 200, 400):
            workers.wait_for(wanted)
            for word, number in workers.noted():
                assert word == "bought" or store.get(key(number)) == body(number)
        workers.kill()
        stored = {number for word, number in workers.noted() if word == "stored"}

    assert all(any(first <= number < first + 10**6 for number in stored) for first in RANGES)
    assert check(tmp_path / "replies.db").ok


def test_a_store_cannot_be_used_in_a_forked_process(tmp_path: Path) -> None:
    with ReplyStore(tmp_path / "replies.db") as store:
        child = os.fork()
        if child == 0:
            try:
                store.get(key(1))
            except RuntimeError:
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
