#!/usr/bin/env python3
"""Makes crates/hub/tests/fixtures/: what transformers, tokenizers, PEFT and datasets write and compute, for the tests of hub.

    python3 scripts/hub_reference.py crates/hub/tests/fixtures
    python3 scripts/hub_reference.py --check DIR    # loads a model directory that we wrote with transformers

Needs torch, transformers, peft, datasets and pyarrow, and no network. The templates in fixtures/templates are input.
"""

import datetime
import json
import pathlib
import shutil
import sys

import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.utils import chat_template_utils

TINY = dict(vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=64)


def save(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


# ---- configs and rotary frequencies

def configs():
    """config.json as users have it, in old and new spellings; every family; every scaling."""
    llama3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=8192)
    big = dict(hidden_size=4096, num_attention_heads=32, max_position_embeddings=131072)
    return {
        "llama_bare": dict(model_type="llama"),
        "qwen2_bare": dict(model_type="qwen2"),
        "qwen3_bare": dict(model_type="qwen3"),
        "mistral_bare": dict(model_type="mistral"),
        "llama_old": dict(TINY, model_type="llama", torch_dtype="bfloat16", rope_theta=500000.0, rope_scaling=None,
                          attention_bias=True, mlp_bias=True, rms_norm_eps=1e-5, tie_word_embeddings=True,
                          bos_token_id=3, eos_token_id=[4, 5], pad_token_id=6),
        "llama_new": dict(TINY, model_type="llama", dtype="float16", head_dim=8,
                          rope_parameters=dict(rope_type="default", rope_theta=1000000.0)),
        "llama31": dict(big, model_type="llama", num_key_value_heads=8, rope_theta=500000.0, rope_scaling=llama3),
        "llama32_new": dict(big, model_type="llama", head_dim=64,
                            rope_parameters=dict(llama3, factor=32.0, rope_theta=500000.0)),
        "linear": dict(big, model_type="llama", rope_scaling=dict(type="linear", factor=4.0)),
        "yarn_old": dict(big, model_type="qwen2", rope_theta=1000000.0,
                         rope_scaling=dict(type="yarn", factor=4.0, original_max_position_embeddings=32768)),
        "yarn_full": dict(big, model_type="qwen3", head_dim=128,
                          rope_parameters=dict(rope_type="yarn", rope_theta=10000.0, factor=16.0, beta_fast=16,
                                               beta_slow=2.0, original_max_position_embeddings=4096, truncate=False,
                                               mscale=0.707, mscale_all_dim=1.4)),
        "yarn_given": dict(big, model_type="mistral",
                           rope_parameters=dict(rope_type="yarn", rope_theta=10000.0, factor=8.0,
                                                attention_factor=1.25, original_max_position_embeddings=8192)),
        "yarn_tiny": dict(TINY, model_type="qwen2", rope_theta=100.0, rope_scaling=dict(rope_type="yarn", factor=2.0)),
        "qwen2_window": dict(TINY, model_type="qwen2", use_sliding_window=True, sliding_window=8, max_window_layers=0),
        "qwen2_window_off": dict(TINY, model_type="qwen2", use_sliding_window=False, sliding_window=8),
        "qwen2_window_none": dict(TINY, model_type="qwen2", use_sliding_window=True, sliding_window=8,
                                  max_window_layers=2),
        "qwen3_layer_types": dict(TINY, model_type="qwen3", use_sliding_window=True, sliding_window=8,
                                  layer_types=["sliding_attention"] * 2),
        "mistral_window": dict(TINY, model_type="mistral", sliding_window=16),
        "mistral_no_window": dict(TINY, model_type="mistral", sliding_window=None),
        "labels": dict(TINY, model_type="qwen2", id2label={"0": "LABEL_0"}, num_key_value_heads=None),
    }


def config_reference(config):
    c = AutoConfig.for_model(**config)
    head_dim = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    kind = c.rope_parameters["rope_type"]
    if kind == "default":
        frequencies = 1.0 / (c.rope_parameters["rope_theta"] ** (
            torch.arange(0, head_dim, 2, dtype=torch.int64).float() / head_dim))
        scale = 1.0
    else:
        frequencies, scale = ROPE_INIT_FUNCTIONS[kind](c, "cpu")
    types = getattr(c, "layer_types", None)
    window = getattr(c, "sliding_window", None)
    if types is not None and "sliding_attention" not in types:
        window = None
    eos = c.eos_token_id
    return dict(
        config=config, vocab=c.vocab_size, width=c.hidden_size, layers=c.num_hidden_layers,
        heads=c.num_attention_heads, kv_heads=c.num_key_value_heads, head_dim=head_dim, ff=c.intermediate_size,
        context=c.max_position_embeddings, rope_theta=c.rope_parameters["rope_theta"], norm_eps=c.rms_norm_eps,
        tied=c.tie_word_embeddings, sliding_window=window, dtype=str(c.dtype or torch.float32).removeprefix("torch."),
        bos=c.bos_token_id, eos=[] if eos is None else eos if isinstance(eos, list) else [eos], pad=c.pad_token_id,
        num_labels=c.num_labels, inverse_frequencies=frequencies.tolist(), attention_scale=scale)


