"""Code against its tests, and what it may try in the sandbox; skipped where there can be none."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from prefline.errors import EnvironmentFault, InputError
from prefline.verifiers import Check, check, parse_verifier, require_checks, sandbox
from prefline.verifiers.code import code_of

ADD = "def add(a, b):\n    return a + b\n"
TEST = "assert add(1, 2) == 3"


@pytest.fixture(scope="module", autouse=True)
def _possible() -> None:
    if missing := sandbox.what_is_missing():
        pytest.skip(f"{missing[0]}: {missing[1]}")


def run(text: str, **fields: Any) -> Check:
    fields = fields or {"tests": TEST}
    return check(parse_verifier(json.dumps({"kind": "code", "cpu_s": 1, **fields})), text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(f"Here:\n```python\n{ADD}```\nIt adds.", "passes its tests", id="right"),
        pytest.param(ADD.replace("+", "-"), "AssertionError at `assert add", id="wrong"),
        pytest.param("def add(a, b)\n  a", "SyntaxError", id="no Python"),
        pytest.param("", "has no code", id="empty"),
        pytest.param("raise SystemExit(0)", "ends itself: SystemExit 0", id="exit"),
        pytest.param(f"{ADD}import os; os._exit(0)", "exit code 0 before", id="hard exit"),
        pytest.param(f"{ADD}print('passed')\nraise KeyError(1)", "KeyError: 1 at", id="raises"),
    ],
)
def test_a_response_passes_that_passes_its_tests(text: str, why: str) -> None:
    result = run(text)
    assert why in result.why
    assert result.passed == (why == "passes its tests")
    assert not result.undecided


def test_a_program_passes_that_writes_what_each_case_says() -> None:
    cases = [{"input": "4\n", "output": "8"}, {"input": "1\n", "output": "2\n"}]
    assert run("print(int(input()) * 2, ' ')", cases=cases).why == "passes 2 cases"
    assert run("print(8)", cases=cases).why == "case 2: expected '2', got '8'"
    assert "case 1: ValueError" in run("int('x')", cases=cases).why


@pytest.mark.parametrize(
    ("attack", "why"),
    [
        ("while True: pass", "takes more than 1 s of CPU"),
        ("import os\nwhile True: os.fork()", "BlockingIOError"),
        ("import threading\nwhile True: threading.Thread(target=input).start()", "Error"),
        ("x = 'a' * 10 ** 10", "MemoryError"),
        ("open('/tmp/a', 'w').write('x' * 20_000_000)", "OSError: [Errno 2"),
        ("import os\nfor n in range(9):\n  open(f'/tmp/{n}', 'w').write('x' * 9**7)", "OSError"),
        ("open('/etc/passwd')", "FileNotFoundError"),
        (f"open({str(Path(__file__))!r})", "FileNotFoundError"),
        ("open('/usr/x', 'w')", "OSError: [Errno 30] Read-only"),
        ("open('/x', 'w')", "OSError: [Errno 30] Read-only"),
        ("import os; os.setuid(0)", "Error"),
        ("import os; os.kill(1, 9)", "Error"),
        ("import socket; socket.create_connection(('192.0.2.1', 80))", "OSError"),
        ("import os; assert not [k for k in os.environ if 'KEY' in k]; print(1/0)", "ZeroDivision"),
    ],
)  # fmt: skip
def test_an_attack_fails_inside(attack: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "of the user")
    result = run(attack)
    assert (result.passed, result.undecided) == (False, False)
    assert why in result.why


def test_the_loopback_of_this_machine_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        attack = f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"
        assert "Error" in run(attack).why
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_output_without_end_is_read_to_a_bound() -> None:
    result = run("while True: print('x' * 10_000)", cases=[{"output": "x"}])
    assert result.why == f"case 1: writes more than {sandbox.MOST_OUTPUT:,} bytes"


def test_what_waits_for_ever_is_left_open_and_leaves_nothing_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sandbox, "_WALL_S", -9.5)
    started = time.monotonic()
    result = run(f"{ADD}import time; time.sleep(60)")
    assert time.monotonic() - started < 30
    assert (result.passed, result.undecided) == (False, True)
    assert "did not end within" in result.why


def test_the_code_is_the_last_block_that_defines_the_entry_point() -> None:
    text = f"```\n{ADD}```\nso\n```python\nprint(add(1, 2))\n```\n```sh\nls\n```"
    assert code_of(text) == "print(add(1, 2))\n"
    assert code_of(text, "add") == ADD
    assert code_of("x = 1") == "x = 1"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "either `tests`"), ({"tests": "x", "cases": [{"output": "1"}]}, "either `tests`"),
        ({"tests": "assert ("}, "tests are no Python"), ({"tests": "1", "cpu_s": 1000}, "60"),
        ({"tests": "1", "language": "rust"}, "'python'"),
    ],
)  # fmt: skip
def test_a_specification_that_is_none_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_verifier(json.dumps({"kind": "code", **fields}))


def test_without_a_sandbox_nothing_is_run_and_a_run_is_refused_before_it_spends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    specification = json.dumps({"kind": "code", "tests": TEST})
    require_checks([specification, None, '{"kind": "exact", "answers": ["a"]}'])
    sandbox.what_is_missing.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    try:
        with pytest.raises(EnvironmentFault, match=r"(?s)'code'.*no `bwrap`.*apt-get install"):
            require_checks([specification])
        result = run(f"{ADD}# not run before")
        assert (result.passed, result.undecided) == (False, True)
    finally:
        sandbox.what_is_missing.cache_clear()
