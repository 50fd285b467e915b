"""Every fixed word of the figures and the report, in English and in Korean; the same keys in both."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from tl_core.api import amounts
from tl_core.api.amounts import number
from tl_core.api.sentences import Sentence
from tl_core.api.sentences import say as sentence
from tl_core.api.sentences import say_as as sentence_as
from tl_core.statistics.intervals import (
    FAILED_RUNS,
    FEW_PER_LABEL,
    IDENTICAL,
    NEVER_RIGHT,
    NEVER_WRONG,
    ONE_SEED,
    TWO_SEEDS,
    Interval,
)

EN: dict[str, Sentence] = {
    # numbers
    "points": sentence("{x} points"),
    "points_of_scale": sentence_as("on a scale of ratings", "{x} points"),
    "range": sentence("{low} – {high}"),
    "interval": sentence("{value} (95% interval {range})"),
    "shots_0": sentence("no labelled texts"),
    "shots_1_class": sentence("1 text per label"),
    "shots_n_class": sentence("{n} texts per label"),
    "shots_1_rating": sentence("1 text per rating"),
    "shots_n_rating": sentence("{n} texts per rating"),
    "shots_1_type": sentence("1 span per type"),
    "shots_n_type": sentence("{n} spans per type"),
    "shots_1_question": sentence("1 question of each kind"),
    "shots_n_question": sentence("{n} questions of each kind"),
    "shots_1_row": sentence("1 example"),
    "shots_n_row": sentence("{n} examples"),
    "shots_all": sentence("all rows"),
    "cell": sentence("{arm} ({shots})"),
    "accuracy": sentence("accuracy"),
    "macro_f1": sentence("macro-F1"),
    "mean_absolute_error": sentence("mean absolute error"),
    "weighted_kappa": sentence("weighted kappa"),
    "entity_f1": sentence("span F1"),
    "chrf": sentence("chrF++"),
    "rouge_l": sentence("ROUGE-L"),
    "rouge_1": sentence("ROUGE-1"),
    "rouge_2": sentence("ROUGE-2"),
    "bleu": sentence("BLEU"),
    "word_f1": sentence("word F1"),
    "whole_texts": sentence("texts with every span right"),
    "answer_f1": sentence("answer F1"),
    "exact_match": sentence("exact match"),
    "character_f1": sentence("character F1"),
    "more": sentence("and {n} more"),
    # figures
    "labels_in_all": sentence("{n} labelled texts in total"),
    "behind": sentence("{seeds} seeds, {n} test rows"),
    "behind_1": sentence("1 seed, {n} test rows"),
    "could_be_best": sentence("could be the best"),
    "left_out": sentence("ruled out"),
    "dots_could_be": sentence("Could be the best"),
    "dots_ruled_out": sentence("Ruled out"),
    "chance_line": sentence("always the most frequent label"),
    "axis_labels": sentence("labelled texts used for training, in total"),
    "axis_percent": sentence("{metric}, %"),
    "axis_points": sentence("{metric}, points on the scale (less is better)"),
    "axis_number": sentence("{metric}"),
    "axis_given": sentence("given label"),
    "axis_said": sentence("predicted label"),
    "axis_probability": sentence("probability, %"),
    "legend": sentence("click a name to show or hide it"),
    "of_row": sentence("{share} of the rows labelled {label}"),
    # maps and layers
    "map_nothing": sentence("no prediction"),
    "map_others": sentence("all other labels"),
    "map_told": sentence("nearest-neighbour accuracy, %"),
    "map_silhouette": sentence("silhouette"),
    "layers_axis": sentence("layer (0: the input to the first)"),
    "layers_first": sentence("before the first layer"),
    "layers_nth": sentence("layer {n}"),
    "layers_before": sentence("{model}, before training"),
    "layers_probe": sentence("accuracy of a probe on the test rows, %"),
    "layers_probe_f1": sentence("span F1 of a probe on the test rows, %"),
    "layers_moved": sentence("how far weights moved, % of their size"),
    "layers_turned": sentence("embedding shift (1 − cosine)"),
    "cell_hover": sentence("given: {given}\npredicted: {said}\n{n} rows"),
    "difference_hover": sentence(
        "given: {given}\npredicted: {said}\n{a}: {in_a} rows\n{b}: {in_b} rows"
    ),
    "first_of": sentence("Showing the first {n} of {all} entries."),
    # figures of the decision
    "axis_ahead": sentence("ahead by, points"),
    "ahead_line": sentence("{learner} minus {other}"),
    "ahead_band": sentence("95% band"),
    "ahead_told": sentence("{n} labelled texts: {x} ahead ({low} – {high})"),
    "as_good": sentence("equally good"),
    "even_span": sentence("may break even here (95%)"),
    "at_labels": sentence("at {n} labelled texts"),
    "carried_on": sentence("{arm}, extrapolated"),
    "axis_cost": sentence("total cost incl. first month"),
    "cost_is": sentence("cost {x}"),
    "front_line": sentence("best observed at its cost"),
    "worth_it": sentence("worth its cost"),
    "beaten": sentence("beaten at that cost"),
    "axis_latency": sentence("time of one text, times that of the quickest"),
    "latency_told": sentence("{ms} ms a text, {times} times the quickest"),
    "quick_enough": sentence("not beaten by one as quick"),
    "quick_beaten": sentence("beaten by one as quick"),
    "axis_coverage": sentence("share of texts predicted, most confident first, %"),
    "axis_risk": sentence("wrong among them, %"),
    "risk_told": sentence("{covered} predicted: {wrong} of them wrong"),
    # looking inside
    "one_vector": sentence("one vector for all {n} mentions"),
    "one_vector_short": sentence("one vector"),
    "before_layers": sentence("before the first layer"),
    "layer_of": sentence("layer {n} of {all}"),
    "axis_layer": sentence("layer"),
    "told_by_nearest": sentence("nearest-neighbour accuracy, %"),
    "silhouette": sentence("silhouette"),
    "looks_told": sentence("{here} attends to {there}: {share}"),
    "axis_looked_at": sentence("attended to"),
    "axis_looks": sentence("attending"),
    "axis_change": sentence("points by which the probability falls without the word"),
    # the frame
    "title": sentence("Report on {name}"),
    "kicker": sentence("Transfer Lab report"),
    "scroll": sentence("table; scrolls sideways"),
    "no_plots": sentence(
        "The plots need a browser with JavaScript from 2023 or later. The tables hold all of their numbers."
    ),
    # the answer
    "answer_head": sentence("The answer"),
    "verdict_why": sentence("Why"),
    "verdict_change": sentence("What would change it"),
    "verdict_details": sentence("Details, with the numbers"),
    "way_range": sentence("95% interval {range}"),
    "way_not_run": sentence("not tried yet"),
    "way_running": sentence("still running"),
    "way_failed": sentence("all runs failed"),
    "way_advised": sentence("the recommended {method}: {value}"),
    "way_more_to_come": sentence("some runs are still to come"),
    "answer_none": sentence("No run has finished yet"),
    "answer_none_text": sentence(
        "There is nothing to compare until at least one run has finished."
    ),
    "answer_all_failed": sentence(
        "None of the {n} runs gave a result: {failed} failed, {refused} were refused. Their reasons are below."
    ),
    "answer_sorted": sentence("Sorted by {metric}, because {why}."),
    "why_accuracy": sentence("the labels are roughly balanced in the test rows"),
    "why_macro_f1": sentence(
        "the labels are imbalanced in the test rows and accuracy would favour the frequent ones"
    ),
    "why_mean_absolute_error": sentence("the labels are points on a scale"),
    "answer_median": sentence(
        "Always predicting the median rating would have a mean absolute error of {mean_absolute_error} points and be exactly right for {accuracy} of these rows."
    ),
    "why_rouge_l": sentence(
        "the longest sequence of words that the written and the given text share; what is too much costs as much as what is missing"
    ),
    "why_entity_f1": sentence(
        "a span counts where its type, its first and its last word are all correct"
    ),
    "answer_nothing_written": sentence("Writing nothing would score 0."),
    "no_answer": sentence("(no answer in this text)"),
    "why_answer_f1": sentence("it gives part of the credit for part of an answer, as SQuAD does"),
    "answer_first_words": sentence(
        "The best answer that is the same for every question (nothing, or a text's first words) would reach an F1 of {answer_f1}, and {exact_match} exact matches."
    ),
    "answer_no_span": sentence("Finding no span at all would reach an F1 of 0%."),
    "answer_majority": sentence(
        "Always predicting the most frequent label would reach {accuracy} accuracy and {macro_f1} macro-F1 on these rows."
    ),
    "answer_behind": sentence(
        "This number is based on {seeds} seeds (draws of the training rows) and {n} test rows."
    ),
    "answer_behind_1": sentence(
        "This number is based on one seed (one draw of the training rows) and {n} test rows."
    ),
    "answer_behind_once": sentence(
        "This number is based on {n} test rows; no training rows were drawn for it, so there are no seeds."
    ),
    "answer_every_label": sentence(
        "Giving every row every label would reach {macro_f1} macro-F1 on these rows, and always predicting the most frequent set of labels {accuracy} accuracy."
    ),
    "answer_seeds_unknown": sentence(
        "With fewer than 3 seeds the variation between seeds is unknown: the interval covers the choice of test rows only, not which rows were drawn for training. Run 3 seeds or more."
    ),
    "answer_lost": sentence(
        "{failed} of {all} runs failed and {refused} were refused; they count in no mean and are listed below."
    ),
    "answer_unfinished": sentence(
        "{n} of {all} runs have not finished: everything here is provisional."
    ),
    "warning": sentence("Warning"),
    # changed texts
    "robust_head": sentence("How robust are they?"),
    "change_typos": sentence("typos"),
    "change_spacing": sentence("Korean spacing"),
    "change_keyboard": sentence("wrong keyboard language"),
    "change_lower": sentence("lower case"),
    "change_upper": sentence("upper case"),
    "change_no-punctuation": sentence("no punctuation"),
    "change_negation": sentence("negation"),
    "robust_rows": sentence(
        "Test rows that are changed, of {all}: {counts}. Every number here is for changed rows only, the same rows before and after."
    ),
    "robust_measure": sentence("Before and after are {measure}."),
    "robust_few": sentence("For a change with fewer than {least} rows nothing more is reported."),
    "robust_loss": sentence(
        "{cell} loses most: {difference} with {change} (95% interval of the difference {range})."
    ),
    "robust_no_loss": sentence(
        "No arm is shown to lose anything: no interval of a difference lies below 0."
    ),
    "robust_negation": sentence(
        "With a negation added or removed the correct label may change, so the flip rate is reported instead of accuracy: how many predictions change."
    ),
    "robust_kept_answer": sentence(
        "Typos, case and missing punctuation are assumed not to change the correct label; read some changed texts to check. Each difference is judged on its own."
    ),
    "robust_one_run": sentence(
        "For an arm with checkpoints of fewer than three trained runs, intervals cover the choice of test rows, not of training rows."
    ),
    "robust_not_asked": sentence(
        "Not included: {arms}. They have no checkpoint, would send texts elsewhere, or were not asked yet."
    ),
    "robust_line": sentence(
        "{cell}: {before} before, {after} after, difference {difference} ({range}); {flips} of the predictions changed"
    ),
    "robust_line_negation": sentence("{cell}: {flips} ({range}) of the predictions changed"),
    "head_before": sentence("Before"),
    "head_after": sentence("After"),
    "head_difference": sentence("Difference, points"),
    "head_flips": sentence("Changed predictions"),
    "axis_robust": sentence("change in {measure}, points"),
    "as_before": sentence("no change"),
    # where arms differ
    "differ_head": sentence("Where do the arms differ?"),
    "slices_head": sentence("Groups of rows"),
    "doubts_head": sentence("Labels that look wrong"),
    "head_right": sentence("Correct arms"),
    "head_rows": sentence("Rows"),
    "head_row": sentence("Row"),
    "head_text": sentence("Text"),
    "head_instead": sentence("Suggested label"),
    "head_given_chance": sentence("Probability of the given label, mean over arms"),
    # the decision
    "pays_head": sentence("How many labelled texts before training pays off?"),
    "pays_note": sentence(
        "Every arm that learns from labels, against {level}, the best one without labels. The limits are 95% for all of these together (Bonferroni); “ahead from” is the next training size tried above the upper limit. Break-even points outside the training sizes tried are reported as outside, not guessed."
    ),
    "pays_none": sentence(
        "No arm without labels was run together with one that learns from labels, so there is no break-even point. Ask for shots 0 and a strategy that needs no labels, such as similarity."
    ),
    "head_learner": sentence("Arm that learns from labels"),
    "head_even": sentence("Break-even, labels"),
    "head_even_limits": sentence("95% limits"),
    "head_sure": sentence("Ahead from, labels (95%)"),
    "head_in_words": sentence("In words"),
    "gains_head": sentence("What would more labelled texts bring?"),
    "costs_head": sentence("What does it cost?"),
    "costs_note": sentence(
        "No prices were given, so cheaper means fewer labels, and with equal labels fewer seconds. ● no entry as cheap is better by more than chance allows; ○ one is."
    ),
    "costs_priced": sentence(
        "{label} per label, {hour} per machine hour, {texts} texts per month; – means not given. The cost is for the labels, for training once and for one month of texts. ● no entry as cheap is better by more than chance allows; ○ one is."
    ),
    "head_speed": sentence("Texts per second"),
    "head_alone": sentence("One text, ms (median / 95%)"),
    "head_machines": sentence("Machines for these texts"),
    "head_total": sentence("Total cost incl. first month"),
    "head_front": sentence("Worth its cost"),
    "trust_head": sentence("How good are the predictions, and can their probabilities be trusted?"),
    "trust_note": sentence(
        "Log loss, Brier score and calibration error (ECE): lower is better. Overconfidence is the mean confidence minus the accuracy, in points; below 0 the arm is underconfident. With so few rows even a calibrated model has an ECE above 0, so the reference is shown with it: its mean, and the value it exceeds in 5% of draws. The ECE is for each arm’s first seed at its most labels."
    ),
    "trust_note_spans": sentence(
        "Log loss and Brier score: lower is better. Overconfidence is the mean probability of what was predicted minus how often that is exactly right, in points; below 0 the arm is underconfident."
    ),
    "trust_note_errors": sentence(
        "Log loss and Brier score: lower is better. Overconfidence is the mean probability of the predicted rating minus the accuracy, in points; below 0 the arm is underconfident."
    ),
    "head_balanced_accuracy": sentence("Balanced accuracy"),
    "head_matthews": sentence("Matthews correlation"),
    "head_nll": sentence("Log loss"),
    "head_brier": sentence("Brier score"),
    "head_gap": sentence("Overconfidence, points"),
    "head_ece": sentence("ECE, %"),
    "head_ece_calibrated": sentence("ECE if calibrated, %"),
    "pareto_head": sentence("Quality against cost"),
    "pareto_note": sentence(
        "Up is better, left is cheaper; bars are 95% intervals. For filled points, no entry as cheap is better by more than chance allows."
    ),
    "latency_head": sentence("Quality against the time of one text"),
    "latency_note": sentence(
        "One text at a time, as somebody asks who waits for the answer. Every arm at its most labels, timed on the same test rows: how many times as long as the quickest, with 95% intervals of the ratios text by text. For filled points, no arm that is as quick (less than a tenth slower) is better by more than chance allows."
    ),
    "head_slower": sentence("Times the quickest"),
    "head_quick": sentence("Not beaten by one as quick"),
    "risk_head": sentence("What if only confident predictions are used?"),
    "risk_note": sentence(
        "From the left: the texts it is most confident about. Where a line falls towards the left, asking a person about the least confident texts saves errors. Each arm’s first seed."
    ),
    "reliability_head": sentence("Is it calibrated?"),
    "reliability_note": sentence(
        "Each point is a group of test rows of about equal size, by confidence. On the dashed line, predictions made with 80% confidence are correct 8 times out of 10; below it an arm is overconfident."
    ),
    "axis_confidence": sentence("confidence, %"),
    "axis_right": sentence("correct, %"),
    "as_sure": sentence("perfectly calibrated"),
    "point_told": sentence("{n} rows: {confidence} confidence, {right} correct"),
    # what was compared
    "compared_head": sentence("What was compared"),
    "dataset": sentence("Dataset"),
    "source": sentence("Source"),
    "test_file": sentence("Test file"),
    "rows": sentence("Rows"),
    "rows_text": sentence(
        "{rows} in use: {test} test rows, {pool} available for training; {dropped} left out"
    ),
    "unlabelled": sentence("Rows without a label"),
    "problem": sentence("Problem"),
    "one text": sentence("one text per row"),
    "two texts": sentence("two texts per row"),
    "one label": sentence("one label each"),
    "many labels": sentence("any number of labels each"),
    "ordinal": sentence("one rating each, where each point of the scale counts as a class"),
    "extractive-qa": sentence("a question about each text, answered by a stretch of it"),
    "tagging": sentence("spans of each text, and what they are"),
    "text-to-text": sentence("a text written from each text"),
    "asked": sentence("Requested"),
    "asked_text": sentence("arms: {arms}; shots: {shots}; seeds: {seeds}"),
    "wall": sentence("Time taken"),
    "labels_head": sentence("Labels"),
    "head_label": sentence("Label"),
    "head_test": sentence("Test rows"),
    "head_pool": sentence("Rows available for training"),
    "guesses_head": sentence("Detected when the file was read"),
    "head_guess": sentence("What"),
    "head_value": sentence("Detected as"),
    "head_why": sentence("Why"),
    "head_option": sentence("Change it with"),
    "notes_head": sentence_as("file", "Notes"),
    "arms_head": sentence("Arms and their settings"),
    "cuts_head": sentence("Probability thresholds for assigning a label"),
    "cuts_note": sentence(
        "A text may have several labels. Each label has a threshold, chosen on rows that a fit had not seen; without labels, there is one for all, chosen to maximize the macro-F1 to be expected where a text carries as many labels as rows usually do. The thresholds of each arm’s first run at its most labels:"
    ),
    "head_taught": sentence("Labelled data its model was trained on before"),
    "taught_unknown": sentence("unknown"),
    "head_settings": sentence("Settings"),
    "head_model": sentence("Model"),
    "head_strategy": sentence("Strategy"),
    # leaderboard
    "board_head": sentence("Leaderboard"),
    "board_note": sentence(
        "Best first. ● could be the best of all arms, each at the most labels it was given; ◐ could be the best with the same number of labels; ○ ruled out. Intervals are 95%. “Behind the leader” is the paired difference on the same test rows and seeds."
    ),
    "head_arm": sentence("Arm"),
    "head_shots": sentence("Shots"),
    "head_labels": sentence("Labels used"),
    "head_accuracy": sentence("Accuracy"),
    "head_macro_f1": sentence("Macro-F1"),
    "head_mean_absolute_error": sentence("Mean absolute error, points"),
    "head_weighted_kappa": sentence("Weighted kappa"),
    "head_entity_f1": sentence("Span F1"),
    "head_chrf": sentence("chrF++"),
    "head_rouge_l": sentence("ROUGE-L (words; Korean by characters)"),
    "head_rouge_1": sentence("ROUGE-1"),
    "head_rouge_2": sentence("ROUGE-2"),
    "head_bleu": sentence("BLEU"),
    "head_word_f1": sentence("Word F1"),
    "head_whole_texts": sentence("Texts all right"),
    "head_answer_f1": sentence("Answer F1"),
    "head_exact_match": sentence("Exact match"),
    "head_character_f1": sentence("Character F1"),
    "head_behind": sentence("Behind the leader, points"),
    "head_fit": sentence("Training, s"),
    "head_predict": sentence("Prediction, s"),
    "head_memory": sentence("Peak memory, MB"),
    "head_parameters": sentence("Trained parameters"),
    "head_seeds": sentence("Seeds"),
    "head_best": sentence("Could be the best"),
    "head_failed": sentence("Failed runs"),
    "head_remarks": sentence("Notes"),
    "beside_selection": sentence("{n} of the labels were used to choose settings"),
    "beside_oracle": sentence("{n} further labels used to choose settings, not counted"),
    "beside_unlabelled": sentence("{n} texts without labels"),
    "beside_test_texts": sentence("{n} test texts seen, without labels"),
    "untrained": sentence("{n} of {all} runs collapsed"),
    "mean_trained": sentence("mean of the others {value}"),
    "yes": sentence("yes"),
    "no": sentence("no"),
    "best_at_shots": sentence("at the same number of labels"),
    "leading": sentence("leader"),
    "why_left_out": sentence("Why the others are ruled out, and what is in doubt"),
    "badge_one_seed": sentence("variation between seeds unknown: one seed"),
    "badge_two_seeds": sentence("variation between seeds unknown: two seeds"),
    "badge_identical": sentence("identical predictions"),
    "badge_never_wrong": sentence("fewer than 10 rows ever wrong: the interval may be too narrow"),
    "badge_never_right": sentence(
        "fewer than 10 rows ever correct: the interval may be too narrow"
    ),
    "badge_failed_runs": sentence(
        "some runs collapsed: the interval does not hold for such a mixture"
    ),
    "badge_few_per_label": sentence(
        "a label has fewer than 10 test rows: the interval may be too narrow"
    ),
    # pictures
    "curves_head": sentence("What more labelled texts bring"),
    "board_figure_head": sentence("Best of each method"),
    "charts_note": sentence(
        "Bands and bars are 95% intervals over test rows and seeds. Filled dots could be the best, open ones are ruled out. The numbers are in the leaderboard."
    ),
    "asked_question": sentence("No labelled texts, a few, or all of them?"),
    "asked_data": sentence("{name}: {rows} rows, {labels} labels, judged on {test} test rows"),
    "matrix_head": sentence("What the leader confuses"),
    "matrix_note": sentence(
        "{cell}; predictions of its runs ({runs}) added up. Colour is the share of the given label's rows."
    ),
    "matrix_large": sentence(
        "There are too many labels for a chart; these are the pairs that are confused most."
    ),
    "pairs_head": sentence("Most confused pairs"),
    "pairs_none": sentence("No row was predicted wrongly in any run."),
    "head_given": sentence("Given label"),
    "head_said": sentence("Predicted label"),
    "head_times": sentence("Count"),
    "head_share": sentence("Share of the given label's rows"),
    "per_label_note": sentence("{cell}; predictions of its runs ({runs}) added up."),
    "head_found": sentence("True positives"),
    "head_missed": sentence("False negatives"),
    "head_borders": sentence("Other borders"),
    "head_other_type": sentence("As another type"),
    "head_length": sentence("Length of the correct answer"),
    "head_exact": sentence("Exact"),
    "head_partly": sentence("Shares words"),
    "head_elsewhere": sentence("Something else"),
    "head_unanswered": sentence("No answer given"),
    "head_made_up": sentence("Where there is no span"),
    "head_wrongly": sentence("False positives"),
    # rows
    "wrong_head": sentence("Rows that most arms get wrong"),
    "wrong_note": sentence(
        "Each arm at its best number of labels, with its most frequent prediction over its runs; arms that always predict the most frequent label are not included. Read these rows first: some may have a wrong label."
    ),
    "wrong_none": sentence("No test row is predicted wrongly by at least half of the arms."),
    "wrong_count": sentence("{n} such rows; showing {shown}."),
    "row": sentence("Row {n}"),
    "given": sentence("given"),
    "answered": sentence("predicted"),
    "no_label": sentence("(no label)"),
    "full_text": sentence("the whole text, {n} characters"),
    "cut_text": sentence("the first {shown} of {n} characters"),
    "arms_wrong": sentence("{n} of {all} arms wrong"),
    # runs without a result
    "lost_head": sentence("Runs without a result"),
    "lost_none": sentence("Every run gave a result."),
    "head_status": sentence("Status"),
    "head_reason": sentence("Reason"),
    "failed": sentence("failed"),
    "refused": sentence("refused"),
    "unfinished": sentence("not finished"),
    # how
    "how_head": sentence("How each number was computed"),
    "how_interval": sentence("Intervals"),
    "how_interval_text": sentence(
        "Test rows and seeds are both samples, so the variance of a mean comes from the two-way analysis of variance of seeds by rows, with the weighted quantile of Cochran and Cox (Experimental Designs, 1957); for accuracy on the logit scale, for macro-F1 through jackknife pseudo-values (Tukey, 1958). With fewer than 3 seeds, or for arms without seeds, it covers the test rows only: for accuracy it is the Wilson interval (1927). Where samples take more than a tenth of the training pool, the seed variance of a mean is enlarged (Nadeau and Bengio, 2003). With few seeds the spread between them is poorly known, so in comparisons it is shrunk towards what all entries of the study show, starting from published spreads (Smyth, 2004). Test rows that belong together count as groups (Liang and Zeger, 1986; Bell and McCaffrey, 2002)."
    ),
    "how_best": sentence("Could be the best"),
    "how_best_text": sentence(
        "Multiple comparisons with the best (Hsu, 1981) in Bonferroni's form, each arm at the most labels it was given; separately, all entries with the same number of shots. An entry is ruled out only if another one beats it by more than chance allows in all comparisons together, at 95%. Not being ruled out does not mean being equally good."
    ),
    "how_advice": sentence("The recommendation"),
    "how_advice_text": sentence(
        "Each arm is judged at the most labels it was given, so none is picked by its score. A winner is named only if it beats every other one, Holm over all pairs, with 3 seeds or more and no lost run. Otherwise, of those that could be the best and scored within 3 points of the highest (of ratings, 3% of the scale), the cheapest is recommended; where no other is that close, the one that scored highest, for now. Nothing is recommended that is not shown to beat giving every text the most frequent label (of ratings, the median), and nothing before everything that was asked for has run. Fewer labels are called enough only where the upper limit of what they lose is below the same 3 points (non-inferiority). What would change the recommendation is the number of seeds or test rows at which the observed difference would be found with a probability of .8."
    ),
    "how_pays": sentence("Break-even"),
    "how_pays_text": sentence(
        "Where the rising fit of the mean difference (pool adjacent violators) crosses 0, linear in the logarithm of labels. Its limits are the training sizes at which the 95% interval of the difference, seeds and test rows together, still includes 0."
    ),
    "how_gains": sentence("What more labels would bring"),
    "how_gains_text": sentence(
        "Error = a + b n to the power of −c, fitted by weighted least squares to 5 or more training sizes, extrapolated to at most 4 times the labels, and only if the fit without the last point predicts that point. The band holds only if the curve keeps its shape."
    ),
    "how_costs": sentence("Cost"),
    "how_costs_text": sentence(
        "Price per label × labels + price per hour × hours of training, once + texts per month × hours per text × price per hour; without prices, entries are ordered by labels and then seconds. An entry is beaten if one as cheap is better by more than chance allows (Bonferroni over those), worth its cost otherwise. Costs are taken as they are: they have no interval."
    ),
    "how_power": sentence("Statistical power"),
    "how_power_text": sentence(
        "The smallest true difference that a study with these seeds and test rows would find 8 times out of 10, two-sided at 5%. Before the run: a spread of 2 points between seeds, and exactly one of two arms correct on 20% of the rows. Afterwards: the observed spread."
    ),
    "how_errors": sentence("Mean absolute error, weighted kappa and accuracy"),
    "how_errors_text": sentence(
        "The answer is the median of the predicted distribution. The mean absolute error is how many points answers are off on average. Quadratic-weighted kappa is agreement beyond chance, where a disagreement counts by its square: 1 where everything is correct, 0 for constant answers (Cohen, 1968). Accuracy is the share of test rows whose rating is exactly correct."
    ),
    "how_further_errors": sentence("Further metrics"),
    "how_further_errors_text": sentence(
        "Balanced accuracy is the mean over the points of the scale of the share of its rows predicted exactly (recall). Log loss is the mean of −log of the probability given to the correct rating; the Brier score is the mean squared distance of the probabilities from it, 0 to 2; both ignore the order. Intervals over seeds and test rows together."
    ),
    "written_by": sentence("Arm"),
    "written_given": sentence("Given (marked: not written)"),
    "written_text": sentence("Written (marked: not given)"),
    "written_length": sentence("length × {ratio}"),
    "written_nothing": sentence("nothing"),
    "lengths_head": sentence("How long the written texts are"),
    "lengths_note": sentence(
        "Characters that were written for each character of the given texts, over all test rows and runs; how many texts are the given one exactly; and for how many nothing was written."
    ),
    "head_length_ratio": sentence("Length, × given"),
    "head_equal_texts": sentence("Equal to the given"),
    "head_empty_texts": sentence("Nothing written"),
    "wrong_written_note": sentence(
        "The {n} test rows whose texts are least like the given ones, in the mean over arms by ROUGE-L of the row. Marked is what is in only one of the two texts."
    ),
    "how_written": sentence("ROUGE, chrF++ and BLEU"),
    "how_written_text": sentence(
        "chrF++ (Popović, 2017) and BLEU (Papineni et al., 2002) are those of sacrebleu, from counts over all test rows together, with the signatures chrF++ “{chrf}” and BLEU “{bleu}”. chrF++ compares up to six characters and up to two words in a row, BLEU up to four words, or characters where most letters are Korean, Chinese or Japanese (tok:char). ROUGE (Lin, 2004) is the F1 of words (1), of pairs of words (2) or of the longest sequence that both texts have in this order (L), a mean over rows, in small letters and without signs; each Hangul, kana or Chinese character is a word, because names and endings are not cut off by spaces there. Intervals of chrF++ and BLEU by the jackknife over rows (Tukey, 1958), all over seeds and rows together. chrF++ counts what is missing four times as much as what is too much, so that long texts do well by it. Each compares with one given text: a good text in other words scores low."
    ),
    "how_further_written": sentence("Confidence"),
    "how_further_written_text": sentence(
        "A text that is written has no probability here, so there is nothing to say about confidence."
    ),
    "how_answers": sentence("Answer F1, exact match and character F1"),
    "how_answers_text": sentence(
        "As the script of SQuAD compares them: in small letters, without ASCII punctuation and English articles. Exact match is the share of answers that then equal a right one. Answer F1 is the harmonic mean of precision and recall of an answer's words, of the correct answer that fits best; a question without an answer counts 1 where none is given, else 0 (SQuAD 2.0). Character F1 compares characters as KorQuAD does: it is meant for Korean, and in English any two answers share many. Means over questions; intervals over seeds and texts together, as questions to one text stand or fall together."
    ),
    "how_further_answers": sentence("Further metrics"),
    "how_further_answers_text": sentence(
        "Log loss is −log of the probability that the answer begins and ends where a right one does, of the correct answer that is likeliest; the Brier score is the squared distance of the probabilities of both ends from it, 0 to 2. Intervals over seeds and texts together."
    ),
    "how_spans": sentence("Span F1, word F1 and texts with every span right"),
    "how_spans_text": sentence(
        "F1 is the harmonic mean of precision and recall over all test rows together (micro). Span F1 counts a span where its type, its first and its last word are all correct, as in CoNLL-2003. Word F1 counts each word that is in a span of the correct type, whatever the borders; where words are single characters, as in Korean, it is the character F1. Intervals by the jackknife over rows (Tukey, 1958), over seeds and rows together."
    ),
    "how_further_spans": sentence("Further metrics"),
    "how_further_spans_text": sentence(
        "Of every word's tag, in the mean over the words of a text and then over texts: log loss is −log of the probability given to the correct tag, the Brier score the squared distance of the probabilities from it, 0 to 2. Intervals over seeds and test rows together."
    ),
    "how_further": sentence("Further metrics"),
    "how_further_text": sentence(
        "Balanced accuracy is the mean over labels of the share of its rows predicted correctly (recall). The Matthews correlation is 1 where everything is correct and 0 where predictions have nothing to do with the labels (Gorodkin, 2004). Log loss is the mean of −log of the probability given to the correct label; the Brier score is the mean squared distance of the probabilities from it, 0 to 2. Intervals over seeds and test rows together."
    ),
    "how_abstain": sentence("Abstention"),
    "how_abstain_text": sentence(
        "Texts in the order of the probability of their prediction; the share of wrong predictions among the most confident 5%, 10% and so on. Texts of equal probability count as their mean (El-Yaniv and Wiener, 2010)."
    ),
    "how_ece": sentence("Calibration error"),
    "how_ece_text": sentence(
        "Up to 15 groups of equal size, 20 rows or more each (Naeini et al., 2015); its reference draws each row as correct with the probability predicted for it (Bröcker and Smith, 2007)."
    ),
    "how_slices": sentence("Groups of rows"),
    "how_slices_text": sentence(
        "Groups are made from texts and given labels alone: the shortest and longest quarter, each label, the script, topics where they were asked for, a number or a mark, and common words; at least 20 rows inside and outside. The test is for a difference of two means with the variance of all rows and of the seeds (Pearson’s chi-square where there is one seed); all p-values are adjusted together (Benjamini & Hochberg 1995)."
    ),
    "how_doubts": sentence("Labels that look wrong"),
    "how_doubts_text": sentence(
        "The arms asked are those whose accuracy interval lies above always predicting the most frequent label. An arm doubts a label when it finds another one more likely and gives that one at least the probability that it gives it, on average, on rows that carry it (confident learning, Northcutt et al. 2021). No arm was trained on a test row. Arms that share a model share its mistakes."
    ),
    "how_next": sentence("What to label next"),
    "how_next_text": sentence(
        "Each text is represented by its gradient, the error of the predicted label (of a rating, at every threshold of the scale) times the text’s embedding (without a model: its n-grams). The longest is chosen first, each further one is drawn with a probability proportional to the squared distance to those chosen (BADGE, Ash et al. 2020)."
    ),
    "how_robust": sentence("Changed texts"),
    "how_robust_text": sentence(
        "Runs with a checkpoint predict the test rows after each change; rows it does not change are not counted. One word in ten gets a typo, at least one per text: two neighbouring letters swapped, one left out or one doubled (Belinkov & Bisk 2018), never the first; in Hangul two syllables swapped or another final consonant. Negation is added or removed by rules for English and Korean, only where one clearly applies (Ribeiro et al. 2020 divide such tests in the same way). Intervals of a difference are paired over rows and seeds; with a checkpoint of only one run they cover the test rows alone."
    ),
    "how_behind": sentence("Behind the leader"),
    "how_behind_text": sentence(
        "The value of the leader minus the value of this entry, paired on the same test rows and seeds, in percentage points; of ratings, how many points of the scale its error is larger. Each interval is judged on its own and makes no allowance for the leader having been picked after the fact; the column “could be the best” does."
    ),
    "how_metrics": sentence("Accuracy and macro-F1"),
    "how_metrics_text": sentence(
        "Accuracy is the share of test rows predicted correctly; with several labels per text the whole set must be correct. Macro-F1 is the mean of the F1 of all labels, each counting the same."
    ),
    "how_seconds": sentence("Seconds"),
    "how_seconds_text": sentence(
        "Mean over the runs of what a run would have cost on its own: embeddings reused from an earlier run are charged to it as well. Loading the model is not included. Prediction: all {n} test rows. Texts per second: for texts never read before with the model in memory (warm), measured on up to 64 test rows with the run whose checkpoint is saved. One text: the same, asked alone, as a service meets it; the median and the 95th percentile of up to 40. Machines: as many as this one as label the texts of a month in batches, evenly spread; for hours of many texts you need more. The first text after a start (cold) waits for the model to load as well."
    ),
    "how_memory": sentence("Peak memory"),
    "how_memory_text": sentence(
        "What a run took above what was in use when it began (on a GPU: what torch had allocated there), mean over the runs. A model that was loaded before is not included."
    ),
    "how_test": sentence("Test rows"),
    "how_test_text": sentence(
        "They were chosen first, are the same for every arm, and nothing was trained or tuned on them. Digest of their texts and labels: {digest}."
    ),
    "how_seeds": sentence("Seeds"),
    "how_seeds_text": sentence(
        "A seed draws the rows to train on and the initial weights. Larger samples of a seed contain its smaller ones, and all arms get the same rows."
    ),
    # again
    "again_head": sentence("To reproduce it"),
    "about_note": sentence("Note"),
    "again_note": sentence(
        "With the study’s archive ({archive}) the same study can be reproduced on the same rows, by a command or by a script that can be edited. Both are run in the folder of Transfer Lab, the one that holds tl_core."
    ),
    "again_script": sentence("The script"),
    "command_none": sentence("The command was not recorded; the settings are in study.json."),
    "head_version": sentence("Version"),
    "head_package": sentence("Computed with"),
    "device": sentence("device"),
    "study_id": sentence("study"),
}


def speaker(texts: Mapping[str, Sentence]) -> Callable[..., str]:
    """Return the function that gives the texts of a module: (language, key, **values).

    Braces inside a value stay as they are.
    """
    return lambda language, key, **values: texts[key].filled(**values).to(language)


say = speaker(EN)

_BADGES = {
    ONE_SEED: "badge_one_seed",
    TWO_SEEDS: "badge_two_seeds",
    IDENTICAL: "badge_identical",
    NEVER_WRONG: "badge_never_wrong",
    NEVER_RIGHT: "badge_never_right",
    FEW_PER_LABEL: "badge_few_per_label",
    FAILED_RUNS: "badge_failed_runs",
}


def percent(share: float, language: str) -> str:
    """A share, 0..1, in percent."""
    return amounts.percent(share)


def limits(interval: Interval, language: str) -> str:
    """The limits of an interval in percent (or percentage points), without the sign; a dash where there are none."""
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return "–"
    return say(language, "range", low=number(100 * interval.low), high=number(100 * interval.high))


def with_limits(interval: Interval, language: str) -> str:
    """A share with its limits, in percent."""
    return say(
        language,
        "interval",
        value=percent(interval.value, language),
        range=limits(interval, language),
    )


def shots_name(shots: int | str | None, language: str, per: str) -> str:
    """A number of shots in words; "all" and None are all rows. `per` as `Task.shots_per`."""
    if shots in (None, "all"):
        return say(language, "shots_all")
    if str(shots) == "0":
        return say(language, "shots_0")
    return say(language, f"shots_{1 if str(shots) == '1' else 'n'}_{per}", n=shots)


def best_mark(cell) -> str:
    """The word for whether nothing is shown to be better than a line: of all arms at their most labels, or with as many labels."""
    return "yes" if cell.could_be_best else "best_at_shots" if cell.best_at_shots else "no"


def cell_name(cell, language: str) -> str:
    """An arm at a number of shots."""
    return say(language, "cell", arm=cell.arm, shots=shots_name(cell.shots, language, cell.per))


def duration(seconds: float, language: str) -> str:
    """About how long, in the unit a person would choose."""
    return amounts.duration(seconds).to(language)


def badges(interval: Interval, language: str) -> list[str]:
    """Return what the limits do not cover, in words."""
    return [say(language, _BADGES[note]) if note in _BADGES else note for note in interval.notes]
