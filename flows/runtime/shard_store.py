"""Shards on machines with clones of their own: what they share lies in an object store.

The stage's process puts there what its shards read. A shard fetches it into a folder of its own
machine, works there, and sends what it buys every few seconds, as segments of its reply store, with
how far it is; at last what it wrote. The stage's process takes all that over as it comes, so that
a shard's files lie where those of a process of this machine would. Whoever takes up the range
of a shard that died finds its segments.

    <run.store>/<stage>/<run>/run.json                  code and inputs, with their hashes
    <run.store>/<stage>/<run>/inputs/<sha256>
    <run.store>/<stage>/<run>/<range>/<attempt>/go      there as long as this attempt is wanted
    .../<attempt>/000000.db, 000000.json, 000001.json   segments, and what is told: its last says
    .../<attempt>/files/<name>                          how it ended and names its files
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import orjson
import yaml

from flows.runtime.ending import interrupt_signal
from flows.runtime.shard_runs import (
    SILENT_S,
    Json,
    ShardProcess,
    ShardProject,
    ShardRange,
    error_told,
)
from prefline.atomic import atomic_folder, atomic_write
from prefline.config import Params
from prefline.config.environment import worker_clone
from prefline.errors import ObjectStoreError, PreflineError, WorkflowError
from prefline.ids import sha256_of
from prefline.llm.budget import RunSpend
from prefline.llm.replies.segments import copy_replies, last_id
from prefline.project import Project
from prefline.storage import Entry, ObjectMissing, ObjectStore, StoreOptions, open_store
from prefline.storage.store import WEEK

_SEND_AT = 5_000  # replies, however few seconds have passed
_LOOK_S = 0.5  # at how much there is to be sent
_ASK_S = 2.0  # whether an attempt is still wanted
_RECEIVE_S = 1.0
_THREADS = 16
_CODE = ("flows", "prefline", "tasks")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunStore:
    """The place of a stage's run in an object store."""

    uri: str
    prefix: str
    options: Json
    send_every_s: float

    def open(self) -> ObjectStore:
        """Open the store. Raises what `open_store` raises."""
        return open_store(self.uri, StoreOptions(**self.options))

    def attempt(self, shard: ShardRange, number: int) -> str:
        """Return the prefix of one attempt at a shard, with a slash at its end."""
        return f"{self.prefix}/{shard}/{number:03d}/"


def code_hash() -> str:
    """Return a hash of the code that a shard runs: 16 hex digits."""
    digest = hashlib.sha256()
    for name in _CODE:
        folder = Path(next(iter(import_module(name).__path__)))
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{name}/{path.relative_to(folder)} {sha256_of(path)}\n".encode())
    return digest.hexdigest()[:16]


# ------------------------------------------------------------------- the stage's process


@contextmanager
def run_in_store(
    project: Project, stage: str, params: Params, models: Iterable[str], also: Sequence[Path]
) -> Iterator[StagedRun]:
    """Put what the shards of a stage read into `run.store`, for as long as the block lasts: its
    data of `dvc.yaml`, what lies in `also`, and the replies of `models` that there are.

    What the shards of runs that were killed have sent is taken over first. Raises
    `ObjectStoreError`, above all where the store cannot be written.
    """
    assert params.run.store is not None
    options = {"single_publisher": params.publish.single_publisher} | params.publish.s3.model_dump()
    prefix = f"{stage}/{_owner(project)}-{secrets.token_hex(4)}"
    run = RunStore(params.run.store, prefix, options, params.run.send_every_s)
    store = run.open()
    store.check_writable()
    take_over_earlier(store, stage, project)
    known = project.shards(stage) / _KNOWN
    copy_replies(project.replies, known, models=models)
    files = [project.params, *_files_of(project, stage, [*also, known])]
    try:
        _put_inputs(store, run.prefix, project, files)
        yield StagedRun(project, run, store)
    finally:
        _remove(store, f"{run.prefix}/")


_KNOWN = "known.db"


