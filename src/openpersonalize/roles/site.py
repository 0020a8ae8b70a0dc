"""The pages beside the API: health, documentation, and a pointer at `/`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from openpersonalize import __version__
from openpersonalize.errors import UnknownOperationException
from openpersonalize.protocol.operation import Operation
from openpersonalize.protocol.rest import REST
from openpersonalize.roles.documentation import openapi_document, page
from openpersonalize.roles.health import Check, run_checks

_READING = ["GET", "HEAD"]

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

POINTERS = {
    "service": "OpenPersonalize",
    "version": __version__,
    "docs": "/docs",
    "openapi": "/openapi.json",
    "health": "/healthz",
    "readiness": "/readyz",
}
# Nothing from other hosts, so that the page works without internet and cannot be told to load more.
DOCS_POLICY = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def build_site(
    operations: Sequence[Operation], checks: Mapping[str, Check], lifespan: Lifespan, *, region: str
) -> FastAPI:
    """The FastAPI app behind the API's front; `region` is that of unsigned requests."""
    site = FastAPI(
        title="OpenPersonalize",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    document = openapi_document(operations, region)

    @site.api_route("/healthz", methods=_READING)
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok", "version": __version__})

    @site.api_route("/readyz", methods=_READING)
    async def readyz() -> JSONResponse:
        found = await run_in_threadpool(run_checks, checks)
        ready = all(reason == "ok" for reason in found.values())
        return JSONResponse({"ready": ready, "checks": found}, status_code=200 if ready else 503)

    @site.api_route("/openapi.json", methods=_READING)
    async def openapi(request: Request) -> JSONResponse:
        # As the client reaches it, so that Postman and others know where to send to.
        return JSONResponse(document | {"servers": [{"url": str(request.base_url).rstrip("/")}]})

    @site.api_route("/docs", methods=_READING)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page(), headers={"content-security-policy": DOCS_POLICY})

    @site.api_route("/", methods=_READING)
    async def root() -> JSONResponse:
        return JSONResponse(POINTERS)

    site.add_exception_handler(HTTPException, _no_such_page)
    return site


async def _no_such_page(request: Request, error: Any) -> Response:
    path = request.url.path[:256]
    text = f"No operation or page at {path}: see /docs."
    if error.status_code != 404:
        text = f"{request.method} {path}: {error.detail}."
    _, headers, body = REST.encode(UnknownOperationException(text))
    own = {name.decode(): value.decode() for name, value in headers}
    return Response(body, status_code=error.status_code, headers=own | dict(error.headers or {}))
