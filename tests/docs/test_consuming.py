"""docs/consuming.md, run as a reader would: every command, program and query in its order."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks_of
from tests.docs.demo import publish_demo
from tests.forked import command
from tests.s3_server import S3Server, use_environment

PAGE = Path(__file__).parents[2] / "docs" / "consuming.md"
BLOCKS = blocks_of(PAGE.read_text())
RUNNER = "import sys; exec(compile(sys.stdin.read(), 'docs/consuming.md', 'exec'))"


@pytest.fixture(scope="module")
def reader(s3_process: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that the page speaks of, with a store and a bucket that hold three versions."""
    folder = tmp_path_factory.mktemp("reader")
    s3_process.client.create_bucket(Bucket="team")
    with pytest.MonkeyPatch.context() as patch:
        use_environment(patch, s3_process.environment)
        patch.setenv("PREFLINE_CACHE", str(folder / "cache"))
        patch.setenv("HF_HOME", str(folder / "hf"))
        commands = (_forked_commands(folder), Path(sys.executable).parent, os.environ["PATH"])
        patch.setenv("PATH", os.pathsep.join(map(str, commands)))
        for number, store in enumerate((str(folder / "store"), "s3://team/prefs")):
            publish_demo(store, folder / f"project-{number}")
        yield folder


@pytest.mark.parametrize("block", BLOCKS, ids=[f"line-{one.line}-{one.language}" for one in BLOCKS])
def test_what_the_page_says_can_be_done(block: Block, reader: Path, s3_process: S3Server) -> None:
    if block.not_run:
        pytest.skip(block.not_run)
    if block.language == "sql":
        _query(block.text, s3_process, reader)
    else:
        _run(block, reader)


def test_the_page_runs_most_of_what_it_shows() -> None:
    assert sum(not one.not_run for one in BLOCKS) >= 3 * sum(bool(one.not_run) for one in BLOCKS)


def _forked_commands(folder: Path) -> Path:
    """Make a folder with a `prefline` that begins by a fork."""
    script = folder / "bin" / "prefline"
    script.parent.mkdir()
    words = command("-c", "from prefline.cli import main; main()")
    script.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    script.chmod(0o755)
    return script.parent


def _run(block: Block, folder: Path) -> None:
    runner = {
        "console": ["bash", "-euo", "pipefail"],
        "python": command("-c", RUNNER),
    }[block.language]
    done = subprocess.run(
        runner, cwd=folder, input=block.text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _query(text: str, server: S3Server, folder: Path) -> None:
    import duckdb
    import duckdb_extension_httpfs

    # From the package index where a reader's DuckDB downloads it; and this run's server.
    package = Path(duckdb_extension_httpfs.__file__).parent
    (extension,) = package.rglob("*.duckdb_extension")
    text = text.replace("INSTALL httpfs; LOAD httpfs;", f"LOAD '{extension}';")
    text = text.replace("127.0.0.1:8333", server.endpoint.removeprefix("http://"))
    text = text.replace("'folder/", f"'{folder}/folder/")
    text = text.replace("getenv('AWS_ACCESS_KEY_ID')", f"'{server.access_key}'")
    text = text.replace("getenv('AWS_SECRET_ACCESS_KEY')", f"'{server.secret_key}'")
    with duckdb.connect() as connection:
        assert connection.execute(text).fetchall()
