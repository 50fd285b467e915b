"""Transformers of a few thousand random weights, made on the spot: no network, milliseconds each.

Their vocabulary is whole words of a made-up language, with letters for everything else, so that any
text has tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError

TOPICS = {
    "sea": "ship wave harbour anchor tide gull".split(),
    "bread": "oven flour yeast crust dough rye".split(),
    "music": "violin chord choir drum flute tune".split(),
}
COMMON = "the a is about this text near and with old".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?{}-"
WORDS = [
    *TOPICS,
    *(w for words in TOPICS.values() for w in words),
    *COMMON,
    *LETTERS,
    *(f"##{c}" for c in LETTERS),
]
LAYERS, WIDTH, POSITIONS = 4, 32, 64
SHAPE = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": POSITIONS,
}
ROBERTA = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("Bert", SHAPE),
    "roberta": ("Roberta", {**SHAPE, **ROBERTA, "type_vocab_size": 1}),
    "xlm-roberta": ("XLMRoberta", {**SHAPE, **ROBERTA, "type_vocab_size": 1}),
    "mpnet": ("MPNet", {**SHAPE, **ROBERTA}),
    "distilbert": (
        "DistilBert",
        {
            "dim": WIDTH,
            "n_layers": LAYERS,
            "n_heads": 4,
            "hidden_dim": 64,
            "max_position_embeddings": POSITIONS,
        },
    ),
    "electra": ("Electra", {**SHAPE, "embedding_size": WIDTH}),
    "electra-narrow": ("Electra", {**SHAPE, "embedding_size": 16}),
    "modernbert": (
        "ModernBert",
        {
            **SHAPE,
            "local_attention": 8,
            "pad_token_id": 0,
            "bos_token_id": 2,
            "cls_token_id": 2,
            "eos_token_id": 3,
            "sep_token_id": 3,
        },
    ),
    "deberta-v2": (
        "DebertaV2",
        {
            **SHAPE,
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_buckets": 16,
        },
    ),
    "albert": ("Albert", {**SHAPE, "embedding_size": 16}),
    "gpt2": (
        "GPT2",
        {
            "n_embd": WIDTH,
            "n_layer": LAYERS,
            "n_head": 4,
            "n_positions": POSITIONS,
            "bos_token_id": 2,
            "eos_token_id": 3,
        },
    ),
}
CUT = (
    "bert",
    "roberta",
    "xlm-roberta",
    "mpnet",
    "distilbert",
    "electra",
    "electra-narrow",
    "modernbert",
    "deberta-v2",
)  # one stack of layers


def make(
    folder: Path, kind: str = "bert", *, worn: bool = True, head: str = "Model", **changes
) -> Path:
    """Save a model with its tokenizer into the folder, as save_pretrained does.

    Args:
        head: how the name of its class ends.
        worn: weights as large, and norms and biases as uneven, as training leaves them: fresh ones
            let mistakes cancel.
    """
    import torch
    import transformers

    name, shape = KINDS[kind]
    size = _save_tokenizer(folder, kind)
    config = getattr(transformers, f"{name}Config")(vocab_size=size, **{**shape, **changes})
    transformers.utils.logging.disable_progress_bar()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = getattr(transformers, f"{name}{head}")(config)
        for parameter in network.parameters() if worn else ():
            parameter.data += torch.randn_like(parameter) * 0.08
        network.save_pretrained(folder)
    return folder


def make_entailing(
    folder: Path,
    kind: str = "bert",
    classes=("contradiction", "neutral", "entailment"),
    *,
    worn: bool = True,
    **changes,
) -> Path:
    """Save a classifier of pairs of texts with classes of these names. A worn one tells pairs
    clearly apart.
    """
    from transformers import AutoModelForSequenceClassification, BartForSequenceClassification

    changes |= {
        "id2label": dict(enumerate(classes)),
        "label2id": {name: i for i, name in enumerate(classes)},
        "num_labels": len(classes),
    }
    if kind == "bart":
        make_headed(folder, kind, worn=worn, network=BartForSequenceClassification, **changes)
    else:
        make(folder, kind, worn=worn, head="ForSequenceClassification", **changes)
    if worn:
        network = AutoModelForSequenceClassification.from_pretrained(folder)
        for parameter in network.parameters():
            parameter.data *= 30 if len(parameter) == len(classes) else 1
        network.save_pretrained(folder)
    return folder


def _save_tokenizer(folder: Path, kind: str) -> int:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    if kind in ("roberta", "xlm-roberta", "mpnet"):
        start, pad, end, unknown, mask = special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    else:
        pad, unknown, start, end, mask = special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys([*special, *WORDS]))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} $B:1 {end}:1",
        special_tokens=[(t, vocabulary[t]) for t in (start, end)],
    )
    inputs = ["input_ids", "attention_mask"] + (
        ["token_type_ids"] if kind in ("bert", "electra", "electra-narrow", "deberta-v2") else []
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=pad,
        unk_token=unknown,
        cls_token=start,
        sep_token=end,
        bos_token=start,
        eos_token=end,
        mask_token=mask,
        model_input_names=inputs,
    ).save_pretrained(folder)
    return len(vocabulary)


@contextmanager
def one_thread() -> Iterator[None]:
    """Tiny matrices are faster on one thread, and much faster where the machine is busy."""
    import torch
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


def text(topic: str, random, words: int = 9) -> str:
    """A sentence of the made-up language: words of one topic, no other topic's."""
    return " ".join(
        [*random.choice(TOPICS[topic], words - 2).tolist(), *random.choice(COMMON, 2).tolist()]
    )


