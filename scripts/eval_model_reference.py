#!/usr/bin/env python3
"""Makes tests/eval: small datasets laid out as on the hub, and what lm-evaluation-harness makes of a checkpoint on them.

    pip install lm_eval==0.4.13 word2number regex torch transformers
    python3 scripts/eval_model_reference.py runtime/tests/checkpoints/qwen2 tests/eval

The rows are those of eval_rows.py; the checkpoint is one of scripts/checkpoint_reference.py.
"""

import json
import pathlib
import sys

import eval_reference as reference
from eval_reference import MANAGER, ROWS, evaluator
from eval_rows import fill
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

CHECKPOINT, OUT = sys.argv[1], pathlib.Path(sys.argv[2])
TASKS = ["arc_challenge", "mmlu_anatomy", "gsm8k_cot_zeroshot", "bbh_zeroshot_boolean_expressions",
         "bbh_zeroshot_word_sorting", "agieval_sat_math"]
LIMIT = 5
PAIRS = [("Question: one?\nAnswer:", " two"), ("ends in a space ", "then"), ("a", "b c d"), ("word" * 400, " tail"),
         ("(A) x (B) y\n", "(B)"), ("one", "\n\ntwo\n")]

fill(ROWS)
model = HFLM(pretrained=CHECKPOINT, device="cpu", dtype="float32", batch_size=4)
loaded = MANAGER.load(TASKS)
for task in loaded["tasks"].values():
    task.set_fewshot_seed(1234)
out = evaluator.evaluate(model, loaded, limit=LIMIT, bootstrap_iters=0)
for task in loaded["tasks"].values():
    path, config = task.config.dataset_path, task.config.dataset_name
    directory = OUT / "data" / path.split("/")[1] / (config or "")
    directory.mkdir(parents=True, exist_ok=True)
    rows = ROWS[path, config]["test"][: LIMIT + 1]
    (directory / "test.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
numbers = {name: {k: v for k, v in result.items() if isinstance(v, (int, float)) and "stderr" not in k}
           for name, result in out["results"].items()}
# Every filter has its own samples, of the same answers.
texts = {name: [sample["resps"][0][0] for sample in out["samples"][name] if sample["filter"] == "strict-match"]
         for name in TASKS if "gsm8k" in name or "bbh" in name}
logps = {name: [[r[0][0] for r in sample["resps"]] for sample in out["samples"][name]] for name in TASKS if name not in texts}
scores = model.loglikelihood([Instance("loglikelihood", {}, pair, i) for i, pair in enumerate(PAIRS)])
(OUT / "pairs.jsonl").write_text("".join(json.dumps({"prompt": p, "completion": c}) + "\n" for p, c in PAIRS))
(OUT / "reference.json").write_text(json.dumps(
    {"lm_eval": "0.4.13", "limit": LIMIT, "tasks": TASKS, "results": numbers, "texts": texts, "logps": logps,
     "pairs": [{"logp": logp, "greedy": bool(greedy)} for logp, greedy in scores]}, indent=1) + "\n")
