"""python -m tl_core.locale update | compile | check | untranslated"""

from __future__ import annotations

import sys

from tl_core import locale

COMMANDS = ("update", "compile", "check", "untranslated")


def main(arguments: list[str]) -> int:
    """Run a command for every language; 1 where `check` finds something."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"python -m tl_core.locale {' | '.join(COMMANDS)}", file=sys.stderr)
        return 2
    found: list[str] = []
    for language in locale.translated_into():
        if arguments[0] == "update":
            locale.update(language)
        elif arguments[0] == "compile":
            locale.write(locale.read(language), language)
        if arguments[0] == "check":
            found += [f"{language}: {line}" for line in locale.faults(language)]
        else:
            print(*(f"{language}: {line}" for line in locale.untranslated(language)), sep="\n")
    print(*found, sep="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
