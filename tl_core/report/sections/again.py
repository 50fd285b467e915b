"""The command and the script that make the study again."""

from __future__ import annotations

from tl_core.report import script as again
from tl_core.report.html_helpers import escaped, section, tabled
from tl_core.report.study_report import Report
from tl_core.words.phrases import (
    say,
)


def again_section(r: Report) -> str:
    """A command, a script, and the versions."""
    command = r.context.get("command")
    said = _code(command) if command else f"<p>{r.say('command_none')}</p>"
    script = _code(again.script(r.plan.study))
    said += f"<p>{r.say('again_note', archive=again.ARCHIVE)}</p>{_code(again.COMMAND)}"
    said += f"<details><summary>{r.say('again_script')}</summary>{script}</details>"
    used: dict[str, dict[str, None]] = {}
    for result in r.results.values():
        for package, version in [
            *result.versions.items(),
            *([(say(r.language, "device"), result.device)] if result.device else []),
        ]:
            used.setdefault(package, {})[version] = None
    rows = [(escaped(package), escaped(", ".join(found))) for package, found in used.items()] + [
        (r.say("study_id"), escaped(r.plan.study.id))
    ]
    return section(
        r, "again", said + tabled(r, [r.say("head_package"), r.say("head_version")], rows)
    )


def _code(told: str) -> str:
    return f"<pre tabindex='0'><code>{escaped(told)}</code></pre>"
