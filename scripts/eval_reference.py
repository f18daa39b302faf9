#!/usr/bin/env python3
"""Makes crates/eval/tests/fixtures/*.json: what lm-evaluation-harness asks, extracts and scores on small invented rows.

    pip install lm_eval==0.4.13 word2number regex
    python3 scripts/eval_reference.py crates/eval/tests/fixtures

Every number comes from lm-eval's own task objects, unchanged; only the rows and the model's answers are invented here.
"""

import hashlib
import itertools
import json
import logging
import pathlib
import random
import sys

import datasets

ROWS = {}  # (dataset, config) -> split -> rows


def load_rows(path, name=None, **_):
    splits = ROWS[path, name]
    return datasets.DatasetDict({split: datasets.Dataset.from_list(rows) for split, rows in splits.items()})


datasets.load_dataset = load_rows

import lm_eval  # noqa: E402
from lm_eval import evaluator  # noqa: E402
from lm_eval.api.instance import Instance  # noqa: E402
from lm_eval.api.model import TemplateLM  # noqa: E402
from lm_eval.models.utils import normalize_gen_kwargs, postprocess_generated_text  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402
from eval_rows import AGIEVAL_MATH, ANSWERS, FRAGMENTS, MATH_PARTS, fill  # noqa: E402

logging.disable(logging.WARNING)
MANAGER = TaskManager()


class Parrot(TemplateLM):
    """Answers generations from a list in turn, and log-likelihoods from a hash in steps that make ties common."""

    def __init__(self, answers):
        super().__init__()
        self.answers = answers

    eot_token_id = 0
    tok_encode = staticmethod(lambda text, **_: toy_tokens(text))
    loglikelihood_rolling = _loglikelihood_tokens = None

    def loglikelihood(self, requests, **_):
        digest = [hashlib.md5("\0".join(r.args).encode()).digest() for r in requests]
        return [(-(d[0] % 8) - d[1] / 3 * (d[2] % 2), d[3] % 4 == 0) for d in digest]

    def generate_until(self, requests, **_):
        return [self.answers(r.task_name)[r.doc_id % len(self.answers(r.task_name))] for r in requests]


def run(names, answers=None, shots=None):
    """The samples, generation settings and results of one evaluation."""
    loaded = MANAGER.load(names)
    for task in loaded["tasks"].values():
        task.set_fewshot_seed(1234)
        if shots is not None:
            task.set_config("num_fewshot", shots)
    out = evaluator.evaluate(Parrot(answers), loaded, bootstrap_iters=1)
    settings, samples = {}, {}
    for name, task in loaded["tasks"].items():
        if task.OUTPUT_TYPE == "generate_until":
            kwargs = normalize_gen_kwargs(task.config.generation_kwargs)
            settings[name] = {"until": kwargs["until"], "max_gen_toks": kwargs["max_gen_toks"]}
        samples[name] = {}
        for sample in out["samples"][name]:
            doc = samples[name].setdefault(
                sample["doc_id"],
                {
                    "context": sample["arguments"][0][0],
                    "target": sample["target"],
                    "filters": {},
                    "continuations": [args[1] for args in sample["arguments"] if isinstance(args[1], str)],
                    "responses": [r[0] for r in sample["resps"]],
                },
            )
            metrics = {m: float(sample[m]) for m in sample["metrics"]}
            filtered = json.loads(json.dumps(sample["filtered_resps"]))
            unchanged = filtered == json.loads(json.dumps(doc["responses"]))
            doc["filters"][sample["filter"]] = {**({} if unchanged else {"filtered": filtered}), "metrics": metrics}
        samples[name] = [samples[name][i] for i in sorted(samples[name])]
    keys = ["results", "groups", "group_subtasks", "versions", "n-shot", "higher_is_better", "n-samples"]
    return {
        "names": names,
        "shots": shots,
        "settings": settings,
        "samples": samples,
        "results": {k: out[k] for k in keys if k in out},
    }


