"""How a study is made again, in words to paste."""

from __future__ import annotations

from tl_core.report import script as again
from tl_core.studies.plan import Study
from tl_ui.components.html import escaped
from tl_ui.words import t


def again_html(study: Study, lang: str) -> str:
    """The command and the script that make the study again."""
    return (
        f"<p>{escaped(t(lang, 'again_info', archive=again.ARCHIVE))}</p>{_code(again.COMMAND)}<p>"
        f"{escaped(t(lang, 'again_script'))}</p>{_code(again.script(study))}"
    )


def _code(text: str) -> str:
    return f"<pre class='tl-code' tabindex='0'><code>{escaped(text)}</code></pre>"
