"""The verdict of a study for a reader who knows no statistics, English and Korean: one sentence with
a mark of how sure it is, what the three ways reach, and a few lines of why and of what would
change it. Page, report, terminal and notebook show the same.

It says nothing that the decision does not. Numbers behind it are in `tl_core.words.advice`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tl_core.analysis.compare import Cell
from tl_core.analysis.decision.decide import Advice, Decision
from tl_core.analysis.decision.ways import ALL_LABELS, NO_LABELS, Way
from tl_core.api.sentences import Sentence, in_language
from tl_core.api.sentences import say as sentence
from tl_core.api.types import Problem
from tl_core.statistics.recommendation import (
    ALONE,
    AS_GOOD_AND_CHEAPER,
    CHEAPEST_OF_CLOSE,
    CLOSE,
    LEADS,
    MORE_ROWS,
    MORE_SEEDS,
    NOT_ABOVE,
    ONLY_ONE,
    UNFINISHED,
    WINNER,
)
from tl_core.strategies import strategies
from tl_core.words import advice
from tl_core.words.phrases import number, speaker
from tl_core.words.phrases import say as say_word
from tl_core.words.units import Unit, sorting_unit

Mark = Literal["sure", "probably", "unclear"]
SURE: Mark = "sure"
PROBABLY: Mark = "probably"
UNCLEAR: Mark = "unclear"
FEW_SEEDS = 3  # fewer speak of the trained models, not of the methods
NAMED = 4  # methods in one sentence

EN: dict[str, Sentence] = {
    # the mark
    "sure": sentence("sure"),
    "probably_best": sentence("probably the best"),
    "probably_one": sentence("probably one of the best"),
    "probably_tried": sentence("sure only of what was tried"),
    "unclear": sentence("cannot tell"),
    "unclear_floor": sentence("none shown to work"),
    # what a method is called with the labels it was given
    "with_labels": sentence("{method} on {n} labelled texts"),
    "without_labels": sentence("{method} (no labelled texts)"),
    "own_name": sentence("{method} “{name}”"),
    "and_more": sentence("{methods} and {n} more"),
    # the verdict
    "winner": sentence("Use {choice}: it beats every other method tried here."),
    "as_good": sentence("Use {choice}: it is as good as {leader}, and it costs less."),
    "close": sentence(
        "Start with {choice}: other methods did about as well, and none of those is cheaper."
    ),
    "leads": sentence(
        "Start with {choice}: it did best here, but another method may turn out to be better."
    ),
    "alone": sentence(
        "Start with {choice}: it did best here, though not by enough to be sure of it."
    ),
    "early": sentence(
        "Too early to say: so far {choice} looks best, but with only {n} training runs of each"
        " method that may be luck."
    ),
    "early_1": sentence(
        "Too early to say: so far {choice} looks best, but with only one training run of each"
        " method that may be luck."
    ),
    "unordered": sentence(
        "Too early to say: the methods were trained on different rows, and none of them comes out"
        " ahead."
    ),
    "not_above": sentence("No method tried here is shown to do better than {always}."),
    "none_above": sentence("No method tried here does better than {always}."),
    "only": sentence("Only {choice} was tried, so there is nothing to compare it with."),
    "unfinished": sentence(
        "No verdict until everything has run; still to come: {methods}. So far {choice} did best."
    ),
    "failed": sentence(
        "No verdict, because every run of these failed: {methods}. Of the others, {choice} did"
        " best."
    ),
    "nothing": sentence("Nothing has finished yet, so there is no verdict."),
    "enough_of": sentence("{n} of the {most} labelled texts would be enough for it."),
    "not_tried": sentence("Not tried: {ways}."),
    # the ways
    "way_none": sentence("no labelled texts"),
    "way_few": sentence("a few labelled texts"),
    "way_all": sentence("all {n} labelled texts"),
    "reach": sentence("{what}: {values}."),
    "reach_none": sentence("{value} without labelled texts"),
    "reach_few": sentence("{value} with {n} labelled texts"),
    "reach_all": sentence("{value} with all {n} labelled texts"),
    "what_accuracy": sentence("Texts given the correct label"),
    "what_macro_f1": sentence("Macro-F1, how well each label is found on average"),
    "what_mean_absolute_error": sentence("Mean error in points of the scale, less is better"),
    "what_chrf": sentence("Likeness to the given texts (chrF++)"),
    "what_rouge_l": sentence("Longest sequence of words in both texts (ROUGE-L)"),
    "what_rouge_1": sentence("Words in both texts (ROUGE-1)"),
    "what_rouge_2": sentence("Pairs of words in both texts (ROUGE-2)"),
    "what_bleu": sentence("Up to four words in a row in both texts (BLEU)"),
    "what_entity_f1": sentence("Spans found (F1: type, first and last word correct)"),
    "what_word_f1": sentence("Words in a span of the correct type (F1)"),
    "what_answer_f1": sentence("Answers found (F1 of their words)"),
    "what_exact_match": sentence("Questions answered exactly"),
    "what_character_f1": sentence("Answers found (F1 of their characters)"),
    "what_whole_texts": sentence("Texts with every span right"),
    "what_weighted_kappa": sentence("Agreement with the given ratings (weighted kappa)"),
    # why
    "why_winner": sentence("Its lead over each of the others is larger than chance explains."),
    "why_as_good": sentence(
        "What it may lose against {leader} is shown to be less than you said you would accept."
    ),
    "why_close": sentence(
        "{n} of {all} methods could be the best; among those within {close} of the top it needs"
        " the fewest labelled texts and the least time."
    ),
    "why_close_priced": sentence(
        "{n} of {all} methods could be the best; among those within {close} of the top it costs"
        " the least at your prices."
    ),
    "why_leads": sentence(
        "It scored highest, and none of the others came within {close} of it. But {n} of {all}"
        " methods could be the best: chance explains differences of that size here."
    ),
    "why_few": sentence(
        "With {n} training runs of each method it is not known how much depends on which texts were"
        " drawn: the intervals leave that out, so a difference may be chance even where they do not"
        " overlap."
    ),
    "why_few_1": sentence(
        "With one training run of each method it is not known how much depends on which texts were"
        " drawn: the intervals leave that out, so a difference may be chance even where they do not"
        " overlap."
    ),
    "why_even": sentence(
        "The best two are so close that more runs or test rows would probably not separate them."
    ),
    "why_alone": sentence("It is the only one of {all} methods that could be the best."),
    "why_floor": sentence("{always} already reaches {value}."),
    "gain_few": sentence(
        "{n} labelled texts help: {x} better than without any, more than chance explains."
    ),
    "gain_few_perhaps": sentence("{n} labelled texts brought {x} over none, which may be chance."),
    "gain_all": sentence(
        "All {n} labelled texts help further: {x} better than with {less}, more than chance explains."
    ),
    "gain_all_perhaps": sentence(
        "All {n} labelled texts brought {x} over {less}, which may be chance."
    ),
    "gain_all_none": sentence(
        "All {n} labelled texts help: {x} better than without any, more than chance explains."
    ),
    "gain_all_none_perhaps": sentence(
        "All {n} labelled texts brought {x} over none, which may be chance."
    ),
    "loss_few": sentence(
        "{n} labelled texts did not help: {x} worse than without any, more than chance explains."
    ),
    "loss_few_perhaps": sentence(
        "{n} labelled texts are not shown to help: {x} worse than without any, which may be chance."
    ),
    "loss_all": sentence(
        "All {n} labelled texts did not help: {x} worse than with {less}, more than chance explains."
    ),
    "loss_all_perhaps": sentence(
        "All {n} labelled texts are not shown to help: {x} worse than with {less}, which may be"
        " chance."
    ),
    "loss_all_none": sentence(
        "All {n} labelled texts did not help: {x} worse than without any, more than chance explains."
    ),
    "loss_all_none_perhaps": sentence(
        "All {n} labelled texts are not shown to help: {x} worse than without any, which may be"
        " chance."
    ),
    "enough": sentence(
        "{n} labelled texts are enough for it: at most {margin} are lost against {most}."
    ),
    "fewer": sentence("With {n} labelled texts instead of {most} it was {x} worse."),
    # what would change it
    "change_seeds": sentence(
        "{at} training runs of each method, each on other rows, would probably show which is"
        " better."
    ),
    "change_rows": sentence("{at} test rows would probably show which is better."),
    "change_both": sentence(
        "{seeds} training runs of each method, or {rows} test rows, would probably show which is"
        " better."
    ),
    "change_few_seeds": sentence(
        "{at} training runs of each method, each on other rows: then it is known how much luck"
        " there is in it."
    ),
    "change_few_rows": sentence("{at} test rows; with one, nothing can be shown."),
    "change_prices": sentence(
        "Your prices: without them, only labelled texts and time count as cost."
    ),
    "change_ways": sentence("A run with what was not tried: {ways}."),
    "change_finish": sentence("Letting the study finish."),
    "change_failed": sentence("Running {methods} again, or comparing without it."),
    "change_task": sentence(
        "Other methods, more labelled texts, clearer labels, or more test rows."
    ),
}

say = speaker(EN)


@dataclass(frozen=True)
class Verdict:
    """A verdict in one language. `sentence` and `reach` together are what everybody shows."""

    mark: Mark
    said: str  # the mark in words
    sentence: str
    reach: str  # what the three ways reach; "" while nothing has finished
    why: tuple[str, ...]
    change: tuple[str, ...]

    @property
    def line(self) -> str:
        """Return sentence and numbers on one line."""
        return " ".join(filter(None, (self.sentence, self.reach)))


def verdict(decision: Decision, language: str = "en") -> Verdict:
    """Say what a study says."""
    given = decision.advice
    if given is None:
        return Verdict(UNCLEAR, say(language, UNCLEAR), say(language, "nothing"), "", (), ())
    spoken = _Speaker(decision, given, language)
    mark = spoken.mark
    return Verdict(
        mark,
        spoken.said(),
        spoken.sentence(),
        spoken.reach(),
        tuple(spoken.why()),
        tuple(spoken.change()),
    )


def method_name(arm: str, strategy: str, language: str, problem: Problem) -> str:
    """A method by the name a reader knows; the arm's own name too, where it was given one."""
    known = strategies().get(strategy)
    title = in_language(known.title_for(problem), language) if known else strategy
    return title if arm == strategy else say(language, "own_name", method=title, name=arm)


