"""How a dataset was made: its models, its judges, and the params that decide what is in it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from prefline.config import Params

Json = dict[str, Any]

_STAGES = ("sample", "generate", "judge", "pair", "validate", "publish")


def how_made(params: Params) -> Json:
    """Models, judges and the stages' params, without what an address may hold of secrets."""
    found = params.model_dump(mode="json", by_alias=True)
    stages = {stage: _public(found[stage]) for stage in _STAGES}
    models = [
        {
            "stage": "generate",
            "name": "",
            "method": "",
            "model": one["model"],
            "at": one["base_url"],
        }
        for one in stages["generate"]["endpoints"]
    ]
    judges = [
        {
            "stage": "judge",
            "name": one["name"],
            "method": one["method"],
            "model": (one.get("endpoint") or {}).get("model", ""),
            "at": (one.get("endpoint") or {}).get("base_url", ""),
        }
        for one in stages["judge"]["judges"]
    ]
    return {"models": [*models, *judges], "params": stages}


def _public(value: Any) -> Any:
    if isinstance(value, list):
        return [_public(one) for one in value]
    if isinstance(value, dict):
        return {k: _bare(v) if k == "base_url" else _public(v) for k, v in value.items()}
    return value


def _bare(url: str) -> str:
    """An address without user, password and query."""
    parts = urlsplit(url)
    if not parts.hostname:
        return url
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"
