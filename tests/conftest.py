"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# The machines are shared and noisy: how long one example takes says nothing.
settings.register_profile("prefline", deadline=None)
settings.load_profile("prefline")