def way_name(way: Way, decision: Decision, language: str) -> str:
    """One of the three ways, by its labels."""
    return say(language, f"way_{way.id}", n=number(decision.labels, 0))


@dataclass(frozen=True)
class _Speaker:
    decision: Decision
    given: Advice
    language: str

    @property
    def unit(self) -> Unit:
        return sorting_unit(self.decision)

    @property
    def chosen(self) -> Cell:
        return self.given.cell(self.given.found.choice)

    @property
    def untried(self) -> list[Way]:
        return [w for w in self.decision.ways if not w.tried]

    @property
    def seeds(self) -> int:
        """Training runs of the two best, where they are too few to speak of methods; else 0."""
        found = self.given.found
        pair = [self.given.cell(x) for x in (found.choice, found.runner_up) if x]
        few = [len(c.seeds) for c in pair if not c.once and len(c.seeds) < FEW_SEEDS]
        return min(few, default=0)

    @property
    def mark(self) -> Mark:
        found = self.given.found
        if not found.advised or not found.best or self.seeds:
            return UNCLEAR
        sure = found.why in (WINNER, AS_GOOD_AND_CHEAPER) and not self.untried
        return SURE if sure else PROBABLY

    def said(self) -> str:
        """The mark in words: probably is said of what the statistics leave open."""
        if self.mark != PROBABLY:
            floor = self.given.found.why == NOT_ABOVE
            return self.say("unclear_floor" if floor else self.mark)
        why = self.given.found.why
        if why in (CHEAPEST_OF_CLOSE, LEADS):
            return self.say("probably_one")
        return self.say("probably_best" if why == ALONE else "probably_tried")

    def say(self, key: str, **values: object) -> str:
        return say(self.language, key, **values)

    def name(self, cell: Cell) -> str:
        return method_name(cell.arm, cell.strategy, self.language, self.decision.problem)

    def with_labels(self, cell: Cell) -> str:
        key = "with_labels" if cell.labels >= 1 else "without_labels"
        return self.say(key, method=self.name(cell), n=number(cell.labels, 0))

    def ways(self, ways: Iterable[Way]) -> str:
        return ", ".join(way_name(w, self.decision, self.language) for w in ways)

    def missing(self, *, failed: bool) -> str:
        names = dict.fromkeys(
            method_name(x.arm, x.strategy, self.language, self.decision.problem)
            for x in self.decision.missing
            if bool(x.runs) != failed
        )
        shown = ", ".join(list(names)[:NAMED])
        more = len(names) - NAMED
        return self.say("and_more", methods=shown, n=more) if more > 0 else shown

    # --- the sentence ---

    def sentence(self) -> str:
        found = self.given.found
        values = {
            "choice": self.with_labels(self.chosen),
            "leader": self.name(self.given.cell(found.leader)),
            "always": say_always(self.decision, self.language),
            "n": self.seeds,
        }
        if found.why == UNFINISHED:
            said = [
                self.say(key, methods=names, **values)
                for key, failed in (("unfinished", False), ("failed", True))
                if (names := self.missing(failed=failed))
            ][:1]
        else:
            said = [self.say(self._key(), **values)]
        if (enough := self.given.enough) and found.advised and not self.seeds:
            n, most = (number(c.labels, 0) for c in (enough.cell, self.chosen))
            said.append(self.say("enough_of", n=n, most=most))
        if self.untried and found.why != ONLY_ONE:
            said.append(self.say("not_tried", ways=self.ways(self.untried)))
        return " ".join(said)

    def _key(self) -> str:
        found = self.given.found
        if found.why == NOT_ABOVE:
            return "not_above" if found.leads_floor else "none_above"
        if found.why == ONLY_ONE:
            return "only"
        if not found.best:
            return "unordered"
        if self.seeds:
            return "early_1" if self.seeds == 1 else "early"
        return {
            WINNER: "winner",
            AS_GOOD_AND_CHEAPER: "as_good",
            CHEAPEST_OF_CLOSE: "close",
            LEADS: "leads",
            ALONE: "alone",
        }[found.why]

    # --- the ways ---

    def reach(self) -> str:
        metric = self.decision.metric
        values = [
            self.say(
                f"reach_{w.id}",
                value=self.unit.value(w.best.measures[metric].value, self.language),
                n=number(w.best.labels, 0),
            )
            for w in self.decision.ways
            if w.best
        ]
        key = f"what_{metric}"
        what = self.say(key) if key in EN else say_word(self.language, metric)
        return self.say("reach", what=what, values=", ".join(values)) if values else ""

    # --- why ---

    def why(self) -> list[str]:
        found = self.given.found
        told = [self._reason(), *(self._gain(w) for w in self.decision.ways), self._even()]
        if found.advised:
            told.append(self._fewer())
        if found.floor is not None and found.why == NOT_ABOVE:
            always = say_always(self.decision, self.language)
            value = self.unit.value(found.floor, self.language)
            told.insert(
                0, self.say("why_floor", always=always[:1].upper() + always[1:], value=value)
            )
        return [x for x in told if x]

    def _reason(self) -> str:
        found, key = self.given.found, self._key_of_reason()
        return (
            self.say(
                key,
                leader=self.name(self.given.cell(found.leader)),
                n=self.seeds or len(found.best),
                all=len(self.given.candidates),
                close=self.unit.points(CLOSE, self.language),
            )
            if key
            else ""
        )

    def _key_of_reason(self) -> str:
        found = self.given.found
        if not found.best:
            return ""
        if self.seeds:
            few = "why_few_1" if self.seeds == 1 else "why_few"
            return few if found.advised else ""
        keys = {
            WINNER: "why_winner",
            AS_GOOD_AND_CHEAPER: "why_as_good",
            CHEAPEST_OF_CLOSE: "why_close_priced" if self.decision.prices.label else "why_close",
            LEADS: "why_leads",
            ALONE: "why_alone",
        }
        return keys.get(found.why, "")

    def _gain(self, way: Way) -> str:
        if not (way.gain and way.best and way.over) or way.id == NO_LABELS:
            return ""
        d = way.gain
        key = ("gain" if d.value > 0 else "loss") + f"_{way.id}"
        if way.id == ALL_LABELS and way.over.labels < 1:
            key += "_none"
        if d.low <= 0 <= d.high or d.notes or way.to_come:
            key += "_perhaps"
        return self.say(
            key,
            n=number(way.best.labels, 0),
            less=number(way.over.labels, 0),
            x=self.unit.points(abs(d.value), self.language),
        )

    def _fewer(self) -> str:
        most = number(self.chosen.labels, 0)
        if enough := self.given.enough:
            margin = self.unit.points(enough.margin, self.language)
            return self.say("enough", n=number(enough.cell.labels, 0), most=most, margin=margin)
        worse = next((x for x in self.given.fewer if x.loss and x.loss.value > 0), None)
        if worse is None or worse.loss is None:
            return ""
        loss = self.unit.points(worse.loss.value, self.language)
        return self.say("fewer", n=number(worse.cell.labels, 0), most=most, x=loss)

    # --- what would change it ---

    def change(self) -> list[str]:
        found = self.given.found
        told = []
        if found.why == UNFINISHED:
            if self.missing(failed=False):
                told.append(self.say("change_finish"))
            if names := self.missing(failed=True):
                told.append(self.say("change_failed", methods=names))
        elif found.why == NOT_ABOVE:
            told.append(self.say("change_task"))
        else:
            told.append(self._more())
        if self.untried:
            told.append(self.say("change_ways", ways=self.ways(self.untried)))
        by_cost = found.why == CHEAPEST_OF_CLOSE and not self.seeds
        if by_cost and not self.decision.prices.label:
            told.append(self.say("change_prices"))
        return [x for x in told if x]

    def _more(self) -> str:
        found = self.given.found
        if found.difference is None:
            return ""
        at = {c.of: f"{c.at:,}" for c in found.changes}
        if len(at) == 2:
            return self.say("change_both", seeds=at[MORE_SEEDS], rows=at[MORE_ROWS])
        if MORE_SEEDS in at:
            return self.say("change_few_seeds" if self.seeds else "change_seeds", at=at[MORE_SEEDS])
        if MORE_ROWS in at:
            few = found.difference.n < 2
            return self.say("change_few_rows" if few else "change_rows", at=at[MORE_ROWS])
        return ""

    def _even(self) -> str:
        """That the two best are too close for anything to separate them, where that is so."""
        found = self.given.found
        if found.difference is None or found.why in (UNFINISHED, NOT_ABOVE) or found.changes:
            return ""
        apart = found.p is not None and found.p < 0.05
        return "" if apart else self.say("why_even")


def say_always(decision: Decision, language: str) -> str:
    """The answer that needs no text to be read."""
    return advice.say(language, decision.always)
