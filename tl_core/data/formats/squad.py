"""The nested JSON of SQuAD 1.1 and 2.0, and KorQuAD 1.0: articles, paragraphs, questions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def squad_rows(articles: Any) -> list[dict[str, Any]] | None:
    """A row for each question: title, context, id, question, answers, and `is_impossible` where the
    file has it. None where this is no such file.

    Args:
        articles: what the file has under "data".
    """
    if not isinstance(articles, list) or not articles:
        return None
    if not all(isinstance(a, dict) and isinstance(a.get("paragraphs"), list) for a in articles):
        return None
    rows = list(_rows(articles))
    return rows or None


def _rows(articles: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for article in articles:
        for paragraph in article["paragraphs"]:
            asked = paragraph.get("qas") if isinstance(paragraph, dict) else None
            for one in asked if isinstance(asked, list) else ():
                if isinstance(one, dict):
                    more = {"is_impossible": one["is_impossible"]} if "is_impossible" in one else {}
                    yield {
                        "id": one.get("id"),
                        "title": article.get("title"),
                        "context": paragraph.get("context"),
                        "question": one.get("question"),
                        "answers": one.get("answers") or [],
                        **more,
                    }
