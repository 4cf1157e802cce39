"""`params.yaml`: one frozen section per stage, and how the file is read."""

from prefline.params.endpoints import (
    BUNDLED_MODEL,
    LOCAL,
    BatchLimits,
    Endpoint,
    Prices,
    RateLimits,
)
from prefline.params.generation import GenerateParams, ImportedResponses, RevisionParams
from prefline.params.judges import (
    ComparingJudge,
    ConstitutionJudge,
    Criterion,
    ImportedJudge,
    Judge,
    ListwiseJudge,
    ModelJudge,
    OrderedJudge,
    PairwiseJudge,
    ReasonedJudge,
    ReferenceJudge,
    RubricJudge,
    VerifierJudge,
)
from prefline.params.ladder import LadderParams
from prefline.params.publishing import HubParams, PublishParams, S3Params
from prefline.params.read import Params, read_params
from prefline.params.run import EngineParams, PipelineParams
from prefline.params.stages import (
    JudgeParams,
    PairParams,
    ReviewParams,
    SampleParams,
    Source,
    ValidateParams,
)

__all__ = [
    "BUNDLED_MODEL",
    "LOCAL",
    "BatchLimits",
    "ComparingJudge",
    "ConstitutionJudge",
    "Criterion",
    "Endpoint",
    "EngineParams",
    "GenerateParams",
    "HubParams",
    "ImportedJudge",
    "ImportedResponses",
    "Judge",
    "JudgeParams",
    "LadderParams",
    "ListwiseJudge",
    "ModelJudge",
    "OrderedJudge",
    "PairParams",
    "PairwiseJudge",
    "Params",
    "PipelineParams",
    "Prices",
    "PublishParams",
    "RateLimits",
    "ReasonedJudge",
    "ReferenceJudge",
    "ReviewParams",
    "RevisionParams",
    "RubricJudge",
    "S3Params",
    "SampleParams",
    "Source",
    "ValidateParams",
    "VerifierJudge",
    "read_params",
]