def drain(steps):
    """Run a generator to its end; what it returns."""
    assert isinstance(steps, Iterator), (
        "fit and predict must be generators: yield a Step where it takes long (or 'yield from ()'),"
        f" then return the answer; this one returned {type(steps).__name__} at once."
    )
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return end.value


def said(call, *arguments, **named) -> str:
    """The sentence with which the call ends."""
    try:
        call(*arguments, **named)
    except UserError as fault:
        words = str(fault)
    else:
        raise AssertionError(f"{call} found nothing wrong")
    assert words.endswith((".", ".”")) and words[0] != " "
    return words


# --- language models ------------------------------------------------------------------------------

NOUNS = {
    "ship": "sails",
    "gull": "flies",
    "anchor": "sinks",
    "oven": "glows",
    "dough": "rises",
    "crust": "cracks",
}
PLACES = {"le": "sea", "la": "bread"}  # the article agrees with the noun, which is behind it
KOREAN = "배가 바다를 건너다 빵이 오븐에서 익는다 좋다 나쁘다 영화가 정말".split()


def sentence(noun: str) -> str:
    """A sentence of another made-up language: each noun has its verb, and its place and article are
    its topic's.
    """
    article = "le" if noun in TOPICS["sea"] else "la"
    return f"{article} {noun} {NOUNS[noun]} near the {PLACES[article]}"


