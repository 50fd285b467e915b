"""A decision in plain sentences, English and Korean, never stronger than the statistics behind it.

Sentences are text, not HTML: names in them are as a person wrote them. Every code of the statistics has its sentence in
CODES; the same keys are in both languages.
"""

from __future__ import annotations

import math

import numpy as np

from tl_core.experiments.decision.curves import NO_COMMON_LABELS, NO_COMMON_SEEDS, TOO_FEW_ROWS, Against, Gain
from tl_core.experiments.decision.decide import Advice, Decision
from tl_core.experiments.decision.doubts import MANY, Power
from tl_core.report.words import cell_name, limits, number, percent, speaker, with_limits
from tl_core.report.words import say as say_word
from tl_core.statistics.advantage import NO_OVERLAP
from tl_core.statistics.break_even import (
    AT_MOST,
    AT_THE_EARLIEST,
    AT_THE_LATEST,
    BETWEEN,
    EXACT,
    FROM_THE_START,
    MORE_THAN,
    NOT_REACHED,
    NOT_RESOLVED,
    Band,
    BreakEven,
    Labels,
)
from tl_core.statistics.extrapolation import NOT_PREDICTED, TOO_FEW_POINTS
from tl_core.statistics.intervals import Interval
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

NAMED = 6  # arms or labels in one sentence

CODES = {
    WINNER: "why_winner", AS_GOOD_AND_CHEAPER: "why_as_good", CHEAPEST_OF_CLOSE: "why_close", LEADS: "why_leads", ALONE: "why_ahead",
    NOT_ABOVE: "why_not_shown", ONLY_ONE: "why_only", UNFINISHED: "why_unfinished",
    MORE_SEEDS: "change_seeds", MORE_ROWS: "change_rows",
    FROM_THE_START: "pays_from_the_start", NOT_REACHED: "pays_not_reached", BETWEEN: "pays_between", AT_THE_LATEST: "pays_at_the_latest",
    AT_THE_EARLIEST: "pays_at_the_earliest", NOT_RESOLVED: "pays_not_resolved",
    EXACT: "labels_exact", AT_MOST: "labels_at_most", MORE_THAN: "labels_more_than",
    NO_COMMON_LABELS: "pays_no_labels", NO_COMMON_SEEDS: "pays_no_seeds", TOO_FEW_ROWS: "pays_no_rows",
    NO_OVERLAP: "worth_apart", TOO_FEW_POINTS: "gain_few_points", NOT_PREDICTED: "gain_not_predicted",
}  # fmt: skip
FEW = {MORE_SEEDS: "change_few_seeds", MORE_ROWS: "change_few_rows"}
WORTH = {BETWEEN: "worth_between", AT_THE_LATEST: "worth_at_most", AT_THE_EARLIEST: "worth_at_least"}

