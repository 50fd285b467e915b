"""What of Gradio's page is changed on its way to a browser: a first screen that is there before
Gradio's script is, and two places that cost a visitor's processor much for nothing. Text that is
not found, as in another version of Gradio, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
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
HEAD, BODY = b"<head>", re.compile(rb"<body[^>]*>")

# At each step of each event Gradio looks for components, each time by going through all there are;
# opening this page asks for eight thousand. The same function with a memory of the way to each: the
# way is kept, not the component, so that what has moved meanwhile is looked for again.
SEARCH = re.compile(
    rb"function (\w+)\((\w),(\w)\)\{if\(\2\.id===\3\)return \2;if\(\2\.children\)"
    rb"for\(let (\w) of \2\.children\)\{let \2=\1\(\4,\3\);if\(\2\)return \2\}return null\}"
)
KEPT = rb"""function \1(root,id){
const all=\1.ways||=new WeakMap;let ways=all.get(root);if(!ways)all.set(root,ways=new Map);
const at=way=>{let node=way&&root;for(const i of way||[]){node=node.children?.[i];if(!node)break}
return node?.id===id?node:null};
const known=at(ways.get(id));if(known)return known;
const walk=(node,way)=>{ways.set(node.id,way);let i=0;
for(const child of node.children||[])walk(child,[...way,i++])};
ways.clear();walk(root,[]);return at(ways.get(id))}"""


def with_first_paint(document: bytes, first: str) -> bytes:
    """The document as a browser is given it.

    Args:
        first: HTML to come before everything else in its body.
    """
    calm = document.replace(HEAD, HEAD + CALM.encode(), 1)
    return BODY.sub(lambda found: found[0] + first.encode(), calm, count=1)


def as_sent(script: bytes) -> bytes:
    """The script as a browser is given it."""
    return SEARCH.sub(KEPT, script, 1)


class Document:
    """A layer of the page's server that changes the document and the script that runs it.

    Args:
        first: see `with_first_paint`.
    """

    def __init__(self, app: Any, first: str = ""):
        self.app, self.first = app, first

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        change = self._change(scope) if scope["type"] == "http" else None
        if change is None:
            await self.app(scope, receive, send)
            return
        start: dict[str, Any] = {}
        body: list[bytes] = []

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 200 and _is_text(message["headers"]):
                    start.update(message)
                    return
            if not start:
                await send(message)
                return
            body.append(message.get("body", b""))
            if not message.get("more_body"):
                whole = change(b"".join(body))
                size = (b"content-length", str(len(whole)).encode())
                headers = [h for h in start["headers"] if h[0].lower() != size[0]]
                await send({**start, "headers": [*headers, size]})
                await send({"type": "http.response.body", "body": whole})

        await self.app(scope, receive, sending)

    def _change(self, scope: Any) -> Callable[[bytes], bytes] | None:
        """What is done to the answer."""
        if scope["method"] != "GET":
            return None
        if scope["path"].endswith("/"):
            return partial(with_first_paint, first=self.first)
        if re.search(r"/assets/core-[\w-]+\.js$", scope["path"]):
            return as_sent
        return None


def _is_text(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    given = {name.lower(): value for name, value in headers}
    kind = given.get(b"content-type", b"")
    return b"content-encoding" not in given and (b"text/html" in kind or b"javascript" in kind)