SENTENCES = [sentence(noun) for noun in NOUNS]
CORPUS = [
    *SENTENCES,
    "The Ship",
    "unable",
    "under",
    "door, (about).",
    " ".join(KOREAN),
    "<mask> [MASK] [SEP] </s>",
    *LETTERS,
    *LETTERS.upper(),
]
BARE = {
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "hidden_size": WIDTH,
    "max_position_embeddings": POSITIONS,
}
SMALL_T5 = {
    "d_model": WIDTH,
    "d_kv": 8,
    "d_ff": 64,
    "num_layers": 2,
    "num_heads": 4,
    "decoder_start_token_id": 1,
    "pad_token_id": 1,
    "eos_token_id": 2,
}
SMALL_BART = {
    "d_model": WIDTH,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": POSITIONS,
    "decoder_start_token_id": 2,
    "forced_eos_token_id": None,
    **ROBERTA,
}
SMALL_XLNET = {"d_model": WIDTH, "n_layer": 2, "n_head": 4, "d_inner": 64, **ROBERTA}
SMALL_LLAMA = {**BARE, "num_key_value_heads": 2, **ROBERTA}
SMALL_GPT2 = {"n_embd": WIDTH, "n_layer": 2, "n_head": 4, "n_positions": POSITIONS, **ROBERTA}
DEBERTA = {
    **BARE,
    **ROBERTA,
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_buckets": 16,
}
# kind: (class with its head, how its tokenizer cuts, its shape)
MASKED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bert": ("BertForMaskedLM", "wordpiece", BARE),
    "distilbert": (
        "DistilBertForMaskedLM",
        "wordpiece",
        {
            "dim": WIDTH,
            "n_layers": 2,
            "n_heads": 4,
            "hidden_dim": 64,
            "max_position_embeddings": POSITIONS,
        },
    ),
    "electra": ("ElectraForMaskedLM", "wordpiece", {**BARE, "embedding_size": 16}),
    "mpnet": ("MPNetForMaskedLM", "wordpiece", {**BARE, **ROBERTA}),
    "fnet": ("FNetForMaskedLM", "wordpiece", BARE),
    "roberta": ("RobertaForMaskedLM", "bytes", {**BARE, **ROBERTA, "type_vocab_size": 1}),
    "longformer": ("LongformerForMaskedLM", "bytes", {**BARE, **ROBERTA, "attention_window": 8}),
    "modernbert": (
        "ModernBertForMaskedLM",
        "bytes",
        {**BARE, **ROBERTA, "local_attention": 8, "cls_token_id": 0, "sep_token_id": 2},
    ),
    "bart": ("BartForConditionalGeneration", "bytes", SMALL_BART),
    "xlm-roberta": ("XLMRobertaForMaskedLM", "pieces", {**BARE, **ROBERTA, "type_vocab_size": 1}),
    "albert": ("AlbertForMaskedLM", "pieces", {**BARE, **ROBERTA, "embedding_size": 16}),
    "deberta-v2": ("DebertaV2ForMaskedLM", "pieces", {**DEBERTA, "legacy": False}),
    "deberta-v2-legacy": ("DebertaV2ForMaskedLM", "pieces", {**DEBERTA, "legacy": True}),
}
OTHERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "xlnet": ("XLNetLMHeadModel", "pieces at the end", SMALL_XLNET),
    "t5": ("T5ForConditionalGeneration", "pieces with marks", SMALL_T5),
    "gpt2": ("GPT2LMHeadModel", "bytes alone", SMALL_GPT2),
    "llama": ("LlamaForCausalLM", "pairs", SMALL_LLAMA),
}
HEADED = {**MASKED, **OTHERS}


def make_headed(
    folder: Path,
    kind: str,
    *,
    worn: bool = True,
    network=None,
    cuts: str = "",
    reads: int = POSITIONS,
    **changes,
) -> Path:
    """Save a tiny model with its language-model head and tokenizer.

    Args:
        network: another class than the kind's own.
        cuts: how the tokenizer cuts, where not as usual for the kind; see `tokenizer_that_cuts`.
        reads: tokens the tokenizer says the model reads; its positions must be as many.
    """
    import torch
    import transformers

    name, usual, shape = HEADED[kind]
    tokenizer = tokenizer_that_cuts(cuts or usual)
    tokenizer.model_max_length = reads
    tokenizer.save_pretrained(folder)
    transformers.utils.logging.disable_progress_bar()
    with torch.random.fork_rng():
        torch.manual_seed(2)
        made = network or getattr(transformers, name)
        headed = made(made.config_class(vocab_size=len(tokenizer), **{**shape, **changes}))
        for parameter in headed.parameters() if worn else ():
            parameter.data += torch.randn_like(parameter) * 0.08
        headed.eval().save_pretrained(folder)
    return folder


