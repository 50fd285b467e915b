"""Sentences for a person: written in English where they are needed, carried as data, and put into
a language where somebody reads them.

    say("{n} rows were left out of {file}.", n=3, file=path.name)

is that English text, a `str` like any other, and knows what it was made of; so `.to("ko")` gives
the Korean one, even in another process or from a file. Values may be sentences themselves.

The translations are in `tl_core/locale`; `python -m tl_core.locale update` collects the sentences
that `say`, `say_n` and `say_as` mark.
"""

from __future__ import annotations

import functools
import gettext
import string
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, SupportsIndex

from tl_core.api.particles import fitted

ENGLISH = "en"
LANGUAGES = ("en", "ko")
LOCALE = Path(__file__).parent.parent / "locale"
DOMAIN = "transfer_lab"
TABLE = "sentences"  # in JSON documents
DEEPEST = 8  # sentences inside sentences, when they are read from a file

NameOf = Callable[[str], str]  # how a surface calls a setting
_PLAIN = (str, int, float, bool, type(None))


class Setting(str):
    """A value of a sentence: something that can be set. The page, the command line and Python each
    have their own name for it; its text is the one in Python.
    """


class Sentence(str):
    """English text that remembers its template and what was put into it.

    A template is a `str.format` string whose fields are plain names, "{n:,} rows of {name!r}"; one
    without values is said as it is, braces and all.
    """

    template: str
    many: str  # the template for any count but 1; "" where there is no count
    context: str  # tells apart templates that are the same in English only
    values: Mapping[str, Any]

    def __new__(
        cls,
        template: str,
        values: Mapping[str, Any] | None = None,
        many: str = "",
        context: str = "",
    ) -> Sentence:
        kept = {name: _kept(value) for name, value in (values or {}).items()}
        if not template:
            kept = {"parts": [], "sep": ""}
        chosen = many if many and kept["n"] != 1 else template
        self = super().__new__(cls, _filled(chosen, kept, ENGLISH, None))
        self.template, self.many, self.context, self.values = template, many, context, kept
        return self

    def __str__(self) -> str:
        return self  # str() of a sentence, or of an exception that holds one, loses nothing

    def __reduce__(self) -> tuple:
        if not self.template:
            return together, (self.values["parts"], self.values["sep"])
        return Sentence, (self.template, dict(self.values), self.many, self.context)

    def __add__(self, more: str) -> Sentence:
        return together((self, more), "")

    def __radd__(self, before: str) -> Sentence:
        return together((before, self), "")

    def filled(self, **values: Any) -> Sentence:
        """A sentence of this template, with values."""
        return Sentence(self.template, values, self.many, self.context)

    def replace(self, old: str, new: str, count: SupportsIndex = -1, /) -> str:
        """As a text's, and still a sentence where what is replaced was put into it as a value."""
        wanted = str.replace(self, old, new, count)
        made = _rebuilt(self, old, new)
        return made if made == wanted else wanted

    def to(self, language: str | None, name_of: NameOf | None = None) -> str:
        """The text in a language, in English where it has no translation.

        Args:
            name_of: how the one who reads this calls a setting; None: by its name in Python.
        """
        if self.template == "":  # parts that stand one after another
            return self.values["sep"].join(
                _said(part, language or ENGLISH, name_of) for part in self.values["parts"]
            )
        n = self.values["n"] if self.many else 1
        found = _look_up(self.template, self.many, self.context, n, language or ENGLISH)
        if not found:
            return _filled(
                self.many if self.many and n != 1 else self.template,
                self.values,
                ENGLISH,
                name_of,
                inside=language or ENGLISH,
            )
        return _filled(found, self.values, language or ENGLISH, name_of)

    def data(self) -> dict[str, Any]:
        """Return its parts for JSON; `from_data` reads them."""
        if not self.template:
            return {"parts": _as_json(self.values["parts"]), "sep": self.values["sep"]}
        made: dict[str, Any] = {"say": self.template}
        if self.many:
            made["many"] = self.many
        if self.context:
            made["as"] = self.context
        if self.values:
            made["with"] = {name: _as_json(value) for name, value in self.values.items()}
        return made


