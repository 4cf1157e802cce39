"""The pipeline on each provider's API, as strict as it is, and on what providers answer oddly."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest

from prefline.cli.trace import describe, trace_id
from prefline.project import Project
from prefline.simulator import Batching, Generator, Judge, SimulatedServer, SimulatorConfig
from prefline.simulator.dialects import Name
from prefline.tables import read_table
from tests.flows.projects import make_project
from tests.flows.stages import finish, set_params, start
from tests.simulated import threaded_server

pytestmark = pytest.mark.timeout(180)

KEY = "PREFLINE_TEST_KEY"
WITHOUT_SEEDS = ("anthropic", "gemini")
THINKING = {"omit": ["temperature"], "extra": {"thinking": {"type": "adaptive"}}}


def provider(**config: Any) -> SimulatorConfig:
    return SimulatorConfig(
        generators={"sim-strong": Generator(characters=200)},
        judges={"sim-judge": Judge(accuracy=0.8)},
        **config,
    )


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose stage `sample` has run."""
    project = make_project(
        tmp_path_factory.mktemp("sampled") / "p",
        "http://127.0.0.1:9/v1",
        validate={"min_preferences": 3},
        engine={"max_tries": 4, "max_back_off_s": 0.05, "timeout_s": 10},
    )
    finish(project, "sample")
    return project


@pytest.fixture
def project(sampled: Path, tmp_path: Path) -> Path:
    """One of a test's own."""
    return Path(shutil.copytree(sampled, tmp_path / "p"))


def use(project: Path, server: SimulatedServer, **endpoint: Any) -> None:
    """Let the project's models be called as these keys of their endpoints say."""
    writer = {"base_url": server.base_url, "model": "sim-strong", **endpoint}
    judge = {"base_url": server.base_url, "model": "sim-judge", **endpoint}
    set_params(project, "generate", endpoints=[writer], samples_per_prompt=3)
    pairwise = {"name": "sim", "method": "pairwise", "endpoint": judge}
    set_params(project, "judge", judges=[pairwise])