# ---- weights

def tiny_model(family, seed, **more):
    torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **TINY, **more))


def weights(out):
    """Checkpoints as transformers writes them, and each tensor's numbers in f32."""
    reference = {}
    for name, family, dtype, shard in [("sharded_bf16", "qwen2", torch.bfloat16, "4KB"),
                                       ("single_f16", "llama", torch.float16, "5GB"),
                                       ("tied_f32", "qwen3", torch.float32, "5GB")]:
        model = tiny_model(family, 1, tie_word_embeddings=name == "tied_f32", head_dim=4).to(dtype)
        model.save_pretrained(out / name, max_shard_size=shard)
        tensors = {key: value for key, value in model.state_dict().items()
                   if not (key == "lm_head.weight" and model.config.tie_word_embeddings)}
        reference[name] = {key: dict(shape=list(value.shape), first=value.float().flatten()[:4].tolist(),
                                     sum=value.double().sum().item()) for key, value in tensors.items()}
    save(out / "weights.json", reference)


# ---- tokenizers

CORPUS = ["Which answer is better, A or B? Answer with A or B.", "system user assistant 0 1 2 3 4 5 6 7 8 9",
          "The quick brown fox jumps over the lazy dog. Grüße aus Köln, 東京 und São Paulo!",
          "def f(x):\n    return x + 1\n", "yes no yes no"] * 20

TEXTS = ["", "Which answer is better?", " leading and trailing ", "Grüße, 東京 🎉", "a\n\n  b\tc",
         "<|im_start|>user\nHi<|im_end|>\n", "<s>[INST] x [/INST]</s>", "def f(x):\n    return x + 1234567"]


def byte_level(specials, template=None):
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+"), "isolated")
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=380, special_tokens=specials, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    if template:
        ids = [(token, tokenizer.token_to_id(token)) for token in specials if token in template]
        tokenizer.post_processor = processors.Sequence(
            [processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(single=template, special_tokens=ids)])
    return tokenizer


def metaspace():
    """As Llama 2 and Mistral: spaces as U+2581, bytes as a fallback."""
    specials = ["<unk>", "<s>", "</s>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    trainer = trainers.BpeTrainer(vocab_size=400, show_progress=False,
                                  special_tokens=specials + [f"<0x{byte:02X}>" for byte in range(256)])
    tokenizer.train_from_iterator([text for text in CORPUS if text.isascii()], trainer)
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] in specials]
    return Tokenizer.from_str(json.dumps(state))


def tokenizers(out):
    templates = {path.stem: path.read_text() for path in sorted((out / "templates").glob("*.jinja"))}
    made = {
        "qwen": (byte_level(["<|endoftext|>", "<|im_start|>", "<|im_end|>"]),
                 dict(eos_token="<|im_end|>", pad_token="<|endoftext|>"), templates["qwen2.5"]),
        "llama3": (byte_level(["<|begin_of_text|>", "<|eot_id|>"], "<|begin_of_text|> $A"),
                   dict(bos_token="<|begin_of_text|>", eos_token="<|eot_id|>"), templates["llama3"]),
        "mistral": (metaspace(), dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>", add_bos_token=True,
                                      add_eos_token=False), templates["mistral_first"]),
    }
    reference = {}
    for name, (tokenizer, settings, template) in made.items():
        folder = out / f"tokenizer_{name}"
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=template, **settings).save_pretrained(folder)
        if name == "mistral":
            # The older layout: the template, in a list, in the config; special tokens in their own file; truncation
            # and padding left switched on.
            older = Tokenizer.from_file(str(folder / "tokenizer.json"))
            older.enable_truncation(4)
            older.enable_padding(length=16, pad_token="</s>", pad_id=2)
            older.save(str(folder / "tokenizer.json"))
            (folder / "chat_template.jinja").unlink()
            config = json.loads((folder / "tokenizer_config.json").read_text())
            config |= dict(add_bos_token=False, add_eos_token=True)  # without effect beside a tokenizer.json
            config["chat_template"] = [dict(name="tool_use", template="{{ 1 }}"), dict(name="default", template=template)]
            special = {key: dict(content=config.pop(key), lstrip=False) for key in ["bos_token", "eos_token"]}
            save(folder / "tokenizer_config.json", config)
            save(folder / "special_tokens_map.json", special)
        loaded = AutoTokenizer.from_pretrained(folder)
        chat = [dict(role="user", content="Which is better?")]
        cases = [dict(text=text, plain=loaded.encode(text, add_special_tokens=False), special=loaded(text)["input_ids"],
                      decoded=loaded.decode(loaded(text)["input_ids"]),
                      skipped=loaded.decode(loaded(text)["input_ids"], skip_special_tokens=True)) for text in TEXTS]
        reference[name] = dict(cases=cases, length=len(loaded), bos=loaded.bos_token_id, eos=loaded.eos_token_id,
                               pad=loaded.pad_token_id,
                               chat=loaded.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))
    save(out / "tokenizers.json", reference)


