"""Events of a stage's run for a catalogue of lineage, where OpenLineage is set up.

OpenLineage (https://openlineage.io, run cycle START then COMPLETE, FAIL or ABORT) says which run
of which job read and wrote which datasets. Here a job is a stage, and the datasets are those of
`dvc.yaml`; `publish` also writes `<dataset>@<version>` in its store.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
import yaml

from prefline.config import read_params
from prefline.config.environment import openlineage_namespace
from prefline.errors import PreflineError
from prefline.project import Project

_PRODUCER = "urn:prefline"

Emit = Callable[..., None]


@contextmanager
def lineage_events(project: Project, stage: str) -> Iterator[None]:
    """Tell OpenLineage that a stage begins, and how it ended; nothing where no transport is named
    by OPENLINEAGE_URL or OPENLINEAGE_CONFIG.

    A catalogue that fails costs no run: it is said on standard error, and the stage goes on.
    """
    namespace = openlineage_namespace()
    if namespace is None:
        yield
        return
    emit = _emitter(project, stage, namespace)
    emit("START")
    try:
        yield
    except KeyboardInterrupt:
        emit("ABORT")
        raise
    except BaseException as error:
        emit("FAIL", error)
        raise
    emit("COMPLETE")


def _emitter(project: Project, stage: str, namespace: str) -> Emit:
    """Return what emits one event of this run."""
    try:
        from openlineage.client import OpenLineageClient
        from openlineage.client.uuid import generate_new_uuid
    except ImportError:
        _say("openlineage-python is not installed: `uv sync --extra pipeline --extra openlineage`")
        return lambda *_: None
    run_id, client = str(generate_new_uuid()), OpenLineageClient()

    def emit(state: str, error: BaseException | None = None) -> None:
        try:
            client.emit(_event(project, (namespace, stage, run_id), state, error))
        except Exception as failed:  # noqa: BLE001 - any transport may be configured
            _say(f"the event {state} of {stage} was not taken: {failed}")

    return emit


def _event(
    project: Project, run: tuple[str, str, str], state: str, error: BaseException | None
) -> Any:
    from openlineage.client.event_v2 import (
        InputDataset,
        Job,
        OutputDataset,
        Run,
        RunEvent,
        RunState,
    )
    from openlineage.client.facet_v2 import error_message_run

    namespace, stage, run_id = run
    facets: dict[str, Any] = {}
    if isinstance(error, PreflineError):  # other errors may quote what nobody has looked at
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(str(error), "python")
    dataset = read_params(project.params).publish.dataset
    read, written = _datasets(project, stage, ended=state == "COMPLETE")
    return RunEvent(
        eventType=RunState[state],
        eventTime=datetime.now(UTC).isoformat(),
        run=Run(runId=run_id, facets=facets),
        job=Job(namespace=namespace, name=f"{dataset}.{stage}"),
        producer=_PRODUCER,
        inputs=[InputDataset(*one) for one in read],
        outputs=[OutputDataset(*one) for one in written],
    )


Named = list[tuple[str, str]]


def _datasets(project: Project, stage: str, *, ended: bool) -> tuple[Named, Named]:
    """Return what the stage reads and writes, as (namespace, name), by `dvc.yaml`."""
    stages = yaml.safe_load((project.root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    about = stages.get(stage, {})
    outs = [*about.get("outs", []), *about.get("metrics", [])]
    paths = [next(iter(out)) if isinstance(out, dict) else out for out in outs]
    read = [("file", str(project.root / one)) for one in about.get("deps", []) if _is_data(one)]
    written = [("file", str(project.root / path)) for path in paths]
    if stage == "publish" and ended:
        note = orjson.loads(project.release.read_bytes())
        written.append((note["store"], f"{note['dataset']}@{note['version']}"))
    return read, written


def _is_data(path: str) -> bool:
    return path.startswith("data/")


def _say(what: str) -> None:
    sys.stderr.write(f"openlineage: {what}\n")