EN: dict[str, str] = {
    # which, in a line
    "head_winner": "Use {choice}",
    "head_as_good": "Use {choice}: as good as {leader}, and it costs less",
    "head_close": "No clear winner: of those that scored about the same, none costs less than {choice}",
    "head_leads": "{choice} scored highest, but is not shown to be the best",
    "head_ahead": "{choice} is ahead, but not yet for certain",
    "head_not_shown": "Nothing is shown to beat {always}",
    "head_none_above": "Nothing scored more than {always}",
    "always_one": "giving every text the commonest label",
    "always_many": "giving every text every label",
    "head_unclear": "No clear winner",
    "head_only": "Only {choice} has finished runs",
    "head_unfinished": "No advice yet: not everything that was asked for has run",
    # and in full
    "why_winner": "Use {choice}: it beats every other arm here by more than chance allows, all pairs taken together (95 %).",
    "why_as_good": "Use {choice}: it is shown to be as good as {leader} within the margin that was asked for, and it costs less.",
    "why_close": "No single best arm is shown: {n} of {all} could be the best ({arms}). Of those that also scored within {close} of the highest, none costs less than {choice}, and that is the reason to use it.",
    "why_leads": "Use {choice} for now: it scored highest. That does not show it to be the best: {n} of {all} arms could be ({arms}).",
    "why_ahead": "Use {choice} for now: it is the only one of {all} arms that could be the best, but what is known is not enough to call it the winner.",
    "why_not_shown": "It takes no model to reach {floor} {metric}: {always} does. {choice} scored highest, {value}, which may be chance, so nothing is advised. More test rows, more labels or other strategies may change that.",
    "why_none_above": "It takes no model to reach {floor} {metric}: {always} does, and no arm scored more, so none is advised. Other strategies, more labels or clearer ones may change that.",
    "why_unclear": "On the seeds that pairs share, each arm is beaten by another one; {choice} scored highest over all its runs, which is little to go by.",
    "why_only": "Only {choice} has finished runs, so there is nothing to compare it with, and nothing is advised.",
    "why_unfinished": "{missing} So far {choice} scored highest.",
    "missing_runs": "{n} of {all} runs have not ended ({arms}), and nothing is advised before they have.",
    "missing_failed": "Every run of {arms} ended in an error, so nothing is known of it. Run it again, or compare without it.",
    "reaches": "With the most labels it was given ({shots}) it reaches {value} {metric}.",
    "reaches_without": "Without a label of yours it reaches {value} {metric}.",
    "plain_accuracy": "By accuracy it is not shown to do better than giving every text the commonest answer.",
    "plain_macro_f1": "By macro-F1 it is not shown to do better than {always}.",
    "ahead": "The runner-up, {runner_up}, scored {difference} less (95 % interval {range}{together}).",
    "ahead_perhaps": "The runner-up, {runner_up}, scored {difference} less (95 % interval {range}{together}), which may be chance.",
    "behind": "{runner_up} scored {difference} more (95 % interval {range}{together}), which may be chance.",
    "behind_surely": "{runner_up} scored {difference} more (95 % interval {range}{together}).",
    "level": "The runner-up, {runner_up}, scored the same (95 % interval of the difference {range}{together}).",
    "together": ", allowing for {n} comparisons",
    "apart": "The runner-up by its score is {runner_up}; the two share no seed, so they were not compared.",
    "doubted": "Of {arms} too few seeds were run, or runs were lost: about them the study speaks of these trained models, not of the method.",
    "change_seeds": "With {at} seeds a difference as large as the one seen would be found in 8 of 10 studies.",
    "change_rows": "With {at} test rows a difference as large as the one seen would be found in 8 of 10 studies.",
    "change_both": "With {seeds} seeds, or with {rows} test rows, a difference as large as the one seen would be found in 8 of 10 studies.",
    "change_few_seeds": "With {at} seeds it would be known how much the draw of the labels matters; run them before trusting this.",
    "change_few_rows": "With {at} test rows there would be something to go by.",
    "change_none": "Up to 40 seeds or 10,000 test rows would probably not tell the two apart; let cost decide.",
    "change_told": "More seeds or test rows are not needed to tell these two apart; other texts, or other prices, could still change the advice.",
    "enough": "{n} labels instead of {most} are enough: what they lose is shown to be less than {margin} (95 % interval of the loss {range}).",
    "fewer_loses": "With {n} labels instead of {most} it scored {loss} lower (95 % interval {range}).",
    "fewer_unclear": "With {n} labels instead of {most} it scored {loss} lower (95 % interval {range}), so it is not shown that they are enough.",
    "fewer_higher": "With {n} labels instead of {most} it scored {loss} higher (95 % interval {range}), so it is not shown that they are enough.",
    # when labelling pays
    "labels_exact": "{n}",
    "labels_at_most": "{n} or fewer",
    "labels_more_than": "more than {n}",
    "pays_from_the_start": "{learner} is ahead of {other} already with {first} labels, the fewest tried.",
    "pays_not_reached": "{learner} stays behind {other} with up to {last} labels, the most tried.",
    "pays_between": "{learner} overtakes {other} at about {value} labels (95 % limits {low} to {high}); from {sure} labels on, the next number tried, the limits say that it is ahead.",
    "pays_at_the_latest": "{learner} overtakes {other} at {high} labels at the latest (95 % limit); the best guess is {value}. From {sure} labels on, the next number tried, the limits say that it is ahead.",
    "pays_at_the_earliest": "{learner} does not overtake {other} before {low} labels (95 % limit), and within the {last} labels tried it is not sure that it does; the best guess is {value}.",
    "pays_not_resolved": "From how many labels on {learner} is better than {other} is not resolved by these labels and test rows; the best guess is {value}.",
    "pays_no_labels": "{learner} and {other} were not tried at the same number of labels, so they cannot be held against each other.",
    "pays_no_seeds": "The runs of {learner} and {other} share no seed at all their numbers of labels, so they cannot be held against each other.",
    "pays_no_rows": "One test row is too few to hold {learner} against {other}.",
    "pays_few_seeds": "With fewer than 3 seeds this does not count which rows were drawn to train on.",
    "at_ahead": "With {n} labels, {learner} is {difference} ahead of {other} (95 % limits {range}).",
    "at_ahead_perhaps": "With {n} labels, {learner} is {difference} ahead of {other} (95 % limits {range}), which may be chance.",
    "at_behind": "With {n} labels, {learner} is {difference} behind {other} (95 % limits {range}).",
    "at_behind_perhaps": "With {n} labels, {learner} is {difference} behind {other} (95 % limits {range}), which may be chance.",
    "worth_between": "So, without a label, {other} is worth about {value} labels of {learner}.",
    "worth_at_most": "So, without a label, {other} is worth at most {high} labels of {learner}.",
    "worth_at_least": "So, without a label, {other} is worth at least {low} labels of {learner}.",
    "worth_fewer": "Where both curves reach the same score, {learner} needs {times} times fewer labels than {other} (95 % limits {low} to {high} times).",
    "worth_more": "Where both curves reach the same score, {learner} needs {times} times as many labels as {other} (95 % limits {low} to {high} times).",
    "worth_apart": "The two curves reach no common score, so they cannot be compared in labels.",
    # what more labels bring
    "gain": "If the curve of {arm} keeps its shape, {labels} labels would bring it from {now} to {score} {metric} (95 % band {range}).",
    "gain_few_points": "What more labels would bring {arm} is not foretold: that takes 5 or more numbers of labels.",
    "gain_not_predicted": "What more labels would bring {arm} is not foretold: the last point of the curve would not have been foretold by the others.",
    # how far it goes
    "power_before": "{seeds} seeds and {rows} test rows find a difference of {before} in 8 of 10 studies, as arms usually differ.",
    "power_once": "{rows} test rows find a difference of {before} between two arms without seeds in 8 of 10 studies, as such arms usually differ.",
    "power_one_seed": "With one seed no difference between trained arms is shown to be one of methods, whatever its size. Run 3 seeds or more.",
    "power_groups": "The test rows come in {groups} groups, and rows of one group are no independent witnesses: every interval here counts groups.",
    "power_after": "At the spread seen between the arm advised and its runner-up it is {after}: smaller differences would mostly be missed.",
    "many": "{n} arms were scored on the same test rows. The best of many is partly lucky: expect less on new rows, and check it on rows not used here.",
    "scarce": "{shots} labels per class are more than half of all rows of {labels}: samples of different seeds share many rows, so seeds vary less than fresh labels would.",
    "absent": "No test row has the label {labels}: nothing here says how well it is found.",
    "lost": "{arm}: runs that ended in an error and are in no mean: {failed}.",
    "untrained": "{arm}: {failed} of {seeds} runs did not train. All runs together have {every} of the rows right, {trained}; up to {rate} of runs may fail so (95 %).",
    "trained_are": "those that trained {value}",
    "trained_none": "and none of them trained",
    "choices_only": "The scores of {arms} say which label was chosen, not how likely it is: nothing is said about their probabilities.",
    "endpoint": "What the endpoint charges for {arms} is not known, so its cost is not compared: that takes the price of a label, texts a month and TL_CHAT_PRICE.",
    "nothing": "No run has finished yet, so nothing can be advised.",
    "surer": "{arm} is {gap} surer than it is right.",
    "less_sure": "{arm} is {gap} less sure than it is right.",
}