def say(template: str, /, **values: Any) -> Sentence:
    """A sentence, with its values by name."""
    return Sentence(template, values)


def say_n(one: str, many: str, /, n: int, **values: Any) -> Sentence:
    """A sentence that counts: `one` where `n` is 1, else `many`."""
    return Sentence(one, {"n": n, **values}, many)


def say_as(context: str, template: str, /, **values: Any) -> Sentence:
    """A sentence whose English has several meanings; `context` says which is meant."""
    return Sentence(template, values, "", context)


def together(parts: Iterable[str], sep: str = " ") -> Sentence:
    """Texts and sentences one after another; each stays what it is."""
    kept = [part for part in parts if part]
    joined = str.__new__(Sentence, sep.join(kept))
    joined.template, joined.many, joined.context = "", "", ""
    joined.values = {"parts": kept, "sep": sep}
    return joined


def in_language(text: str, language: str | None, name_of: NameOf | None = None) -> str:
    """A sentence in a language; any other text as it is."""
    return text.to(language, name_of) if isinstance(text, Sentence) else text


def sentence_of(fault: BaseException) -> str:
    """Return the message of an exception, as a sentence where it is one."""
    return fault.args[0] if fault.args and isinstance(fault.args[0], str) else str(fault)


def listed(items: Iterable[Any], most: int | None = None, sep: str = ", ") -> Sentence:
    """Items one after another; of more than `most` the first ones, and how many more there are."""
    items = list(items)
    if most is None or len(items) <= most:
        return together((_text(x) for x in items), sep)
    return say(
        "{first} and {n:,} more",
        first=together((_text(x) for x in items[:most]), sep),
        n=len(items) - most,
    )


def either(items: Iterable[Any]) -> Sentence:
    """One of a few."""
    return functools.reduce(
        lambda a, b: say("{a} or {b}", a=a, b=b), (_sentence(_text(x)) for x in items)
    )


def both(items: Iterable[Any]) -> Sentence:
    """All of a few: "a", "a and b", "a, b and c"."""
    *first, last = (_text(x) for x in items)
    return say("{a} and {b}", a=together(first, ", "), b=last) if first else _sentence(last)


# --- languages ------------------------------------------------------------------------------------


class _Untranslated(gettext.NullTranslations):
    """A fallback that translates everything as "", so that an untranslated text differs from one
    that reads the same in both languages.
    """

    def gettext(self, message: str) -> str:
        return ""

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return ""

    def pgettext(self, context: str, message: str) -> str:
        return ""


