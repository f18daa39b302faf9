#!/usr/bin/env python3
"""Tokens per second of pbpoc's small Llama in PyTorch, to hold `pbpoc bench` against.

    scripts/bench_torch.py                                          # this machine's CPU
    scripts/bench_torch.py --device cuda --dtype bf16
    scripts/bench_torch.py --threads 2 --compare 'target/release/pbpoc bench'

It needs PyTorch (2.1 or newer; 2.5 for --kv-heads below --heads) and nothing else.

The model has RMSNorm (eps 1e-5), rotate-half RoPE (theta 10000), SwiGLU, grouped-query attention,
an untied output layer and no biases; matrices start as N(0, 0.02). What is timed:

  train   forward, next-token cross-entropy, backward and AdamW on --batch x --seq random tokens;
          tokens = batch * seq per step. No gradient clipping, no checkpointing.
  sample  --sample-batch prompts of --prompt tokens, then --max-new tokens each at temperature 1
          from a KV cache; the time includes the prompt, the tokens are the new ones only.

PyTorch runs eagerly, with F.scaled_dot_product_attention and the fused AdamW. With --dtype bf16 it
trains float32 weights under autocast and samples from bfloat16 weights. Each figure is the median
of --repeats timed repeats after a warm-up.

Standard output: one line of JSON for PyTorch. With --compare, the command given there runs right
afterwards with the same shapes (its own flags win), its line of JSON follows, then a table of the
ratios pbpoc/torch: above 1, pbpoc is faster.
"""

import argparse
import json
import math
import shlex
import statistics
import subprocess
import sys
import time

# Flags that `pbpoc bench` has too. The others are handed on only where they were changed.
SHARED = ["layers", "width", "heads", "kv_heads", "ff", "vocab", "batch", "seq", "steps", "max_new"]
EXTRA = ["sample_batch", "prompt"]


def arguments():
    p = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0],
        epilog="What is timed, and how: the comment at the top of this file.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    p.add_argument("--layers", type=int, default=4, help="blocks")
    p.add_argument("--width", type=int, default=128, help="width of the residual stream")
    p.add_argument("--heads", type=int, default=4, help="query heads")
    p.add_argument("--kv-heads", type=int, default=4, help="key and value heads")
    p.add_argument("--ff", type=int, default=352, help="width of the SwiGLU layer")
    p.add_argument("--vocab", type=int, default=256, help="tokens in the vocabulary")
    p.add_argument("--batch", type=int, default=16, help="sequences in a training step")
    p.add_argument("--seq", type=int, default=64, help="tokens in a training sequence")
    p.add_argument("--steps", type=int, default=10, help="training steps in a timed repeat")
    p.add_argument("--sample-batch", type=int, default=64, help="sequences sampled together")
    p.add_argument("--prompt", type=int, default=8, help="tokens in a prompt")
    p.add_argument("--max-new", type=int, default=32, help="tokens sampled after it")
    p.add_argument("--repeats", type=int, default=5, help="timed repeats")
    p.add_argument("--threads", type=int, help="CPU threads (default: as the framework chooses)")
    p.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    p.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    p.add_argument("--tf32", action="store_true", help="allow TF32 in float32 products (cuda)")
    p.add_argument("--compare", metavar="COMMAND", help="e.g. 'target/release/pbpoc bench'")
    a = p.parse_args()

    for name in SHARED + EXTRA + ["repeats"]:
        if getattr(a, name) < 1:
            p.error(f"--{name.replace('_', '-')} must be at least 1")
    if a.threads is not None and a.threads < 1:
        p.error("--threads must be at least 1")
    if a.width % (2 * a.heads) != 0:
        p.error("--width must be a multiple of twice --heads (a head's width is even)")
    if a.heads % a.kv_heads != 0:
        p.error("--heads must be a multiple of --kv-heads")
    a.defaults = {name: p.get_default(name) for name in EXTRA}
    return a


