"""`prefline doctor --call` against each simulated dialect."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from prefline.cli.doctor import Finding
from prefline.cli.doctor_calls import check_calls
from prefline.config import Params
from prefline.simulator import SimulatedServer, SimulatorConfig
from prefline.simulator.dialects import Name
from prefline.simulator.models import EMBEDDER
from tests.simulated import threaded_server


def found_at(server: SimulatedServer, **endpoint: Any) -> dict[str, Finding]:
    writer = {"base_url": server.base_url, "model": "sim-strong", **endpoint}
    judge = {"base_url": server.base_url, "model": "sim-judge", **endpoint}
    params = Params.model_validate(
        {
            "sample": {"sources": [{"name": "bundled", "path": "prompts.jsonl"}]},
            "generate": {"endpoints": [writer], "system_prompt": "Be kind.", "top_p": 0.9},
            "judge": {"judges": [{"name": "sim", "method": "pairwise", "endpoint": judge}]},
            "evaluate": {"policy": {"endpoint": writer}},
        }
    )
    return {finding.check: finding for finding in check_calls(params)}


@pytest.mark.parametrize("dialect", get_args(Name))
def test_every_dialect_takes_the_calls_of_its_preset(dialect: str) -> None:
    with threaded_server(SimulatorConfig(dialect=dialect)) as server:
        url = server.base_url if dialect != "azure" else f"{server.base_url[:-3]}/openai/v1"
        found = found_at(server, dialect=dialect, base_url=url)

    assert set(found) == {
        "call of generate to sim-strong", "call of judge to sim-judge",
        "call of evaluate to sim-strong",
    }  # fmt: skip
    assert all(finding.ok for finding in found.values()), found


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        ("openai-reasoning", "rename: {max_tokens: max_completion_tokens}}"),
        ("gemini", "omit: [logprobs, seed, top_logprobs]}"),
    ],
)
def test_a_refusal_becomes_the_line_of_params_that_mends_it(dialect: Any, line: str) -> None:
    with threaded_server(SimulatorConfig(dialect=dialect)) as server:
        refused = found_at(server)["call of judge to sim-judge"]
        assert not refused.ok
        assert refused.remedy is not None
        assert line in refused.remedy
        told = refused.remedy.partition("params.yaml:  ")[2].partition("  (`dialect")[0]
        mended = found_at(server, **yaml.safe_load(told.replace("request: ", "request: ")))

    assert mended["call of judge to sim-judge"].ok


def test_a_key_that_is_refused_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFLINE_TEST_KEY", "wrong")
    with threaded_server(SimulatorConfig(key="right")) as server:
        found = found_at(server, key_env="PREFLINE_TEST_KEY")

    finding = found["call of generate to sim-strong"]
    assert not finding.ok
    assert "PREFLINE_TEST_KEY" in (finding.remedy or "")


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ("reasoning_only", "reasoning_effort"), ("null_content", "null_content"),
        ("429_budget", "budget"), ("403_firewall", "refuses the key"), ("error200", "http_502"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_endpoint_is_said_before_a_run(
    fault: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefline.cli.doctor_calls._WAIT_S", 0.0)
    with threaded_server(SimulatorConfig(faults={fault: 1.0})) as server:
        finding = found_at(server)["call of generate to sim-strong"]

    assert not finding.ok
    assert word in f"{finding.detail} {finding.remedy}"


def test_missing_log_probabilities_are_said(tmp_path: Path) -> None:
    with threaded_server(SimulatorConfig(logprobs=False, reasoning="think")) as server:
        finding = found_at(server)["call of judge to sim-judge"]

    assert finding.ok
    assert "without log-probabilities" in finding.detail
    assert "with reasoning" in finding.detail


def test_embeddings_are_asked_for_where_a_reward_head_is_trained() -> None:
    with threaded_server() as server:
        params = Params.model_validate(
            {
                "sample": {"sources": [{"name": "bundled", "path": "prompts.jsonl"}]},
                "generate": {"endpoints": [{"base_url": server.base_url, "model": "sim-strong"}]},
                "judge": {"judges": [{"name": "verifier", "method": "verifier"}]},
                "train": {"method": "reward_head", "endpoint": {"base_url": server.base_url,
                                                               "model": EMBEDDER}},
            }
        )  # fmt: skip
        found = {finding.check: finding for finding in check_calls(params)}

    assert "16 numbers" in found[f"call of train to {EMBEDDER}"].detail
