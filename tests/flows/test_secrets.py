"""A key, planted in the environment, is nowhere afterwards, whatever servers say and do."""

from __future__ import annotations

import base64
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest

from prefline.llm import ReplyStore
from prefline.project import Project
from prefline.simulator import SimulatorConfig
from prefline.simulator.models import EMBEDDER
from tests.flows.projects import make_project, run_all_stages, with_prompts
from tests.flows.stages import requests_of, set_params, start
from tests.forked import ForkedProcess, run_python
from tests.loopback import Answered, Asked, completion, loopback_server, refusal
from tests.simulated import threaded_server

pytestmark = pytest.mark.timeout(240)

KEY = "sk-planted-7hQz/Vw3+kT9xR2m"
WRONG = "sk-planted-wrong/4cN8+bY6j"
VARIABLE = "TESTS_PLANTED_KEY"
CRASH = """
from flows.generate import generate
from flows.runtime.stage import run_stage
from tasks.generate.candidates import response_table
def crash(samples):
    raise RuntimeError(repr(list(samples)))
response_table.__code__ = crash.__code__  # whoever has imported it
run_stage(generate)
"""
HTML = {"Content-Type": "text/html"}


def forms(key: str) -> list[bytes]:
    """The key as it is, as JSON and URLs have it, and in base64 wherever in a text it begins."""
    encoded = [base64.b64encode(b"x" * n + key.encode())[4:-4] for n in range(3)]
    escaped = [key, quote(key, safe=""), quote(key), key.replace("/", "\\/")]
    return [form.encode() for form in escaped] + encoded


def leaks(what: bytes) -> bool:
    return any(form in what for key in (KEY, WRONG) for form in forms(key))


def echo(asked: Asked) -> Answered:
    """A server that repeats the key in every place that it finds; which, the body decides."""
    said = asked.authorization
    if not asked.path.endswith("/chat/completions"):
        return refusal(404, f"no {asked.path} for {said}")
    page = f"<html><body>You sent {said}</body></html>".encode()
    text = f"Your key is {said}, and so on {zlib.crc32(asked.body)}."
    slashes = completion(text).body.replace(b"/", b"\\/")
    ways = [
        completion(text),
        completion(text, id=said, system_fingerprint=said),
        Answered(200, slashes),
        refusal(400, f"bad request by {said}"),
        Answered(422, page, HTML),
        refusal(500, f"crashed on {said}"),
        Answered(502, page, HTML),
        Answered(200, page, HTML),
        Answered(200, b'{"choices": [], "you": "%b"}' % said.encode()),
        Answered(200, b'{"error": "not for %b"}' % said.encode()),
    ]
    # Three of four replies can be used: the stages after have something to do, and hardly ever do
    # ten calls in a row fail, which is taken for a dead server.
    number = zlib.crc32(asked.body) % (4 * len(ways))
    return ways[number] if number < len(ways) else completion(text)


def denied(asked: Asked) -> Answered:
    return refusal(401, f"Incorrect API key provided: {asked.authorization}")


def redirecting(asked: Asked) -> Answered:
    if not asked.path.endswith("/chat/completions"):
        return refusal(404, "no list")
    to = f"https://elsewhere/?key={asked.authorization}&again={quote(asked.authorization)}"
    return Answered(307, b"", {"Location": to})


