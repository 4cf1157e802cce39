"""The inputs of a version: what the earlier stages have written and measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from prefline.config import Params, PrincipledJudge
from prefline.config.principles import Principle, read_principles
from prefline.project import Project
from prefline.sources import watched_file
from prefline.tables import part_hashes, parts_of


@dataclass(frozen=True, slots=True)
class PublishInputs:
    """A project with its params, the hashes of the files of `preferences`, and what `judge`,
    `pair` and `validate` wrote beside their tables."""

    project: Project
    params: Params
    files: Mapping[str, str]
    judged: Mapping[str, Any]
    paired: Mapping[str, Any]
    validation: Mapping[str, Any]

    @property
    def parts(self) -> Sequence[Path]:
        """The files of `preferences`."""
        return parts_of(self.project.table("preferences"))

    @property
    def work(self) -> Path:
        """The folder for what does not fit into memory."""
        return self.project.root / ".prefline"

    @property
    def asked(self) -> Mapping[str, Mapping[str, str]]:
        """The method of each judge and the hash of what it is asked."""
        found: Mapping[str, Mapping[str, str]] = self.judged.get("asked", {})
        return found

    def principles(self) -> dict[str, tuple[Principle, ...]]:
        """Return the principles of each judge that has some. Raises `InputError`."""
        return {
            judge.name: read_principles(
                watched_file(self.project.root, judge.principles, "data/principles")
            )
            for judge in self.params.judge.judges
            if isinstance(judge, PrincipledJudge)
        }


def read_inputs(project: Project, params: Params) -> PublishInputs:
    """Read no table, only hash one. Raises `TableError` if there is none."""
    return PublishInputs(
        project=project,
        params=params,
        files=part_hashes(project.table("preferences")),
        judged=orjson.loads(project.metrics("judge").read_bytes()),
        paired=orjson.loads(project.metrics("pair").read_bytes()),
        validation=orjson.loads((project.table("validation") / "results.json").read_bytes()),
    )
