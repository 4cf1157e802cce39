"""`prefline simulate` as a person runs it."""

import http.client
import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from prefline.cli.app import app
from prefline.errors import ParamsError
from tests.forked import command

CODE = "from prefline.cli import main; main()"


@contextmanager
def running(*options: str) -> Iterator[subprocess.Popen[str]]:
    words = command("-c", CODE, "simulate", *options)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
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
def test_one_line_says_where_it_listens_and_a_signal_ends_it(number: signal.Signals) -> None:
    with running("--port", "0") as process:
        line = first_line(process)
        assert line.startswith("listening on http://127.0.0.1:")
        assert line.endswith("/v1\n")
        process.send_signal(number)
        assert process.wait(5) == 0


def test_json_has_url_and_models_and_options_reach_the_server(tmp_path: Path) -> None:
    config = tmp_path / "sim.yaml"
    config.write_text("judges: {mine: {accuracy: 0.8}}\nkey: from-file\n", encoding="utf-8")
    options = ["--config", str(config), "--generator", "gen=1.5", "--key", "k", "--fault", "500=1"]
    with running("--json", *options) as process:
        address = json.loads(first_line(process))
        assert address["models"] == ["gen", "mine"]
        with closing(http.client.HTTPConnection(address["base_url"].split("/")[2])) as connection:
            body = '{"model": "gen", "messages": [{"role": "user", "content": "x"}]}'
            url = "/v1/chat/completions"
            connection.request("POST", url, body, {"Authorization": "Bearer k"})
            assert connection.getresponse().status == 500


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
