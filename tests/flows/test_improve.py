"""Rounds of the pipeline: the loop, its notes and its ends, with a stand-in for training."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

import flows.improve as flow
from prefline.config import read_params
from prefline.project import Project
from prefline.releases import publish
from prefline.reward.models import Trained, write_trained
from prefline.storage import open_store
from prefline.tables import JUDGMENTS, RESPONSES, write_table
from tasks.improve import read_rounds
from tests.prefline.releases.drafts import draft, preference
from tests.tasks.improve.rounds import passes

PARAMS = """\
# A comment that stays.
sample: {sources: [{name: s, path: p.jsonl}]}
generate: {endpoints: [{model: small, base_url: "http://127.0.0.1:9/v1"}]}
judge: {judges: [{name: verifier, method: verifier}]}
publish: {store: store, dataset: demo}
train: {method: dpo}
improve: {max_rounds: 6, patience: 2, set: {pair.min_p_chosen: 0.8}}
"""


class Stages:
    """What `dvc repro` would make: round k's policy passes `rates[k]`. `judge` is the judge's
    interval, `killed` the calls that end as if by a kill."""

    def __init__(self, root: Path, rates: list[float]) -> None:
        self.root, self.rates = root, rates
        self.judge: tuple[float, float] | None = None
        self.killed: set[int] = set()
        self.calls = 0
        self.trained_from: list[str | None] = []
        self.writers: list[str] = []

    def reproduce(self, root: Path, *stages: str) -> None:
        assert root == self.root
        self.calls += 1
        if self.calls in self.killed:
            raise KeyboardInterrupt
        if stages == ("judge",):
            self._judge()
        else:
            self._rest()

    def _judge(self) -> None:
        judges = {}
        if self.judge is not None:
            low, high = self.judge
            figure = {"value": (low + high) / 2, "low": low, "high": high, "n": 90}
            judges["sim"] = {"accuracy_per_order": figure}
        project = Project(self.root)
        for name, schema in (("responses", RESPONSES), ("judgments", JUDGMENTS)):
            write_table(project.table(name), schema.empty_table(), schema)
        note(project.metrics("judge"), {"judges": judges})

    def _rest(self) -> None:
        project, params = Project(self.root), read_params(self.root / "params.yaml")
        (endpoint,) = params.generate.endpoints
        number = params.sample.round + 1
        self.trained_from.append(getattr(params.train, "base", None))
        self.writers.append(endpoint.model)
        rows = [preference(one) for one in range(number + 1)]
        publish(open_store(str(self.root / "store")), draft(self.root / "draft", rows))
        note(project.release, {"store": "store", "dataset": "demo", "version": number})
        self._model(project, number)
        self._evaluation(project, number)
        (self.root / "dvc.lock").write_text(f"round: {number}\n")

    def _model(self, project: Project, number: int) -> None:
        folder = project.table("model")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "policy.gguf").write_bytes(b"GGUF %d" % number)
        (folder / "README.md").write_text("# card\n")
        write_trained(folder, Trained("policy", f"demo-{number}-dpo", {}, "base", {}))

    def _evaluation(self, project: Project, number: int) -> None:
        side = {who: {"value": 0.8} for who in ("policy", "other")}
        length = {who: {"value": 100.0} for who in ("policy", "other")}
        note(
            project.table("evaluation") / "metrics.json",
            {
                "model": f"demo-{number}-dpo", "cost_usd": 0.5,
                "drift": {"base": {"characters": length, "diversity": side}},
            },
        )  # fmt: skip
        outcomes = {
            who: {"seen": passes(self.rates[at], seed=at), "unseen": {}}
            for who, at in (("tuned", number), ("base", 0))
        }
        note(project.table("evaluation") / "outcomes.json", outcomes | {"wins": {}, "proxy": {}})


def note(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(content))


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stages]:
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "params.yaml").write_text(PARAMS)
    made = Stages(tmp_path, [0.3, 0.5, 0.65, 0.65, 0.65, 0.65, 0.65])
    monkeypatch.setattr(flow.dvc, "reproduce", made.reproduce)
    monkeypatch.setattr(flow, "as_task", lambda function: function)
    monkeypatch.chdir(tmp_path)
    yield made
    os.chdir("/")


def improve() -> None:
    flow.improve.fn()


def rounds_of(root: Path) -> list[int]:
    return [one.number for one in read_rounds(root / "data/rounds/rounds.jsonl")]


def latest(root: Path) -> int:
    entries = sorted((root / "store/demo/channels/latest").iterdir())
    return int(orjson.loads(entries[-1].read_bytes())["version"])


def test_rounds_end_on_the_plateau_and_latest_leads_to_the_best(
    stages: Stages, capsys: pytest.CaptureFixture[str]
) -> None:
    improve()
    said = capsys.readouterr().out

    assert rounds_of(stages.root) == [0, 1, 2, 3, 4]
    assert latest(stages.root) == 2
    assert "improve: plateau; the best is round 2, demo-2-dpo" in said
    folder = stages.root / "data/rounds"
    assert (folder / "demo-2-dpo/policy.gguf").read_bytes() == b"GGUF 2"
    assert (folder / "3.dvc.lock").read_text() == "round: 3\n"
    assert len((folder / "rounds.csv").read_text().splitlines()) == 6


def test_each_round_writes_and_trains_from_the_policy_before_it(stages: Stages) -> None:
    improve()

    assert stages.writers == ["small", "demo-1-dpo", "demo-2-dpo", "demo-3-dpo"]
    assert stages.trained_from[1:] == [
        f"data/rounds/demo-{number}-dpo/policy.gguf" for number in (1, 2, 3)
    ]
    text = (stages.root / "params.yaml").read_text()
    assert text.startswith("# A comment that stays.\n")
    assert yaml.safe_load(text)["pair"] == {"min_p_chosen": 0.8}


# In the first round, before and after its pairs are made, in a middle one, and in the last.
@pytest.mark.parametrize("call", [1, 2, 5, 8])
def test_killed_anywhere_it_goes_on_and_ends_as_if_it_had_not_been(
    stages: Stages, call: int
) -> None:
    stages.killed = {call}
    with pytest.raises(KeyboardInterrupt):
        improve()
    improve()

    assert rounds_of(stages.root) == [0, 1, 2, 3, 4]
    assert stages.writers == ["small", "demo-1-dpo", "demo-2-dpo", "demo-3-dpo"]
    assert latest(stages.root) == 2


def test_killed_between_two_notes_the_first_round_is_noted_once(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, seen = flow.append_round, list[int]()

    def torn(path: Path, new: Any) -> None:
        seen.append(new.number)
        if seen == [0, 1]:
            raise KeyboardInterrupt
        whole(path, new)

    monkeypatch.setattr(flow, "append_round", torn)
    with pytest.raises(KeyboardInterrupt):
        improve()
    improve()

    assert rounds_of(stages.root) == [0, 1, 2, 3, 4]


def test_once_ended_it_says_so_and_makes_nothing(stages: Stages) -> None:
    improve()
    calls = stages.calls
    improve()

    assert stages.calls == calls


def test_a_judge_that_is_no_stronger_than_the_policy_trains_nothing(
    stages: Stages, capsys: pytest.CaptureFixture[str]
) -> None:
    stages.judge = (0.4, 0.54)
    improve()

    assert stages.calls == 1
    assert rounds_of(stages.root) == []
    assert "take a stronger judge" in capsys.readouterr().out


def test_a_judge_that_may_be_stronger_is_doubted_and_used(
    stages: Stages, capsys: pytest.CaptureFixture[str]
) -> None:
    stages.judge = (0.5, 0.7)
    improve()

    assert "the judge is right on 60% [50%, 70%]" in capsys.readouterr().out
    assert rounds_of(stages.root)[-1] >= 1
