"""Rewards by a tuned language model (the extra `train`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefline.learning.conversation import Conversation
from prefline.learning.head import Floats


def score(folder: Path, conversations: Sequence[Conversation]) -> Floats:
    """To be replaced when the branch tuning is merged."""
    raise NotImplementedError(folder, conversations)
