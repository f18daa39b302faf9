#!/usr/bin/env python3
"""Makes runtime/tests/checkpoints: small random checkpoints of every family, and what transformers and peft make of them.

    python3 scripts/checkpoint_reference.py runtime/tests/checkpoints

Needs torch, transformers, peft and tokenizers. Every checkpoint has its weights, `reference.json` with tokens, their
logits (f32) and a greedy continuation, and one tokenizer that all share.
"""

import json
import pathlib
import sys

import peft
import tokenizers
import torch
import transformers

OUT = pathlib.Path(sys.argv[1])
TOKENS = [1, 17, 4, 99, 63, 3, 28, 90, 42, 42, 7, 71, 30, 5]
SHAPE = dict(vocab_size=104, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0)


def randomise(model):
    """Weights large enough that the logits depend on all of the context; norms and biases that do something."""
    generator = torch.Generator().manual_seed(7)
    for name, weight in sorted(model.named_parameters()):
        noise = torch.randn(weight.shape, generator=generator)
        with torch.no_grad():
            weight.copy_(1 + 0.2 * noise if "norm" in name else 0.25 * noise)


def reference(model, greedy=True):
    model = model.to(torch.float32).eval()
    with torch.no_grad():
        logits = model(torch.tensor([TOKENS])).logits[0]
        out = {"tokens": TOKENS, "logits": [round(x, 7) for x in logits.flatten().tolist()],
               "transformers": transformers.__version__, "torch": torch.__version__}
        if greedy:
            made = model.generate(torch.tensor([TOKENS]), max_new_tokens=12, do_sample=False, eos_token_id=[2])
            out["greedy"] = made[0, len(TOKENS):].tolist()
    return out


def save(name, model, dtype=torch.float32, **how):
    model.to(dtype).save_pretrained(OUT / name, **how)
    loaded = type(model).from_pretrained(OUT / name, dtype=torch.float32)
    (OUT / name / "reference.json").write_text(json.dumps(reference(loaded, hasattr(model, "lm_head"))) + "\n")


def edit(name, change):
    path = OUT / name / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config, indent=2) + "\n")


def old_spelling(config):
    """As transformers 4 wrote it."""
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    if rope.get("rope_type") != "default":
        config["rope_scaling"] = rope
    config["torch_dtype"] = config.pop("dtype")
    config.pop("layer_types", None)


def make(name, config, cls, dtype=torch.float32, **how):
    torch.manual_seed(0)
    model = cls(config)
    randomise(model)
    save(name, model, dtype, **how)
    return model


t = transformers
llama3 = dict(rope_type="llama3", rope_theta=10000.0, factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=16)
yarn = dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=16)
OUT.mkdir(parents=True, exist_ok=True)
make("llama", t.LlamaConfig(**SHAPE, rope_parameters=llama3), t.LlamaForCausalLM, torch.bfloat16, max_shard_size="12KB")
edit("llama", old_spelling)
# Room for the prompts of benchmarks.
base = make("qwen2", t.Qwen2Config(**{**SHAPE, "max_position_embeddings": 1024}, tie_word_embeddings=True), t.Qwen2ForCausalLM)
make("qwen3", t.Qwen3Config(**SHAPE, head_dim=12, rope_parameters=yarn), t.Qwen3ForCausalLM, torch.float16)
make("mistral", t.MistralConfig(**SHAPE, sliding_window=6), t.MistralForCausalLM, torch.bfloat16)
make("reward", t.Qwen2Config(**SHAPE, num_labels=1), t.Qwen2ForSequenceClassification)
tokens = tokenizers.Tokenizer(tokenizers.models.BPE())
tokens.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
tokens.decoder = tokenizers.decoders.ByteLevel()
alphabet = [c for c in tokenizers.pre_tokenizers.ByteLevel.alphabet() if c in "".join(map(chr, range(33, 127))) + "ĠĊ"]
special = ["<pad>", "<s>", "</s>"]
tokens.train_from_iterator(["user assistant"], tokenizers.trainers.BpeTrainer(
    vocab_size=104, special_tokens=special, initial_alphabet=sorted(alphabet), show_progress=False))
settings = json.dumps({
    "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>",
    "chat_template": "{% for m in messages %}{{ m.role }}: {{ m.content }}{% if m.role == 'assistant' %}</s>{% endif %}\n"
                     "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"}, indent=2) + "\n"
for name in ["llama", "qwen2", "qwen3", "mistral", "reward"]:
    tokens.save(str(OUT / name / "tokenizer.json"))
    (OUT / name / "tokenizer_config.json").write_text(settings)
lora = peft.get_peft_model(base.float(), peft.LoraConfig(
    r=4, lora_alpha=6, target_modules=["q_proj", "v_proj", "down_proj"], task_type="CAUSAL_LM"))
generator = torch.Generator().manual_seed(3)
for name, weight in sorted(lora.named_parameters()):
    if "lora_B" in name:
        with torch.no_grad():
            weight.copy_(0.3 * torch.randn(weight.shape, generator=generator))
lora.peft_config["default"].base_model_name_or_path = "../qwen2"
lora.save_pretrained(OUT / "adapter")
(OUT / "adapter" / "README.md").unlink(missing_ok=True)
(OUT / "adapter" / "reference.json").write_text(json.dumps(reference(lora)) + "\n")
