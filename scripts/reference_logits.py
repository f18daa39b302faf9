#!/usr/bin/env python3
"""Makes runtime/tests/reference_logits.json: logits of a small random checkpoint, by transformers in f32.

    PBPOC_REFERENCE_DIR=$PWD/target/reference cargo test --release --locked --workspace --test reference -- --ignored
    python3 scripts/reference_logits.py target/reference > runtime/tests/reference_logits.json

Needs torch and transformers. The checkpoint has 2 layers, 4 heads on 2 key/value heads, a vocabulary of 6.
"""

import json
import sys

import torch
import transformers

TOKENS = [1, 3, 4, 5, 3, 3, 5, 4, 2, 1, 0, 5]

model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
with torch.no_grad():
    logits = model(torch.tensor([TOKENS])).logits[0]
print(json.dumps({"transformers": transformers.__version__, "torch": torch.__version__, "tokens": TOKENS,
                  "logits": logits.tolist()}))
