"""The paths of a project: the folder with `dvc.yaml` and `params.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prefline.errors import ProjectNotFound


@dataclass(frozen=True, slots=True)
class Project:
    """The paths of one project."""

    root: Path

    @property
    def params(self) -> Path:
        """`params.yaml`."""
        return self.root / "params.yaml"

    def table(self, name: str) -> Path:
        """Return the folder of a table: `data/<name>`."""
        return self.root / "data" / name

    def metrics(self, stage: str) -> Path:
        """Return the figures of a stage: `data/metrics/<stage>.json`."""
        return self.root / "data" / "metrics" / f"{stage}.json"

    @property
    def judge_details(self) -> Path:
        """The folder of what `judge` writes beside its table and its figures: the whole audit,
        plots, and pairs that no judge spoke of."""
        return self.root / "data" / "metrics" / "judge"

    def store_uri(self, store: str) -> str:
        """Return the object store of params: an address such as `s3://...` as it is, a folder from
        the root."""
        return store if "://" in store else str(self.root / store)

    @property
    def queue(self) -> Path:
        """The pairs that people are asked about, as we see them."""
        return self.table("review") / "queue.parquet"

    @property
    def reviews(self) -> Path:
        """The answers of people: `data/reviews/*.jsonl`."""
        return self.root / "data" / "reviews"

    @property
    def local_log(self) -> Path:
        """The log of the bundled model's server."""
        return self.root / ".prefline" / "local-model.log"

    @property
    def release(self) -> Path:
        """The note that `publish` writes of its version."""
        return self.root / "data" / "release.json"

    @property
    def rounds(self) -> Path:
        """The records of the rounds of `flows/improve.py`."""
        return self.root / "data" / "rounds"

    @property
    def replies(self) -> Path:
        """The reply store: paid for once, outside DVC's outs."""
        return self.root / ".prefline" / "replies.db"

    @property
    def batches(self) -> Path:
        """Batches that were sent and not yet collected."""
        return self.root / ".prefline" / "batches"

    def shards(self, stage: str) -> Path:
        """Return the folder of what a stage has made so far, of a run under way."""
        return self.root / ".prefline" / "shards" / stage

    @property
    def spend(self) -> Path:
        """The spending of each run."""
        return self.root / ".prefline" / "spend"

    @property
    def status(self) -> Path:
        """The progress of each stage while it calls models: a file a stage."""
        return self.root / ".prefline" / "status"

    @property
    def prefect_home(self) -> Path:
        """Home of the project's own Prefect server."""
        return self.root / ".prefline" / "prefect"

    @property
    def report(self) -> Path:
        """The report's page."""
        return self.root / "report.html"


def find_project(start: Path | None = None) -> Project:
    """Return the project that `start` (the working directory) lies in.

    Raises `ProjectNotFound` if no folder from there upwards holds both files.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "params.yaml").is_file():
            return Project(folder)
    raise ProjectNotFound(
        f"{here} is not inside a Prefline project",
        "change to the clone's folder (the one with dvc.yaml and params.yaml)",
    )