def _files_of(project: Project, stage: str, also: Iterable[Path]) -> list[Path]:
    stages = yaml.safe_load((project.root / "dvc.yaml").read_text("utf-8"))["stages"]
    paths = [project.root / name for name in stages[stage]["deps"] if name.startswith("data/")]
    found = list[Path]()
    for path in (*paths, *also):
        found += [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sorted({path for path in found if not path.name.startswith(".")})


def _put_inputs(store: ObjectStore, prefix: str, project: Project, files: Sequence[Path]) -> None:
    inputs = {str(path.relative_to(project.root)): sha256_of(path) for path in files}
    _in_threads(
        lambda path: store.put_file(f"{prefix}/inputs/{inputs[path]}", project.root / path), inputs
    )
    told = {"code": code_hash(), "inputs": inputs}
    store.put(f"{prefix}/run.json", orjson.dumps(told))


def _owner(project: Project) -> str:
    """Return what no other clone has, on whatever machine: 8 hex digits."""
    place = f"{os.uname().nodename}:{project.root.resolve()}"
    return hashlib.sha256(place.encode()).hexdigest()[:8]


def take_over_earlier(store: ObjectStore, stage: str, project: Project) -> None:
    """Take over the replies that earlier runs of a stage left in a store, and remove what was this
    clone's, whose run is over, or has not been touched for a week."""
    runs = defaultdict[str, list[Entry]](list)
    for entry in store.entries(f"{stage}/"):
        runs[entry.key.split("/")[1]].append(entry)
    for name, entries in runs.items():
        for entry in entries:
            if entry.key.endswith(".db"):
                _take_segment(store, entry.key, project)
        is_old = datetime.now(UTC) - max(entry.modified for entry in entries) > WEEK
        if is_old or name.startswith(f"{_owner(project)}-"):
            _remove(store, f"{stage}/{name}/")


def _take_segment(store: ObjectStore, key: str, project: Project) -> None:
    with suppress(ObjectMissing), _downloaded(store, key) as segment:
        copy_replies(segment, project.replies)


@contextmanager
def _downloaded(store: ObjectStore, key: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="prefline-") as folder:
        path = Path(folder) / PurePosixPath(key).name
        store.download(key, path)
        yield path


def _told(store: ObjectStore, key: str) -> Json:
    """Return an object's JSON; empty if there is none."""
    try:
        told: Json = orjson.loads(store.get(key))
    except ObjectMissing:
        return {}
    return told


def _remove(store: ObjectStore, prefix: str) -> None:
    """Remove all objects below a prefix, first those that say that they are wanted."""
    keys = sorted(store.list(prefix), key=lambda key: not key.endswith("/go"))
    _in_threads(store.delete, keys)


def _in_threads(action: Callable[[T], object], items: Iterable[T]) -> None:
    with ThreadPoolExecutor(_THREADS) as threads:
        for _ in threads.map(action, items):
            pass


@dataclass(frozen=True, slots=True)
class StagedRun:
    """A run whose inputs lie in a store."""

    project: Project
    run: RunStore
    store: ObjectStore

    def start(
        self, shard: ShardProject, run_name: str, submit: Callable[[Json], ShardProcess]
    ) -> StoredShard:
        """Start an attempt at a shard, `run_name` by its number, on whatever machine `submit`
        finds."""
        number = int(run_name.rpartition(".")[2])
        key = self.run.attempt(shard.range, number)
        self.store.put(f"{key}go", b"")
        shard.touch()
        return StoredShard(self, shard, key, submit(asdict(self.run) | {"attempt": number}))


@dataclass
class StoredShard:
    """A shard of another machine: its files are put in their place here as they come."""

    staged: StagedRun
    shard: ShardProject
    key: str
    process: ShardProcess
    _next: int = 0
    _ended: bool = False
    _look_at: float = 0.0
    _taken: set[str] = field(default_factory=set)

    def has_ended(self) -> bool:
        """Return whether it has told its end, or its process has ended without."""
        now = time.monotonic()
        if self._ended or now < self._look_at:
            return self._ended
        self._look_at = now + _RECEIVE_S
        has_ended = self.process.has_ended()
        self._receive()
        if has_ended and not self._ended:
            self._end()
        return self._ended

    def stop(self) -> None:
        """Let it see that it is no longer wanted."""
        self.staged.store.delete(f"{self.key}go")
        self.process.stop()

    def wait(self, timeout: float) -> None:
        """Wait for its end, for at most so many seconds."""
        until = time.monotonic() + timeout
        while not self.has_ended() and time.monotonic() < until:
            time.sleep(_LOOK_S)
        if not self._ended:
            self._end()

    def problem(self) -> str | None:
        """Return what is known of an end of which the shard itself told nothing."""
        return self.process.problem()

    def _receive(self) -> None:
        store = self.staged.store
        while told := _told(store, key := f"{self.key}{self._next:06d}.json"):
            self.shard.touch()
            if told["replies"]:
                segment = f"{self.key}{self._next:06d}.db"
                _take_segment(store, segment, self.staged.project)
                self._taken.add(segment)
            if status := told["status"]:
                self.shard.write_status(status)
            store.delete(key)
            self._next += 1
            if ended := told["ended"]:
                self._take_end(ended)

    def _take_end(self, ended: Json) -> None:
        if (spent := ended["spent_usd"]) is not None:
            RunSpend(self.shard.spend, ended["run"]).add(spent)
        if "error" in ended:
            self.shard.error.write_bytes(orjson.dumps(ended["error"]))
        elif "files" in ended:
            with atomic_folder(self.shard.folder) as draft:
                for name, sha256 in ended["files"].items():
                    _download(self.staged.store, f"{self.key}files/{name}", draft / name, sha256)
        self._end()

    def _end(self) -> None:
        """Take what else has been sent of this shard, by this attempt or one given up before."""
        store, prefix = self.staged.store, f"{self.staged.run.prefix}/{self.shard.range}/"
        self._ended = True
        store.delete(f"{self.key}go")
        for key in store.list(prefix):
            if key.endswith(".db") and key not in self._taken:
                _take_segment(store, key, self.staged.project)
        if self.shard.folder.exists():
            _remove(store, prefix)


def _download(store: ObjectStore, key: str, path: Path, sha256: str) -> None:
    if store.download(key, path) != sha256:
        path.unlink()
        raise ObjectStoreError(
            f"{store.uri}/{key} is damaged: its SHA-256 is not the one that was noted",
            "run the same command again; if it is so again, look at the store's disks",
        )


# ------------------------------------------------------------------- a shard's machine


class _FetchedShard(ShardProject):
    """The paths of a shard in a folder of inputs that shards of one machine share."""

    @property
    def replies(self) -> Path:
        """The shard's own reply store."""
        return self.folder.with_suffix(".db")

    @property
    def sent(self) -> Path:
        """The id of the last reply that was sent."""
        return self.folder.with_suffix(".sent")


@contextmanager
def fetched(source: Json, stage: str, part: ShardRange, run_name: str) -> Iterator[ShardProject]:
    """Give the project of a shard whose inputs lie in a store, and send what it buys and writes.

    Raises `WorkflowError` where the run is over, or this machine has other code, and
    `KeyboardInterrupt` in the main thread when it is no longer wanted.
    """
    run = RunStore(**{name: source[name] for name in RunStore.__slots__})
    store, key = run.open(), run.attempt(part, source["attempt"])
    if store.size(f"{key}go") is None:
        raise WorkflowError(
            f"{run.uri}: nobody waits for this shard any more", "nothing is to be done"
        )
    with ExitStack() as stack:
        root = stack.enter_context(_machine_folder(run.prefix))
        shard = _FetchedShard(root, stage, part)
        shard.folder.parent.mkdir(parents=True, exist_ok=True)
        sender = _Sender(store, key, shard, run_name, run.send_every_s)
        stack.enter_context(sender)
        _fetch(store, run.prefix, root)
        _take_up(store, run, shard, sender)
        yield shard


@contextmanager
def _machine_folder(prefix: str) -> Iterator[Path]:
    """Give the folder of a run on this machine, and remove those of runs that nobody works on."""
    base = _base_folder()
    base.mkdir(parents=True, exist_ok=True)
    folder = base / prefix.replace("/", "-")
    with _shared_lock(base / f"{folder.name}.lock"):
        for lock in base.glob("*.lock"):
            if lock.stem != folder.name:
                _remove_unused(lock)
        folder.mkdir(exist_ok=True)
        yield folder


def _base_folder() -> Path:
    clone = worker_clone()
    return (clone / ".prefline" if clone else Path.home() / ".cache/prefline") / "runs"


@contextmanager
def _shared_lock(path: Path) -> Iterator[None]:
    while True:
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            if path.exists():  # else another removed it as nobody's meanwhile
                yield
                return


def _remove_unused(lock: Path) -> None:
    with suppress(OSError), lock.open("r") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        lock.unlink()


def _fetch(store: ObjectStore, prefix: str, root: Path) -> None:
    """Fetch what the shards of a run read, once for all of this machine."""
    told = _told(store, f"{prefix}/run.json")
    if told["code"] != (code := code_hash()):
        raise WorkflowError(
            f"the code of {os.uname().nodename} is not that of the run ({code}, not "
            f"{told['code']})",
            "bring all machines to one commit, without changes of their own, start the workers "
            "again, and run the same command again",
        )
    with (root / ".fetch").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [name for name in told["inputs"] if not (root / name).exists()]

        def fetch(name: str) -> None:
            sha256 = told["inputs"][name]
            _download(store, f"{prefix}/inputs/{sha256}", root / name, sha256)

        _in_threads(fetch, missing)


def _take_up(store: ObjectStore, run: RunStore, shard: _FetchedShard, sender: _Sender) -> None:
    """Make the shard's reply store of what the run knew, and of what was sent of this shard."""
    known = shard.folder.parent / _KNOWN
    if not shard.replies.exists() and known.exists():
        draft = shard.replies.with_suffix(".draft")
        shutil.copyfile(known, draft)
        draft.replace(shard.replies)
    # What an attempt on this machine had bought and not sent, before ids of others come after it.
    sender.begin(last_id(known))
    for key in store.list(f"{run.prefix}/{shard.range}/"):
        if key.endswith(".db"):
            with _downloaded(store, key) as segment:
                copy_replies(segment, shard.replies)
    sender.follow()


class _Sender:
    """Sends what a shard buys, as it buys it, and tells how far it is, for as long as the block
    lasts; at its end, what the shard wrote or by what error it ended.

    Where nothing can be sent for so long that the shard must be taken for dead, or it is not wanted
    any more, it is interrupted: another may be at work on its range.
    """

    def __init__(
        self, store: ObjectStore, key: str, shard: _FetchedShard, run_name: str, every_s: float
    ) -> None:
        self._store, self._key, self._shard, self._run = store, key, shard, run_name
        self._every_s = every_s
        self._number = 0
        self._sent: int | None = None  # until the shard has all that was known
        self._lock = threading.Lock()
        self._told_at = self._asked_at = time.monotonic()
        self._ended = threading.Event()
        self._given_up = ""
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._send_on, self._watch)
        ]

    def __enter__(self) -> _Sender:
        self._tell()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        if self._given_up:
            # Late, but bought: the run takes it up if it is still there.
            with suppress(ObjectStoreError):
                self._tell()
            raise WorkflowError(self._given_up, "nothing is to be done here") from error
        spent = RunSpend(self._shard.spend, self._run).total_usd()
        ended: Json = {"run": self._run, "spent_usd": spent or None}
        if isinstance(error, PreflineError):
            ended["error"] = error_told(error)
        elif error is None:
            files = sorted(path for path in self._shard.folder.iterdir() if path.is_file())
            for path in files:
                self._store.put_file(f"{self._key}files/{path.name}", path)
            ended["files"] = {path.name: sha256_of(path) for path in files}
        self._tell(ended)

    def begin(self, known: int) -> None:
        """Begin to send replies, those with ids above `known` that an earlier attempt on this
        machine had not sent first."""
        with suppress(FileNotFoundError):
            known = int(self._shard.sent.read_text("ascii"))
        with self._lock:
            self._send_replies_after(known)

    def follow(self) -> None:
        """Send from now on what comes; what is there came from the store."""
        self._note(last_id(self._shard.replies))

    def _tell(self, ended: Json | None = None) -> None:
        """Send what was bought since the last time, and the status."""
        with self._lock:
            if self._sent is None:
                self._send(has_replies=False, ended=ended)
            else:
                self._note(self._send_replies_after(self._sent, ended))

    def _send_replies_after(self, sent: int, ended: Json | None = None) -> int:
        with tempfile.TemporaryDirectory(prefix="prefline-") as folder:
            segment = Path(folder) / "segment.db"
            last = copy_replies(self._shard.replies, segment, after=sent)
            if has_replies := segment.exists():
                self._store.put_file(f"{self._key}{self._number:06d}.db", segment)
        self._send(has_replies=has_replies, ended=ended)
        return last

    def _send(self, *, has_replies: bool, ended: Json | None) -> None:
        told = {"replies": has_replies, "status": self._shard.read_status(), "ended": ended}
        if not self._store.put(f"{self._key}{self._number:06d}.json", orjson.dumps(told)):
            raise WorkflowError(
                f"{self._store.uri}: another process is at work on {self._key}",
                "let no retries of Prefect or Ray repeat a shard: the stage does",
            )
        self._number += 1
        self._told_at = time.monotonic()

    def _note(self, last: int) -> None:
        if last != self._sent:
            with atomic_write(self._shard.sent) as file:
                file.write(str(last).encode())
        self._sent = last

    def _send_on(self) -> None:
        while not self._ended.wait(min(_LOOK_S, self._every_s)):
            now = time.monotonic()
            with suppress(ObjectStoreError):  # tried again; `_watch` gives up in the end
                if now - self._asked_at > _ASK_S:
                    if self._store.size(f"{self._key}go") is None:
                        self._give_up("nobody waits for this shard any more")
                        return
                    self._asked_at = now
                bought = 0 if self._sent is None else last_id(self._shard.replies) - self._sent
                if now - self._told_at > self._every_s or bought >= _SEND_AT:
                    self._tell()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_S):
            if time.monotonic() - self._told_at > SILENT_S / 2:
                self._give_up(f"nothing could be sent to {self._store.uri} for {SILENT_S / 2:g} s")
                return

    def _give_up(self, why: str) -> None:
        self._given_up = why
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, interrupt_signal())
