"""A Prefect server for the stages: a running one, or one of the project's own."""

from flows.runtime.prefect_server.find import api_url, is_project_server, leave, start_early

__all__ = ["api_url", "is_project_server", "leave", "start_early"]