@pytest.fixture
def project(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project whose judge is a provider that checks the key and often fails."""
    monkeypatch.setenv(VARIABLE, KEY)
    faults = {"500": 0.1, "cut_off": 0.05, "400": 0.02, "html200": 0.05}
    with threaded_server(SimulatorConfig(key=KEY, faults=faults)) as server:
        judge = {"base_url": server.base_url, "model": "sim-judge", "key_env": VARIABLE}
        yield with_prompts(
            make_project(
                project_folder,
                server.base_url,
                generate={"samples_per_prompt": 8},
                judge={
                    "judges": [
                        {"name": "verifier", "method": "verifier"},
                        {"name": "sim", "method": "pairwise", "endpoint": judge},
                    ]
                },
                validate={"min_preferences": 1, "max_invalid_share": 1.0},
                train={"endpoint": judge | {"model": EMBEDDER}},
                evaluate={"policy": {"endpoint": judge | {"model": "sim-strong"}}},
            )
        )


def at(project: Path, url: str, **more: object) -> None:
    """Let `generate` ask a server."""
    endpoint = {"base_url": url, "model": "sim-strong", "key_env": VARIABLE} | more
    set_params(project, "generate", endpoints=[endpoint])


def said_by(child: ForkedProcess) -> str:
    return "".join(child.communicate())


def command(project: Path, *words: str) -> str:
    code = "from prefline.cli import main; main()"
    done = run_python("-c", code, *words, cwd=project)
    return done.stdout + done.stderr


def leaking_files(folder: Path) -> list[str]:
    """The files with the key in their bytes or, of tables, in a value."""
    found = []
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += repr(pq.ParquetFile(path).read().to_pylist()).encode()
        if leaks(content):
            found.append(str(path.relative_to(folder)))
    return found


def leaking_replies(project: Path) -> list[bytes]:
    requests = requests_of(project, "generate") + requests_of(project, "judge")
    with ReplyStore(Project(project).replies) as store:
        records = [store.record(one.key) for one in requests]
    decoded = [record.request + record.reply for record in records if record]
    assert any(b"[key]" in one for one in decoded)
    return [one for one in decoded if leaks(one)]


def test_the_key_is_in_no_output_file_table_log_or_database(
    project: Path, prefect_api: str, prefect_host: Project
) -> None:
    said: dict[str, str] = {}
    with loopback_server(echo) as url:
        at(project, url)
        done = run_all_stages(project, prefect_api)
        said["line"] = done.stdout + done.stderr
        assert done.returncode == 0, said["line"]
        for word in ("report", "doctor", "estimate"):
            said[word] = command(project, word)
        replies = leaking_replies(project)

    with loopback_server(denied) as url:
        at(project, url)
        set_params(project, "generate", seed=1)
        said["denied"] = said_by(start(project, "generate", api=prefect_api))
        said["wrong"] = said_by(start(project, "generate", **{VARIABLE: WRONG}))
        said["doctor denied"] = command(project, "doctor")
        at(project, url, mode="batch")
        said["batch denied"] = said_by(start(project, "generate", api=prefect_api))
    with loopback_server(lambda asked: refusal(400, f"no {asked.authorization}")) as url:
        at(project, url, mode="batch")
        said["batch refused"] = said_by(start(project, "generate"))
    with loopback_server(redirecting) as url:
        at(project, url)
        said["redirect"] = said_by(start(project, "generate"))
    at(project, "http://127.0.0.1:9/v1")
    said["unreachable"] = said_by(start(project, "generate"))
    with loopback_server(lambda asked: completion(f"You sent {asked.authorization}")) as url:
        at(project, url)
        said["crash"] = crash(project, prefect_api)

    assert "[key]" in said["denied"]
    assert "does not expect" in said["crash"]
    traceback = said["crash"].partition("the whole of it is in ")[2].partition(": look")[0]
    assert "[key]" in (project / traceback).read_text()
    assert all(one.strip() for one in said.values())
    assert {k: v[-1500:] for k, v in said.items() if leaks(v.encode())} == {}
    assert replies == []
    assert leaking_files(project) == []
    assert reached(prefect_host.prefect_home, b"[key]")  # the database is where tracebacks go
    assert leaking_files(prefect_host.prefect_home) == []


def reached(home: Path, words: bytes) -> bool:
    """Whether words are in the server's database; it takes logs a little after they are sent."""
    for _ in range(100):
        if any(words in path.read_bytes() for path in home.glob("prefect.db*")):
            return True
        time.sleep(0.2)
    return False


def crash(project: Path, api: str) -> str:
    """Run `generate` with a fault in it that shows all that it has."""
    done = run_python("-c", CRASH, cwd=project, env=os.environ | {"PREFECT_API_URL": api})
    return done.stdout + done.stderr
