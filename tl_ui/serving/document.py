"""The page's document, with what must be there before Gradio's own scripts: its `head` comes after
them.
"""

from __future__ import annotations

from typing import Any

# Gradio's first loading sign counts seconds at every frame, and goes on after it is gone:
# several per cent of a core for as long as the page is open. Its function is known by its
# text; four times a second is enough for a sign in sight, too.
CALM = """<script>{
const next = window.requestAnimationFrame.bind(window);
const counts = draw => /performance\\.now\\(\\)-/.test(draw) && String(draw).length < 120;
window.requestAnimationFrame = draw =>
  counts(draw) ? setTimeout(() => next(draw), 250) : next(draw);
}</script>"""
HEAD = b"<head>"


class Document:
    """A layer of the page's server that writes `CALM` into the head of the document."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].endswith("/"):
            await self.app(scope, receive, send)
            return
        start: dict[str, Any] = {}
        body: list[bytes] = []

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                kinds = [v for k, v in message["headers"] if k.lower() == b"content-type"]
                if any(kind.startswith(b"text/html") for kind in kinds):
                    start.update(message)
                    return
            if not start:
                await send(message)
                return
            body.append(message.get("body", b""))
            if not message.get("more_body"):
                document = b"".join(body).replace(HEAD, HEAD + CALM.encode(), 1)
                size = (b"content-length", str(len(document)).encode())
                headers = [h for h in start["headers"] if h[0].lower() != size[0]]
                await send({**start, "headers": [*headers, size]})
                await send({"type": "http.response.body", "body": document})

        await self.app(scope, receive, sending)