def only_groups(out):
    """Without what another run of the same file shows already."""
    return {**out, "samples": {}, "settings": {}, "results": {"groups": out["results"]["groups"]}}


def shorter(out, but=None):
    """One request of each task, and the numbers of the results: the rest takes most of the file, and another run has it."""
    for name, samples in out["samples"].items():
        for sample in samples[1:] if name != but else []:
            del sample["context"], sample["continuations"]
    if but is None:
        out["results"] = {key: out["results"][key] for key in ["results", "groups"]}
    return out


def rows_of(path):
    return [{"dataset": key[0], "config": key[1], "splits": splits} for key, splits in ROWS.items() if key[0] == path]


def filters(names, row, answers):
    """What the filters of tasks make of answers to a row; null where lm-eval raises. Strict ones are the same in many tasks."""
    tasks = MANAGER.load(names)["tasks"]
    strict = {
        "gsm8k",
        "gsm8k_cot_zeroshot",
        "bbh_cot_zeroshot_boolean_expressions",
        "bbh_cot_zeroshot_formal_fallacies",
    }
    ensembles = [
        (name, e) for name in names for e in tasks[name]._filters if e.name != "strict-match" or name in strict
    ]
    table = []
    for answer in answers:
        got = []
        for _, ensemble in ensembles:
            instance = Instance("generate_until", row, (), 0)
            instance.resps = [answer]
            try:
                ensemble.apply([instance])
                got.append(instance.filtered_resps[ensemble.name])
            except (ValueError, IndexError):
                got.append(None)
        table.append([answer, *got])
    return {"filters": [[name, ensemble.name] for name, ensemble in ensembles], "row": row, "cases": table}


def mixtures(fragments, count, seed):
    rng = random.Random(seed)
    return ["".join(rng.choice(fragments) for _ in range(rng.randint(1, 7))) for _ in range(count)]


def toy_tokens(text):
    """Words with the space before them; other characters alone. The id of a token is a sum over its bytes."""
    pieces, last = [], ""
    for char in text:
        joins = char.isascii() and char.isalpha() and (last == " " or (last.isascii() and last.isalpha()))
        pieces[-1:] = [pieces[-1] + char] if pieces and joins else pieces[-1:] + [char]
        last = char
    return [sum((i + 1) * b for i, b in enumerate(p.encode())) for p in pieces]


