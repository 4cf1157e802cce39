"""The sections that decide how a run goes, not what it makes: no stage depends on them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from prefline.config.section import Section


class EngineParams(Section):
    """Limits of the request engine."""

    max_in_flight: int = Field(64, ge=1, description="calls under way at once, per endpoint")
    timeout_s: float = Field(120.0, gt=0, description="deadline of one try, in seconds")
    deadline_s: float = Field(
        1_800.0, gt=0, description="deadline of one call in seconds: all its tries and waits"
    )
    max_tries: int = Field(6, ge=1, description="of one call; being told to slow down is none")
    max_back_off_s: float = Field(30.0, gt=0, description="longest wait between two tries")
    spend_limit_usd: float | None = Field(
        None, ge=0, description="a run stops before it has spent more, all its stages together"
    )


class TableParams(Section):
    """Joining and sorting of tables that are larger than memory."""

    memory_gb: float = Field(
        1.0, ge=0.25, description="what DuckDB may hold at once; the rest is put on the disk"
    )


class ShardParams(Section):
    """The executor of work that each prompt takes by itself."""

    processes: int | None = Field(
        None, ge=1, description="processes on this machine; null for one on each of its cores"
    )
    ray: str | None = Field(
        None,
        description="a Ray cluster instead: its address (ray://host:10001), or `local` for one "
        "that is started on this machine",
    )


class RunParams(Section):
    """The processes that share the calls of a stage, and what is checked before the first call."""

    executor: Literal["local", "prefect", "ray"] = Field(
        "local",
        description="`local`: processes of this machine, `shards.processes` at once; `prefect`: "
        "flow runs of the deployment `shard`, by whatever workers its work pool has; `ray`: tasks "
        "of the cluster `shards.ray`, or of one that is started on this machine",
    )
    shards: int = Field(
        1,
        ge=1,
        description="parts that `generate` and `judge` are cut into, each a process; 1 for none, as"
        " adaptive judging always has it",
    )
    check_later_stages: bool = Field(
        True,
        description="before a stage asks a model, check that the stages after it have what they "
        "need on this machine; false where another machine runs them",
    )
    store: str | None = Field(
        None,
        description="what machines with clones of their own hand over through: a folder that all "
        "have mounted (its absolute path), or `s3://bucket/prefix`, reached as `publish.s3` says; "
        "null where all processes work in this clone",
    )
    send_every_s: float = Field(
        5.0,
        gt=0,
        description="seconds after which a shard sends what it has bought to `store`: what is lost "
        "with a machine that dies",
    )

    @field_validator("store")
    @classmethod
    def _is_the_same_everywhere(cls, store: str | None) -> str | None:
        if store is not None and not store.startswith(("s3://", "/")):
            raise ValueError("write s3://bucket/prefix, or the absolute path of a mounted folder")
        return store


class PipelineParams(Section):
    """Steps of a pipeline run around `dvc repro`."""

    pull: bool = Field(False, description="`dvc pull` before the run")
    push: bool = Field(True, description="`dvc push` after the run, if a remote is set")
    commit_branch: str | None = Field(None, description="branch that gets dvc.lock")
    git_push: bool = Field(False, description="also push that branch")
