"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.s3_server"]

# The machines are shared and noisy: how long one example takes says nothing.
settings.register_profile("prefline", deadline=None)
settings.load_profile("prefline")
