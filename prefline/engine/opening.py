"""An engine with all that it needs, opened and closed together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prefline.engine.engine import Engine
from prefline.engine.store import ReplyStore
from prefline.local import LocalModel
from prefline.params import Endpoint, EngineParams
from prefline.project import Project


@contextmanager
def open_engine(
    project: Project, endpoints: Iterable[Endpoint], params: EngineParams, *, local_slots: int = 16
) -> Iterator[Engine]:
    """The project's reply store, the bundled model (started only if it is called), and an
    engine over both. Endpoints named twice are opened once; `local_slots` calls of the
    bundled model run at once."""
    by_model = {endpoint.model: endpoint for endpoint in endpoints}
    with (
        ReplyStore(project.replies) as store,
        LocalModel(project.local_log, local_slots) as local,
        Engine(by_model.values(), params, store, local) as engine,
    ):
        yield engine