# ---- chat templates

class Day(datetime.datetime):
    """The day on which tests render, 1721952000 in seconds since 1970."""

    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26)


def templates(out):
    m = lambda role, content: dict(role=role, content=content)
    chats = [
        [m("user", "Hi")],
        [m("system", " Be brief. "), m("user", "2 + 2?\n"), m("assistant", " 4 "), m("user", "and <3 & 'x' \"y\"?")],
        [m("user", "a"), m("assistant", "<think>\nbecause\n</think>\n\nb"), m("user", "Grüße 東京"), m("assistant", "c")],
        [m("user", "<tool_response>x</tool_response>"), m("assistant", "<think>\nlast\n</think>\nd")],
        [m("user", "a"), m("user", "b")],
        [m("assistant", "a"), m("user", "b")],
        [m("user", "a"), m("system", "late"), m("user", "b")],
        [m("user", "a"), m("ignored", "b"), m("assistant", ""), m("assistant", "it's <b>bold</b> {{ x }}"), m("user", "stop"), m("user", "z")],
        [m("tool", "{\"a\": [1, 2.5, true, null]}")],
    ]
    cases = []
    for path in sorted((out / "templates").glob("*.jinja")):
        for chat in chats:
            for prompt in [False, True]:
                case = dict(template=path.name, messages=chat, add_generation_prompt=prompt)
                try:
                    rendered, _ = chat_template_utils.render_jinja_template(
                        [chat], chat_template=path.read_text(), add_generation_prompt=prompt, bos_token="<s>",
                        eos_token="</s>")
                    case["text"] = rendered[0]
                except Exception as error:
                    case["error"] = str(error)
                cases.append(case)
    save(out / "templates.json", cases)


# ---- adapters

def adapter(out):
    import peft

    model = tiny_model("llama", 2)
    config = peft.LoraConfig(r=3, lora_alpha=12, target_modules=["q_proj", "v_proj", "down_proj"], task_type="CAUSAL_LM",
                             use_rslora=True, lora_dropout=0.1)
    model = peft.get_peft_model(model, config)
    torch.manual_seed(3)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(out / "adapter")
    (out / "adapter" / "README.md").unlink()
    settings = json.loads((out / "adapter" / "adapter_config.json").read_text())
    save(out / "adapter" / "adapter_config.json", settings | dict(target_modules=sorted(settings["target_modules"])))
    # What the adapter adds to each module's weight.
    reference = {}
    for name, module in model.base_model.model.named_modules():
        if hasattr(module, "get_delta_weight"):
            reference[name] = module.get_delta_weight("default").detach().flatten().tolist()[:8]
    save(out / "adapter.json", reference)


# ---- records

def records(out):
    import datasets

    m = lambda role, content: dict(role=role, content=content)
    rows = [
        dict(prompt="2 + 2 =", chosen=" 4", rejected=" 5", answer=4, label=True, margin=0.5, extra="x"),
        dict(prompt="Grüße\n", chosen="東京", rejected="", answer=None, label=None, margin=None, extra=None),
        dict(prompt="last", chosen="a", rejected="b", answer=-7, label=False, margin=-1.25, extra="y"),
    ]
    chats = [
        dict(chosen=[m("user", "Hi"), m("assistant", "Hello")], rejected=[m("user", "Hi"), m("assistant", "No")],
             meta=dict(answer="x", score=1.0)),
        dict(chosen=[m("system", "s"), m("user", "q"), m("assistant", "a"), m("user", "r"), m("assistant", "t")],
             rejected=[m("system", "s"), m("user", "q"), m("assistant", "b")], meta=dict(answer="y", score=2.0)),
    ]
    for name, data in [("plain", rows), ("chats", chats)]:
        table = datasets.Dataset.from_list(data)
        table.to_parquet(out / f"{name}.parquet")
        table.to_json(out / f"{name}.jsonl")
        (out / f"{name}.json").write_text(json.dumps(data, indent=2))


def check(folder):
    """Loads a model directory that we wrote, and its tokenizer if it has one."""
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", output_loading_info=True)
    print(type(model).__name__, model.dtype, {key: value for key, value in info.items() if value})
    print(model.config.rope_parameters, model.generation_config.eos_token_id)


def main():
    if sys.argv[1] == "--check":
        return check(sys.argv[2])
    out = pathlib.Path(sys.argv[1])
    chat_template_utils.datetime = Day
    for old in out.iterdir():
        if old.name != "templates":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    reference = {name: config_reference(config) for name, config in configs().items()}
    save(out / "configs.json", reference)
    weights(out)
    tokenizers(out)
    templates(out)
    adapter(out)
    records(out)
    save(out / "versions.json", {"transformers": transformers.__version__, "torch": torch.__version__})


if __name__ == "__main__":
    main()