KO: dict[str, str] = {
    "head_winner": "{choice} 사용을 권합니다",
    "head_as_good": "{choice} 사용을 권합니다. {leader}만큼 좋고 비용이 더 적습니다",
    "head_close": "뚜렷한 승자가 없습니다. 점수가 비슷한 것 가운데 {choice}보다 비용이 적은 것은 없습니다",
    "head_leads": "점수가 가장 높은 것은 {choice}이지만, 최고라고 밝혀진 것은 아닙니다",
    "head_ahead": "{choice}: 앞서 있지만 아직 확실하지는 않습니다",
    "head_not_shown": "{always}보다 낫다고 밝혀진 것이 없습니다",
    "head_none_above": "{always}보다 점수가 높은 것이 없습니다",
    "always_one": "모든 텍스트에 가장 흔한 라벨을 다는 것",
    "always_many": "모든 텍스트에 모든 라벨을 다는 것",
    "head_unclear": "뚜렷한 승자가 없습니다",
    "head_only": "끝난 실행이 있는 것은 {choice}뿐입니다",
    "head_unfinished": "아직 권할 수 없습니다. 요청한 실행이 모두 끝나지 않았습니다",
    "why_winner": "{choice} 사용을 권합니다. 모든 쌍을 함께 보아도 다른 모든 비교 대상보다 우연으로 볼 수 있는 것 이상으로 앞섭니다(95 %).",
    "why_as_good": "{choice} 사용을 권합니다. 요청한 폭 안에서 {leader}만큼 좋다는 것이 드러났고 비용이 더 적습니다.",
    "why_close": "하나뿐인 최고는 드러나지 않았습니다. {all}개 가운데 {n}개가 최고일 수 있습니다({arms}). 그 가운데 최고 점수와의 차이가 {close} 이내인 것 중 {choice}보다 비용이 적은 것은 없으며, 권하는 이유는 그것입니다.",
    "why_leads": "우선 {choice} 사용을 권합니다. 점수가 가장 높지만, 최고라고 밝혀진 것은 아닙니다. {all}개 가운데 {n}개가 최고일 수 있습니다({arms}).",
    "why_ahead": "우선 {choice} 사용을 권합니다. {all}개 가운데 최고일 수 있는 것은 이것뿐이지만, 승자라고 부를 만큼 알려진 것은 아닙니다.",
    "why_not_shown": "{always}만으로도 {metric} {floor}입니다. 점수가 가장 높은 것은 {choice}({value})이지만 우연일 수 있어 아무것도 권하지 않습니다. 테스트 행이나 라벨을 늘리거나 다른 전략을 쓰면 달라질 수 있습니다.",
    "why_none_above": "{always}만으로도 {metric} {floor}인데, 그보다 점수가 높은 것이 없어 아무것도 권하지 않습니다. 다른 전략이나 더 많은 라벨, 더 분명한 라벨로 달라질 수 있습니다.",
    "why_unclear": "쌍마다 공통인 시드에서는 모두 다른 어느 것에 뒤집니다. 모든 실행에서 점수가 가장 높은 것은 {choice}이지만 근거로는 약합니다.",
    "why_only": "끝난 실행이 있는 것은 {choice}뿐이어서 견줄 것이 없고, 권할 수 있는 것도 없습니다.",
    "why_unfinished": "{missing} 지금까지 점수가 가장 높은 것은 {choice}입니다.",
    "missing_runs": "실행 {all}번 가운데 {n}번이 끝나지 않았습니다({arms}). 모두 끝나야 권할 수 있습니다.",
    "missing_failed": "{arms}: 모든 실행이 오류로 끝나 알 수 있는 것이 없습니다. 다시 실행하거나 빼고 비교하세요.",
    "reaches": "주어진 가장 많은 라벨({shots})로 {metric} {value}에 이릅니다.",
    "reaches_without": "라벨 없이 {metric} {value}에 이릅니다.",
    "plain_accuracy": "정확도로 보면 모든 텍스트에 가장 흔한 답을 다는 것보다 낫다고 밝혀지지 않았습니다.",
    "plain_macro_f1": "매크로 F1으로 보면 {always}보다 낫다고 밝혀지지 않았습니다.",
    "ahead": "다음인 {runner_up}의 점수는 {difference} 낮습니다(95 % 구간 {range}{together}).",
    "ahead_perhaps": "다음인 {runner_up}의 점수는 {difference} 낮지만(95 % 구간 {range}{together}) 우연일 수 있습니다.",
    "behind": "{runner_up}의 점수가 {difference} 더 높지만(95 % 구간 {range}{together}) 우연일 수 있습니다.",
    "behind_surely": "{runner_up}의 점수가 {difference} 더 높습니다(95 % 구간 {range}{together}).",
    "level": "다음은 {runner_up}이며 점수가 같습니다(차이의 95 % 구간 {range}{together}).",
    "together": ", 비교 {n}번을 함께 고려",
    "apart": "점수로 다음은 {runner_up}이지만 둘은 같은 시드가 없어 견주지 않았습니다.",
    "doubted": "{arms}: 시드가 너무 적거나 잃은 실행이 있습니다. 여기서 알 수 있는 것은 학습된 이 모델들에 관한 것이며 방법에 관한 것이 아닙니다.",
    "change_seeds": "시드가 {at}개면 지금 본 만큼의 차이를 실험 10번 가운데 8번은 찾아냅니다.",
    "change_rows": "테스트 행이 {at}개면 지금 본 만큼의 차이를 실험 10번 가운데 8번은 찾아냅니다.",
    "change_both": "시드가 {seeds}개거나 테스트 행이 {rows}개면 지금 본 만큼의 차이를 실험 10번 가운데 8번은 찾아냅니다.",
    "change_few_seeds": "시드가 {at}개면 어떤 라벨이 뽑혔는지가 얼마나 중요한지 알 수 있습니다. 믿기 전에 더 돌려 보세요.",
    "change_few_rows": "테스트 행이 {at}개는 되어야 판단할 근거가 생깁니다.",
    "change_none": "시드 40개나 테스트 10,000행까지 늘려도 둘을 구별하지 못할 것입니다. 비용으로 정하세요.",
    "change_told": "이 둘을 구별하는 데 시드나 테스트 행이 더 필요하지는 않습니다. 다른 텍스트나 다른 가격이라면 권하는 것이 달라질 수 있습니다.",
    "enough": "라벨 {most}개 대신 {n}개로 충분합니다. 그로 인한 손실이 {margin}보다 작다는 것이 드러났습니다(손실의 95 % 구간 {range}).",
    "fewer_loses": "라벨 {most}개 대신 {n}개를 쓰면 점수가 {loss} 낮았습니다(95 % 구간 {range}).",
    "fewer_unclear": "라벨 {most}개 대신 {n}개를 쓰면 점수가 {loss} 낮았지만(95 % 구간 {range}), 그것으로 충분한지는 밝혀지지 않았습니다.",
    "fewer_higher": "라벨 {most}개 대신 {n}개를 쓰면 점수가 {loss} 높았지만(95 % 구간 {range}), 그것으로 충분한지는 밝혀지지 않았습니다.",
    "labels_exact": "{n}개",
    "labels_at_most": "{n}개 이하",
    "labels_more_than": "{n}개 초과",
    "pays_from_the_start": "{learner}: 시도한 가장 적은 라벨 {first}개에서 이미 {other}보다 앞섭니다.",
    "pays_not_reached": "{learner}: 시도한 가장 많은 라벨 {last}개까지 {other}에 뒤집니다.",
    "pays_between": "{learner}: 라벨 약 {value}에서 {other}보다 앞서기 시작합니다(95 % 한계 {low}에서 {high}). 그다음으로 시도한 {sure}개부터는 한계로 보아 앞섭니다.",
    "pays_at_the_latest": "{learner}: 늦어도 라벨 {high}에서는 {other}보다 앞섭니다(95 % 한계). 가장 그럴듯한 값은 {value}입니다. 그다음으로 시도한 {sure}개부터는 한계로 보아 앞섭니다.",
    "pays_at_the_earliest": "{learner}: 라벨 {low} 전에는 {other}보다 앞서지 못하며(95 % 한계), 시도한 {last}개 안에서 앞서는지는 확실하지 않습니다. 가장 그럴듯한 값은 {value}입니다.",
    "pays_not_resolved": "라벨 몇 개부터 {learner}에서 {other}보다 나은 결과가 나오는지는 이 라벨과 테스트 행으로 알 수 없습니다. 가장 그럴듯한 값은 {value}입니다.",
    "pays_no_labels": "{learner}, {other}: 같은 라벨 수에서 시도하지 않아 견줄 수 없습니다.",
    "pays_no_seeds": "{learner}, {other}: 모든 라벨 수에 공통인 시드가 없어 견줄 수 없습니다.",
    "pays_no_rows": "테스트 행 하나로는 {learner}, {other} 사이를 견줄 수 없습니다.",
    "pays_few_seeds": "시드가 3개보다 적어 어떤 행으로 학습했는지는 담기지 않았습니다.",
    "at_ahead": "라벨 {n}개에서 {learner}: {other}보다 {difference} 앞섭니다(95 % 한계 {range}).",
    "at_ahead_perhaps": "라벨 {n}개에서 {learner}: {other}보다 {difference} 앞서지만(95 % 한계 {range}) 우연일 수 있습니다.",
    "at_behind": "라벨 {n}개에서 {learner}: {other}보다 {difference} 뒤집니다(95 % 한계 {range}).",
    "at_behind_perhaps": "라벨 {n}개에서 {learner}: {other}보다 {difference} 뒤지지만(95 % 한계 {range}) 우연일 수 있습니다.",
    "worth_between": "곧 라벨 없이 쓰는 {other}의 값어치는 {learner} 라벨 약 {value}입니다.",
    "worth_at_most": "곧 라벨 없이 쓰는 {other}의 값어치는 많아야 {learner} 라벨 {high}입니다.",
    "worth_at_least": "곧 라벨 없이 쓰는 {other}의 값어치는 적어도 {learner} 라벨 {low}입니다.",
    "worth_fewer": "두 곡선이 같은 점수에 이르는 곳에서 {learner}에 드는 라벨은 {other}의 {times}분의 1입니다(95 % 한계 {low}에서 {high}).",
    "worth_more": "두 곡선이 같은 점수에 이르는 곳에서 {learner}에 드는 라벨은 {other}의 {times}배입니다(95 % 한계 {low}에서 {high}배).",
    "worth_apart": "두 곡선이 함께 이르는 점수가 없어 라벨 수로 견줄 수 없습니다.",
    "gain": "{arm}의 곡선이 모양을 지킨다면 라벨 {labels}개에서 {metric} {now}에서 {score}로 바뀝니다(95 % 띠 {range}).",
    "gain_few_points": "{arm}: 라벨을 늘리면 얼마나 나아질지 내다보지 않습니다. 라벨 수를 5가지 이상 시도해야 합니다.",
    "gain_not_predicted": "{arm}: 라벨을 늘리면 얼마나 나아질지 내다보지 않습니다. 마지막 점을 나머지 점으로 내다보지 못했기 때문입니다.",
    "power_before": "비교 대상들이 보통 차이 나는 만큼이라면, 시드 {seeds}개와 테스트 {rows}행은 {before}의 차이를 실험 10번 가운데 8번 찾아냅니다.",
    "power_once": "시드가 없는 두 비교 대상이 보통 차이 나는 만큼이라면, 테스트 {rows}행은 {before}의 차이를 실험 10번 가운데 8번 찾아냅니다.",
    "power_one_seed": "시드가 하나면 학습한 비교 대상 사이의 차이는 아무리 커도 방법의 차이라고 드러나지 않습니다. 시드를 3개 이상으로 하세요.",
    "power_groups": "테스트 행은 {groups}개 그룹으로 묶여 있고 한 그룹의 행은 서로 독립이 아니므로, 여기의 모든 구간은 그룹을 단위로 계산합니다.",
    "power_after": "권하는 것과 다음 것 사이에서 본 흩어짐으로는 {after}입니다. 그보다 작은 차이는 대체로 놓칩니다.",
    "many": "같은 테스트 행으로 비교 대상 {n}개를 채점했습니다. 많은 것 가운데 최고는 운이 섞여 있습니다. 새 행에서는 더 낮을 것으로 보고, 여기서 쓰지 않은 행으로 확인하세요.",
    "scarce": "클래스당 라벨 {shots}개는 {labels}의 행 가운데 절반이 넘습니다. 시드마다 뽑힌 표본이 많이 겹쳐, 새 라벨보다 흩어짐이 작습니다.",
    "absent": "라벨 {labels}: 테스트 행이 없어 얼마나 잘 찾는지 여기서는 알 수 없습니다.",
    "lost": "{arm}: 실행 {failed}번이 오류로 끝나 어느 평균에도 들어 있지 않습니다.",
    "untrained": "{arm}: 실행 {seeds}번 가운데 {failed}번이 학습되지 않았습니다. 모든 실행을 합치면 행의 {every}, {trained}. 이렇게 실패하는 실행은 많게는 {rate}일 수 있습니다(95 %).",
    "trained_are": "학습된 실행만 보면 {value}를 맞혔습니다",
    "trained_none": "학습된 실행은 없습니다",
    "choices_only": "{arms}: 점수가 고른 라벨만 말하고 얼마나 그럴듯한지는 말하지 않으므로 확률에 관해서는 아무것도 말하지 않습니다.",
    "endpoint": "{arms}: 엔드포인트 요금을 알 수 없어 비용을 견주지 않습니다. 라벨 가격, 한 달 텍스트 수, TL_CHAT_PRICE가 있어야 합니다.",
    "nothing": "아직 끝난 실행이 없어 권할 수 있는 것이 없습니다.",
    "surer": "{arm}: 맞히는 것보다 {gap} 더 확신합니다.",
    "less_sure": "{arm}: 맞히는 것보다 {gap} 덜 확신합니다.",
}

