"""Transformers of a few thousand random weights, made on the spot: no network, milliseconds each.

Their vocabulary is whole words of a made-up language, with letters for everything else, so that any text has tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TOPICS = {
    "sea": "ship wave harbour anchor tide gull".split(),
    "bread": "oven flour yeast crust dough rye".split(),
    "music": "violin chord choir drum flute tune".split(),
}
COMMON = "the a is about this text near and with old".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?{}-"
WORDS = [*TOPICS, *(w for words in TOPICS.values() for w in words), *COMMON, *LETTERS, *(f"##{c}" for c in LETTERS)]
LAYERS, WIDTH, POSITIONS = 4, 32, 64
SHAPE = {
    "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": POSITIONS,
}  # fmt: skip
ROBERTA = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
KINDS = {
    "bert": ("Bert", SHAPE),
    "roberta": ("Roberta", {**SHAPE, **ROBERTA, "type_vocab_size": 1}),
    "xlm-roberta": ("XLMRoberta", {**SHAPE, **ROBERTA, "type_vocab_size": 1}),
    "mpnet": ("MPNet", {**SHAPE, **ROBERTA}),
    "distilbert": ("DistilBert", {"dim": WIDTH, "n_layers": LAYERS, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": POSITIONS}),
    "electra": ("Electra", {**SHAPE, "embedding_size": WIDTH}),
    "electra-narrow": ("Electra", {**SHAPE, "embedding_size": 16}),
    "modernbert": (
        "ModernBert",
        {**SHAPE, "local_attention": 8, "pad_token_id": 0, "bos_token_id": 2, "cls_token_id": 2, "eos_token_id": 3, "sep_token_id": 3},
    ),
    "deberta-v2": ("DebertaV2", {**SHAPE, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 16}),
    "albert": ("Albert", {**SHAPE, "embedding_size": 16}),
    "gpt2": ("GPT2", {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": 4, "n_positions": POSITIONS, "bos_token_id": 2, "eos_token_id": 3}),
}
CUT = ("bert", "roberta", "xlm-roberta", "mpnet", "distilbert", "electra", "electra-narrow", "modernbert", "deberta-v2")  # one stack of layers


def make(folder: Path, kind: str = "bert", *, worn: bool = True, **changes) -> Path:
    """Save a model with its tokenizer into the folder, as save_pretrained does.

    Args:
        worn: weights as large, and norms and biases as uneven, as training leaves them: fresh ones let mistakes cancel.
    """
    import torch
    import transformers

    name, shape = KINDS[kind]
    size = _save_tokenizer(folder, kind)
    config = getattr(transformers, f"{name}Config")(vocab_size=size, **{**shape, **changes})
    transformers.utils.logging.disable_progress_bar()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = getattr(transformers, f"{name}Model")(config)
        for parameter in network.parameters() if worn else ():
            parameter.data += torch.randn_like(parameter) * 0.08
        network.save_pretrained(folder)
    return folder


def _save_tokenizer(folder: Path, kind: str) -> int:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    if kind in ("roberta", "xlm-roberta", "mpnet"):
        start, pad, end, unknown, mask = special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    else:
        pad, unknown, start, end, mask = special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: i for i, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", pair=f"{start} $A {end} $B:1 {end}:1", special_tokens=[(t, vocabulary[t]) for t in (start, end)]
    )
    inputs = ["input_ids", "attention_mask"] + (["token_type_ids"] if kind in ("bert", "electra", "electra-narrow", "deberta-v2") else [])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, unk_token=unknown, cls_token=start, sep_token=end, bos_token=start, eos_token=end,
        mask_token=mask, model_input_names=inputs,
    ).save_pretrained(folder)  # fmt: skip
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
    return " ".join([*random.choice(TOPICS[topic], words - 2).tolist(), *random.choice(COMMON, 2).tolist()])


def drain(steps):
    """Run a generator to its end; what it returns."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return end.value
