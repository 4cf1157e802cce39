from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from prefline.simulator import Latency, SimulatedServer, SimulatorConfig
from tests.flows.projects import make_project, run_module, with_prompts
from tests.flows.stages import start
from tests.simulated import threaded_server

pytestmark = pytest.mark.timeout(180)


def assert_clear(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One message with its remedy and no traceback."""
    for word in ("error: ", "remedy: ", *words):
        assert word in done.stderr, done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_no_network_to_the_endpoint(project_folder: Path, prefect_api: str) -> None:
    project = with_prompts(make_project(project_folder, "http://127.0.0.1:9/v1"))
    done = run_module(project, "flows.generate", api=prefect_api)

    assert done.returncode == 1
    assert_clear(done, "http://127.0.0.1:9/v1 cannot be reached", "prefline doctor")


def test_a_wrong_key_and_it_is_in_no_message(project_folder: Path, prefect_api: str) -> None:
    with threaded_server(SimulatorConfig(key="right-key")) as server:
        project = with_prompts(make_project(project_folder, server.base_url))
        params = yaml.safe_load((project / "params.yaml").read_text())
        params["generate"]["endpoints"][0]["key_env"] = "TEST_KEY"
        (project / "params.yaml").write_text(yaml.safe_dump(params))
        done = run_module(project, "flows.generate", api=prefect_api, TEST_KEY="wrong-key-1234")

    assert_clear(done, "refuses the key", "TEST_KEY")
    assert "wrong-key-1234" not in done.stderr + done.stdout


def test_an_unknown_model(
    project_folder: Path, prefect_api: str, provider: SimulatedServer
) -> None:
    endpoint = {"base_url": provider.base_url, "model": "gpt-7"}
    changed = {"endpoints": [endpoint]}
    project = with_prompts(make_project(project_folder, provider.base_url, generate=changed))
    done = run_module(project, "flows.generate", api=prefect_api)

    assert_clear(done, "'gpt-7'", "prefline doctor")


def test_a_typo_in_params_is_said_before_a_server_is_started(project_folder: Path) -> None:
    project = make_project(project_folder, "http://127.0.0.1:9/v1", generate={"sampels": 3})
    done = run_module(project, "flows.generate", api=None)

    assert done.returncode == 2
    assert_clear(done, "generate.sampels: unknown key; did you mean 'samples_per_prompt'")
    assert not (project / ".prefline").exists()


def test_a_missing_table(project_folder: Path, prefect_api: str) -> None:
    project = make_project(project_folder, "http://127.0.0.1:9/v1")
    done = run_module(project, "flows.pair", api=prefect_api)

    assert_clear(done, "there is no table at", "dvc repro")


def test_an_interrupt_keeps_what_was_paid_for_and_says_how_to_go_on(
    project_folder: Path, prefect_api: str
) -> None:
    with threaded_server(SimulatorConfig(latency=Latency(ms=300))) as server:
        limit = {"max_in_flight": 2}
        project = with_prompts(make_project(project_folder, server.base_url, engine=limit))
        child = start(project, "generate", api=prefect_api)
        while server.stats().answered < 5:
            time.sleep(0.05)
        child.send_signal(signal.SIGTERM)
        started = time.monotonic()
        _, said = child.communicate(timeout=30)
        took = time.monotonic() - started
        paid = server.stats().answered
        done = run_module(project, "flows.generate", api=prefect_api)

        assert child.returncode == 130
        assert "run the same command again" in said
        assert "Traceback" not in said
        assert took < 15
        assert done.returncode == 0, done.stderr
        assert server.stats().duplicates == 0
        assert server.stats().answered == 48
        assert paid < 48