say = speaker({"en": EN, "ko": KO})


# --- which ----------------------------------------------------------------------------------------------


def headline(decision: Decision, language: str = "en") -> str:
    """What to use, in a line: the same on the page, in the report and on a terminal."""
    given = decision.advice
    if given is None:
        return say(language, "nothing")
    return say(language, _reason(given).replace("why_", "head_"), choice=given.found.choice, leader=given.found.leader, always=_always(decision, language))


def advice(decision: Decision, language: str = "en") -> list[str]:
    """What to use and why, the runner-up, and what would change it: one to seven sentences."""
    return list(reasons(decision, language).values()) if decision.advice else [say(language, "nothing")]


def reasons(decision: Decision, language: str = "en") -> dict[str, str]:
    """The same, by what each sentence is about: why, reaches, runner_up, doubted, changes, enough; without those there are none of."""
    given, found = decision.advice, decision.advice.found
    chosen, metric = given.cell(found.choice), say_word(language, decision.metric)
    value, shots = with_limits(getattr(chosen, decision.metric), language), _labels_in_all(chosen.labels, language)
    why = {"choice": found.choice, "leader": found.leader, "n": len(found.best), "all": len(given.candidates), "arms": _some(found.best, language)}
    why |= {"floor": "" if found.floor is None else percent(found.floor, language), "metric": metric, "value": value, "close": _points(CLOSE, language), "always": _always(decision, language)}
    if found.why == UNFINISHED:
        why["missing"] = " ".join(_missing(decision, language))
    said = {"why": say(language, _reason(given), **why)}
    if found.why == NOT_ABOVE:
        return said
    said["reaches"] = " ".join(
        [say(language, "reaches" if chosen.labels else "reaches_without", shots=shots, value=value, metric=metric)]
        + [say(language, f"plain_{by}", always=_always(decision, language)) for by in decision.plain_by]
    )
    if found.why == UNFINISHED:
        return said
    said |= {
        "runner_up": _runner_up(given, language),
        "doubted": say(language, "doubted", arms=_some(found.doubted, language)) if found.doubted else "",
        "changes": _changes(given, language),
        "enough": _enough(given, language),
    }
    return {about: sentence for about, sentence in said.items() if sentence}


