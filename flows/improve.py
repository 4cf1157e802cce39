"""Rounds of the pipeline, each with the policy that the last has trained, until they level off.

A round is `dvc repro` under params of its own, so `params.yaml` always says how `data/` was made.
What a killed run has done stays done: the same command goes on where it was.
"""

from __future__ import annotations

import shutil

import orjson
from prefect import flow
from rich.console import Console

from flows.runtime import dvc, params_file
from flows.runtime.ending import run_command
from flows.runtime.fork_server import start_fork_server
from flows.runtime.stage import as_task, on_server
from prefline.config import Params, read_params
from prefline.project import Project, find_project
from prefline.releases.channels import point_channel
from prefline.storage.opening import project_store
from prefline.tables.metrics import write_metrics
from tasks.improve import Decision, Round, append_round, decide, judge_strength, read_rounds
from tasks.improve.measure import judge_accuracy, measure_round, measure_start
from tasks.improve.plan import Policy, Start, keep_policy, kept_policy, params_of_round, start_of
from tasks.improve.report import csv_text, markdown, terminal

_WIDTH = 140  # columns where the output is no terminal


@flow(name="improve")
def improve() -> None:
    """Do rounds until the stopping rule ends them."""
    project = find_project()
    params_file.set_params(project.params, read_params(project.params).improve.set)
    params = read_params(project.params)
    start = begin(project, params)
    while True:
        rounds = read_rounds(project.rounds / "rounds.jsonl")
        if rounds and not conclude(project, params, rounds).go_on:
            return
        number = rounds[-1].number + 1 if rounds else 1
        previous = _trained_before(project, rounds)
        params_file.set_params(project.params, params_of_round(number, start, params, previous))
        print(f"improve: round {number}, with {previous.name if previous else 'the base policy'}")
        if not as_task(do_round)(project, number):
            return


def begin(project: Project, params: Params) -> Start:
    """Return the start of the rounds, written down before the first of them changes it."""
    path = project.rounds / "start.json"
    if path.is_file():
        return Start(**orjson.loads(path.read_bytes()))
    start = start_of(params)
    write_metrics(path, start.as_dict())
    return start


def do_round(project: Project, number: int) -> bool:
    """Run a round's stages and append its row.

    Return False where the judge is no stronger than the policy whose outputs it has judged, so
    that nothing is trained on its labels.
    """
    dvc.reproduce(project.root, "judge")
    judge = judge_accuracy(project)
    if judge is not None and judge_strength(judge) != "stronger":
        print(f"improve: the judge is right on {judge.value:.0%} [{judge.low:.0%}, "
              f"{judge.high:.0%}] of the policy's own checked pairs")  # fmt: skip
    if judge_strength(judge) == "not_stronger":
        print("improve: it is no stronger than the policy, and its labels would teach nothing: "
              "take a stronger judge")  # fmt: skip
        return False
    dvc.reproduce(project.root)

    rows = project.rounds / "rounds.jsonl"
    policy = read_params(project.params).generate.endpoints[0].model
    keep_policy(project.table("model"), project.rounds, project.root)
    shutil.copy(project.root / "dvc.lock", project.rounds / f"{number}.dvc.lock")
    if number == 1:
        append_round(rows, measure_start(project, policy))
    append_round(rows, measure_round(project, number, policy))
    return True


def conclude(project: Project, params: Params, rounds: tuple[Round, ...]) -> Decision:
    """Print and write the decision, and point the channel to the best round's version."""
    decision = decide(rounds, params.improve)
    (project.rounds / "rounds.csv").write_text(csv_text(rounds, decision.best), encoding="utf-8")
    (project.rounds / "rounds.md").write_text(markdown(rounds, decision.best), encoding="utf-8")
    best = next(each for each in rounds if each.number == decision.best)
    if best.version:
        store, section = project_store(project, params.publish), params.publish
        point_channel(store, section.dataset, section.channel, best.version)
    console = Console(highlight=False)
    width = None if console.is_terminal else _WIDTH
    console.print(terminal(rounds, decision.best), width=width)
    for sentence in decision.sentences:
        print(f"improve: {sentence}")
    if not decision.go_on:
        print(f"improve: {decision.reason}; the best is round {best.number}, {best.model}")
    return decision


def _trained_before(project: Project, rounds: tuple[Round, ...]) -> Policy | None:
    trained = [each for each in rounds if each.version]
    return kept_policy(trained[-1].model, project.rounds, project.root) if trained else None


def run(project: Project) -> None:
    """Do rounds on a server."""
    start_fork_server("flows.improve")
    with on_server(project):
        improve()


if __name__ == "__main__":
    run_command(run)
