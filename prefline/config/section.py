"""The base of every section of `params.yaml`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""A seed: what JSON and every reader of it can hold."""


class Section(BaseModel):
    """A frozen section in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
