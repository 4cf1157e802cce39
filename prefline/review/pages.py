"""Templates of the page, and the context that all of them share."""

from __future__ import annotations

from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from prefline.review.rendering import shown
from prefline.text import xml_text

# In the order of the head of the page.
PAGES = (("Review", ""), ("Browse", "browse"), ("Watch", "watch"), ("Report", "report"))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("prefline.review"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined, finalize=xml_text,
    )  # fmt: skip
    environment.globals |= {"pages": PAGES, "shown": shown}
    return environment


_ENVIRONMENT = _environment()


def page(
    request: Request, template: str, *, here: str = "Review", status: int = 200, **context: Any
) -> HTMLResponse:
    """Return a page or a part of one. All text that is not the project's own is escaped."""
    base = request.scope["root_path"]
    html = _ENVIRONMENT.get_template(template).render(base=base, here=here, **context)
    return HTMLResponse(html, status)


def asks_for_part(request: Request) -> bool:
    """Tell whether a page on the screen asks for a part of itself."""
    return "hx-request" in request.headers
