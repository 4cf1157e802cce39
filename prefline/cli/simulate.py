"""`prefline simulate`: an OpenAI-compatible server with planted truth."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from prefline.cli.output import AsJson
from prefline.errors import ParamsError

Option = typer.Option


def simulate(
    *,
    port: Annotated[int | None, Option(help="Port to listen on; 0 for a free one.")] = None,
    host: Annotated[str | None, Option(help="Address to listen on.")] = None,
    config: Annotated[Path | None, Option(help="YAML file; options go over it.")] = None,
    generator: Annotated[
        list[str] | None, Option(help="NAME=QUALITY, the model's mean quality; may be repeated.")
    ] = None,
    judge: Annotated[
        list[str] | None,
        Option(help="NAME=ACCURACY[,POSITION_BIAS[,LENGTH_BIAS]], log-odds; may be repeated."),
    ] = None,
    latency: Annotated[
        str | None, Option(help="MS, uniform:MS,SPREAD or lognormal:MEDIAN_MS,SIGMA.")
    ] = None,
    rpm: Annotated[float | None, Option(help="Requests per minute.")] = None,
    tpm: Annotated[float | None, Option(help="Tokens per minute.")] = None,
    fault: Annotated[
        list[str] | None, Option(help="NAME=SHARE, such as 500=0.05; may be repeated.")
    ] = None,
    key: Annotated[str | None, Option(help="Key that requests must carry.")] = None,
    seed: Annotated[int | None, Option(help="Seed of all that is planted.")] = None,
    log: Annotated[Path | None, Option(help="File for the request log, JSON lines.")] = None,
    fast: Annotated[
        bool, Option("--fast", help="Keep no request log and no bodies: bounded memory.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Serve simulated generators and judges until interrupted."""
    from prefline.simulator.config import read_config

    options = {
        "port": port,
        "host": host,
        "generators": _generators(generator or []),
        "judges": _judges(judge or []),
        "latency": _latency(latency),
        "limits": _used({"requests_per_minute": rpm, "tokens_per_minute": tpm}),
        "faults": _numbers("--fault", fault or []),
        "key": key,
        "seed": seed,
        "log": str(log) if log else None,
        "fast": fast or None,
    }
    _serve(read_config(config, _used(options)), as_json=as_json)


def _serve(config: Any, *, as_json: bool) -> None:
    import uvloop

    from prefline.simulator.serve import serve

    def announce(base_url: str, models: list[str]) -> None:
        data = {"base_url": base_url, "models": models}
        line = orjson.dumps(data).decode() if as_json else f"listening on {base_url}"
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    async def run() -> None:
        await serve(config, announce, asyncio.Event())

    uvloop.run(run())


def _used(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were used: one left out must not override the file."""
    return {name: value for name, value in options.items() if value not in (None, {})}


def _generators(options: list[str]) -> dict[str, Any]:
    return {name: {"quality": value} for name, value in _numbers("--generator", options).items()}


def _judges(options: list[str]) -> dict[str, Any]:
    keys = ("accuracy", "position_bias", "length_bias")
    judges = {}
    for text in options:
        name, values = _split("--judge", text, "=")
        numbers = [_number("--judge", text, value) for value in values.split(",")]
        if len(numbers) > len(keys):
            raise _bad("--judge", text, "NAME=ACCURACY[,POSITION_BIAS[,LENGTH_BIAS]]")
        judges[name] = dict(zip(keys, numbers, strict=False))
    return judges


def _latency(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    if ":" not in text:
        return {"distribution": "fixed", "ms": _number("--latency", text, text)}
    distribution, values = _split("--latency", text, ":")
    ms, spread = _split("--latency", values, ",")
    numbers = {name: _number("--latency", text, v) for name, v in (("ms", ms), ("spread", spread))}
    return {"distribution": distribution, **numbers}


def _numbers(option: str, texts: list[str]) -> dict[str, float]:
    pairs = (_split(option, text, "=") for text in texts)
    return {name: _number(option, f"{name}={value}", value) for name, value in pairs}


def _split(option: str, text: str, separator: str) -> tuple[str, str]:
    name, _, value = text.partition(separator)
    if not name or not value:
        raise _bad(option, text, f"two parts joined by {separator!r}")
    return name, value


def _number(option: str, text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise _bad(option, text, "a number") from error


def _bad(option: str, text: str, expected: str) -> ParamsError:
    return ParamsError(
        f"{option} {text}: expected {expected}", "prefline simulate --help shows the form"
    )
