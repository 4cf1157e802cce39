"""A Prefect server for the stages: a running one, or one of the project's own."""

from prefline.prefect_server.find import api_url, is_own
from prefline.prefect_server.users import leave

__all__ = ["api_url", "is_own", "leave"]
