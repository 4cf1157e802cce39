"""The project as DVC and git see it, through their own commands."""

from flows.runtime.dvc import (
    changed_stages,
    environment,
    has_remote,
    pull,
    push,
    reproduce,
)
from flows.runtime.git import commit_to_branch, push_refs, tag_commit
from flows.runtime.params_file import set_params

__all__ = [
    "changed_stages",
    "commit_to_branch",
    "environment",
    "has_remote",
    "pull",
    "push",
    "push_refs",
    "reproduce",
    "set_params",
    "tag_commit",
]