def rows_of(project: Path, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_table(project / "data" / table).to_pylist()
    return rows


def make_pairs(project: Path) -> list[dict[str, Any]]:
    """Run the pipeline as far as its pairs; the rows of its responses."""
    for stage in ("generate", "judge", "pair"):
        finish(project, stage, **{KEY: "sk-test"})
    assert len(rows_of(project, "preferences")) >= 3
    return rows_of(project, "responses")


@pytest.mark.parametrize("dialect", get_args(Name))
def test_pairs_are_made_with_each_preset_and_no_call_is_refused_or_bought_twice(
    dialect: Name, project: Path
) -> None:
    with threaded_server(provider(dialect=dialect, key="sk-test")) as server:
        host = server.base_url.removesuffix("/v1")
        url = f"{host}/openai/v1" if dialect == "azure" else server.base_url
        use(project, server, dialect=dialect, key_env=KEY, base_url=url)
        rows = make_pairs(project)
        stats = server.stats()

    if dialect == "azure":  # from here on no stage knows whose models they were
        for stage in ("validate", "publish"):
            finish(project, stage)
        assert orjson.loads((project / "data" / "release.json").read_bytes())["version"] == 1
    calls = len(rows) + len(rows_of(project, "judgments"))
    assert stats.by_status == {"200": calls}
    if dialect not in WITHOUT_SEEDS:  # whose samples differ in nothing that is sent
        assert stats.repeats == stats.duplicates == 0
    assert {row["finish_reason"] for row in rows} == {"stop"}
    assert not any("Let me think" in row["text"] for row in rows)
    if dialect in ("openai-reasoning", "vllm", "ollama", "openrouter", "gemini"):
        assert all(row["reasoning_tokens"] > 0 for row in rows)


@pytest.mark.parametrize(
    ("name", "config", "endpoint"),
    [
        ("Azure's paths of deployments", {"dialect": "azure", "key": "sk-test"},
         {"dialect": "azure", "key_env": KEY, "api_version": "2024-10-21"}),
        ("Anthropic's thinking", {"dialect": "anthropic"},
         {"dialect": "anthropic", "request": THINKING}),
        ("Anthropic's batches", {"dialect": "anthropic", "batch": Batching(line_failures=0.1)},
         {"dialect": "anthropic", "mode": "batch", "batch": {"poll_s": 0.05}}),
        ("thoughts in tags", {"reasoning": "think"}, {}),
        ("thoughts in parts", {"reasoning": "parts", "logprobs": False}, {}),
    ],
)  # fmt: skip
def test_pairs_are_made_whatever_the_way(
    name: str, config: dict[str, Any], endpoint: dict[str, Any], project: Path
) -> None:
    with threaded_server(provider(**config)) as server:
        if "api_version" in endpoint:
            endpoint = {**endpoint, "base_url": server.base_url.removesuffix("/v1")}
        use(project, server, **endpoint)
        rows = make_pairs(project)
        stats = server.stats()

    calls = len(rows) + len(rows_of(project, "judgments"))
    assert stats.answered == calls
    pair = rows_of(project, "preferences")[0]["pair_id"]
    assert "sim-strong" in describe(trace_id(Project(project), pair))
    assert not any("Let me think" in row["text"] or "<think>" in row["text"] for row in rows)


@pytest.mark.parametrize(
    ("faults", "lasting", "reasons"),
    [
        ({"keep_alive": 0.5, "surrogate": 0.2, "infinity": 0.2}, {}, set()),
        ({"parts": 0.4, "odd_usage": 0.3, "odd_logprobs": 0.3}, {}, set()),
        ({"error200": 0.2, "rate200": 0.2, "finish_error": 0.1}, {}, set()),
        ({}, {"400_filter": 0.05, "403_firewall": 0.05, "500": 0.05, "tool_calls": 0.05},
         {"content_filter", "forbidden", "http_500", "tool_calls"}),
        ({}, {"MAX_TOKENS": 0.1, "SAFETY": 0.1, "reasoning_only": 0.1},
         {"truncated", "content_filter", "reasoning_only"}),
    ],
    ids=["not quite JSON", "other shapes", "errors with status 200", "lost rows", "cut off"],
)  # fmt: skip
def test_what_is_sound_of_odd_answers_becomes_pairs(
    faults: dict[str, float], lasting: dict[str, float], reasons: set[str], project: Path
) -> None:
    with threaded_server(provider(faults=faults, lasting=lasting)) as server:
        use(project, server)
        rows = make_pairs(project)
        stats = server.stats()

    assert stats.duplicates == 0
    rejections = rows_of(project, "rejections")
    found = Counter(row["reason"] for row in rejections if row["stage"] in ("generate", "judge"))
    assert reasons <= found.keys(), found
    preferences = rows_of(project, "preferences")
    published = {row[side] for row in preferences for side in ("chosen_id", "rejected_id")}
    ends = {row["response_id"]: row["finish_reason"] for row in rows}
    assert {ends[response] for response in published} <= {"stop"}


@pytest.mark.parametrize(
    ("fault", "words"),
    [("429_budget", "no credit, budget or quota left"), ("503", "outside their rows")],
)
def test_a_stage_that_lost_calls_for_an_outside_reason_fails_and_goes_on_later(
    fault: str, words: str, project: Path
) -> None:
    with threaded_server(provider(lasting={fault: 0.15})) as server:
        use(project, server)
        child = start(project, "generate")
        _, said = child.communicate()
        answered = server.stats().answered

    assert child.returncode == 1
    assert words in said
    assert "remedy:" in said
    assert "Traceback" not in said
    with threaded_server(provider()) as mended:
        use(project, mended)
        rows = make_pairs(project)

    assert answered > 0
    assert len(rows) == 12 * 3


def test_the_commonest_reasons_of_failed_calls_are_printed_with_their_counts(
    project: Path,
) -> None:
    with threaded_server(provider(lasting={"400_filter": 0.2})) as server:
        use(project, server)
        child = start(project, "generate")
        said, _ = child.communicate()

    assert child.returncode == 0
    assert "generate: failed calls: " in said
    assert "of sim-strong: content_filter (HTTP 400: The response was filtered" in said


def test_what_could_not_be_read_of_replies_is_said_once_whoever_keeps_the_logs(
    project: Path, prefect_api: str
) -> None:
    with threaded_server(provider(faults={"odd_usage": 0.5})) as server:
        use(project, server)
        child = start(project, "generate", api=prefect_api)
        _, said = child.communicate()

    assert child.returncode == 0
    assert said.count("usage that sim-strong states cannot be read") == 1
