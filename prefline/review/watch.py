"""The state of a run: the stages, what each has made, and how far those are that call models.

All of it is read from files that a run writes anyway, and from the list of processes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml
from fastapi import APIRouter, Request, Response

from prefline.errors import InputError
from prefline.llm.run_status import read_statuses
from prefline.project import Project
from prefline.review.pages import asks_for_part, page

Json = dict[str, Any]

_LOOK_AGAIN_S = 1.0  # for processes: looking takes some milliseconds


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: `state` is running, stopped, made or not made, `made_at` the time of its newest
    output (seconds since 1970), `status` what its process tells of its calls to models."""

    name: str
    state: str
    made_at: float | None
    status: Json | None


class Watcher:
    """Looks at the runs of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._looked_at = 0.0
        self._running: frozenset[str] = frozenset()

    def stages(self) -> list[Stage]:
        """Return the stages in the order of `dvc.yaml`. Raises `InputError` if it is none."""
        statuses = read_statuses(self._project.status)
        running = self._processes()
        return [
            self._stage(name, outs, statuses.get(name), name in running)
            for name, outs in _outs(self._project.root / "dvc.yaml").items()
        ]

    def _stage(
        self,
        name: str,
        outs: list[str],
        status: Json | None,
        running: bool,
    ) -> Stage:
        made = [self._project.root / out for out in outs]
        times = [path.stat().st_mtime for path in made if path.exists()]
        made_at = max(times, default=None)
        if running or (status and status["running"]):
            return Stage(name, "running", made_at, status if status and status["running"] else None)
        after = status is not None and status["updated_at"] > (made_at or 0.0)
        if after and status is not None and status["ended"] != "done":
            return Stage(name, "stopped", made_at, status)
        return Stage(name, "made" if made_at is not None else "not made", made_at, status)

    def _processes(self) -> frozenset[str]:
        """Return the stages whose flow runs now in this project."""
        if time.monotonic() - self._looked_at > _LOOK_AGAIN_S:
            self._running = frozenset(_running_flows(self._project.root))
            self._looked_at = time.monotonic()
        return self._running


def _running_flows(root: Path) -> set[str]:
    names = set()
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        for word in words[1:4]:
            if word.startswith("flows.") and _works_in(process, root):
                names.add(word.removeprefix("flows."))
    return names


def _works_in(process: psutil.Process, root: Path) -> bool:
    try:
        return Path(process.cwd()) == root
    except psutil.Error:  # gone meanwhile, or somebody else's
        return False


def _outs(path: Path) -> dict[str, list[str]]:
    """Return what each stage of `dvc.yaml` writes."""
    try:
        stages = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("stages") or {}
        return {
            name: [
                out if isinstance(out, str) else next(iter(out))
                for kind in ("outs", "metrics")
                for out in stage.get(kind) or ()
            ]
            for name, stage in stages.items()
        }
    except (OSError, yaml.YAMLError, AttributeError) as error:
        raise InputError(
            f"{path} cannot be read: {error}", "mend it; `dvc dag` checks it"
        ) from error


@dataclass(frozen=True, slots=True)
class WatchPages:
    """The page on which people watch a run."""

    watcher: Watcher

    def router(self) -> APIRouter:
        """Return the route."""
        routes = APIRouter()
        routes.add_api_route("/watch", self.watch, methods=["GET"])
        return routes

    def watch(self, request: Request) -> Response:
        """Show the stages; a page that is open asks again for this part of itself."""
        stages = self.watcher.stages()
        told = [stage for stage in stages if stage.status]
        return page(
            request,
            "stages.html.j2" if asks_for_part(request) else "watch.html.j2",
            here="Watch",
            stages=stages,
            failures=_by_stage(told, "failures"),
            retries=_by_stage(told, "retries"),
            now=time.time(),
        )


def _by_stage(stages: list[Stage], name: str) -> list[Json]:
    return [{"stage": stage.name, **row} for stage in stages for row in (stage.status or {})[name]]
