"""Publishing's transfers beside `aws s3 cp --recursive`, against a SeaweedFS on this machine.

`python -m benchmarks.publish.transfer [--quick]`. Uploads and downloads 2 GB as 16 objects of
incompressible bytes; the two take turns within each round, and who is first changes. Wall and
CPU time are of the whole process, start included; ours also computes the SHA-256 of every
file. Needs the environment `.bench/awscli` (benchmarks/publish/peers/awscli.txt).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.engine.measure import measure
from benchmarks.engine.results import ROOT, Result, Results
from benchmarks.report import write_results
from tests.s3_server import S3Server, running_server

_AWS = ROOT / ".bench" / "awscli" / "bin" / "aws"
_OURS = "prefline"
_PEER = "aws s3 cp"
_INTRO = (
    "Upload (`put`) and download (`get`) of 2 GB, 16 files of 128 MB of random bytes; medians of "
    "three rounds in which the two take turns. Ours computes the SHA-256 of every file too. The "
    "ratio is ours to the other's.\n\n"
)
_MEASURES = ("wall_s", "cpu_s", "peak_mb")


@dataclass(frozen=True, slots=True)
class Load:
    """How many files of how many bytes, and how often."""

    files: int
    bytes: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Trip:
    """One upload or download of everything by one program."""

    program: str
    what: str
    uri: str
    folder: Path

    @property
    def argv(self) -> list[str | Path]:
        """The command."""
        if self.program == _OURS:
            module = "benchmarks.publish.transfer_ours"
            return [sys.executable, "-m", module, self.what, self.uri, self.folder]
        ends = (self.folder, self.uri) if self.what == "put" else (self.uri, self.folder)
        return [_AWS, "s3", "cp", "--recursive", "--only-show-errors", *ends]


def main() -> None:
    """Run, write the results down, and print medians and ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.publish.transfer")
    parser.add_argument("--quick", action="store_true", help="small sizes, not for quoting")
    small = bool(parser.parse_args().quick)
    if not _AWS.exists():
        raise SystemExit(f"{_AWS} is missing: install benchmarks/publish/peers/awscli.txt there")
    load = Load(4, 32 << 20, 1) if small else Load(16, 128 << 20, 3)
    results = Results("transfer", quick=small)
    results.begin()
    with _places() as (scratch, server):
        _write(load, scratch / "source")
        for number in range(load.rounds):
            programs = [_OURS, _PEER] if number % 2 == 0 else [_PEER, _OURS]
            for program in programs:
                _round(program, scratch, server, results)
    text = table(results.read())
    print(text)
    if not small:
        write_results(
            "benchmarks.publish.transfer", "Transfer beside the AWS command", _INTRO + text
        )


def table(results: list[Result]) -> str:
    """Medians, and the ratio of ours to the peer's, as Markdown."""
    lines = ["| | program | wall s | CPU s | peak MB |", "| --- | --- | --- | --- | --- |"]
    for what in ("put", "get"):
        ours, peer = (_medians(results, what, program) for program in (_OURS, _PEER))
        rows = {_OURS: ours, _PEER: peer, "ratio": [a / b for a, b in zip(ours, peer, strict=True)]}
        for name, values in rows.items():
            lines.append(f"| {what} | {name} | " + " | ".join(f"{v:.2f}" for v in values) + " |")
    return "\n".join(lines)


def _medians(results: list[Result], what: str, program: str) -> list[float]:
    runs = [result for result in results if result["what"] == what and result["program"] == program]
    return [median(run[name] for run in runs) for name in _MEASURES]


@contextmanager
def _places() -> Iterator[tuple[Path, S3Server]]:
    home = ROOT / ".bench"
    with tempfile.TemporaryDirectory(dir=home, prefix="transfer-") as folder:
        data = Path(folder) / "server"
        data.mkdir()
        with running_server(data, volume_mb=1024) as server:
            yield Path(folder), server


def _write(load: Load, folder: Path) -> None:
    folder.mkdir()
    for number in range(load.files):
        (folder / f"{number:02d}").write_bytes(os.urandom(load.bytes))


def _round(program: str, scratch: Path, server: S3Server, results: Results) -> None:
    """Put everything into a new bucket and get it back; nothing of it is left."""
    bucket = server.new_bucket()
    target = scratch / "target"
    target.mkdir()
    for what, folder in (("put", scratch / "source"), ("get", target)):
        results.add(_run(Trip(program, what, f"s3://{bucket}/data", folder), scratch, server))
    _check(scratch / "source", target)
    shutil.rmtree(target)
    for entry in server.client.list_objects_v2(Bucket=bucket)["Contents"]:
        server.client.delete_object(Bucket=bucket, Key=entry["Key"])
    server.client.delete_bucket(Bucket=bucket)


def _run(trip: Trip, scratch: Path, server: S3Server) -> Result:
    os.sync()  # what the run before it wrote is not its cost
    load, log = os.getloadavg()[0], scratch / "log"
    cost = measure(trip.argv, log, os.environ | server.environment)
    if cost.status != 0:
        raise RuntimeError(f"{trip} ended with {cost.status}: {log.read_text()[-2000:]}")
    return {"program": trip.program, "what": trip.what, "load": load} | asdict(cost)


def _check(source: Path, target: Path) -> None:
    sizes = [sorted(path.stat().st_size for path in one.iterdir()) for one in (source, target)]
    if sizes[0] != sizes[1]:
        raise RuntimeError(f"{target} does not have what was put")


if __name__ == "__main__":
    main()
