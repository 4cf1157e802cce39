"""The base of every section of `params.yaml`."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen section in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