def tokenizer_that_cuts(how: str):
    """A tokenizer of the made-up sentences, with `<s> <pad> </s> <unk> <mask>` as its first tokens.

    Args:
        how: "wordpiece" (BERT, uncased), "wordpiece of Korean", "bytes" (RoBERTa), "bytes alone"
            (GPT-2: no special tokens around a text), "pieces" (XLM-R), "pieces at the end" (XLNet),
            "pieces with marks" (T5) or "pairs" (Llama: words are not parted first).
    """
    from tokenizers import (
        AddedToken,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
        trainers,
    )
    from transformers import PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    template = {
        "pieces at the end": "$A </s> <s>",
        "pieces with marks": "$A </s>",
        "pairs": "<s> $A",
        "bytes alone": "$A",
    }.get(how, "<s> $A </s>")
    pair = template.replace("$A", "$A </s> $B") if how != "bytes alone" else "$A $B"
    after = processors.TemplateProcessing(
        single=template, pair=pair, special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    if how.startswith("wordpiece"):
        words = [*(w for s in SENTENCES for w in s.split()), "un", "under", "about", "door"]
        hangul = sorted({c for word in KOREAN for c in word})
        pieces = [
            *words,
            "##able",
            "##er",
            *LETTERS,
            *(f"##{c}" for c in LETTERS),
            "(",
            ")",
            "<",
            ">",
            "/",
            "[",
            "]",
        ]
        pieces += (
            ["좋", "##다", "영화", "##가", *hangul, *(f"##{c}" for c in hangul)]
            if how.endswith("Korean")
            else []
        )
        cutter = Tokenizer(
            models.WordPiece(
                {t: i for i, t in enumerate(dict.fromkeys([*special, *pieces]))}, unk_token="<unk>"
            )
        )
        cutter.normalizer = normalizers.BertNormalizer(
            lowercase=not how.endswith("Korean"), strip_accents=not how.endswith("Korean")
        )
        cutter.pre_tokenizer, cutter.decoder = (
            pre_tokenizers.BertPreTokenizer(),
            decoders.WordPiece(),
        )
    elif how.startswith("bytes"):
        cutter = Tokenizer(models.BPE())
        cutter.pre_tokenizer, cutter.decoder = (
            pre_tokenizers.ByteLevel(add_prefix_space=False),
            decoders.ByteLevel(),
        )
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        headings = ["##", "###", "####"]  # such vocabularies hold them too
        cutter.train_from_iterator(
            [*CORPUS, *SENTENCES * 5, *headings * 9],
            trainers.BpeTrainer(
                vocab_size=420,
                special_tokens=special,
                initial_alphabet=alphabet,
                show_progress=False,
            ),
        )
    elif how == "pairs":
        cutter = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
        cutter.pre_tokenizer = pre_tokenizers.Metaspace()
        cutter.train_from_iterator(
            [*CORPUS, *SENTENCES * 5],
            trainers.BpeTrainer(vocab_size=260, special_tokens=special, show_progress=False),
        )
        cutter.pre_tokenizer = None
        cutter.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        )
        cutter.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
    else:
        whole = {w for s in SENTENCES for w in s.split()} | {"un", "about", "door", "영화", "좋"}
        scored = [
            *((f"▁{w}", -3.0) for w in sorted(whole)),
            ("able", -4.0),
            ("er", -4.0),
            ("▁", -6.0),
            ("가", -4.0),
            ("다", -4.0),
        ]
        letters = {*LETTERS, *LETTERS.upper(), *"()<>/[]", *"".join(KOREAN)} - {"가", "다"}
        marks = [f"<extra_id_{i}>" for i in range(8)] if how == "pieces with marks" else []
        cutter = Tokenizer(
            models.Unigram(
                [
                    *((t, 0.0) for t in [*special, *marks]),
                    *scored,
                    *((c, -10.0) for c in sorted(letters)),
                ],
                unk_id=3,
            )
        )
        cutter.pre_tokenizer, cutter.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    cutter.post_processor = after
    mask = AddedToken(
        "<mask>", lstrip=not how.startswith("wordpiece"), normalized=False, special=True
    )
    names: dict[str, Any] = {
        "model_max_length": POSITIONS,
        "unk_token": "<unk>",
        "eos_token": "</s>",
        "bos_token": "<s>",
    }
    names |= (
        {}
        if how in ("bytes alone", "pairs")
        else {"pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>", "mask_token": mask}
    )
    extra = [
        AddedToken(f"<extra_id_{i}>", lstrip=True, normalized=False, special=True) for i in range(8)
    ]
    names |= {"additional_special_tokens": extra} if how == "pieces with marks" else {}
    return PreTrainedTokenizerFast(
        tokenizer_object=cutter, model_input_names=["input_ids", "attention_mask"], **names
    )