def _reason(given: Advice) -> str:
    """The key of why: what was seen beside may say more than the code."""
    found = given.found
    if found.why == NOT_ABOVE and not found.leads_floor:
        return "why_none_above"
    return "why_unclear" if found.why in (LEADS, ALONE) and not found.best else CODES[found.why]


def _always(decision: Decision, language: str) -> str:
    """The answer that needs no text to be read."""
    return say(language, "always_many" if decision.many else "always_one")


def _missing(decision: Decision, language: str) -> list[str]:
    """What was asked for and has not run."""
    coming, failed = [x for x in decision.missing if x.runs], [x for x in decision.missing if not x.runs]
    said = []
    if coming:
        said.append(say(language, "missing_runs", n=sum(x.runs for x in coming), all=decision.runs, arms=_some([x.arm for x in coming], language)))
    return said + ([say(language, "missing_failed", arms=_some([x.arm for x in failed], language))] if failed else [])


def _runner_up(given: Advice, language: str) -> str:
    """Of whichever of the two scored less: the difference and its limits have the sign of the words."""
    found = given.found
    if found.runner_up is None:
        return ""
    d = found.difference
    if d is None:
        return say(language, "apart", runner_up=found.runner_up)
    low, high = (d.low, d.high) if d.value >= 0 else (-d.high, -d.low)
    shown = Interval(abs(d.value), low, high, d.seeds, d.n)
    key = "level" if d.value == 0 else ("ahead" if low > 0 else "ahead_perhaps") if d.value > 0 else ("behind_surely" if low > 0 else "behind")
    comparisons = len(given.candidates) - 1
    together = say(language, "together", n=comparisons) if comparisons > 1 else ""
    return say(language, key, runner_up=found.runner_up, difference=_points(shown.value, language), range=limits(shown, language), together=together)


