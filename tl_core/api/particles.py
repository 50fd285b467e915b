"""Korean particles that fit the word before them: 모델은, but 텍스트는.

A translation writes both forms, as Korean forms do where the word is not known: {name}은(는),
이(가), 을(를), 과(와), (으)로, (이)라. Which one is right depends on whether the word ends in a
consonant as a Korean reads it aloud.
"""

from __future__ import annotations

import re

# as it is written: (after a consonant, after a vowel)
_FORMS = {
    "은(는)": ("은", "는"),
    "이(가)": ("이", "가"),
    "을(를)": ("을", "를"),
    "과(와)": ("과", "와"),
    "(으)로": ("으로", "로"),
    "(이)라": ("이라", "라"),
    "(이)나": ("이나", "나"),
}
_WRITTEN = re.compile("|".join(map(re.escape, _FORMS)))
_CLOSING = "”’\"'»」』]"
_IN_BRACKETS = re.compile(r"(?<=\S)\s*\([^()]*\)$")
_DIGITS = {"2", "4", "5", "9"}  # 이, 사, 오, 구 end in a vowel
_DIGITS_L = {"1", "7", "8"}  # 일, 칠, 팔
_NONE, _L, _OTHER = 0, 1, 2


def fitted(before: str, text: str) -> str:
    """`text`, where each particle that is written in both forms takes the one that fits; `before`
    is what is before it. Where it cannot be determined, both forms stay.
    """
    if "(" not in text:
        return text
    made, at = "", 0
    for match in _WRITTEN.finditer(text):
        made += text[at : match.start()]
        at = match.end()
        ending = last_sound(before + made)
        if ending is None:
            made += match[0]
            continue
        with_consonant, with_vowel = _FORMS[match[0]]
        open_sound = ending == _NONE or (ending == _L and match[0] == "(으)로")
        made += with_vowel if open_sound else with_consonant
    return made + text[at:]


def last_sound(text: str) -> int | None:
    """Return how a text ends when it is read aloud in Korean: 0 in a vowel, 1 in ㄹ, 2 in another
    consonant; None where it cannot be determined.
    """
    text = text.rstrip(_CLOSING)
    while shorter := _IN_BRACKETS.sub("", text):
        if shorter == text:
            break
        text = shorter.rstrip(_CLOSING)
    text = text.rstrip(".…,:; ")
    if not text:
        return None
    last = text[-1]
    if "가" <= last <= "힣":
        final = (ord(last) - 0xAC00) % 28
        return _NONE if final == 0 else _L if final == 8 else _OTHER
    if last == "%":  # 퍼센트
        return _NONE
    if last.isdecimal() and last.isascii():
        return _NONE if last in _DIGITS else _L if last in _DIGITS_L else _OTHER
    if found := re.search(r"[A-Za-z]+$", text):
        return _latin(found[0])
    return None


def _latin(word: str) -> int:
    """An English word or letters, as they are usually written in Hangul."""
    if word[-1].isupper() or len(word) == 1 or not re.search("[aeiouy]", word.lower()):
        return {"l": _L, "r": _L, "m": _OTHER, "n": _OTHER}.get(word[-1].lower(), _NONE)  # letters
    word = word.lower()
    if word.endswith(("le", "l")):
        return _L
    if word.endswith(("m", "n", "ng", "me", "ne")):
        return _OTHER
    if re.search(r"(^|[^aeiou])[aeiou](ck|[bckpt])$", word) or re.search(r"oo[kpt]$", word):
        return _OTHER  # 챗, 웹, 북
    return _NONE
