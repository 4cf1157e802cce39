"""Stages as processes to be killed, interrupted and watched, and what they ask for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import yaml

from flows.runtime.dvc import environment as python_first
from prefline.config import read_params
from prefline.llm import ReplyStore, Request, dry_run
from prefline.project import Project
from prefline.simulator import SimulatedServer
from prefline.simulator.journal import body_hash
from prefline.tables import read_table
from prefline.tables.prompts import read_prompts
from tasks.generate import read_revision_principles, sample_conversations
from tasks.judge.jobs import JudgeJob, plan_comparisons, read_context
from tasks.judge.pairs import select_pairs
from tests.forked import ForkedProcess, start_python

_PLAIN = Path(__file__).with_name("without_prefect.py")


def start(
    project: Path, stage: str, *, api: str | None = None, **environment: str
) -> ForkedProcess:
    """A stage's process: `python -m flows.<stage>` on the Prefect server at `api`, or the same
    flow without Prefect."""
    words = ["-m", f"flows.{stage}"] if api else [str(_PLAIN), stage]
    variables = python_first() | environment | ({"PREFECT_API_URL": api} if api else {})
    return start_python(*words, cwd=project, env=variables)


def finish(project: Path, stage: str, **how: str) -> None:
    """Run a stage to its good end."""
    child = start(project, stage, **how)
    said = child.communicate()
    assert child.returncode == 0, said


def wait_until(holds: Callable[[], bool], child: ForkedProcess) -> bool:
    """Whether something came to hold while the process was alive."""
    until = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.01)
    return False


def set_params(project: Path, section: str, **values: object) -> None:
    """Change a section of `params.yaml`."""
    params = yaml.safe_load((project / "params.yaml").read_text())
    params[section] = params.get(section, {}) | values
    (project / "params.yaml").write_text(yaml.safe_dump(params))


def requests_of(root: Path, stage: str) -> list[Request]:
    """Every request of a stage, as its flow makes them from the tables before it."""
    project = Project(root)
    params = read_params(project.params)
    prompts = read_prompts(project.table("prompts"))
    if stage == "generate":
        principles = read_revision_principles(params.generate, root)
        with ReplyStore(project.replies) as store:
            return dry_run(sample_conversations(prompts, params.generate, principles), store)[0]
    responses = read_table(project.table("responses")).to_pylist()
    pairs = select_pairs(prompts, responses, params.judge)
    asked: list[Request] = []
    with ReplyStore(project.replies) as store:
        for judge in params.judge.judges:
            context = read_context(judge, params.judge, root, responses)
            plan = list(plan_comparisons(pairs.comparisons, judge, context))
            asked += dry_run(JudgeJob(judge, context, plan).tasks(), store)[0]
    return asked


def stored_bodies(root: Path, stage: str) -> set[str]:
    """The bodies, as the provider's log names them, of a stage's requests that have a reply."""
    requests = requests_of(root, stage)
    with ReplyStore(Project(root).replies) as store:
        return {
            f"{body_hash(request.encoded):016x}" for request in requests if request.key in store
        }


class PaidOnce:
    """The rule: what is in the reply store at some moment is never asked for after it."""

    def __init__(self, server: SimulatedServer, root: Path, stage: str) -> None:
        self._server = server
        self._root, self._stage = root, stage
        self._moments: list[tuple[int, set[str]]] = []

    def note(self) -> int:
        """Remember this moment; how many replies are stored."""
        # The store first: what others, who go on, ask and store in between is not asked again.
        stored = stored_bodies(self._root, self._stage)
        self._moments.append((len(self._server.log()), stored))
        return len(stored)

    def asked_again(self) -> set[str]:
        """What the provider saw although it was stored before."""
        log = [entry.body for entry in self._server.log()]
        return {body for seen, stored in self._moments for body in stored & set(log[seen:])}