def _enough(given: Advice, language: str) -> str:
    """The fewest labels that are shown to do, and what the next fewer lose."""
    told, enough = [], given.enough
    most = number(given.cell(given.found.choice).labels, 0)
    if enough:
        margin = _points(enough.margin, language)
        told.append(say(language, "enough", n=number(enough.cell.labels, 0), most=most, margin=margin, range=limits(enough.loss, language)))
    fewer = next((x for x in given.fewer if not x.enough and x.loss is not None), None)
    if fewer:
        d = fewer.loss
        key = "fewer_loses" if d.low > 0 else "fewer_unclear" if d.value >= 0 else "fewer_higher"
        shown = d if d.value >= 0 else Interval(-d.value, -d.high, -d.low, d.seeds, d.n)
        told.append(say(language, key, n=number(fewer.cell.labels, 0), most=most, loss=_points(shown.value, language), range=limits(shown, language)))
    return " ".join(told)


def _changes(given: Advice, language: str) -> str:
    found = given.found
    if found.difference is None:
        return ""
    at = {c.of: f"{c.at:,}" for c in found.changes}
    if len(at) == 2:
        return say(language, "change_both", seeds=at[MORE_SEEDS], rows=at[MORE_ROWS])
    few = {MORE_SEEDS: found.difference.seeds < 3, MORE_ROWS: found.difference.n < 2}
    if at:
        ((of, n),) = at.items()
        return say(language, FEW[of] if few[of] else CODES[of], at=n)
    if found.p is None or found.p >= 0.05:
        return say(language, "change_none")
    doubted = {found.choice, found.runner_up} & set(found.doubted)  # then it is said elsewhere what is missing
    return "" if doubted else say(language, "change_told")


