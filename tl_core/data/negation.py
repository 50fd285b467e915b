"""Negation put into a text, or taken out, by rules for English and Korean that apply only where
they clearly do.

A text with one negation loses it, one without gets one, one with several stays as it is; so does
every text to which no rule applies, and that is most of them. Whether the correct label
changes with it no one knows: "not" may turn praise into a complaint and leave the topic what it
was.

English: "not" and "n't" behind an auxiliary ("is not", "don't"). Korean: 안 before a predicate; -지
    않- before endings that
do not depend on the stem; 있- and 없-, each of which is the negation of the other.
"""

from __future__ import annotations

import re

AUXILIARY = r"(?:is|are|was|were|am|do|does|did|has|have|had|can|could|would|will|should|must)"
NOT = re.compile(rf"\b({AUXILIARY})(?: not\b(?! only)|n[’']t\b)", re.IGNORECASE)
CANNOT = re.compile(r"\b(can)(?:not\b|[’']t\b)", re.IGNORECASE)
WONT = re.compile(r"\bwon[’']t\b", re.IGNORECASE)
ANY_NOT = re.compile(
    r"\b(?:not|no|never|nothing|nobody|none|neither|nor|cannot|without|hardly)\b|n[’']t\b",
    re.IGNORECASE,
)
# a verb in the middle of a statement: something is before it, and no subject behind it
POSITIVE = re.compile(
    r"(?<=[^\W\d_] )(is|are|was|were|am|can|could|would|will|should|must)(?="
    r" (?!(?:i|you|he|she|it|we|they|this|that|these|those|there|the|my|your|our)\b)[a-z])"
)
QUESTION = re.compile(
    r"^\W*(?:what|who|whom|whose|which|when|where|why|how|if|whether)\b|\?", re.IGNORECASE
)

ENDS = r"(?=[\s.,!?~…]|$)"
KOREAN_NOT = re.compile(
    r"(?:지(?:는|도|를)?|진)"
    r" ?(?:않|못|마|말)|없|(?:^|(?<=\s))(?:안|못)(?=\s|좋|되|돼|됩|맞|해|하)|아니|아닌|아닙|별로"
)
NOT_AT_ALL = re.compile("전혀|하나도|아무|결코|도저히")  # would be left hanging
AN = re.compile(
    r"(?:^|(?<=\s))(?<!집 )(?<!방 )(?<!차 )안"
    rf" (?=[가-힣]+(?:다|요|음|함|네|고|지만|는데|어|아){ENDS})"
)
JI_ANH = re.compile(r"(?<=[가-힣])지(?:는|도)? ?않(?=고|지만|다|게|거나|기)")
JI_ANHSEUMNIDA = re.compile(r"([가-힣])지(?:는|도)? ?않습니다")
EOPS = re.compile(r"없(?=습니다|어|다|고|지만|는데|네|음|는|을|으)")
ISS = re.compile(r"(?<![고어아])(?<![고어아] )있(?=습니다|어요|다|고|지만|는데|네|음|는|을|으)")
HADA = (
    (re.compile(rf"(?<!감사)(?<!죄송)합니다{ENDS}"), "하지 않습니다"),
    (re.compile(rf"(?<!감사)(?<!죄송)해요{ENDS}"), "하지 않아요"),
    (re.compile("했(?=습니다|어요)"), "하지 않았"),
)
STEM_YO = re.compile(rf"([가-힣])[아어]요{ENDS}")
STEM_SEUMNIDA = re.compile(rf"([가-힣])습니다{ENDS}")
FIRST, FINALS = 0xAC00, 28
NONE, RIEUL, PIEUP, SS = 0, 8, 17, 20  # final consonants by their place in a syllable's number


def negated(text: str) -> str:
    """The text with a negation more or less; the text itself where no rule clearly applies."""
    return _english(text) if not re.search("[가-힣]", text) else _korean(text)


def _english(text: str) -> str:
    there = len(ANY_NOT.findall(text))
    if there == 1:
        for pattern, plain in ((WONT, "will"), (CANNOT, r"\1"), (NOT, r"\1")):
            out, found = pattern.subn(plain, text, count=1)
            if found:
                return out
    if there or QUESTION.search(text):
        return text
    return POSITIVE.sub(r"\1 not", text, count=1)


def _korean(text: str) -> str:
    there = len(KOREAN_NOT.findall(text))
    if there == 1 and not NOT_AT_ALL.search(text):
        for pattern, plain in ((AN, ""), (JI_ANH, ""), (JI_ANHSEUMNIDA, _formal), (EOPS, "있")):
            out, found = pattern.subn(plain, text, count=1)
            if found:
                return out
    if there:
        return text
    for pattern, negation in (
        (ISS, "없"),
        *HADA,
        (STEM_YO, _ji_anhayo),
        (STEM_SEUMNIDA, _ji_anhseumnida),
    ):
        out = pattern.sub(negation, text, count=1)
        if out != text:
            return out
    return text


def _final(syllable: str) -> int:
    return (ord(syllable) - FIRST) % FINALS


def _formal(found: re.Match) -> str:
    """좋지 않습니다 → 좋습니다, 하지 않습니다 → 합니다, 만들지 않습니다 → 만듭니다."""
    stem, final = found[1], _final(found[1])
    return chr(ord(stem) - final + PIEUP) + "니다" if final in (NONE, RIEUL) else f"{stem}습니다"


def _ji_anhayo(found: re.Match) -> str:
    """좋아요 → 좋지 않아요, where the stem can be told: with a final consonant that no ending has
    brought.
    """
    return found[0] if _final(found[1]) in (NONE, RIEUL, SS) else f"{found[1]}지 않아요"


def _ji_anhseumnida(found: re.Match) -> str:
    """좋습니다 → 좋지 않습니다; not where the syllable holds a tense."""
    return found[0] if _final(found[1]) in (NONE, SS) else f"{found[1]}지 않습니다"
