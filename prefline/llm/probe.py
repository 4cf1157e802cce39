"""Is an endpoint there, does it take the key, does it serve the model? Free of charge."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import orjson

from prefline.config import Endpoint
from prefline.errors import EndpointError, EndpointUnreachable
from prefline.llm.answers import Stop, TryAgain, classify
from prefline.llm.http import HttpAnswer
from prefline.llm.transport import Transport


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


async def probe_all(transport: Transport, endpoint: Endpoint) -> None:
    """Ask every replica, once.

    Raises `EndpointDenied` if one refuses the key, and `EndpointUnreachable` if none can be
    reached: one that comes back later is found by its breaker.
    """
    found = await asyncio.gather(
        *(probe(transport, endpoint, url) for url in endpoint.urls), return_exceptions=True
    )
    errors = [one for one in found if isinstance(one, BaseException)]
    for error in errors:
        if not isinstance(error, EndpointUnreachable) or len(errors) == len(found):
            raise error


def given_up(endpoint: Endpoint, detail: str) -> EndpointUnreachable:
    """The error for an endpoint that answers nothing but errors, or no more."""
    return EndpointUnreachable(
        f"{endpoint.base_url} failed again and again: {detail}",
        "see whether the server is up and well, and run the same command again: everything "
        "paid for is kept; `prefline doctor` checks it",
        endpoint=endpoint.base_url,
    )


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
