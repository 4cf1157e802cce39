"""The project as DVC and git see it, through their own commands."""

from prefline.repository.branch import commit_to_branch, push_branch
from prefline.repository.dvc import changed_stages, has_remote, run_dvc

__all__ = ["changed_stages", "commit_to_branch", "has_remote", "push_branch", "run_dvc"]
