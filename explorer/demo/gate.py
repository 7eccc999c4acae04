"""What stands before the demo's server: which pages may send something, how much, how fast, and how many at once.

A request is let in when its body is here, whole and within limits, so that nobody who sends slowly, or without an end,
holds more than a place of their own.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import anyio
from gradio.queueing import Event
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.demo import keeping, turns

MEGABYTES = 28  # of a request: a picture of 20 in base64, or several smaller ones
SECONDS = 60  # in which all of a request has to be here
AT_ONCE, AT_ONCE_EACH = 1_000, 60  # requests that are being answered, of all visitors and of one
HELD, HELD_EACH = 512 * 1024**2, 128 * 1024**2  # bytes of requests that are being answered
ASKS = ("GET", "HEAD", "OPTIONS")  # what has no body, and changes nothing
IN_MEMORY = 1024**2  # of a body; more goes to a file without a name
# What the page, gradio_client and MCP send things to; of what can be asked for, what this demo has no use for.
TAKES = re.compile(r"/gradio_api/(upload|queue/join|call/.+|cancel|reset|mcp(/.*)?)/?")
UNUSED = re.compile(r"/gradio_api/(proxy=|deep_link|dev/|custom_component/|stream/|file=https?:|run|vibe-).*")
UPLOAD, JOINS = "/gradio_api/upload", re.compile("/gradio_api/(queue/join|call/.+)")
LOCAL = re.compile(r"localhost|.+\.localhost|127\.\d+\.\d+\.\d+|::1")


class _Refused(Exception):
    """The status and the sentence that a request is answered with."""


def _too_large() -> _Refused:
    return _Refused(413, f"A request may have {MEGABYTES} MB; send a smaller picture, or fewer at once.")


class Gate:
    """ASGI middleware.

    Args:
        private: whether the server listens to its own machine only; it is then reached under a local name alone, so
            that no page elsewhere can give its own name this machine's address.
        spared: names of folders of files that the page itself is made of.
    """

    def __init__(self, app: ASGIApp, private: bool, spared: frozenset[str] = frozenset()) -> None:
        self.app, self.private, self.spared = app, private, spared
        self.asking: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.parsing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        who = visitor(Headers(scope=scope), scope.get("client"))
        try:
            self._allow(scope)
            async with self._place(who), self._body(scope, receive, who) as body:
                if _path(scope) == UPLOAD:
                    await self._upload(scope, _again(body, receive), send, who)
                elif JOINS.fullmatch(_path(scope)) and scope["method"] == "POST":
                    await self._join(scope, _again(body, receive), send, who)
                else:
                    await self.app(scope, _again(body, receive), send)
        except _Refused as refusal:
            status, sentence = refusal.args
            close = {"Connection": "close"}  # what is still to come is not read
            if _path(scope) == UPLOAD:  # the page shows what this address answers as it is
                answer = PlainTextResponse(sentence, status, close)
            else:
                answer = JSONResponse({"detail": sentence}, status, close)
            await answer(scope, receive, send)

    def _allow(self, scope: Scope) -> None:
        """Raises _Refused where the page that asks, or the address, has nothing to ask for here."""
        headers, path = Headers(scope=scope), _path(scope)
        if self.private and not (LOCAL.fullmatch(_host(headers)) or _host(headers) in _named()):
            raise _Refused(403, "This demo is reached as localhost only; GRADIO_ROOT_PATH names another address.")
        if UNUSED.match(path):
            raise _Refused(404, "There is nothing at this address.")
        if scope["method"] in ASKS:
            return
        if not TAKES.fullmatch(path):
            raise _Refused(404, "There is nothing at this address.")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() not in _own(headers):
            raise _Refused(403, "Pages of other addresses may not use this demo; open its own page.")

    @asynccontextmanager
    async def _place(self, who: str) -> AsyncIterator[None]:
        """A place among the requests that are being answered."""
        if self.asking[who] >= AT_ONCE_EACH or self.asking.total() >= AT_ONCE:
            raise _Refused(429, "Too many requests at once; try again when others have been answered.")
        self.asking[who] += 1
        try:
            yield
        finally:
            self.asking[who] -= 1
            self.asking += Counter()  # forgets those of 0

    @asynccontextmanager
    async def _body(self, scope: Scope, receive: Receive, who: str) -> AsyncIterator[IO[bytes] | None]:
        """The whole body of a request, None where it can have none."""
        if scope["method"] in ASKS:
            yield None
            return
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as body:
            size = 0
            try:
                async for part in _parts(scope, receive):
                    size, self.held[who] = size + len(part), self.held[who] + len(part)
                    if size > MEGABYTES * 1024**2:
                        raise _too_large()
                    if self.held[who] > HELD_EACH or self.held.total() > HELD:
                        raise _Refused(429, "Too much is being sent at once; try again in a minute.")
                    body.write(part)
                body.seek(0)
                scope[turns.SIZE] = size
                yield body
            finally:
                self.held[who] -= size
                self.held += Counter()

    async def _join(self, scope: Scope, receive: Receive, send: Send, who: str) -> None:
        """Lets an event into the queue, where it comes in turn with those of other visitors."""
        queue = scope["app"].get_blocks()._queue
        if turns.full(queue, who, scope[turns.SIZE], _whose):
            raise _Refused(429, "Too much is being waited for; try again when some of it has been answered.")
        await self.app(scope, receive, send)
        turns.take_turns(queue, _whose)

    async def _upload(self, scope: Scope, receive: Receive, send: Send, who: str) -> None:
        """Lets Gradio take files out of a request, one request at a time, and keeps what is kept of this visitor."""
        said, told = bytearray(), []

        async def noted(message: Message) -> None:
            said.extend(message.get("body", b""))
            told.append(message)

        async with self.parsing:
            try:
                await self.app(scope, receive, noted)
            finally:
                keeping.drop_loose()
        if told[0]["status"] == 200:
            keeping.claim([Path(path) for path in json.loads(said)], who)
            await anyio.to_thread.run_sync(keeping.sweep, self.spared)
        for message in told:
            await send(message)


async def _parts(scope: Scope, receive: Receive) -> AsyncIterator[bytes]:
    """The parts of a body, which all have to come in time; raises _Refused."""
    stated = Headers(scope=scope).get("content-length", "0")
    if not re.fullmatch("[0-9]{1,12}", stated) or int(stated) > MEGABYTES * 1024**2:
        raise _too_large()
    until = anyio.current_time() + SECONDS
    more = True
    while more:
        try:
            with anyio.fail_after(max(0, until - anyio.current_time())):
                message = await receive()
        except TimeoutError:
            raise _Refused(408, f"The request was not here after {SECONDS} seconds; try again.") from None
        if message["type"] == "http.disconnect":
            raise _Refused(400, "The request was broken off.")
        yield message.get("body", b"")
        more = message.get("more_body", False)


def visitor(headers: Mapping[str, str], client: tuple[str, int] | None) -> str:
    """Who asks: the address, of IPv6 the network that one household has.

    On Spaces it is the last public one of those that proxies wrote down: what stands before it, a visitor may have
    written.
    """
    address = client[0] if client else ""
    if os.environ.get("SPACE_ID"):
        passed = [one.strip() for one in headers.get("x-forwarded-for", "").split(",")]
        address = next((one for one in reversed(passed) if _is_public(one)), address)
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))


def _whose(event: Event) -> str:
    return visitor(event.request.headers, event.request.scope.get("client"))


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def _path(scope: Scope) -> str:
    return re.sub("/+", "/", scope["path"]).rstrip("/") or "/"


def _host(headers: Headers) -> str:
    try:
        return (urlsplit(f"//{headers.get('host', '')}").hostname or "").lower()
    except ValueError:
        return ""


def _named() -> set[str]:
    """Names of hosts that the setting of Gradio for a proxy's address gives this demo."""
    return {urlsplit(os.environ.get("GRADIO_ROOT_PATH", "")).hostname or "localhost"}


def _own(headers: Headers) -> set[str]:
    """Where the demo's own page comes from: hosts with their ports."""
    own = {headers.get("host", ""), urlsplit(os.environ.get("GRADIO_ROOT_PATH", "")).netloc}
    if space := os.environ.get("SPACE_HOST"):
        own |= {*space.split(","), "huggingface.co", headers.get("x-forwarded-host", "")}
    return {one.strip().lower() for one in own} - {""}


def _again(body: IO[bytes] | None, receive: Receive) -> Receive:
    """Hands a body out that is here already; afterwards, whatever the connection says."""
    if body is None:
        return receive
    ended = False

    async def again() -> Message:
        nonlocal ended
        if ended:
            return await receive()
        part = body.read(65_536)
        ended = len(part) < 65_536
        return {"type": "http.request", "body": part, "more_body": not ended}

    return again
