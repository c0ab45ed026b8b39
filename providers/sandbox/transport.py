"""Addresses as clients used them, and answers as they go out: late, packed, cut off or not at all."""

import asyncio
import contextlib
import zlib

from starlette.requests import Request
from starlette.types import Receive, Send

from providers.sandbox.answers import GraphAnswer
from providers.sandbox.clouds import CLOUDS, is_microsoft_host

SMALLEST_GZIP = 400
LONGEST_HANG_S = 600
LOOK_AGAIN_S = 0.02


def client_base(http: Request) -> str:
    """Scheme and host the client used. Microsoft's own hosts are always https."""
    host = http.headers.get("x-forwarded-host") or http.headers.get("host", "localhost")
    scheme = http.headers.get("x-forwarded-proto") or http.url.scheme
    return f"{'https' if is_microsoft_host(host.partition(':')[0]) else scheme}://{host}"


def login_base(http: Request) -> str:
    """Published address of the token service: always https, as clients insist on."""
    base = client_base(http)
    return base if base.startswith("https://") else f"https://{CLOUDS['global'].login}"


async def deliver(answer: GraphAnswer, encodings: str, receive: Receive, send: Send) -> None:
    """Send an answer after its delay, or break the connection as a failure script wants."""
    if answer.delay_s > 0:
        await asyncio.sleep(answer.delay_s)
    while not all(script.cleared for script in answer.holds):
        await asyncio.sleep(LOOK_AGAIN_S)
    if answer.transport == "hang":
        await _wait_for_disconnect(receive)
    if answer.transport in ("hang", "drop"):
        await _close(send)
        return
    content, headers = answer.content, dict(answer.headers)
    if "gzip" in encodings and len(content) >= SMALLEST_GZIP:
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        content = packer.compress(content) + packer.flush()
        headers["Content-Encoding"] = "gzip"
    if answer.status != 204:
        headers["Content-Length"] = str(len(content))
    encoded = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    if answer.transport == "truncate":
        await send({"type": "http.response.body", "body": content[: len(content) // 2], "more_body": True})
        await _close(send, after_flush=True)
        return
    await send({"type": "http.response.body", "body": content})


async def _wait_for_disconnect(receive: Receive) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_HANG_S):
            while (await receive())["type"] != "http.disconnect":
                pass


async def _close(send: Send, *, after_flush: bool = False) -> None:
    """Close the socket under the server, so that the client sees a broken connection."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if isinstance(transport, asyncio.Transport):
        if after_flush:
            transport.close()
        else:
            transport.abort()
    await asyncio.sleep(0.01)
