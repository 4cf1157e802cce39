"""Environment variables: read in this one place, for secrets and for what tools of others want."""

from __future__ import annotations

import os
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

# Telemetry of the tools that the pipeline is built on is off, and Prefect gets the time that
# a busy two-core machine needs. A value that the user has set stays.
_DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # What a stage has to say it says itself; run logs still go to the server.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def apply_defaults() -> None:
    """Set what is unset of the defaults above, for this process and its children."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def secret(name: str | None) -> str | None:
    """Return the value of the environment variable that holds a key, or None if it is unset or
    empty."""
    if name is None:
        return None
    return os.environ.get(name) or None


def prefect_api_url() -> str | None:
    """Return the Prefect server that the user names, or None."""
    return os.environ.get("PREFECT_API_URL") or None


def openlineage_namespace() -> str | None:
    """Return the namespace of jobs for OpenLineage; None where no transport for its events is set
    by OPENLINEAGE_URL or OPENLINEAGE_CONFIG, or where OPENLINEAGE_DISABLED turns it off."""
    disabled = os.environ.get("OPENLINEAGE_DISABLED", "").lower() in {"1", "true"}
    named = any(os.environ.get(name) for name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG"))
    if disabled or not named:
        return None
    return os.environ.get("OPENLINEAGE_NAMESPACE") or "prefline"


def bypass_proxy(url: str) -> None:
    """Let this process and its children reach a server on our own machine past any proxy."""
    host = urlsplit(url).hostname
    if host not in {"127.0.0.1", "localhost", "::1"}:
        return
    for name in ("no_proxy", "NO_PROXY"):
        hosts = os.environ.get(name, "")
        if host not in hosts.split(","):
            os.environ[name] = f"{hosts},{host}" if hosts else host


def proxy_from_environment(url: str) -> str | None:
    """Return the proxy for a URL by `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`."""
    parts = urlsplit(url)
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")
