"""`prefline simulate` as a person runs it, and its config."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from prefline.cli.app import app
from prefline.errors import ParamsError
from prefline.simulator.config_file import read_config

COMMAND = [sys.executable, "-c", "from prefline.cli import main; main()", "simulate"]


@contextmanager
def running(*options: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
def test_one_line_says_where_it_listens_and_a_signal_ends_it_within_a_second(
    number: signal.Signals,
) -> None:
    with running("--port", "0") as process:
        line = first_line(process)
        assert line.startswith("listening on http://127.0.0.1:")
        assert line.endswith("/v1\n")
        started = time.monotonic()
        process.send_signal(number)
        assert process.wait(5) == 0
        assert time.monotonic() - started < 1.0


def test_json_tells_url_and_models_and_options_reach_the_server(tmp_path: Path) -> None:
    config = tmp_path / "sim.yaml"
    config.write_text("judges: {mine: {accuracy: 0.8}}\nkey: from-file\n", encoding="utf-8")
    options = ["--config", str(config), "--generator", "gen=1.5", "--key", "k", "--fault", "500=1"]
    with running("--json", *options) as process:
        said = json.loads(first_line(process))
        assert said["models"] == ["gen", "mine"]
        with closing(http.client.HTTPConnection(said["base_url"].split("/")[2])) as connection:
            body = '{"model": "gen", "messages": [{"role": "user", "content": "x"}]}'
            url = "/v1/chat/completions"
            connection.request("POST", url, body, {"Authorization": "Bearer k"})
            assert connection.getresponse().status == 500


def test_a_server_of_a_program_ends_with_the_program_however_it_ends() -> None:
    program = (
        "import os; from prefline.simulator import simulated_server\n"
        "with simulated_server() as server:\n"
        "    print(server.pid, flush=True); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 9
    assert ends_within(int(done.stdout), seconds=5)


def ends_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        # An orphan that has ended may stay as a zombie until it is reaped.
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists() and stat.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--fault", "501=0.1"], "unknown fault '501'; did you mean '50"),
        (["--fault", "reset"], "two parts joined by '='"),
        (["--latency", "soon"], "expected a number"),
        (["--latency", "poisson:1,2"], "latency.distribution"),
        (["--judge", "j=0.7,1,2,3"], "NAME=ACCURACY"),
        (["--judge", "j=1.7"], "judges.j.accuracy"),
        (["--judge", "j=0.3"], "judges.j.accuracy"),
        (["--rpm", "0"], "limits.requests_per_minute"),
        (["--generator", "m=0", "--judge", "m=0.7"], "generator and judge at once: m"),
        (["--port", "70000"], "port: "),
        (["--config", "no/such/file.yaml"], "cannot be read"),
        (["--log", "no/such/folder/log"], "request log cannot be written"),
    ],
    ids=" ".join,
)
def test_a_wrong_option_is_named_before_anything_listens(options: list[str], problem: str) -> None:
    result = CliRunner().invoke(app, ["simulate", *options])
    assert isinstance(result.exception, ParamsError)
    assert problem in result.exception.problem
    assert "listening" not in result.output


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("limit: {}", "limit: unknown key; did you mean 'limits'?"),
        ("judges: {j: {acuracy: 0.7}}", "judges.j.acuracy: unknown key; did you mean 'accuracy'?"),
        ("judges: {j: {pairs: {sdd: 1}}}", "judges.j.pairs.sdd: unknown key; did you mean 'sd'?"),
        ("judges: {j: {pairs: {sd: 0}}}", "sd must be above 0"),
        ("judges: {j: {accuracy: 0.7, sharpness: 1}}", "not both"),
        ("latency: {distribution: uniform, ms: 5, spread: 6}", "must not exceed ms"),
        ("- a list", "does not hold a mapping"),
        ("{", "not valid YAML"),
    ],
    ids=lambda text: str(text)[:30],
)
def test_a_bad_config_file_is_explained(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "sim.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ParamsError) as caught:
        read_config(path, {})
    assert problem in caught.value.problem


def test_a_bad_key_is_not_repeated() -> None:
    with pytest.raises(ParamsError) as caught:
        read_config(None, {"key": ["planted-secret"]})
    assert "planted-secret" not in str(caught.value)


def test_options_go_over_the_file_key_by_key(tmp_path: Path) -> None:
    path = tmp_path / "sim.yaml"
    path.write_text("seed: 3\nfaults: {'500': 0.1, reset: 0.2}\n", encoding="utf-8")
    config = read_config(path, {"faults": {"500": 0.5}, "port": 8080})
    assert config.faults == {"500": 0.5, "reset": 0.2}
    assert (config.seed, config.port) == (3, 8080)


def test_an_empty_file_is_the_default_config(tmp_path: Path) -> None:
    path = tmp_path / "sim.yaml"
    path.write_text("", encoding="utf-8")
    assert read_config(path, {}) == read_config(None, {})