def tables(directory):
    fill(ROWS)

    def save(name, value):
        out = {"lm_eval": lm_eval.__version__, **value}
        text = json.dumps(out, ensure_ascii=False, separators=(",", ":"), default=float)
        (directory / f"{name}.json").write_text(text + "\n")

    def one(dataset, runs):
        datasets = [dataset] if isinstance(dataset, str) else dataset
        return {"rows": sum(map(rows_of, datasets), []), "runs": runs}

    save("arc", one("allenai/ai2_arc", [run(["arc_challenge"]), run(["arc_challenge"], shots=3)]))
    mmlu = [shorter(run(["mmlu"]), but="mmlu_anatomy"), shorter(run(["mmlu_generative"], ANSWERS))]
    few = [run(["mmlu_anatomy"], shots=2), run(["mmlu_anatomy_generative"], ANSWERS, 1)]
    save("mmlu", one("cais/mmlu", [*mmlu, *few]))
    save(
        "gsm8k",
        one(
            "openai/gsm8k", [run(["gsm8k"], ANSWERS), run(["gsm8k"], ANSWERS, 0), run(["gsm8k_cot_zeroshot"], ANSWERS)]
        ),
    )
    save(
        "bbh",
        one(
            "SaylorTwift/bbh",
            [shorter(run(["bbh_zeroshot"], ANSWERS), but=""), shorter(run(["bbh_cot_zeroshot"], ANSWERS))],
        ),
    )
    parts = [only_groups(run([name], ANSWERS)) for name in ["agieval_en", "agieval_cn", "agieval_nous"]]
    save("agieval", one(sorted({k[0] for k in ROWS if "agieval" in k[0]}), [run(["agieval"], ANSWERS), *parts]))

    extracted = []
    for seed, (task, row, fragments) in enumerate(FRAGMENTS):
        answers = list(dict.fromkeys(ANSWERS(task) + mixtures(fragments, 220 if seed < 11 else 30, seed)))
        extracted.append(filters(["bbh_zeroshot_" + task, "bbh_cot_zeroshot_" + task], row, answers))
    numbers = mixtures(["#### ", "7", "1,234", "$", ".", " ", "-", "The answer is ", "\n", "x", "½", "٣"], 220, 7)
    lines = mixtures(["A", " ", "\n", ".", "b", "\t", "\x1c", "\u3000"], 60, 8)
    save(
        "filters",
        {
            "tables": [
                *extracted,
                filters(["gsm8k", "gsm8k_cot_zeroshot"], ROWS["openai/gsm8k", "main"]["test"][0], numbers),
                filters(["mmlu_anatomy_generative"], ROWS["cais/mmlu", "anatomy"]["test"][0], lines),
            ]
        },
    )

    save(
        "python",
        {
            "equivalent": equivalents(),
            "exact_match": exact_matches(),
            "encode_pair": [
                [c, k, *Parrot(None)._encode_pair(c, k)]
                for c, k in itertools.product(
                    ["a b", "Q: no \n ", "x\u3000", "tail\x1c", " ", "Answer:"], [" yes", "yes", "", "\n", " ü b"]
                )
            ],
            "cut": [
                [t, s, postprocess_generated_text(t, s, None)]
                for t, s in itertools.product(
                    ["a Q: b </s> c", "</sQ:>", "none", "Q:", "xyz", "aQ:Q:"],
                    [["Q:", "</s>"], ["</s>", "Q:"], [""], [], ["yz", "xy"]],
                )
            ],
            "sample": [
                [seed, n, k, [rng.sample(range(n), k) for _ in range(4)]]
                for seed, n, k in [
                    (1234, 7473, 5),
                    (1234, 30, 8),
                    (0, 21, 5),
                    (2**40 + 3, 100, 6),
                    (1234, 6, 6),
                    (5, 50, 6),
                    (7, 40000, 5),
                ]
                for rng in [random.Random(seed)]
            ],
        },
    )


def equivalents():
    from lm_eval.tasks.agieval import utils

    pairs = list(dict.fromkeys(mixtures(MATH_PARTS, 100, 5) + AGIEVAL_MATH))
    rng = random.Random(6)
    pairs = [(a, b) for a in pairs for b in [rng.choice(pairs), rng.choice(AGIEVAL_MATH)]]
    pairs += [(a, f"${a.strip('$')}$") for a in AGIEVAL_MATH] + list(
        itertools.product(AGIEVAL_MATH[:12], AGIEVAL_MATH[:12])
    )
    return [[a, b, utils.parse_math_answer(a), utils.is_equiv(a, b)] for a, b in pairs]


def exact_matches():
    tasks = MANAGER.load(["gsm8k", "bbh_zeroshot_snarks", "mmlu_anatomy_generative"])["tasks"]
    texts = mixtures(["5", ".", ",", "\n", "$", "#### ", "A", "a", "É", "é", '"', "\\", " ", "«"], 30, 3) + ["5\n"]
    rng, out = random.Random(4), []
    for name, task in tasks.items():
        for a in texts:
            for b in [a.swapcase(), a + ".", a.replace(",", ""), a + ".\n", a + "\0", rng.choice(texts)]:
                score = task._metric_fn_list["exact_match"](
                    predictions=[a], references=[b], **task._metric_fn_kwargs["exact_match"]
                )
                out.append([name, a, b, bool(score["exact_match"])])
    return out


if __name__ == "__main__":
    tables(pathlib.Path(sys.argv[1]))
