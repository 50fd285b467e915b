"""Words typed with the keyboard in the wrong language: 안녕 as dkssud, hello as ㅗ디ㅣㅐ.

The layout is the usual one of Korean keyboards (KS X 5002): one key a consonant or vowel, and two
for what is made of two. No library of ours knows it.
"""

from __future__ import annotations

KEYS = dict(
    zip(
        "rRseEfaqQtTdwWczxvgkoiOjpuPhynbml",
        "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅐㅑㅒㅓㅔㅕㅖㅗㅛㅜㅠㅡㅣ",
        strict=True,
    )
)
FIRSTS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
OF_TWO = dict(
    pair.split("=")
    for pair in (
        "ㅘ=ㅗㅏ ㅙ=ㅗㅐ ㅚ=ㅗㅣ ㅝ=ㅜㅓ ㅞ=ㅜㅔ ㅟ=ㅜㅣ ㅢ=ㅡㅣ"
        " ㄳ=ㄱㅅ ㄵ=ㄴㅈ ㄶ=ㄴㅎ ㄺ=ㄹㄱ ㄻ=ㄹㅁ ㄼ=ㄹㅂ ㄽ=ㄹㅅ ㄾ=ㄹㅌ ㄿ=ㄹㅍ ㅀ=ㄹㅎ ㅄ=ㅂㅅ"
    ).split()
)
ONE_OF = {two: one for one, two in OF_TWO.items()}
KEY_OF = {letter: key for key, letter in KEYS.items()}
SYLLABLE, LAST = 0xAC00, 0xD7A3


def as_keys(word: str) -> str:
    """A word in Hangul as the Latin keys that were pressed for it; other characters stay."""
    return "".join(
        KEY_OF.get(letter, letter)
        for syllable in word
        for part in _parts(syllable)
        for letter in OF_TWO.get(part, part)
    )


def as_hangul(word: str) -> str:
    """A word in Latin letters as the same keys write it in Hangul; other characters stay.

    A consonant ends a syllable until a vowel follows, which takes it along as its first letter. A
    capital that has no letter of its own is typed as the small one.
    """
    letters = [KEYS.get(c) or KEYS.get(c.lower()) or c for c in word]
    written, at = "", 0
    while at < len(letters):
        length, syllable = _syllable(letters, at)
        written += syllable
        at += length
    return written


def _parts(syllable: str) -> str:
    if not SYLLABLE <= ord(syllable) <= LAST:
        return syllable
    at = ord(syllable) - SYLLABLE
    parts = FIRSTS[at // 588] + VOWELS[at % 588 // 28] + FINALS[at % 28]
    return parts.rstrip()


def _syllable(letters: list[str], at: int) -> tuple[int, str]:
    """(letters taken, what they write): a syllable, or one letter that begins none."""
    vowel, taken = _vowel(letters, at + 1)
    if letters[at] not in FIRSTS or not vowel:
        vowel, taken = _vowel(letters, at)
        return (taken, vowel) if vowel else (1, letters[at])
    end = at + 1 + taken
    final, count = _final(letters, end)
    number = (FIRSTS.index(letters[at]) * 21 + VOWELS.index(vowel)) * 28 + FINALS.index(final)
    return end - at + count, chr(SYLLABLE + number)


def _vowel(letters: list[str], at: int) -> tuple[str, int]:
    two = ONE_OF.get("".join(letters[at : at + 2]), "")
    if two in VOWELS and two:
        return two, 2
    one = letters[at] if at < len(letters) else ""
    return (one, 1) if one and one in VOWELS else ("", 0)


def _final(letters: list[str], at: int) -> tuple[str, int]:
    """A consonant, or two, that no vowel follows."""
    for count in (2, 1):
        part = "".join(letters[at : at + count])
        one = ONE_OF.get(part, "") if count == 2 else part
        if (
            len(part) == count
            and one.strip()
            and one in FINALS
            and not _vowel(letters, at + count)[0]
        ):
            return one, count
    return " ", 0
