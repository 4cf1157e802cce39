"""The needs of stages that are known before a run: files, packages, keys, a sandbox.

A stage that asks models checks those of the stages after it before its first call: a run that a
later stage refuses has paid for replies that nobody can judge. `prefline doctor` reports all needs.
The network is not asked here, but by `prefline doctor`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefline.config import Endpoint, HumanPairs, Judge, JudgeParams, Params, read_params
from prefline.config.environment import secret
from prefline.config.learning import TRAINERS
from prefline.config.stages import STAGES
from prefline.errors import EnvironmentFault, ParamsError, PreflineError, TableError
from prefline.project import Project

if TYPE_CHECKING:
    from tasks.judge.methods.imported import ImportedJudge

# What a check reads with is imported by the check: a stage would else import all other stages.


@dataclass(frozen=True, slots=True)
class Need:
    """A need of a stage; `check` raises an error of the tree where it is not met."""

    stage: str
    name: str
    check: Callable[[], Any]

    def fault(self) -> PreflineError | None:
        """Return the error where the need is not met."""
        try:
            self.check()
        except PreflineError as error:
            return error
        return None


def require_ready(project: Project, stage: str) -> None:
    """Raise the first fault of the stages after this one, where this one is about to ask models.

    A stage that has no key for any of its models spends nothing, and none is asked for: with all
    its replies in the store it needs none. `run.check_later_stages: false` turns all this off.
    """
    params = read_params(project.params)
    asked = params.endpoints_of(stage)
    if not params.run.check_later_stages or not any(map(_has_key, asked)):
        return
    later = STAGES[STAGES.index(stage) + 1 :]
    for need in needs_of_stages(project, params):
        if need.stage in later:
            need.check()
    for name in (stage, *later):
        for endpoint in params.endpoints_of(name):
            _require_endpoint(endpoint, project)


def needs_of_stages(project: Project, params: Params) -> Iterator[Need]:
    """Yield the needs of all stages but for their endpoints, in the order of the stages."""
    policy = params.evaluate.policy
    if params.generate.revision or params.generate.best_of or params.generate.imported:
        yield Need("generate", "files of generate", partial(_read_generate, project, params))
    yield Need("judge", "checks", partial(_require_checks, project))
    for judge in params.judge.judges:
        check = partial(_require_judge, judge, params.judge, project.root)
        yield Need("judge", f"judge {judge.name}", check)
    if any(path.suffix in (".json", ".jsonl") for path in project.reviews.glob("[!.]*")):
        yield Need("pair", "reviews", partial(_read_reviews, project))
    yield Need("validate", "validation", _require_great_expectations)
    if params.publish.hub:
        yield Need("publish", "key of the Hub", _require_hub_token)
    if TRAINERS.get(params.train.method).needs_extra:
        yield Need("train", "training", _require_train_extra)
    for table in params.evaluate.human:
        check = partial(_read_human, table, project.root)
        yield Need("evaluate", f"human labels {table.name}", check)
    if policy.judge:
        check = partial(_require_judge, policy.judge, None, project.root)
        yield Need("evaluate", f"judge {policy.judge.name} of policies", check)
    if policy.proxy:
        yield Need("evaluate", "proxy", partial(_read_proxy, policy.proxy, project.root))


def _has_key(endpoint: Endpoint) -> bool:
    return endpoint.key_env is None or secret(endpoint.key_env) is not None


def _require_endpoint(endpoint: Endpoint, project: Project) -> None:
    from prefline.llm.local import require_local_model
    from prefline.llm.transport import read_key

    if endpoint.key_env is not None:
        read_key(endpoint)
    if endpoint.is_local:
        require_local_model(endpoint, project.root)


def _read_generate(project: Project, params: Params) -> None:
    from tasks.generate import read_best_of_reward, read_imports, read_revision_principles

    read_revision_principles(params.generate, project.root)
    read_best_of_reward(params.generate, project.root)
    read_imports((), params.generate, project.root)


def _require_checks(project: Project) -> None:
    from prefline.tables import read_table
    from prefline.verifiers import require_checks

    for name in ("prompts", "held_out"):
        with suppress(TableError):  # still to be made: `sample` looks at each check that it reads
            rows = read_table(project.table(name), columns=["verifier"])
            require_checks(rows["verifier"].unique().to_pylist())


def _require_judge(judge: Judge, params: JudgeParams | None, root: Path) -> None:
    from prefline.reward.models import TunedReward
    from tasks.judge.jobs import read_context
    from tasks.judge.methods.imported import ImportedJudge

    if isinstance(judge, ImportedJudge):
        _read_verdicts(judge, root)
        return
    context = read_context(judge, params or JudgeParams(judges=(judge,)), root, ())
    if isinstance(context.material, TunedReward):
        _require_train_extra()


def _read_verdicts(judge: ImportedJudge, root: Path) -> None:
    """Read the rows of an imported judge's tables; what they say of responses is told later."""
    from prefline.sources import check_rows, watched_file

    is_set = judge.layout is not None
    path = watched_file(root, judge.path, "data/imported/judgments", or_set=is_set)
    check_rows(path)
    if judge.answers is not None:
        answers = watched_file(root, judge.answers.path, "data/imported/responses")
        check_rows(answers)


def _read_reviews(project: Project) -> None:
    from tasks.pair.answers import read_answers

    read_answers(project.reviews)


def _require_great_expectations() -> None:
    if importlib.util.find_spec("great_expectations") is None:
        raise EnvironmentFault("Great Expectations is not installed", "run `make setup`")


def _require_hub_token() -> None:
    if secret("HF_TOKEN") is None:
        raise ParamsError(
            "publish.hub is set, but HF_TOKEN is not",
            "export HF_TOKEN=... with the right to write there, or set publish.hub: null",
        )


def _require_train_extra() -> None:
    from prefline.reward.language_models import require_train_extra

    require_train_extra()


def _read_human(table: HumanPairs, root: Path) -> None:
    from tasks.evaluate.human import read_human

    read_human(table, root)


def _read_proxy(path: str, root: Path) -> None:
    from prefline.reward.models import read_reward
    from prefline.sources import watched_file

    read_reward(watched_file(root, path, "data/imported/models"))