def torch_bench(a):
    try:
        import torch
        import torch.nn.functional as F
        from torch import nn
    except ImportError as e:
        sys.exit(
            f"bench_torch.py: PyTorch cannot be imported ({e}).\n"
            "  install it with `python3 -m pip install torch`, "
            "or run this file with the python3 that has it"
        )
    if a.device == "cuda" and not torch.cuda.is_available():
        sys.exit(f"bench_torch.py: PyTorch {torch.__version__} finds no CUDA device")
    if a.threads is not None:
        torch.set_num_threads(a.threads)
    torch.backends.cuda.matmul.allow_tf32 = a.tf32
    torch.manual_seed(0)

    head_dim = a.width // a.heads
    # Only where it is needed, so that older versions do without.
    grouped = {"enable_gqa": True} if a.kv_heads < a.heads else {}

    def rope_tables(length):
        freq = 10000.0 ** (-torch.arange(0, head_dim, 2, device=a.device).float() / head_dim)
        angles = torch.outer(torch.arange(length, device=a.device).float(), freq)
        angles = torch.cat([angles, angles], dim=-1)
        return angles.cos(), angles.sin()

    def rotate(x, cos, sin):
        lo, hi = x.chunk(2, dim=-1)
        return x * cos + torch.cat([-hi, lo], dim=-1) * sin

    class RmsNorm(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(a.width))

        def forward(self, x):
            y = x.float()
            y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + 1e-5)
            return y.to(x.dtype) * self.weight

    def linear(inputs, outputs):
        return nn.Linear(inputs, outputs, bias=False)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            kv = a.kv_heads * head_dim
            self.norm1, self.norm2 = RmsNorm(), RmsNorm()
            self.q, self.o = linear(a.width, a.width), linear(a.width, a.width)
            self.k, self.v = linear(a.width, kv), linear(a.width, kv)
            self.gate, self.up = linear(a.width, a.ff), linear(a.width, a.ff)
            self.down = linear(a.ff, a.width)

        def forward(self, x, cos, sin, cache, start):
            b, t, _ = x.shape
            h = self.norm1(x)
            q = rotate(self.q(h).view(b, t, a.heads, head_dim).transpose(1, 2), cos, sin)
            k = rotate(self.k(h).view(b, t, a.kv_heads, head_dim).transpose(1, 2), cos, sin)
            v = self.v(h).view(b, t, a.kv_heads, head_dim).transpose(1, 2)
            if cache is not None:
                keys, values = cache
                keys[:, :, start : start + t] = k
                values[:, :, start : start + t] = v
                k, v = keys[:, :, : start + t], values[:, :, : start + t]
            # Autocast leaves q and k in float32, the product with the tables' dtype.
            q, k = q.to(v.dtype), k.to(v.dtype)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=t > 1, **grouped)
            x = x + self.o(y.transpose(1, 2).reshape(b, t, a.width))
            h = self.norm2(x)
            return x + self.down(F.silu(self.gate(h)) * self.up(h))

    class Llama(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(a.vocab, a.width)
            self.blocks = nn.ModuleList(Block() for _ in range(a.layers))
            self.norm = RmsNorm()
            self.head = linear(a.width, a.vocab)
            for p in self.parameters():
                if p.dim() > 1:
                    nn.init.normal_(p, std=0.02)

        def forward(self, ids, cos, sin, caches=None, start=0):
            cos, sin = cos[start : start + ids.shape[1]], sin[start : start + ids.shape[1]]
            x = self.embed(ids)
            for i, block in enumerate(self.blocks):
                x = block(x, cos, sin, caches[i] if caches else None, start)
            return self.head(self.norm(x))

    def sync():
        if a.device == "cuda":
            torch.cuda.synchronize()

    def seconds(run):
        sync()
        t = time.perf_counter()
        run()
        sync()
        return time.perf_counter() - t

    def median(run):
        """Median time of one `run`; a repeat takes a quarter of a second or more."""
        run()
        run()
        times = max(1, math.ceil(0.25 / seconds(run)))

        def repeat():
            for _ in range(times):
                run()

        return statistics.median(seconds(repeat) for _ in range(a.repeats)) / times

    model = Llama().to(a.device)
    bf16 = a.dtype == "bf16"

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    ids = torch.randint(a.vocab, (a.batch, a.seq + 1), device=a.device)
    inputs, targets = ids[:, :-1].contiguous(), ids[:, 1:].reshape(-1)
    cos, sin = rope_tables(a.seq)

    def train():
        for _ in range(a.steps):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(a.device, torch.bfloat16, enabled=bf16):
                logits = model(inputs, cos, sin)
            F.cross_entropy(logits.float().view(-1, a.vocab), targets).backward()
            optimizer.step()

    train_s = median(train)

    model.eval()
    dtype = torch.bfloat16 if bf16 else torch.float32
    model = model.to(dtype)
    prompts = torch.randint(a.vocab, (a.sample_batch, a.prompt), device=a.device)
    length = a.prompt + a.max_new
    tables = [t.to(dtype) for t in rope_tables(length)]

    @torch.inference_mode()
    def sample():
        shape = (a.sample_batch, a.kv_heads, length, head_dim)
        caches = [
            tuple(torch.empty(shape, device=a.device, dtype=dtype) for _ in "kv")
            for _ in range(a.layers)
        ]
        out = torch.empty(a.sample_batch, a.max_new, dtype=torch.long, device=a.device)
        step, start = prompts, 0
        for i in range(a.max_new):
            logits = model(step, *tables, caches, start)[:, -1]
            start += step.shape[1]
            step = torch.multinomial(torch.softmax(logits.float(), -1), 1)
            out[:, i : i + 1] = step
        return out

    sample_s = median(sample)

    return {
        "framework": "torch",
        "version": torch.__version__,
        "device": torch.cuda.get_device_name() if a.device == "cuda" else "cpu",
        "dtype": a.dtype,
        "tf32": a.tf32,
        "threads": torch.get_num_threads(),
        "params": sum(p.numel() for p in model.parameters()),
        "train_tokens_per_s": round(a.batch * a.seq * a.steps / train_s, 1),
        "sample_tokens_per_s": round(a.sample_batch * a.max_new / sample_s, 1),
    }


def compare_command(a):
    """The command of --compare, completed with the flags that it does not have yet."""
    command = shlex.split(a.compare)

    def add(flag, value):
        if value is not None and not any(c == flag or c.startswith(flag + "=") for c in command):
            command.extend([flag, str(value)])

    add("--format", "json")
    add("--device", "cuda:0" if a.device == "cuda" else "cpu")
    add("--threads", a.threads)
    for name in SHARED:
        add("--" + name.replace("_", "-"), getattr(a, name))
    for name in EXTRA:
        if getattr(a, name) != a.defaults[name]:
            add("--" + name.replace("_", "-"), getattr(a, name))
    return command


def run_compare(command):
    """Runs it and gives back the last line of its standard output that holds the figures."""
    shown = shlex.join(command)
    print(f"bench_torch.py: running {shown}", file=sys.stderr)
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    except OSError as e:
        sys.exit(f"bench_torch.py: {command[0]} cannot be run: {e.strerror}")
    if done.returncode != 0:
        sys.exit(f"bench_torch.py: `{shown}` ended with exit code {done.returncode}")
    for line in reversed(done.stdout.splitlines()):
        try:
            got = json.loads(line)
        except ValueError:
            continue
        if isinstance(got, dict) and {"train_tokens_per_s", "sample_tokens_per_s"} <= got.keys():
            return got
    sys.exit(f"bench_torch.py: `{shown}` printed no line of JSON with the figures")


def main():
    a = arguments()
    torch = torch_bench(a)
    print(json.dumps(torch), flush=True)
    if not a.compare:
        return
    ours = run_compare(compare_command(a))
    print(json.dumps(ours))
    name = ours.get("framework", "pbpoc")
    print(f"\n| tokens/s | {name} | torch {torch['version']} | {name}/torch |")
    print("| --- | ---: | ---: | ---: |")
    for what in ["train", "sample"]:
        x, y = (float(r[f"{what}_tokens_per_s"]) for r in (ours, torch))
        print(f"| {what} | {x:,.0f} | {y:,.0f} | {x / y:.2f} |")
    if ours.get("params", torch["params"]) != torch["params"]:
        print(
            f"bench_torch.py: the models differ: {name} has {ours['params']} parameters, "
            f"torch {torch['params']}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
