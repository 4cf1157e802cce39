"""Is an endpoint there, does it take the key, does it serve the model? Free of charge."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from prefline.engine.answers import Stop, TryAgain, classify
from prefline.engine.transport import HttpAnswer, Transport
from prefline.errors import EndpointError, EndpointUnreachable
from prefline.params import Endpoint


@dataclass(frozen=True, slots=True)
class Probe:
    """What `GET /models` showed. `models` is empty where the endpoint has no such list."""

    models: tuple[str, ...]


async def probe(transport: Transport, endpoint: Endpoint, base_url: str) -> Probe:
    """Ask an endpoint for its models.

    Raises `EndpointUnreachable` or `EndpointDenied`. An endpoint without that list (404)
    passes: the first call will tell.
    """
    answer = await transport.models(endpoint, base_url)
    if isinstance(answer, TryAgain):
        raise unreachable(endpoint, answer.detail)
    if answer.status in (401, 402, 403):
        raise _error_of(endpoint, answer)
    return Probe(_model_names(answer.body))


def unreachable(endpoint: Endpoint, detail: str) -> EndpointUnreachable:
    """The error for an endpoint that cannot be talked to."""
    return EndpointUnreachable(
        f"{endpoint.base_url} cannot be reached: {detail}",
        "start the server, or correct base_url in params.yaml; `prefline doctor` checks it",
        endpoint=endpoint.base_url,
    )


def _error_of(endpoint: Endpoint, answer: HttpAnswer) -> EndpointError:
    verdict = classify(endpoint, answer.status, answer.headers, answer.body)
    assert isinstance(verdict, Stop)
    return verdict.error


def _model_names(body: bytes) -> tuple[str, ...]:
    try:
        listed = orjson.loads(body)["data"]
        return tuple(str(model["id"]) for model in listed)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ()  # no such list here; not an error, see `probe`
