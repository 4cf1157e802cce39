"""JSON valid under a schema."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import field_validator

from prefline.config.section import Section
from prefline.verifiers.check import Check, without_fence


class JsonSchema(Section):
    """Passes if the reply, a code fence around it aside, is JSON valid under `json_schema`."""

    kind: Literal["json_schema"]
    json_schema: dict[str, Any]

    @field_validator("json_schema")
    @classmethod
    def _is_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        import jsonschema

        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise ValueError(f"is no JSON schema: {error.message}") from error
        return schema

    def check(self, text: str) -> Check:
        """Parse and validate; the first fault, in the order of the schema, is the reason."""
        import jsonschema

        try:
            content = json.loads(without_fence(text))
        except (json.JSONDecodeError, RecursionError) as error:
            return Check(passed=False, why=f"is not JSON: {error}")
        validator = jsonschema.Draft202012Validator(self.json_schema)
        fault = next(validator.iter_errors(content), None)
        if fault is None:
            return Check(passed=True, why="is JSON under the schema")
        return Check(passed=False, why=f"{fault.json_path}: {fault.message[:80]}")