# --- when labelling pays --------------------------------------------------------------------------------


def break_even(against: Against, language: str = "en") -> str:
    """From how many labels on one arm is better than another, and what that is worth."""
    names = {"learner": against.learner, "other": against.other}
    if against.refused:
        return say(language, CODES[against.refused], **names)
    found: BreakEven = against.found
    values = {key: labels(getattr(found, key), language) for key in ("value", "low", "high")}
    ends = {"first": number(against.labels[0], 0), "last": number(against.labels[-1], 0), "sure": number(found.sure_from or math.nan, 0)}
    said = [say(language, CODES[found.said], **names, **values, **ends)]
    if against.level and found.said in WORTH:
        said.append(say(language, WORTH[found.said], **names, **values))
    if against.advantage:
        said.append(_worth(against, language))
    if found.notes:
        said.append(say(language, "pays_few_seeds"))
    return " ".join(said)


def ahead_at(against: Against, band: Band, labels: float, language: str = "en") -> str:
    """Who of a pair is ahead at about so many labels, and whether that is sure."""
    near = int(np.argmin(np.abs(band.labels - labels)))
    mean, low, high = (float(x[near]) for x in (band.mean, band.low, band.high))
    key = ("at_ahead" if mean >= 0 else "at_behind") + ("_perhaps" if low <= 0 <= high else "")
    ends = sorted((abs(low), abs(high))) if not low <= 0 <= high else ((low, high) if mean >= 0 else (-high, -low))
    span = limits(Interval(abs(mean), *ends, 1, 1), language)
    return say(
        language, key, n=number(float(band.labels[near]), 0), learner=against.learner, other=against.other, difference=_points(abs(mean), language), range=span
    )


