"""`params.yaml`: one frozen section per stage, and how the file is read."""

from prefline.params.endpoints import (
    BUNDLED_MODEL,
    LOCAL,
    BatchLimits,
    Endpoint,
    Prices,
    RateLimits,
)
from prefline.params.ladder import LadderParams
from prefline.params.read import Params, read_params
from prefline.params.run import EngineParams, PipelineParams
from prefline.params.stages import (
    GenerateParams,
    JudgeParams,
    JudgeSpec,
    PairParams,
    PublishParams,
    SampleParams,
    Source,
    ValidateParams,
)

__all__ = [
    "BUNDLED_MODEL",
    "LOCAL",
    "BatchLimits",
    "Endpoint",
    "EngineParams",
    "GenerateParams",
    "JudgeParams",
    "JudgeSpec",
    "LadderParams",
    "PairParams",
    "Params",
    "PipelineParams",
    "Prices",
    "PublishParams",
    "RateLimits",
    "SampleParams",
    "Source",
    "ValidateParams",
    "read_params",
]
