"""A real S3 for the tests: SeaweedFS on loopback, started once for all workers of a run."""

from __future__ import annotations

import fcntl
import functools
import itertools
import json
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_START_S = 60.0
_SECOND_PORT = 10_000  # that far above each port the server opens another
_TIED = """\
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("it has ended already")
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Be another program, which ends with the process that started it, however that ends."""
_NOT_OURS = (
    "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3",
    "AWS_CA_BUNDLE", "AWS_MAX_ATTEMPTS", "AWS_DEFAULT_REGION",
)  # fmt: skip


@dataclass(frozen=True)
class S3Server:
    """A running server: where it listens, and the key that it knows."""

    endpoint: str
    access_key: str = "tester"
    secret_key: str = "tester-secret"
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """The AWS variables that lead here, for this process or a child."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    @functools.cached_property
    def client(self) -> Any:
        """A client of boto3, to look at the bucket past the code under test."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=30),
        )

    def new_bucket(self) -> str:
        """Make an empty bucket, and return its name; it takes a second."""
        name = f"bucket-{secrets.token_hex(6)}"
        self.client.create_bucket(Bucket=name)
        return name

    def new_prefix(self) -> str:
        """Return `bucket/prefix` below which nothing is yet, in a bucket for many tests."""
        return f"{self._bucket}/{next(self._numbers)}"

    @functools.cached_property
    def _bucket(self) -> str:
        return self.new_bucket()


def use_environment(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Set AWS variables for one test, and unset those that would lead elsewhere."""
    for name in _NOT_OURS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@contextmanager
def running_server(folder: Path, volume_mb: int = 128) -> Iterator[S3Server]:
    """A server of its own that keeps its data in `folder`; no variable is set.

    `volume_mb` is how much it puts into one of its files.
    """
    ports = _free_ports(4)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-Sc", _TIED, str(os.getpid()), *_command(folder, ports, volume_mb)],
            cwd=folder,
            stdout=output,
            stderr=output,
            env=os.environ
            | {
                "WEED_S3_SSE_KEY": "of-the-tests",  # it encrypts if asked to
                "GOGC": "400",  # memory for CPU
            },
        )
    try:
        server = S3Server(f"http://127.0.0.1:{ports[0]}")
        _wait_for(server, process, log)
        yield server
    finally:
        process.kill()  # SIGTERM takes it 15 s
        process.wait()
        _remove_sockets(ports)


@pytest.fixture(scope="session")
def s3_process() -> Iterator[S3Server]:
    """The server alone, for fixtures that outlive a test; no variable is set."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is not None:
        with _shared_server(Path(tempfile.gettempdir()) / f"prefline-s3-{run}") as server:
            yield server
        return
    with (
        tempfile.TemporaryDirectory(prefix="prefline-s3-") as folder,
        running_server(Path(folder)) as server,
    ):
        yield server


@pytest.fixture
def s3_server(s3_process: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The server, with the AWS variables of this test set to it."""
    use_environment(monkeypatch, s3_process.environment)
    return s3_process


@contextmanager
def _shared_server(folder: Path) -> Iterator[S3Server]:
    """Give the one server of all workers: who comes first starts it, and ends it after the last.

    Every user holds a shared lock on `users`. `start` is held while the server starts or ends, so
    that nobody comes in between.
    """
    folder.mkdir(exist_ok=True)
    address = folder / "endpoint"
    with ExitStack() as stack, (folder / "users").open("w") as users:
        with _locked(folder / "start"):
            is_mine = not address.exists()
            if is_mine:
                server = stack.enter_context(running_server(folder))
                address.write_text(server.endpoint)
            fcntl.flock(users, fcntl.LOCK_SH)
        yield server if is_mine else S3Server(address.read_text())
        if not is_mine:
            return
        while True:
            with _locked(folder / "start"):
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass
                else:
                    address.unlink()
                    break
            time.sleep(0.1)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _command(folder: Path, ports: list[int], volume_mb: int) -> list[str]:
    s3, master, volume, filer = ports
    config = folder / "s3.json"
    key = {"accessKey": S3Server.access_key, "secretKey": S3Server.secret_key}
    identity = {"name": "tester", "credentials": [key], "actions": ["Admin"]}
    config.write_text(json.dumps({"identities": [identity]}))
    data = folder / "data"
    data.mkdir()
    weed = Path(sysconfig.get_path("scripts")) / "weed"
    return [
        str(weed), "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-master.telemetry=false", "-filer", "-s3", f"-s3.port={s3}", f"-s3.config={config}",
        "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
        f"-master.volumeSizeLimitMB={volume_mb}", "-volume.max=0",
        "-volume.preStopSeconds=0", "-master.electionTimeout=1s", f"-master.port={master}",
        f"-volume.port={volume}", f"-filer.port={filer}",
    ]  # fmt: skip


def _free_ports(count: int) -> list[int]:
    """Ports that are free now; the server opens a second one for each."""
    found: list[int] = []
    while len(found) < count:
        port = random.randint(11_000, 21_000)
        if port not in found and _is_free(port) and _is_free(port + _SECOND_PORT):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _remove_sockets(ports: list[int]) -> None:
    """Remove what a killed server leaves in the one place where it makes its sockets."""
    for port in ports:
        for number in (port, port + _SECOND_PORT):
            for path in Path("/tmp").glob(f"seaweedfs-*-{number}.sock"):  # noqa: S108
                path.unlink(missing_ok=True)


def _wait_for(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until a PUT is accepted, which is later than the port being open."""
    deadline = time.monotonic() + _START_S
    while True:
        try:
            bucket = server.new_bucket()
            server.client.put_object(Bucket=bucket, Key="ready", Body=b"ready")
        except (BotoCoreError, ClientError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"SeaweedFS did not start:\n{tail}") from error
            time.sleep(0.2)
        else:
            return