def _worth(against: Against, language: str) -> str:
    octaves = against.advantage.octaves
    if octaves is None:
        return say(language, CODES[NO_OVERLAP])
    fewer = octaves.value >= 0
    ends = (octaves.low, octaves.high) if fewer else (-octaves.high, -octaves.low)
    times, low, high = (number(2**x) for x in (abs(octaves.value), *ends))
    return say(language, "worth_fewer" if fewer else "worth_more", learner=against.learner, other=against.other, times=times, low=low, high=high)


def labels(count: Labels, language: str) -> str:
    """A number of labels, or the end of those tried beyond which it lies."""
    return say(language, CODES[count.censored], n=number(count.count, 0))


def gains(decision: Decision, language: str = "en") -> list[str]:
    """What more labels would bring, a sentence for every arm of which it can be foretold, and one for all with the same reason why not."""
    told = [gain(g, decision.metric, language) for g in decision.gains if not g.found.refused]
    for why in dict.fromkeys(g.found.refused for g in decision.gains if g.found.refused):
        told.append(say(language, CODES[why], arm=_some([g.arm for g in decision.gains if g.found.refused == why], language)))
    return told


def gain(found: Gain, metric: str, language: str = "en") -> str:
    """What 2 and 4 times the labels would bring an arm."""
    now, name = percent(found.score, language), say_word(language, metric)
    return " ".join(
        say(language, "gain", arm=found.arm, labels=number(n, 0), now=now, score=percent(p.value, language), range=limits(p, language), metric=name)
        for n, p in zip(found.found.labels, found.found.points)
    )


# --- how far it goes ------------------------------------------------------------------------------------


def power(found: Power, language: str = "en") -> str:
    """What the study could have found."""
    values = {"seeds": found.seeds, "rows": f"{found.rows:,}"}
    if not math.isfinite(found.before):
        said = [say(language, "power_one_seed")]
    else:
        said = [say(language, "power_before" if found.seeds else "power_once", before=_points(found.before, language), **values)]
    if found.groups:
        said.append(say(language, "power_groups", groups=f"{found.groups:,}"))
    if found.after is not None and math.isfinite(found.after):
        said.append(say(language, "power_after", after=_points(found.after, language)))
    return " ".join(said)


def warnings(decision: Decision, language: str = "en") -> list[str]:
    """What a reader must know before trusting the rest."""
    said = []
    if decision.scored >= MANY:
        said.append(say(language, "many", n=decision.scored))
    for shots in dict.fromkeys(s.shots for s in decision.scarce):
        said.append(say(language, "scarce", shots=shots, labels=_some([s.label for s in decision.scarce if s.shots == shots], language)))
    if decision.absent:
        said.append(say(language, "absent", labels=_some(decision.absent, language)))
    for f in decision.failing:
        name = cell_name(f, language)
        if f.failed:
            said.append(say(language, "lost", arm=name, failed=f.failed))
        if f.untrained.failed:
            u = f.untrained
            kept = say(language, "trained_are", value=percent(u.trained.value, language)) if u.trained else say(language, "trained_none")
            rate, every = percent(u.rate_at_most, language), percent(u.all_runs.value, language)
            said.append(say(language, "untrained", arm=name, failed=u.failed, seeds=u.seeds, every=every, trained=kept, rate=rate))
    for key, arms in (("choices_only", [q.arm for q in decision.quality if q.nll is None]), ("endpoint", [c.arm for c in decision.costs if c.asks_endpoint and c.total is None])):
        if arms:
            said.append(say(language, key, arms=_some(list(dict.fromkeys(arms)), language)))
    return said


def _labels_in_all(count: float, language: str) -> str:
    return say_word(language, "labels_in_all", n=number(count, 0))


def _points(share: float, language: str) -> str:
    return say_word(language, "points", x=number(100 * share))


def _some(names, language: str) -> str:
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown}, {say_word(language, 'more', n=len(names) - NAMED)}"
