"""`params.yaml`: one frozen section per stage, and how the file is read."""

from prefline.config.endpoints import (
    BUNDLED_EMBEDDER,
    BUNDLED_MODEL,
    LOCAL,
    BatchLimits,
    Endpoint,
    Prices,
    RateLimits,
)
from prefline.config.evolve import EvolveParams
from prefline.config.filters import (
    Benchmark,
    FilterParams,
    NearDuplicates,
    Safety,
    SemanticDuplicates,
)
from prefline.config.generation import BestOf, GenerateParams, ImportedResponses, RevisionParams
from prefline.config.judge import (
    AdaptiveParams,
    ComparingJudge,
    EndpointJudge,
    Judge,
    JudgeParams,
    ModelJudge,
    OrderedJudge,
    PairwiseJudge,
    PrincipledJudge,
)
from prefline.config.learning import (
    DpoParams,
    EvaluateParams,
    HumanPairs,
    ImproveParams,
    LoraParams,
    PolicyTest,
    RewardHeadParams,
    RewardModelParams,
    Training,
    TunedParams,
)
from prefline.config.mix import DiversityParams, DoubtParams, MixParams
from prefline.config.publishing import PUBLISH_FORMATS, HubParams, PublishParams, S3Params
from prefline.config.read import Params, read_params
from prefline.config.run import EngineParams, PipelineParams, ShardParams
from prefline.config.sources import FIELDS, Source
from prefline.config.stages import HoldOut, PairParams, ReviewParams, SampleParams, ValidateParams

__all__ = [
    "BUNDLED_EMBEDDER",
    "BUNDLED_MODEL",
    "FIELDS",
    "LOCAL",
    "PUBLISH_FORMATS",
    "AdaptiveParams",
    "BatchLimits",
    "Benchmark",
    "BestOf",
    "ComparingJudge",
    "DiversityParams",
    "DoubtParams",
    "DpoParams",
    "Endpoint",
    "EndpointJudge",
    "EngineParams",
    "EvaluateParams",
    "EvolveParams",
    "FilterParams",
    "GenerateParams",
    "HoldOut",
    "HubParams",
    "HumanPairs",
    "ImportedResponses",
    "ImproveParams",
    "Judge",
    "JudgeParams",
    "LoraParams",
    "MixParams",
    "ModelJudge",
    "NearDuplicates",
    "OrderedJudge",
    "PairParams",
    "PairwiseJudge",
    "Params",
    "PipelineParams",
    "PolicyTest",
    "Prices",
    "PrincipledJudge",
    "PublishParams",
    "RateLimits",
    "ReviewParams",
    "RevisionParams",
    "RewardHeadParams",
    "RewardModelParams",
    "S3Params",
    "Safety",
    "SampleParams",
    "SemanticDuplicates",
    "ShardParams",
    "Source",
    "Training",
    "TunedParams",
    "ValidateParams",
    "read_params",
]
