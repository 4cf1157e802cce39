"""From a specification to a verifier."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from prefline.errors import InputError
from prefline.verifiers.check import Check
from prefline.verifiers.constraints import Constraints
from prefline.verifiers.exact import Exact
from prefline.verifiers.json_schema import JsonSchema
from prefline.verifiers.numeric import Numeric
from prefline.verifiers.regex import Regex

Verifier = Exact | Numeric | Regex | JsonSchema | Constraints

_ADAPTER: TypeAdapter[Verifier] = TypeAdapter(Annotated[Verifier, Field(discriminator="kind")])


@lru_cache(maxsize=10_000)
def parse_verifier(specification: str) -> Verifier:
    """The verifier that a JSON specification describes, such as `{"kind": "numeric", "value": 4}`.

    Raises `InputError` that says what is wrong with it.
    """
    try:
        return _ADAPTER.validate_json(specification)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'it'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise InputError(
            f"{specification[:120]} is no verifier: {faults}",
            "docs/prompts.md lists the kinds of verifier with their fields",
        ) from error


def check(verifier: Verifier, text: str) -> Check:
    """Check a response."""
    return verifier.check(text)