@functools.cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The translations into a language; none for English.

    Raises:
        OSError: the file of a language that there should be cannot be read.
    """
    if language not in LANGUAGES or language == ENGLISH:
        return _Untranslated()
    with (LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as file:
        words = gettext.GNUTranslations(file)
    words.add_fallback(_Untranslated())
    return words


@functools.cache
def known(template: str, context: str = "", many: str = "") -> bool:
    """Whether this version of the program says so: only then is what a file holds put together."""
    return any(
        _look_up(template, many, context, 1, language)
        for language in LANGUAGES
        if language != ENGLISH
    )


def _look_up(template: str, many: str, context: str, n: int, language: str) -> str:
    """The translation of a template; "" where there is none."""
    words = catalogue(language)
    if many:
        return words.ngettext(template, many, n)
    return words.pgettext(context, template) if context else words.gettext(template)


# --- filling templates ----------------------------------------------------------------------------


def _filled(
    template: str,
    values: Mapping[str, Any],
    language: str,
    name_of: NameOf | None,
    inside: str | None = None,
) -> str:
    """The template with its values; Korean particles fit the word before them.

    Particles are in the template only, so what a person wrote is never changed.
    """
    if not values:  # shown as it is, braces and all
        return fitted("", template) if language == "ko" else template
    made = ""
    for literal, field, spec, conversion in string.Formatter().parse(template):
        made += fitted(made, literal) if language == "ko" else literal
        if field is None:
            continue
        value = _said(values[field], inside or language, name_of)
        made += format(repr(value) if conversion == "r" else value, spec or "")
    return made


def _said(value: Any, language: str, name_of: NameOf | None) -> Any:
    """A value as it is in a sentence of this language."""
    if isinstance(value, Sentence):
        return value.to(language, name_of)
    if isinstance(value, Setting):
        return name_of(value) if name_of else f"{value}=…"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(_said(part, language, name_of)) for part in value)
    return value


def _kept(value: Any) -> Any:
    """A value as it is carried: text, number, sentence, or a list of these."""
    if isinstance(value, BaseException):
        return sentence_of(value)
    if isinstance(value, _PLAIN):
        return value
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a number of numpy's
        return value.item()
    if isinstance(value, (list, tuple)):
        return [_kept(part) for part in value]
    return str(value)


def _rebuilt(value: Any, old: str, new: str) -> Any:
    """The same with another text in place of one that was put into it."""
    if isinstance(value, Sentence):
        values = {name: _rebuilt(part, old, new) for name, part in value.values.items()}
        if not value.template:
            return together(values["parts"], values["sep"])
        return Sentence(value.template, values, value.many, value.context)
    if isinstance(value, list):
        return [_rebuilt(part, old, new) for part in value]
    return value.replace(old, new) if isinstance(value, str) else value


def _text(item: Any) -> str:
    return item if isinstance(item, str) else str(item)


def _sentence(text: str) -> Sentence:
    return text if isinstance(text, Sentence) else together((text,))


# --- in files -------------------------------------------------------------------------------------


def with_sentences(document: Any) -> Any:
    """A JSON document that keeps what its sentences are made of, in a table alongside them: their
    texts stay where they are, for whoever reads English.
    """
    table: dict[str, Any] = {}

    def look(value: Any) -> None:
        if isinstance(value, Sentence):
            table[value] = value.data()
        elif isinstance(value, Mapping):
            for part in value.values():
                look(part)
        elif isinstance(value, (list, tuple)):
            for part in value:
                look(part)

    if isinstance(document, dict):
        look(document)
    return {**document, TABLE: table} if table else document


def restored_in(document: Any) -> Any:
    """A JSON document as it was before `with_sentences`; one without a table as it is."""
    if not isinstance(document, dict) or not isinstance(document.get(TABLE), dict):
        return document
    table = {text: restored(text, data) for text, data in document[TABLE].items()}

    def put_back(value: Any) -> Any:
        if isinstance(value, str):
            return table.get(value, value)
        if isinstance(value, dict):
            return {name: put_back(part) for name, part in value.items()}
        return [put_back(part) for part in value] if isinstance(value, list) else value

    return {name: put_back(part) for name, part in document.items() if name != TABLE}


def restored(text: str, data: Any) -> str:
    """The sentence that `data` describes, if it is one of this program and reads `text`; else
    `text`, so that a file can say nothing in one language that it does not say in another.

    Args:
        data: what `Sentence.data` gave, as it was read from a file of anybody's.
    """
    try:
        made = _from_json(data, DEEPEST)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return text
    return made if isinstance(made, Sentence) and made == text else text


def _as_json(value: Any) -> Any:
    if isinstance(value, Sentence):
        return value.data()
    if isinstance(value, Setting):
        return {"setting": str(value)}
    if isinstance(value, list):
        return [_as_json(part) for part in value]
    return value


def _from_json(data: Any, depth: int) -> Any:
    if depth == 0:
        raise ValueError
    if isinstance(data, list):
        return [_from_json(part, depth - 1) for part in data]
    if not isinstance(data, dict):
        return data
    if "setting" in data:
        return Setting(data["setting"])
    if "parts" in data:
        return together((_from_json(part, depth - 1) for part in data["parts"]), data["sep"])
    template, many, context = data["say"], data.get("many", ""), data.get("as", "")
    if not known(template, context, many):
        raise ValueError
    values = {str(n): _from_json(v, depth - 1) for n, v in data.get("with", {}).items()}
    return Sentence(template, values, many, context)
