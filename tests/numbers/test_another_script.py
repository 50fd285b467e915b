"""A model that reads one script learns another: pieces, first vectors from translations, and
meanings from a teacher.

The made-up second language says every word of the first in Hangul and turns the order of words
around, so what a sentence means can be known.
"""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import pytest
import torch

from tests.tiny_models import TOPICS, drain, make
from tl_core.api.errors import UserError
from tl_core.cli import main
from tl_core.models.catalog import find
from tl_core.models.corpus import paragraphs, read_corpus
from tl_core.models.delta_weights import FILE, PIECES
from tl_core.models.embedded import model_for
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.models.masked_lm import load_masked_lm
from tl_core.models.pretraining.alignment import Teacher, mean_vectors
from tl_core.models.pretraining.glosses import gloss_vectors
from tl_core.models.pretraining.pairs import read_pairs
from tl_core.models.pretraining.pieces import add_to, learn_pieces, with_pieces
from tl_core.models.pretraining.pretrain import Recipe, pretrain, save_model

WORDS = [w for topic in TOPICS.values() for w in topic]
# a word of two syllables for each
HANGUL = dict(
    zip(
        WORDS,
        "나무 바다 하늘 구름 사람 도시 음악 노래 가게".split()
        + "시장 여름 겨울 아침 저녁 친구 가족 학교 공부".split(),
        strict=True,
    )
)
RECIPE = Recipe(
    length=16, batch=8, pairs=32, rate=3e-3, head_rate=3e-3, pieces_rate=1e-2, warmup=0.0
)
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Models that are put together here stay here."""
    monkeypatch.setenv("TL_HOME", str(tmp_path / "home"))


def sentences(count: int, seed: int) -> list[tuple[str, str]]:
    random = np.random.default_rng(seed)
    drawn = [random.choice(WORDS, random.integers(3, 7), replace=False) for _ in range(count)]
    return [(" ".join(d), " ".join(HANGUL[w] for w in reversed(d))) for d in drawn]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """(pairs, text of both languages)."""
    folder = tmp_path_factory.mktemp("two-languages")
    made = sentences(400, 0)
    folder.joinpath("pairs.jsonl").write_text(
        "".join(json.dumps({"en": a, "ko": b}) + "\n" for a, b in made), encoding="utf-8"
    )
    folder.joinpath("text.txt").write_text(
        "\n".join(line for pair in made for line in pair), encoding="utf-8"
    )
    return folder / "pairs.jsonl", folder / "text.txt"


@pytest.fixture(scope="module")
def base(tiny_models):
    return tiny_models.body("bert")


def fresh(base):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return load_masked_lm(find(str(base)), fresh_head=True)


def grown_model(base, files, *, glossed: bool = True, pieces=None):
    """(model that has learned the pieces, its teacher, the pairs, tokens it knew)."""
    model = fresh(base)
    teacher, known = Teacher(model), model.network.get_input_embeddings().num_embeddings
    pieces = pieces or drain(learn_pieces([paragraphs(files[1])], model.tokenizer, 500))
    table = add_to(model, pieces, 32, 0)
    pairs = drain(read_pairs([files[0]], ("en", "ko"), model.tokenizer))
    if glossed:
        first = table.first.weight.detach().double().numpy()
        table.begin_with(drain(gloss_vectors(pairs, first, len(pieces), 0)))
    return model, teacher, pairs, known


def vectors(body, tokenizer, texts):
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    ids, seen = batch["input_ids"], batch["attention_mask"]
    with torch.inference_mode():
        return mean_vectors(body(input_ids=ids, attention_mask=seen).last_hidden_state, seen)


def found(model, count: int = 60) -> float:
    """Share of new sentences whose translation is the nearest."""
    pairs = sentences(count, 99)
    first, second = (
        vectors(model.network.base_model, model.tokenizer, [p[k] for p in pairs]) for k in (0, 1)
    )
    return float(((second @ first.T).argmax(1) == torch.arange(count)).float().mean())


def test_new_pieces_read_what_was_unknown_and_change_nothing_else(base, files):
    model = fresh(base)
    tokenizer = model.tokenizer
    english = tokenizer([a for a, _ in sentences(20, 1)])["input_ids"]
    korean = [b for _, b in sentences(20, 1)]
    assert any(tokenizer.unk_token_id in ids for ids in tokenizer(korean)["input_ids"])
    pieces = drain(learn_pieces([paragraphs(files[1])], tokenizer, 500))
    before = len(tokenizer)
    with_pieces(tokenizer, pieces, model.network.get_input_embeddings().num_embeddings)
    assert len(tokenizer) == before + len(pieces)
    assert tokenizer([a for a, _ in sentences(20, 1)])["input_ids"] == english
    read = tokenizer(korean)["input_ids"]
    assert not any(tokenizer.unk_token_id in ids for ids in read)
    decomposed = [unicodedata.normalize("NFD", text) for text in korean]
    assert tokenizer(decomposed)["input_ids"] == read


def test_translations_are_found_from_pairs_alone(base, files):
    model, _, pairs, known = grown_model(base, files, glossed=False)
    table = model.network.get_input_embeddings()
    first = table.first.weight.detach().double().numpy()
    glosses = drain(gloss_vectors(pairs, first, len(table.left), 0))
    tokenizer, right = model.tokenizer, 0
    for word, said in HANGUL.items():
        (piece,) = tokenizer(said, add_special_tokens=False)["input_ids"]
        vector = glosses[piece - known] - glosses.mean(0)
        others = first[[tokenizer.convert_tokens_to_ids(w) for w in WORDS]]
        nearest = np.argmax((others - others.mean(0)) @ vector)
        right += WORDS[nearest] == word
    assert right == len(HANGUL)


def test_glosses_are_a_better_beginning_than_noise(base, files):
    noise = found(grown_model(base, files, glossed=False)[0])
    assert noise < 0.2 < 0.5 < found(grown_model(base, files)[0])


def test_meanings_are_learned_and_the_first_language_stays(base, files, tmp_path):
    model, teacher, pairs, _ = grown_model(base, files, glossed=False)
    corpus = drain(read_corpus([files[1]], model.tokenizer, 16, tmp_path / "tokens"))
    english = [a for a, _ in sentences(60, 99)]
    was = vectors(teacher.body, model.tokenizer, english)
    table = model.network.get_input_embeddings()
    old, new = table.first.weight.clone(), table.weight.detach().clone()[len(table.first.weight) :]
    marks = pretrain(
        model,
        corpus,
        corpus,
        RECIPE,
        tmp_path,
        steps=300,
        checks=1,
        device="cpu",
        pairs=pairs,
        teacher=teacher,
    )
    drain(marks)
    assert found(model) > 0.8
    assert torch.equal(table.first.weight, old)
    assert ((table.weight[len(old) :] - new).norm(dim=1) > 0.1 * new.norm(dim=1)).all()
    now = vectors(model.network.base_model, model.tokenizer, english)
    assert float((now * was).sum(1).mean()) > 0.95


@pytest.mark.parametrize("changed_only", [True, False])
def test_a_saved_model_reads_as_the_one_in_memory(base, files, tmp_path, changed_only):
    model, *_ = grown_model(base, files)
    with torch.no_grad():
        model.network.get_output_embeddings().bias.normal_(
            generator=torch.Generator().manual_seed(0)
        )
    texts = [text for pair in sentences(5, 3) for text in pair]
    batch = model.tokenizer(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        whole = model.network(**batch).logits
    save_model(model, find(str(base)), tmp_path / "out", changed_only=changed_only)
    again = load_masked_lm(find(str(tmp_path / "out")))
    assert again.tokenizer(texts)["input_ids"] == model.tokenizer(texts)["input_ids"]
    with torch.inference_mode():
        apart = (again.network(**batch).logits - whole).abs().max() / whole.abs().max()
    assert apart < (2e-3 if changed_only else 1e-5)  # half precision is kept


def test_pieces_of_another_model_are_told(base, files, tmp_path):
    model, *_ = grown_model(base, files)
    save_model(model, find(str(base)), tmp_path / "out", changed_only=True)
    file = tmp_path / "out" / PIECES
    pieces = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(pieces[::-1]), encoding="utf-8")
    with pytest.raises(UserError, match="damaged .*pieces.json beside it is not the one"):
        find(str(tmp_path / "out"))


def test_a_run_of_pairs_that_is_resumed_ends_where_it_would_have_ended(base, files, tmp_path):
    # which of pieces that are as frequent comes first is left to chance
    pieces = drain(learn_pieces([paragraphs(files[1])], fresh(base).tokenizer, 500))

    def run(folder, stops):
        for steps in stops:
            model, teacher, pairs, _ = grown_model(base, files, pieces=pieces)
            corpus = drain(read_corpus([files[1]], model.tokenizer, 16, tmp_path / "tokens"))
            marks = pretrain(
                model,
                corpus,
                corpus,
                RECIPE,
                folder,
                steps=24,
                checks=1,
                device="cpu",
                resume=(folder / "training").exists(),
                pairs=pairs,
                teacher=teacher,
            )
            for mark in marks:
                if mark.steps == steps and steps < 24:
                    marks.close()
        return model

    whole, cut = run(tmp_path / "whole", [24]), run(tmp_path / "cut", [19, 24])
    ours, theirs = (dict(m.network.named_parameters()) for m in (whole, cut))
    apart = {n: float((ours[n] - theirs[n]).abs().max()) for n in ours}
    assert max(apart.values()) < 1e-5, apart


def test_the_command_makes_a_model_that_a_study_takes(base, files, tmp_path, capsys):
    pairs, text = map(str, files)
    out = tmp_path / "out"
    asked = ["pretrain", text, "--base", str(base), "--pairs", pairs, "--out", str(out)]
    settings = [x for s in ("length=16", "batch=8", "pairs=16") for x in ("--set", s)]
    more = ["--pieces", "300", "--minutes", "0.03", "--changed-only"]
    assert main([*asked, *settings, *more]) == 0
    assert (out / FILE).is_file() and (out / PIECES).is_file()
    assert main([*asked, *settings, "--minutes", "0.06", "--changed-only", "--resume"]) == 0
    model = load_masked_lm(find(str(out)))
    assert model.tokenizer.unk_token_id not in model.tokenizer("나무 바다")["input_ids"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"en": "a ship"}', "holds a line that is no JSON record with en, ko"),
        ("a ship\t배", "holds a line that is no JSON record with en, ko"),
        ('{"en": 1, "ko": "배"}', "holds a line that is no JSON record with en, ko"),
        ('{"en": "", "ko": ""}', "holds no pairs of en and ko"),
    ],
)
def test_lines_that_are_no_pairs_are_told(base, tmp_path, line, said):
    file = tmp_path / "pairs.jsonl"
    file.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=said):
        drain(read_pairs([file], ("en", "ko"), fresh(base).tokenizer))


def test_texts_that_are_read_well_need_no_pieces(base, tmp_path):
    file = tmp_path / "text.txt"
    file.write_text("\n".join(a for a, _ in sentences(50, 0)), encoding="utf-8")
    with pytest.raises(UserError, match="reads these texts well already"):
        drain(learn_pieces([paragraphs(file)], fresh(base).tokenizer, 100))


def test_other_vocabularies_are_refused(tmp_path, files):
    other = fresh(make(tmp_path / "other", "roberta"))
    from tokenizers import Tokenizer, models

    other.tokenizer._tokenizer = Tokenizer(models.BPE())
    with pytest.raises(UserError, match="not to a BPE"):
        drain(learn_pieces([paragraphs(files[1])], other.tokenizer, 100))


@pytest.mark.parametrize(
    ("texts", "reader"),
    [
        (["hello there"], "minilm"),
        (["배송이 너무 늦어요"], "minilm-korean"),
        ([unicodedata.normalize("NFD", "배송이 너무 늦어요")], "minilm-korean"),
        (["the word 배 means ship, pear or belly"], "minilm-korean"),
        (["a long English text about Seoul " * 9, "서울"], "minilm"),
        (["สวัสดีครับ"], "minilm"),
        (["12345 !!"], "minilm"),
        ([], "minilm"),
    ],
)
def test_the_model_follows_the_texts(texts, reader):
    assert model_for(texts) == reader


def test_the_shipped_model_reads_both_languages():
    """Translations are nearer than sentences that share words, in a few cases made by hand."""
    model = load_model(find("minilm-korean"))
    encoder = Encoder(model)
    cases = [
        ("The weather is nice today.", "오늘은 날씨가 좋다.", "오늘은 날씨가 나쁘다."),
        ("How do I change my password?", "비밀번호를 어떻게 바꾸나요?", "배송은 어떻게 바꾸나요?"),
        ("Open the file.", "파일을 여세요.", "파일을 지우세요."),
        ("I like this movie.", "이 영화가 마음에 든다.", "이 음식이 마음에 든다."),
        ("The server is down.", "서버가 멈췄습니다.", "서버가 빠릅니다."),
        ("He lives in Seoul.", "그는 서울에 산다.", "그는 부산에서 일했다."),
    ]
    english, right, wrong = (drain(encoder.embed([c[k] for c in cases])) for k in range(3))
    nearer = (english * right).sum(1) > (english * wrong).sum(1)
    assert nearer.sum() >= 5
    tokenizer = model.tokenizer
    texts = ["안녕하세요? 반갑습니다 ㅋㅋ", "환불해 주세요", "漢字와 emoji 🙂"]
    known = load_model(find("minilm")).tokenizer
    for text in texts[:2]:
        assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]
        decomposed = unicodedata.normalize("NFD", text)
        assert tokenizer(decomposed)["input_ids"] == tokenizer(text)["input_ids"]
    plain = "Plain English, and 42 cafés."
    assert tokenizer(plain)["input_ids"] == known(plain)["input_ids"]
