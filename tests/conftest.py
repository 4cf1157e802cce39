"""What all tests share."""

from __future__ import annotations

import signal

from hypothesis import settings

pytest_plugins = ["tests.s3_server"]

# The machines are shared and noisy: how long one example takes says nothing.
settings.register_profile("prefline", deadline=None)
settings.load_profile("prefline")

# A shell starts what runs in the background with Ctrl-C ignored, and so would every process
# that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
