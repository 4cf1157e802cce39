"""Rate limits that several runs share, kept as Prefect's global concurrency limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import PrefectHTTPStatusError

from prefline.config import Endpoint
from prefline.errors import WorkflowError
from prefline.llm.rate_limits import AcquireSlots, shared_limits


class PrefectSlots:
    """Acquire slots of limits whose slots come free again at the endpoint's rate."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self._client = client

    def __call__(self, name: str, slots: int) -> float:
        """Acquire slots: return 0 if that worked, else the seconds to wait before asking again."""
        try:
            self._client.increment_concurrency_slots([name], slots, mode="rate_limit")
        except PrefectHTTPStatusError as error:
            if error.response.status_code != HTTPStatus.LOCKED:
                raise _server_failed(error) from error
            return max(0.05, float(error.response.headers["Retry-After"]))
        except httpx.HTTPError as error:
            raise _server_failed(error) from error
        return 0.0


@contextmanager
def prefect_slots(endpoints: Iterable[Endpoint]) -> Iterator[AcquireSlots | None]:
    """Give access to the shared rate limits of these endpoints, on the Prefect server of this run.

    Creates the limits, or sets them to what params say. None where nothing is shared.
    """
    limits = {
        limit.name: limit for endpoint in endpoints for limit in shared_limits(endpoint.limits)
    }
    if not limits:
        yield None
        return
    with get_client(sync_client=True) as client:
        for limit in limits.values():
            rate, block = limit.per_second, limit.block
            client.upsert_global_concurrency_limit_by_name(limit.name, block, rate)
        yield PrefectSlots(client)


def _server_failed(error: httpx.HTTPError) -> WorkflowError:
    return WorkflowError(
        f"the Prefect server that keeps the shared rates fails: {error!r}",
        "see whether it is up, and run the same command again: everything paid for is kept; "
        "without limits.shared in params.yaml no server is asked",
    )
