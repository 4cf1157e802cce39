"""An engine with all that it needs, opened and closed together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prefline.config import Endpoint, EngineParams
from prefline.llm.engine import Backing, Engine
from prefline.llm.limits.rates import Lease
from prefline.llm.local import LocalModels
from prefline.llm.replies import ReplyStore
from prefline.llm.run_spend import RunSpend, run_of_this_process
from prefline.project import Project


@contextmanager
def open_engine(
    project: Project,
    endpoints: Iterable[Endpoint],
    params: EngineParams,
    *,
    local_slots: int = 16,
    lease: Lease | None = None,
) -> Iterator[Engine]:
    """The project's reply store, the local models (started only if they are called), and an
    engine over both. Endpoints named twice are opened once; `local_slots` calls of
    a local model run at once; shared rates are had from `lease`. What was spent is added to
    the run's account at the end, however that comes."""
    by_model = {endpoint.model: endpoint for endpoint in endpoints}
    spend = RunSpend(project.spend, run_of_this_process())
    with (
        ReplyStore(project.replies) as store,
        LocalModels(project.root, project.local_log, local_slots) as local,
    ):
        backing = Backing(local, lease, spend.total_usd(), project.batches)
        engine = Engine(by_model.values(), params, store, backing)
        try:
            with engine:
                yield engine
        finally:
            spend.add(engine.budget.committed_usd)
