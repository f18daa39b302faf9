#!/usr/bin/env python3
"""Runs a pipeline over seeds and ablations and prints a Markdown table (mean and standard error).

    cargo build --release --locked
    python3 scripts/seed_table.py --seeds 6 --jobs 2

Each run takes one thread (results do not depend on the thread count). `--set` is passed on to every run.
Needs the Python standard library only.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

VARIANTS = {
    "quickstart": [],
    "without enhancer": ["enhancer.search=none"],
    "without adversary": ["confidence.keep=mle"],
}


def run(args, overrides, seed, out):
    command = [args.pbpoc, "run", args.file, "--format", "json", "--quiet", "--device", "cpu", "--threads", "1"]
    command += ["--out", out, "--set", f"seed={seed}"]
    for override in overrides + args.set:
        command += ["--set", override]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def mean_and_error(values):
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):.1f} ± {error:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pbpoc", default="target/release/pbpoc")
    parser.add_argument("--file", default="pipelines/quickstart.pbpo")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE")
    parser.add_argument("--only", choices=list(VARIANTS), action="append", help="default: all")
    args = parser.parse_args()

    seeds = list(range(args.seeds))
    jobs = [(variant, seed) for variant in args.only or VARIANTS for seed in seeds]
    with tempfile.TemporaryDirectory() as out, ThreadPoolExecutor(args.jobs) as pool:
        results = dict(zip(jobs, pool.map(lambda job: run(args, VARIANTS[job[0]], job[1], out), jobs)))

    print("Held-out accuracy in percent: before (the SFT policy) → after, by seed.\n")
    print("| variant | " + " | ".join(f"seed {s}" for s in seeds) + " | before | after | gain | median gain |")
    print("|---|" + "---|" * (len(seeds) + 4))
    for variant in args.only or VARIANTS:
        metrics = [results[variant, seed]["metrics"] for seed in seeds]
        before = [100 * m["accuracy/before"] for m in metrics]
        after = [100 * m["accuracy/after"] for m in metrics]
        gain = [a - b for a, b in zip(after, before)]
        cells = [f"{b:.1f} → {a:.1f}" for a, b in zip(after, before)]
        cells += [mean_and_error(before), mean_and_error(after), mean_and_error(gain), f"{statistics.median(gain):+.1f}"]
        print(f"| {variant} | " + " | ".join(cells) + " |")
    seconds = [result["seconds"] for result in results.values()]
    print(f"\nSeconds a run: median {statistics.median(seconds):.0f}, most {max(seconds):.0f}, {args.jobs} at once.")


if __name__ == "__main__":
    main()
