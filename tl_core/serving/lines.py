"""The lines by which other programs ask a service, to be pasted: the same question in three
languages.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

TOKEN = "TL_SERVE_TOKEN"  # the variable of the environment that a token is taken from


def lines(
    url: str, inputs: Any, *, model: str | None = None, token: bool = False
) -> dict[str, str]:
    """The question for a shell, Python and JavaScript (Node 18 or later), by their names.

    Args:
        inputs: as a request has them: a text, a list of texts, or pairs.
        model: which answers; None: the only one there is.
        token: whether the service asks for one. It is read from TL_SERVE_TOKEN, never written out.
    """
    where = url.rstrip("/")
    asked: dict[str, Any] = {"inputs": inputs}
    if model is not None:
        asked["parameters"] = {"model": model}
    return {
        "curl": _curl(where, asked, token),
        "Python": _python(where, asked, token),
        "JavaScript": _javascript(where, asked, token),
    }


def _as_json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


def _curl(where: str, asked: dict[str, Any], token: bool) -> str:
    head = f' -H "Authorization: Bearer ${TOKEN}"' if token else ""
    return f"curl {shlex.quote(where)}{head} -d {shlex.quote(_as_json(asked))}"


def _python(where: str, asked: dict[str, Any], token: bool) -> str:
    own = f""", "Authorization": "Bearer " + os.environ["{TOKEN}"]""" if token else ""
    return "\n".join(
        [
            f"import json{', os' if token else ''}, urllib.request",
            "",
            f"asked = {asked!r}",
            f'headers = {{"Content-Type": "application/json"{own}}}',
            f"request = urllib.request.Request({where!r}, json.dumps(asked).encode(), headers)",
            "print(json.load(urllib.request.urlopen(request)))",
        ]
    )


def _javascript(where: str, asked: dict[str, Any], token: bool) -> str:
    own = f", Authorization: `Bearer ${{process.env.{TOKEN}}}`" if token else ""
    return "\n".join(
        [
            f"const answer = await fetch({json.dumps(where)}, {{",
            '  method: "POST",',
            f'  headers: {{"Content-Type": "application/json"{own}}},',
            f"  body: JSON.stringify({_as_json(asked)}),",
            "});",
            "console.log(await answer.json());",
        ]
    )
