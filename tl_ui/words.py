"""Every sentence of the page, in English and by name; the Korean is in the catalogue. A view writes
its own, and they are added when it is found.

`word(key)` marks a label that the browser puts into its own language and the language switch into
any; `t(lang, key, ...)` is for sentences with something in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradio.i18n import I18nData

from tl_core.api.sentences import LANGUAGES, NameOf, Sentence, say, say_as

EN: dict[str, Sentence] = {
    # the frame
    "lede": say(
        "# Transfer Lab\nPrompt a model, train it on a few labelled texts, or fine-tune it? Measured on your own texts."
    ),
    "needs_script": say(
        "This page needs JavaScript, which is off in this browser. The command line does the same without it."
    ),
    "notice_error": say_as("a notice", "This did not work"),
    "notice_warning": say("Warning"),
    "notice_info": say_as("a notice", "Note"),
    "notice_success": say_as("a notice", "Done"),
    "wrong_kind": say("{file} is not a file that is read here. Choose one of these: {kinds}."),
    "theme": say("Light / dark"),
    "bug": say(
        "Something went wrong on our side: bug {reference}. The program's log has the details under this number."
    ),
    "outside_failed": say("The plug-in {id} could not be shown. The log of this program says why."),
    "no_such_study": say("The study in this address is no longer here. It may have been deleted."),
    "skip": say("Skip to the content"),
    "dropped_beside": say(
        "A file is taken by the fields for files: your texts on Start or Data, an archive on Studies. Nothing was read."
    ),
    "path_data": say("1 Data"),
    "path_compare": say("2 Compare"),
    "path_results": say("3 Answer"),
    "path_rows": say("{rows} rows, {labels} labels"),
    "path_queued": say("waiting, {ahead} ahead"),
    "path_running": say("running, {done} of {total}"),
    "path_done": say("finished"),
    "path_stopped": say("stopped, {done} of {total}"),
    "path_failed": say("broke off, {done} of {total}"),
    "path_coming": say("first results"),
    "path_ready": say("ready"),
    "path_ready_of": say("ready, for {name}"),
    "tab_start": say("Start"),
    "tab_data": say("Data"),
    "tab_compare": say("Compare"),
    "tab_results": say("Results"),
    "tab_try": say("Try"),
    "tab_about": say("About"),
    # start
    "way_none": say("No labelled texts"),
    "way_few": say("A few labelled texts"),
    "way_all": say("All labelled texts"),
    "start_head": say("No labelled texts, a few, or all of them: what does each get you?"),
    "start_said": say(
        "Of 100 support tickets, {none} are sorted correctly without a single labelled one, {few} after training on {few_labels} labelled tickets, and {all} after fine-tuning the whole model on all {all_labels}."
    ),
    "start_about": say(
        "A finished study that comes with this page: {rows} English messages, {labels} topics, scored on the same {test} that nothing was trained on, {seeds} draws of labelled messages."
    ),
    "start_curve": say("Correct answers, by number of labelled messages, with 95% intervals"),
    "start_curve_x": say("labelled messages"),
    "curve_none": say_as("labelled texts", "None"),
    "curve_few": say_as("labelled texts", "A few"),
    "curve_all": say_as("labelled texts", "All"),
    "start_numbers": say("The numbers"),
    "start_map": say("The same messages, as the model sees them"),
    "start_map_about": say(
        "A dot is a message it was not trained on, near those it finds alike. Training pulls the topics apart."
    ),
    "start_untrained": say("Untrained"),
    "start_trained": say("{n} labelled"),
    "start_near": say("{share} beside their own topic"),
    "start_yours": say("Now yours"),
    "start_yours_info": say(
        "Drop a CSV or Excel file here, or press to choose one: a column of texts, a column of labels."
    ),
    "start_live": say("Run this live"),
    "start_live_info": say(
        "A smaller study of the same messages, about {time} on this machine. The quick ways come first; LoRA and full fine-tuning join the picture as they finish."
    ),
    # numbers
    "all_rows": say("all rows"),
    "rows_n": say("{n} rows"),
    "rows": say("rows"),
    "labels": say("labels"),
    "accuracy": say("accuracy"),
    "macro_f1": say("macro-F1"),
    "mean_absolute_error": say("mean absolute error"),
    "weighted_kappa": say("weighted kappa"),
    "entity_f1": say("span F1"),
    "chrf": say("chrF++"),
    "rouge_l": say("ROUGE-L"),
    "rouge_1": say("ROUGE-1"),
    "rouge_2": say("ROUGE-2"),
    "bleu": say("BLEU"),
    "word_f1": say("word F1"),
    "whole_texts": say("texts with every span right"),
    "answer_f1": say("answer F1"),
    "exact_match": say("exact match"),
    "character_f1": say("character F1"),
    "yes": say("yes"),
    "none": say("(none)"),
    # data
    "data_head": say(
        "## Which texts?\nPick a sample, or upload a file with a column of texts and a column of labels."
    ),
    "sample": say("Bundled samples"),
    "sample_support_tickets": say("Support tickets: customer-service messages, by topic (English)"),
    "sample_product_opinions": say("Product opinions: negative or positive (English)"),
    "sample_korean_opinions": say("Korean opinions: negative or positive (Korean)"),
    "sample_sentence_pairs": say("Sentence pairs: do the two sentences mean the same? (English)"),
    "sample_korean_tickets": say("Korean support tickets: by topic (Korean)"),
    "sample_korean_pairs": say("Korean sentence pairs: do they mean the same? (Korean)"),
    "sample_support_entities": say(
        "Names in support messages: products, dates, places, people, order numbers (English)"
    ),
    "sample_product_questions": say(
        "Questions to short texts of a shop, answered from the text (English)"
    ),
    "sample_release_summaries": say("Summaries of short reports"),
    "sample_korean_entities": say("Names in Korean support messages (Korean)"),
    "own_file": say("Your own file"),
    "limits": say(
        "CSV, TSV, JSONL, JSON, Parquet or XLSX; up to {mb} MB and {rows} rows. Files stay on the machine this page runs on."
    ),
    "test_file_head": say("A separate test file (optional)"),
    "test_file": say("Test file with the same columns"),
    "how_read": say("How the file was read"),
    "guesses_head": say("What was detected, and why. Change it here if it is wrong."),
    "guesses_none": say("Nothing had to be detected: everything is set below."),
    "column_text": say("Text column"),
    "column_text_b": say("Second text column"),
    "column_label": say("Label column"),
    "column_group": say("Group column"),
    "encoding": say("Encoding"),
    "delimiter": say("Delimiter"),
    "sheet": say("Sheet of the workbook"),
    "guess_it": say("auto-detect"),
    "mark_comma": say("comma"),
    "mark_tab": say("tab"),
    "mark_semicolon": say("semicolon"),
    "mark_vertical_bar": say("vertical bar"),
    "multi_label": say("A text may have several labels"),
    "multi_label_info": say(
        "Write the labels of a cell as a list, or separate them with | ; , or another mark."
    ),
    "merge_labels": say("Merge labels that differ only in how they are written"),
    "merge_labels_info": say("Also those that have the same name in the label table below."),
    "task": say("What the labels are"),
    "task_info": say(
        "Ratings are whole numbers on a scale: an answer that is off by one is better than one that is off by three."
    ),
    "task_usual": say("Classes: names, in no order"),
    "task_ordinal": say("Ratings: whole numbers whose order counts"),
    "task_text-to-text": say("A text written from each text: summaries, translations"),
    "task_extractive-qa": say("Questions, answered by a stretch of the text"),
    "task_tagging": say("Spans of the text: names, dates, places"),
    "take_task": say("Read the labels as ratings"),
    "take_several": say("Read several labels per cell"),
    "take_merge": say("Merge these spellings into one label"),
    "take_group": say("Keep rows with the same “{column}” together"),
    "preview": say("First rows"),
    "previous_kept": say("The previous dataset is still in use."),
    "split_sizes": say(
        "{test} test rows, {pool} rows available for training, {dropped} used for neither."
    ),
    "kind_one_text": say("one text per row"),
    "kind_two_texts": say("two texts per row"),
    "kind_one_label": say("one label each"),
    "kind_many_labels": say("any number of labels each"),
    "kind_text-to-text": say("a text written from each text"),
    "kind_extractive-qa": say("a question about each text, answered by a stretch of it"),
    "kind_tagging": say("spans of each text, and what they are"),
    "kind_ordinal": say("one rating each, where each point of the scale counts as a class"),
    "balance": say("Rows per label"),
    "more_labels": say("and {n} more labels"),
    "fine_n": say("{n} checks found no problem"),
    "level_warning": say("warning"),
    "level_note": say_as("level", "note"),
    "level_ok": say("OK"),
    "rows_are": say("Rows: {rows}."),
    "labels_head": say(
        "## What the labels mean\nZero-shot strategies read these names, descriptions and words; clear ones are worth many labelled rows. What you write here counts at once."
    ),
    "labels_table": say(
        "Separate descriptions with “ | ” and words with “, ”; the id is the label as written in the file"
    ),
    "next_compare": say("Next: compare"),
    "labels_down": say("Download the label table"),
    "labels_up": say("Upload a label table"),
    # compare
    "intro_head": say("Which strategy suits these texts?"),
    "intro_about": say("{name}: {rows} rows, {labels} labels."),
    "preset": say("What to compare"),
    "preset_quick": say("Quick: what takes seconds"),
    "preset_ways": say("The three ways"),
    "preset_thorough": say("Thorough: more ways, more labelled texts, five draws"),
    "ticket": say("Type a message, as a customer would"),
    "ticket_example": say("I was charged twice for one month"),
    "ticket_about": say(
        "Three methods of this study answer as you write; words without which an answer is less likely are tinted. A linear probe stands for both trained ways: it is small enough to come along. LoRA and full fine-tuning answer on Try once you have run them."
    ),
    "ticket_labels": say("{n} labelled messages"),
    "rail_answer": say("Answer"),
    "rail_labels": say("Labels"),
    "rail_costs": say("Cost"),
    "rail_trust": say("Trust"),
    "rail_board": say("Numbers"),
    "rail_rows": say("Rows"),
    "rail_differences": say("Differences"),
    "rail_robust": say("Robustness"),
    "rail_next": say("Label next"),
    "rail_share": say("Share"),
    "way_none_about": say("Prompt: the model reads what the labels are called, and no examples."),
    "way_few_about": say(
        "Train a little: the model stays as it is, a small part learns from a few examples."
    ),
    "way_all_about": say("Fine-tune: every weight learns from every labelled row."),
    "more_ways": say("More ways"),
    "needs_no_labels": say("No labelled texts needed"),
    "needs_a_few_labels": say("A few labelled texts"),
    "needs_all_labels": say("All the labelled texts you have"),
    "cannot": say("Not available here:"),
    "left_out": say("Left out: {cells}. {reason}"),
    "own_head": say("Add an arm with custom settings"),
    "own_about": say(
        "An arm is a strategy with its settings on a model; the leaderboard has an entry for it at each number of labelled texts. Every field starts with a value that suits most texts, so change only what you want to try. The same strategy can appear in several arms."
    ),
    "own_strategy": say("Strategy"),
    "own_name": say("Name of the arm"),
    "own_name_info": say("Optional."),
    "own_model": say("Model of this arm"),
    "own_model_same": say("same as above"),
    "own_base": say("Strategy trained afterwards"),
    "own_of_base": say("Settings of the strategy trained afterwards"),
    "recipe_selection": say("How the learning rate is chosen"),
    "recipe_selection_info": say(
        "fixed: as set above. inside: smaller and larger values are tried by cross-validation on the training rows. dev: chosen on the same number of further labels, which count as labels used. oracle: chosen on up to 500 further labels that do not count, so the arm is marked optimistic."
    ),
    "recipe_scaling": say("Calibration"),
    "recipe_scaling_info": say(
        "inside: temperature scaling. One number, fitted on training rows held out in turn, calibrates the probabilities. No prediction changes; the strategy is fitted up to five times."
    ),
    "recipe_augmentation": say("Data augmentation"),
    "recipe_augmentation_info": say(
        "Three made-up copies of every training text: words deleted, swapped, or replaced by a model that fills blanks."
    ),
    "own_add": say("Add this arm"),
    "own_table": say("Arms with custom settings"),
    "own_gone": say("Arm"),
    "own_settings": say("Changed settings"),
    "own_remove": say("Remove"),
    "shots": say("Shots (labelled texts per label, texts per rating, spans per type)"),
    "shots_info": say(
        "Each strategy is trained once for every number of shots and every seed. The rarest label has {n} rows to train on, so that is the most you can choose."
    ),
    "seeds": say("Seeds"),
    "seeds_info": say(
        "Each seed draws the labelled rows afresh. With few of them, it matters a lot which are drawn; 3 or more seeds show how much."
    ),
    "more_settings": say("Seeds, model, test rows, strategies with your own settings"),
    "more_shots": say("Other numbers of shots"),
    "more_shots_info": say("For example 3, 64. “all” uses every row available for training."),
    "test_size": say_as("form", "Test rows"),
    "as_usual": say("default"),
    "not_given": say("not set"),
    "test_size_info": say("Leave empty for a fifth of the rows, at least 200, at most half."),
    "model": say("Model"),
    "model_info": say("The model that comes with this page; it needs no network."),
    "model_info_free": say(
        "A folder with safetensors weights, or a model name on the Hugging Face Hub, works too."
    ),
    "send_texts": say("Send these texts there"),
    "send_first": say("Nothing was sent. Tick “{box}” to allow it, or leave this strategy out."),
    "run": say("Run this study"),
    "estimate": say("{runs} runs, about {time}."),
    "estimate_untimed": say(
        "That is what an ordinary machine with two cores takes: this one is still being timed, and may take several times as long."
    ),
    "cost_by_arm": say("Estimated time per arm"),
    "cost_others": say("the other {n} together"),
    "cost_shared": say("start-up and embeddings, shared by all"),
    "too_long": say(
        "This will probably not finish here: a study may run for {limit}. Whatever has finished by then is kept."
    ),
    "estimate_more": say("Time of each, and what differences it can show"),
    "go_head": say("Your study"),
    "stop": say("Stop"),
    "go_on": say("Continue"),
    "see_results": say("See the results"),
    "nothing_yet": say("Nothing is running."),
    "state_queued": say("Waiting in line: {ahead} ahead of this one."),
    "state_running": say("{done} of {total} runs finished."),
    "state_done": say("Finished: all {total} runs."),
    "state_stopped": say("Stopped after {done} of {total} runs. Finished runs are kept."),
    "state_failed": say("The study could not continue after {done} of {total} runs."),
    "now": say("now: {arm}, {shots}, seed {seed}"),
    "step": say("step {step} of {steps}"),
    "loss": say("loss {loss}"),
    "left": say("about {time} left"),
    "without_gpu": say("Continue without the GPU"),
    "gpu_estimate": say(
        "Networks are trained on a GPU that is lent to you for a few seconds at a time: this asks for up to {seconds} seconds of your own daily quota (number of calls: {calls}). Without an account you have {anonymous} a day, with a free account {free}, with PRO {pro}. Keep this page open until that part has finished."
    ),
    "lent_left": say(
        "Runs that train a network and are still waiting for a GPU: {left}. They stop when the page is closed. “Continue” runs them now."
    ),
    "lent_quota": say(
        "Your GPU quota for today is used up, or too little of it is left for the next call. Runs still to do: {left}. The quota returns 24 hours after its first use; signing in to Hugging Face, or PRO, gives you more. Click “Continue” then, or continue without the GPU now, which takes longer."
    ),
    "lent_too_long": say(
        "A run would need more GPU seconds in one call than you may ask for. Runs still to do: {left}. Choose fewer labels or fewer steps, or continue without the GPU."
    ),
    "lent_waited": say(
        "No GPU became free in time. Runs still to do: {left}. Click “Continue” in a few minutes, or continue without the GPU."
    ),
    "lent_credits": say(
        "Your GPU credits are tied up in other tasks that are still running. Runs still to do: {left}. Click “Continue” when those have finished, or continue without the GPU."
    ),
    "lent_ended": say(
        "The GPU process was stopped more than once in the middle of a run, perhaps because it took too long. Runs still to do: {left}. “Continue” tries once more, with more time; continuing without the GPU takes longer but has no such limit."
    ),
    "lent_refused": say(
        "The service that lends GPUs did not lend one. Runs still to do: {left}. Click “Continue” in a few minutes, or continue without the GPU."
    ),
    "warming": say("The model is being loaded."),
    "chart_leaderboard": say(
        "Leaderboard: every arm with its 95% interval. The table next to it has the same numbers."
    ),
    "provisional": say("so far"),
    "best_so_far": say("Best of each arm, by {metric}"),
    "arm": say("Arm"),
    "labels_per_class": say("Shots"),
    "draws": say("Seeds"),
    # results
    "no_results_head": say("No results yet"),
    "no_results": say(
        "Run a study on the Compare tab. Its answer, learning curves and every test row will appear here."
    ),
    "working_out_head": say("Almost there"),
    "working_out": say("Comparing the first results."),
    "weighing": say(
        "All runs have finished. The recommendation is being computed and will appear here in a moment."
    ),
    "answer_details": say("Details, with the numbers"),
    "reason_why": say("Why"),
    "reason_runner_up": say("Runner-up"),
    "reason_changes": say("What would change it"),
    "reason_sure": say("How certain"),
    "how_computed": say("How was this computed?"),
    "at_the_end": say("This is computed when all runs have finished."),
    "pays_title": say("How many labelled texts before training pays off?"),
    "pair_head": say("### Any two arms"),
    "pair_a": say("Arm to beat"),
    "pair_b": say("Arm that learns from labels"),
    "pair_at": say("How many labelled texts could you provide?"),
    "pair_at_info": say(
        "In total, not per class. Move the slider to see which arm is ahead there."
    ),
    "chart_ahead": say(
        "How far {learner} is ahead of {other}, with a 95% band, by number of labels. The sentences next to it say the same."
    ),
    "gains_title": say("What would more labelled texts bring?"),
    "gains_none": say("No arm here learns from labels."),
    "chart_gains": say(
        "Learning curves, extrapolated by dotted lines to two and four times the labels. The list has the numbers."
    ),
    "costs_title": say("What does it cost, and is it worth it?"),
    "price_label": say("Price per label"),
    "price_label_info": say("What labelling one text costs you; 0 if unknown."),
    "price_hour": say("Price per hour"),
    "price_hour_info": say("For machine time, in the same currency."),
    "price_machine": say("Machine"),
    "price_machine_info": say(
        "Fills in a published price of an hour; take one that is like the machine this study ran on. machines.csv in the folder of this program's files adds yours."
    ),
    "price_texts": say("Texts per month"),
    "price_texts_info": say("How many texts you need predictions for."),
    "at_prices": say("At these prices: {said}"),
    "without_prices": say(
        "Without prices, counting fewer labels and then fewer seconds as cheaper: {said}"
    ),
    "chart_pareto": say(
        "Cost against quality, one point per entry with its 95% interval. The table has the same numbers."
    ),
    "latency_title": say("How long does one text take?"),
    "latency_none": say(
        "Not timed: that takes two arms or more whose weights this study keeps, and a study made before every text was timed has none. Repeat it to have its times."
    ),
    "chart_latency": say(
        "Quality against the time that one text takes, one point per arm with its 95% intervals. The table has the same numbers."
    ),
    "trust_title": say("How good are the predictions, and can their probabilities be trusted?"),
    "trust_arms": say("Arms in the charts"),
    "chart_reliability": say(
        "Share of correct predictions by confidence, one line per arm. The table has the calibration errors."
    ),
    "chart_risk": say(
        "Share of wrong predictions by share of texts predicted, most confident first, one line per arm."
    ),
    "pictures_head": say("Chart: quality by number of labels, with intervals"),
    "leaderboard_head": say("Every entry with its numbers"),
    "runs_head": say("Every run"),
    "runs_about": say(
        "One line for each run: what one seed scored, and what its training took. The line is the loss from the first step to the last. study.json has every number."
    ),
    "runs_first": say("The first {n} of {all} are shown."),
    "run_failed": say("failed"),
    "loss_from_to": say("Loss {first} at the first step, {last} at the last"),
    "metric": say("Metric"),
    "curves_head": say("### What more labelled texts bring"),
    "board_head": say("### Best of each method"),
    "charts_info": say(
        "Bands and bars are 95% intervals over test rows and seeds. Click a point to see the rows it gets wrong."
    ),
    "chart_best": say(
        "Each method at the most labelled texts it was given, with its 95% interval. The table of every entry has the same numbers."
    ),
    "copy_link": say("Copy link"),
    "try_untried": say("Add what was not tried"),
    "link_copied": say("The link to this answer is copied. Whoever has it can read the study."),
    "command_head": say("Command and script that make it again"),
    "leaderboard": say("Leaderboard (click a heading to sort)"),
    "rows_head": say("The rows behind the numbers"),
    "cell": say("Leaderboard entry"),
    "cell_info": say("Its predictions are counted in the matrix and come first in the table."),
    "filter": say("Rows to show"),
    "filter_all": say("all"),
    "filter_wrong": say("chosen entry is wrong"),
    "filter_disagree": say("arms disagree"),
    "clear": say("Show all"),
    "rows_table": say("Test rows"),
    "downloads_head": say("### Downloads"),
    "down_report": say("Report (HTML)"),
    "down_record": say("Record (JSON)"),
    "down_predictions": say("Predictions (Parquet)"),
    "down_board": say("Leaderboard (CSV)"),
    "answer": say("{arm}, {shots}, leads: {metric} {value}."),
    "could_be_best": say("It is not certain to be the best: {n} arms could be, {arms} among them."),
    "answer_frame": say(
        "Measured on {test} test rows that no arm was trained on; always predicting the most frequent label would reach an accuracy of {chance}."
    ),
    "answer_frame_error": say(
        "Measured on {test} test rows that no arm was trained on; always predicting the median rating would have a mean absolute error of {chance}. Less is better."
    ),
    "answer_frame_written": say(
        "Measured on {test} test rows that no arm was trained on; writing nothing would score 0."
    ),
    "answer_frame_first_words": say(
        "Measured on {test} test rows that no arm was trained on; the best answer that is the same for every question would have an F1 of {chance}."
    ),
    "no_answer": say("(no answer in this text)"),
    "try_sure": say("Probability of this answer: {share}"),
    "why_answer_f1": say(
        "Sorted by answer F1: it gives part of the credit for part of an answer, as SQuAD does."
    ),
    "answer_frame_spans": say(
        "Measured on {test} test rows that no arm was trained on; finding no span at all would be an F1 of 0%."
    ),
    "try_nothing": say("It wrote nothing."),
    "rows_written": say(
        "It wrote {ratio} characters for each of the given texts; the rows it wrote worst come first."
    ),
    "why_rouge_l": say(
        "Sorted by ROUGE-L: the longest sequence of words that the written and the given text share; what is too much costs as much as what is missing."
    ),
    "why_entity_f1": say(
        "Sorted by span F1: a span counts where its type, its first and its last word are all correct."
    ),
    "why_mean_absolute_error": say(
        "Sorted by mean absolute error, because the labels are points on a scale."
    ),
    "why_accuracy": say("Sorted by accuracy, because the labels are roughly balanced."),
    "why_macro_f1": say(
        "Sorted by macro-F1, because the labels are imbalanced and accuracy would favour the frequent ones."
    ),
    "so_far": say(
        "The study is still running; this is what it shows so far. The recommendation comes at the end."
    ),
    "collapsed_runs": say(
        "{n} runs collapsed: even on their own training rows they are no better than one prediction for all. They count in the means, whose intervals then do not hold."
    ),
    "failed_runs": say("{n} runs failed and are not in these numbers; the record says why."),
    "chart_curves": say(
        "Learning curves: the metric by labelled rows, one line per arm with its 95% interval. The leaderboard table has the same numbers."
    ),
    "chart_matrix": say(
        "Confusion matrix of {arm}: {wrong} of {n} test rows are wrong. Rows are given labels, columns predictions."
    ),
    "first_draw": say(
        "Rows and matrix show seed {seed} of {n}; the numbers above are means over all seeds. Click a square to see its rows."
    ),
    "rows_all": say("All test rows"),
    "rows_wrong": say("Rows that {arm} gets wrong"),
    "rows_disagree": say("Rows on which the arms disagree"),
    "rows_square": say("Given “{given}”, predicted “{said}” by {arm}"),
    "rows_first": say("Showing the first {n}."),
    "head_row": say("Row"),
    "head_text": say("Text"),
    "head_given": say("Given label"),
    "head_arm": say("Arm"),
    "head_labels_per_class": say("Shots"),
    "head_accuracy": say("Accuracy, %"),
    "head_accuracy_range": say("95% interval"),
    "head_mean_absolute_error": say("Mean absolute error, points"),
    "head_mean_absolute_error_range": say("95% interval"),
    "head_entity_f1": say("Span F1, %"),
    "head_entity_f1_range": say("95% interval"),
    "head_chrf": say("chrF++"),
    "head_chrf_range": say("95% interval"),
    "head_rouge_l": say("ROUGE-L (words; Korean by characters)"),
    "head_rouge_l_range": say("95% interval "),
    "head_rouge_1": say("ROUGE-1"),
    "head_rouge_1_range": say("95% interval  "),
    "head_rouge_2": say("ROUGE-2"),
    "head_rouge_2_range": say("95% interval   "),
    "head_bleu": say("BLEU"),
    "head_bleu_range": say("95% interval    "),
    "head_word_f1": say("Word F1, %"),
    "head_word_f1_range": say("95% interval "),
    "head_answer_f1": say("Answer F1, %"),
    "head_answer_f1_range": say("95% interval"),
    "head_exact_match": say("Exact match, %"),
    "head_exact_match_range": say("95% interval "),
    "head_character_f1": say("Character F1, %"),
    "head_character_f1_range": say("95% interval  "),
    "head_whole_texts": say("Texts all right, %"),
    "head_whole_texts_range": say("95% interval  "),
    "head_weighted_kappa": say("Weighted kappa"),
    "head_weighted_kappa_range": say("95% interval "),
    "head_macro_f1": say("Macro-F1, %"),
    "head_macro_f1_range": say("95% interval "),
    "head_best_mark": say("Could be best"),
    "head_draws": say("Seeds"),
    "head_labels_used": say("Labels used"),
    "head_remarks": say("Notes"),
    "head_fit_seconds": say("Training, s"),
    "head_seed": say("Seed"),
    "head_steps": say("Steps"),
    "head_loss": say("Loss, first to last step"),
    "head_trained": say("Weights trained"),
    "head_device": say("Device"),
    "head_alone_ms": say("One text, ms"),
    "head_texts_a_second": say("Texts per second"),
    "head_memory": say("Memory, MB"),
    "learnt_before": say(
        "Labelled data that the models were trained on before; the numbers above do not count them."
    ),
    # where arms differ
    "differ_head": say("Where do they differ?"),
    "differ_a": say("Arm A"),
    "differ_b": say("Arm B"),
    "differ_one": say("Only one entry has finished, so there is nothing to compare it with."),
    "differ_info": say("Click anything below to see its rows; click again to clear the selection."),
    "differ_parts_head": say("Correct and wrong"),
    "differ_both": say("Both are correct"),
    "differ_only_a": say("Only {a} is correct"),
    "differ_only_b": say("Only {b} is correct"),
    "differ_same_mistake": say("Both make the same mistake"),
    "differ_other_mistake": say("Both are wrong, with different predictions"),
    "differ_sure": say("Mistakes of {arm}, most confident first"),
    "differ_matrix_head": say("#### What one of them predicts more often"),
    "differ_matrix": say(
        "Confusion matrix of {a} minus that of {b}: blue squares with a plus where {a} makes this prediction more often, orange ones with a minus where {b} does. Rows are given labels, columns predictions."
    ),
    "differ_slices_head": say("Groups of rows"),
    "differ_slices_info": say(
        "Share correct in the group and in the other rows; the lead of the first arm over the second, in points. ● stands out from the other rows; – too little varies to be tested."
    ),
    "differ_topics": say("Group the rows by topic too"),
    "differ_topics_of": say("Topics of the test rows"),
    "differ_group": say("rows …"),
    "differ_lead": say("lead, points"),
    "differ_elsewhere": say("(other rows {x})"),
    "differ_stands_out": say("stands out by more than chance allows"),
    "differ_sets_head": say("Which arms are correct on which rows"),
    "differ_doubts_head": say("Labels that look wrong"),
    "differ_doubts_show": say("Show these rows"),
    "differ_doubts_down": say("Download them (CSV)"),
    "differ_instead": say("Suggested label"),
    "differ_clear": say("Clear selection"),
    "differ_rows_apart": say(
        "Rows on which {a} and {b} predict differently, most confident mistakes first."
    ),
    "differ_rows_square": say(
        "Given “{given}”, predicted “{said}” by {a} or {b}; rows on which they differ come first."
    ),
    "differ_rows_set": say("Correct on these: {arms}."),
    "differ_rows_doubts": say(
        "Every arm that was asked confidently contradicts the label; the least likely labels come first."
    ),
    # changed texts
    "robust_head": say("How robust are they?"),
    "robust_about": say(
        "The arms with a checkpoint predict the test texts again: with typos, in lower or upper case, without punctuation, and with a negation added or removed. Their predictions are stored with the study."
    ),
    "robust_changes": say("Changes"),
    "robust_ask": say("Test robustness"),
    "robust_texts": say("Changed texts"),
    "robust_no_weights": say(
        "No checkpoint of this study is here, so no arm can predict the changed texts."
    ),
    "robust_down": say("Download the table (CSV)"),
    "robust_which": say("Rows whose prediction changed"),
    "robust_first": say("The first {n} of {all}"),
    "robust_answers": say("Predictions"),
    "chart_robust": say(
        "Accuracy on changed texts minus accuracy before, with 95% intervals: a row for each arm, a colour and a shape for each change."
    ),
    # what to label next
    "home_head": say("Take a model with you"),
    "home_about": say(
        "A trained arm as a folder that other programs load, with a card, an example that runs and what to install. It is opened again and compared with the arm before you get it."
    ),
    "home_arm": say("Which arm"),
    "home_not_kept": say("{arm} (has to be trained again)"),
    "home_format": say("As"),
    "home_rows": say("Its training rows may go along"),
    "home_rows_info": say(
        "This arm answers from its training rows, so the archive would hold them: as texts, or as vectors of them."
    ),
    "home_int8": say("Weights in eight bits too"),
    "home_int8_info": say(
        "A quarter of the size, and quicker on most processors. What it costs is measured on the test rows before you get it."
    ),
    "home_go": say("Make the archive"),
    "home_again": say("Train it again"),
    "home_down": say("Download (ZIP)"),
    "home_none": say(
        "No arm of this study can be taken along: none is finished that keeps its texts on this machine."
    ),
    "home_open": say(
        "This study is still running. What it trained can be taken along when it has ended."
    ),
    "home_needs_fit": say(
        "The weights of this arm are not here: an archive of a study holds none. Train it again from what the study says, on the same rows with the same seed."
    ),
    "home_needs_fit_mine": say(
        "The weights of this arm are not here, and only whoever started the study may train it again. Duplicate it on “Studies”, then it is yours."
    ),
    "home_fitting": say("Training it again"),
    "home_writing": say("Writing and checking the archive"),
    "home_looking": say("Finding the formats that can hold it"),
    "home_others": say("Formats that cannot hold it, and why"),
    "home_use": say("What to do with it"),
    "home_use_unpack": say("Unpack it, install what it needs, and label a text:"),
    "home_use_serve": say("Or serve it with this program, and ask it from anywhere:"),
    "home_rows_needed": say("Say first that the training rows of this arm may go along."),
    "try_take": say("Take a model with you"),
    "models_head": say("Registered models"),
    "models_about": say(
        "**Registered models.** Make the archive, then keep it on this machine as the next version of a name. `transfer-lab serve` and `predict` take a version as `name@3`, and the one in production as `name@production`."
    ),
    "models_name": say("Name in the registry"),
    "models_name_info": say("Letters, digits, dots, dashes and underscores, such as tickets."),
    "models_add": say("Register it"),
    "models_make_first": say(
        "There is no archive to register. Choose an arm and a format and press “Make the archive” first."
    ),
    "models_none": say("No model is registered yet."),
    "models_version": say("Version"),
    "models_promote": say("Put into production"),
    "models_retire": say("Retire"),
    "models_added": say(
        "Registered as {reference}. Ask it in a terminal: transfer-lab serve {reference}"
    ),
    "models_promoted": say(
        "{reference} is in production. A service that runs {name}@production takes it over within seconds."
    ),
    "models_now_retired": say(
        "{reference} is retired: it stays in the list, and is loaded no more."
    ),
    "models_registered": say("registered"),
    "models_production": say("in production"),
    "models_retired": say("retired"),
    "models_column_model": say("Model"),
    "models_column_stage": say("Stage"),
    "models_column_numbers": say("On the test rows (95% interval)"),
    "models_column_from": say("Where it came from"),
    "models_column_digest": say("Digest of the export"),
    "models_column_added": say("Registered (UTC)"),
    "next_head": say("What to label next"),
    "next_about": say(
        "Upload texts that have no labels yet. The arm reads them and chooses ones it is uncertain about, no two of them alike; the file you get back has an empty column for your labels. Fill it in, add it to your rows and compare again."
    ),
    "next_file": say("Texts without labels"),
    "next_column": say("Column of the texts"),
    "next_column_info": say("Leave empty to detect it. Rows of this study are left out."),
    "next_arm": say("Arm that chooses"),
    "next_arm_info": say("The recommended arm comes first, if it has a checkpoint."),
    "next_count": say("Texts to choose"),
    "next_ask": say("Choose texts"),
    "next_down": say("Download them (CSV)"),
    "next_read": say("{done} of {total} texts read"),
    "next_embed": say("{done} of {total} texts embedded"),
    "next_done": say("{n} of {all} texts chosen by {arm}."),
    "next_left_out": say(
        "Left out: {known} already in the study, {repeated} repeated, {empty} empty."
    ),
    "next_first": say("The first {n}"),
    "next_guess": say("Predicted label"),
    # try
    "try_head": say(
        "## Try a text\nEvery arm with a checkpoint predicts: the run with the most labels, first seed."
    ),
    "try_text": say("Text"),
    "try_text_b": say("Second text, or question"),
    "try_ask": say("Predict with every arm"),
    "try_examples": say("Or pick a test row:"),
    "try_cut": say(
        "Marked labels are predicted: those from 50% on, where the threshold of each label was moved to. If every labelled row has a label, so has every prediction."
    ),
    "try_rating": say(
        "Expected value: {mean}. The marked rating is predicted: the median of this distribution, which is off by the least to be expected."
    ),
    "try_hint": say("Type a text and press Enter, or pick an example."),
    "try_none_head": say("No trained models yet"),
    "try_advised": say("advised"),
    "try_none": say("Run a study first. Then every arm of it predicts here, side by side."),
    "try_none_yet": say(
        "No arm of this study has a checkpoint yet. As soon as one has finished, it predicts here."
    ),
    "try_none_kept": say(
        "This study came without checkpoints: an archive holds rows, predictions and the report, but no trained weights. Choose it on “Studies”, click “Change and run again” and run it: then its arms predict here."
    ),
    "service_head": say("Ask a running service"),
    "service_about": say(
        "A service on this machine, started with `transfer-lab serve`, is asked about the text above: every model it has. Below its answers are the lines by which a shell, Python or JavaScript asks the same."
    ),
    "service_address": say("Address of the service"),
    "service_token": say("Its token"),
    "service_token_info": say("Empty where it asks for none. It is kept nowhere."),
    "service_ask": say("Ask the service"),
    "service_took": say("{ms} ms"),
    "service_lines": say("The same question from a program"),
    # look inside
    "tab_look": say("Look inside"),
    "look_choose": say("What to look at"),
    "look_what": say("What am I looking at?"),
    "look_text": say("Text"),
    "look_examples": say("Or pick an example:"),
    "look_beside": say("Compare with"),
    "look_beside_info": say(
        "Gets the same question, side by side with the first. What the open study trained on minilm-masked can be chosen too."
    ),
    "look_beside_any": say(
        "Gets the same question, side by side with the first. What the open study trained can be chosen too."
    ),
    "look_before": say("(the same model before training)"),
    "look_untrained": say("{model}, before training"),
    "look_run": say("{arm}, trained in this study"),
    "look_step": say("{model}: {done} of {total} read."),
    "link": say("Link to this view"),
    "link_too_long": say("The request is too long for a link."),
    "picture": say("Save the image (PNG)"),
    "family_masked": say("masked language model: sees both sides of a blank"),
    "family_permutation": say("permutation language model: sees both sides, reading in any order"),
    "family_sentinel": say(
        "sequence-to-sequence model: reads all of it, then writes what is missing"
    ),
    "family_causal": say("causal language model: reads from left to right"),
    "token": say("Token"),
    "probability": say("Probability"),
    "pseudo_perplexity": say("pseudo-perplexity"),
    "perplexity": say("perplexity"),
    "perplexity_means": say(
        "At every token the model is as uncertain as if it had to choose among about {n} equally likely ones."
    ),
    "tokens_text_b": say("Second text"),
    "tokens_text_b_info": say("Optional. Two texts are read as one input."),
    "look_layer": say("Layer"),
    "cannot_read": say(
        "{model} cannot read these texts: {share} of their words are unknown to it. What you see says nothing about their language; choose a model made for it."
    ),
    # studies
    "tab_studies": say("Studies"),
    "studies_head": say(
        "## Your studies\nThe studies this browser has started, opened or duplicated, and the one that is open."
    ),
    "study": say("Study"),
    "studies_search": say("Search"),
    "studies_no_match": say("No study matches."),
    "studies_state": say("State"),
    "studies_best": say("Best result"),
    "studies_made": say("Started"),
    "studies_do": say("Actions"),
    "studies_open_now": say("(open)"),
    "study_open_of": say("Open {title}"),
    "study_delete": say("Delete"),
    "study_delete_of": say("Delete {title}"),
    "study_against": say("Compare with …"),
    "study_against_of": say("Compare {title} with another study"),
    "study_with_this": say("With this one"),
    "study_with_this_of": say("Compare it with {title}"),
    "study_choose_other": say("Choose the study to compare “{title}” with."),
    "study_away": say(
        "“{title}” is deleted. For ten minutes it can be brought back from here; then it is gone for good."
    ),
    "study_undo": say("Undo"),
    "studies_none": say("No study yet. Start one on Compare, or open an archive."),
    "study_open": say("Open"),
    "study_duplicate": say("Duplicate"),
    "study_change": say("Change and run again"),
    "study_changing": say(
        "The form holds the choices of this study, and its rows are the dataset. Change what you like, then start."
    ),
    "study_pack": say("Pack into one file"),
    "study_title": say("Title"),
    "study_note": say("Note"),
    "study_save": say("Save title and note"),
    "study_saved": say("Title and note are saved."),
    "study_duplicated": say(
        "This is the duplicate. It has everything that was finished; you can rename it and continue it."
    ),
    "study_damaged": say("damaged: its files can no longer be read"),
    "study_only_read": say(
        "This study came from an archive and can only be read here; none of its runs can be started. {why}"
    ),
    "study_not_mine": say("Started in another browser: duplicate it to edit it here."),
    "study_facts": say("{arms} · {shots} · {seeds} · {test} test rows"),
    "arms_1": say("1 arm"),
    "arms_n": say("{n} arms"),
    "draws_1": say("1 seed"),
    "draws_n": say("{n} seeds"),
    "archive_head": say(
        "## Open an archive\nOne file with rows, predictions and the report, made by “Pack into one file”, or by the archive command in a terminal. Nothing in it is run, and no model is needed."
    ),
    "archive_file": say("Archive of a study (.zip)"),
    "again_head": say("Reproduce it"),
    "again_info": say(
        "With the packed file ({archive}) the same study can be reproduced on the same rows, on any machine with Transfer Lab. Run this command in its folder (the one that holds tl_core); it says whether the results are the same:"
    ),
    "again_script": say("The same as a Python script, to change arms, shots or seeds in:"),
    "two_head": say(
        "## Compare two studies\nWhich choices differ, and what changed. Scores are compared only on test rows that both studies have."
    ),
    "two_before": say("First"),
    "two_after": say("Second"),
    "two_compare": say("Compare the two"),
    "two_what": say("What"),
    "two_asked": say("Different choices"),
    "two_moved": say("What changed: {metric} of each entry"),
    "two_difference": say("Second minus first"),
    # embedding map and layers
    "map_rows_test": say("Test rows of the study"),
    "map_rows_all": say("All rows of the study"),
    "map_rows_data": say("The dataset of the Data tab"),
    "map_right": say("correct"),
    "map_wrong": say("wrong"),
    "map_all_right": say("all arms correct"),
    "map_none_right": say("none correct"),
    "map_some_right": say("some correct"),
    "map_only": say("only {arm} correct"),
    "map_before": say("before"),
    "map_after": say("after: {arm}"),
    "map_told": say("Nearest-neighbour accuracy"),
    "map_commonest": say_as("map", "Most frequent label"),
    "map_silhouette": say("Silhouette"),
    "training_step": say("Training {arms} on your dataset: {done} of {total} done."),
    "layers_before": say("Probe before"),
    "layers_moved": say("Weights moved"),
    "layers_turned": say("Embedding shift (1 − cosine)"),
    # about
    "about_strategies": say("The strategies"),
    "about_strategies_text": say(
        "A strategy is one way of using labels. With its settings, on a model, it is an arm; an arm at one number of labels is an entry of the leaderboard."
    ),
    "strategy": say("Strategy"),
    "what_it_does": say("What it does"),
    "what_it_needs": say("What it needs"),
    "about_numbers": say("How the numbers are computed"),
    "about_kept": say("What is stored, and where"),
    "kept_where": say(
        "Texts, studies and trained weights stay on the machine this page runs on. Nothing is sent anywhere else."
    ),
    "kept_link": say(
        "A study has an unguessable name in the page's address. Anyone with the address can read it; only the browser that started it can stop, continue or delete it."
    ),
    "kept_days": say("What has not been touched for {days} days is deleted."),
    "kept_browser": say(
        "Your browser stores the language, the name of your dataset and the keys of your studies, and nothing else."
    ),
    "kept_delete": say("You can delete your studies on “Studies”, and your file here:"),
    "delete_upload": say("Delete my uploaded file"),
    "nothing_to_delete": say("You have nothing to delete."),
    "deleted_upload": say("The file is deleted."),
    "about_limits": say("Limits of this place"),
    "limits_here": say(
        "This page runs on {place}. A file may have {mb} MB and {rows} rows, {test} of them test rows; a study may compute for {time}, and {queue} studies may wait in line."
    ),
    "place_local": say("this computer"),
    "place_zerogpu": say("a Space with a shared GPU"),
    "place_cpu": say("a Space with two CPU cores"),
    "place_gpu": say("a Space with its own GPU"),
    "place_docker": say("a container"),
    "about_versions": say("Versions"),
}


# What is before a key for the browser: it looks up any value it shows, and a label called "none"
# or "model" is no key.
KEY = "tl:"

# What the engine's sentences say can be set, and the control of the page that does it.
CONTROLS = {
    "column": "next_column",
    "text": "column_text",
    "text_b": "column_text_b",
    "label": "column_label",
    "group": "column_group",
    "encoding": "encoding",
    "delimiter": "delimiter",
    "sheet": "sheet",
    "multi_label": "multi_label",
    "task": "task",
    "merge_labels": "merge_labels",
    "labels": "labels_up",
    "model": "model",
    "shots": "shots",
    "seeds": "seeds",
    "test_size": "test_size",
}

ABOUT: list[tuple[Sentence, Sentence]] = [
    (
        say("Test rows first"),
        say(
            "Before anything else, test rows are set aside, stratified by label; duplicates, near duplicates and groups stay on one side. No arm is ever trained on them, and all arms are scored on the same ones."
        ),
    ),
    (
        say("Seeds"),
        say(
            "“8 texts per label” (8 shots) means 8 rows of each label, drawn afresh for every seed. With one seed all arms get the same rows, and its smaller samples are part of its larger ones."
        ),
    ),
    (
        say("Accuracy, macro-F1"),
        say(
            "Accuracy is the share of test rows predicted correctly; macro-F1 averages the F1 of every label, so that rare labels count as much as frequent ones."
        ),
    ),
    (
        say("Intervals"),
        say(
            "95% intervals of a mean over seeds and test rows, both treated as samples: two-way analysis of variance with the weighted quantile of Cochran and Cox (1957). Where only the rows vary, the interval is Wilson’s (1927)."
        ),
    ),
    (
        say("Could be best"),
        say(
            "Each arm is judged at the most labels it was given, and is ruled out only where another one beats it on the same rows and seeds by more than chance allows, corrected for many comparisons (Hsu 1981, in Bonferroni’s form). The leaderboard also marks what could be the best with the same number of labels."
        ),
    ),
    (
        say("Time and memory"),
        say(
            "Training time is what the run would have taken on its own, including the embeddings it shares; memory is the peak above what was in use before."
        ),
    ),
]


def declare(words: Mapping[str, Sentence]) -> None:
    """Add the words of a view, which writes them itself.

    Raises:
        ValueError: a key has other words already.
    """
    taken = [key for key, sentence in words.items() if EN.get(key, sentence) != sentence]
    if taken:
        raise ValueError(f"These keys have other words already: {', '.join(taken)}.")
    EN.update(words)


def in_browser() -> dict[str, dict[str, str]]:
    """Every label by language, for the browser; once the views are there."""
    return {lang: {KEY + key: words.to(lang) for key, words in EN.items()} for lang in LANGUAGES}


def t(lang: str | None, key: str, **inserted: Any) -> str:
    """The words for a key in a language, English when the language is not known."""
    return EN[key].filled(**inserted).to(lang, controls(lang))


def controls(lang: str | None) -> NameOf:
    """Return the names of settings on the page: each as its control is."""
    return lambda setting: f"“{t(lang, CONTROLS[setting])}”" if setting in CONTROLS else setting


def word(key: str) -> I18nData:
    """A label in whatever language the visitor reads.

    Raises:
        KeyError: no one has written these words.
    """
    EN[key]
    return I18nData(KEY + key)
