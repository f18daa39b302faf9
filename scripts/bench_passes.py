#!/usr/bin/env python3
"""The training phase with and without the passes: seconds that `ascend`, `descend` and `forward` take.

    python3 scripts/bench_passes.py --binary target/release/pbpoc --repeats 7

Runs of both kinds take turns, so that a busy machine slows both. Prints medians and their ratio, the CPU
time of the whole process (imitation and sampling too), which a busy machine changes less, and whether both
kinds leave the same figures, pairs and weights, bit for bit. Needs nothing but Python.
"""

import argparse
import hashlib
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CASES = [
    ("quickstart", ROOT / "pipelines/quickstart.pbpo", "main", ["main.episodes=5", "pi.init.steps=100"]),
    ("online DPO", ROOT / "pipelines/dpo.pbpo", "main", ["main.episodes=5", "pi.init.steps=100"]),
    ("4 steps on one batch", ROOT / "scripts/hoist.pbpo", "one_batch", []),
    ("4 DPO steps on fixed pairs", ROOT / "scripts/hoist.pbpo", "fixed_pairs", []),
]
# At most this many seconds of waiting for idle processors before a run.
PATIENCE = 60
TRAINING = ["timing_s/ascend", "timing_s/descend", "timing_s/forward"]


def wait_for_idle():
    """Waits until the processors do nothing else for a second (Linux); whether they did."""

    def counters():
        values = [int(value) for value in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
        return values[3], sum(values)

    for _ in range(PATIENCE):
        idle, total = counters()
        time.sleep(1)
        idle, total = (now - then for now, then in zip(counters(), (idle, total)))
        if idle > 0.92 * total:
            return True
    return False


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(binary, file, target, sets, threads, passes):
    """Seconds of the training phase, CPU seconds of the process, and a digest of all it leaves but times."""
    with tempfile.TemporaryDirectory() as out:
        command = [binary, "run", str(file), target, "--quiet", "--device", "cpu", "--format", "json", "--out", out]
        command += ["--threads", str(threads)] + [arg for value in sets for arg in ("--set", value)]
        before = cpu_seconds()
        done = subprocess.run(command + ([] if passes else ["--no-passes"]), capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        cpu = cpu_seconds() - before
        run_dir = pathlib.Path(json.loads(done.stdout)["run_dir"])
        digest, seconds = hashlib.sha256(), 0.0
        for line in (run_dir / "metrics.jsonl").read_text().splitlines():
            figures = json.loads(line)
            seconds += sum(figures.get(name, 0.0) for name in TRAINING)
            kept = {name: value for name, value in figures.items() if not name.startswith("timing_s/")}
            digest.update(json.dumps(kept, sort_keys=True).encode())
        digest.update((run_dir / "preferences.jsonl").read_bytes())
        digest.update(json.dumps(json.loads((run_dir / "run.json").read_text())["metrics"], sort_keys=True).encode())
        for weights in sorted(run_dir.glob("checkpoints/*/model.safetensors")):
            digest.update(weights.read_bytes())
        return seconds, cpu, digest.hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=str(ROOT / "target/release/pbpoc"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[2, 1])
    parser.add_argument("--only", default="", help="pipelines with this in their name")
    parser.add_argument("--wait", action="store_true", help="run only while nothing else does (Linux)")
    args = parser.parse_args()
    busy = 0
    print("| pipeline | threads | without, s | with, s | ratio | CPU without, s | CPU with, s | same results |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    for name, file, target, sets in (case for case in CASES if args.only in case[0]):
        for threads in args.threads:
            seconds, cpu, digests = {False: [], True: []}, {False: [], True: []}, set()
            for repeat in range(args.repeats):
                for passes in (False, True) if repeat % 2 == 0 else (True, False):
                    busy += args.wait and not wait_for_idle()
                    took, used, digest = run(args.binary, file, target, sets, threads, passes)
                    seconds[passes].append(took)
                    cpu[passes].append(used)
                    digests.add(digest)
            middle = {key: [statistics.median(times[key]) for times in (seconds, cpu)] for key in (False, True)}
            (without, cpu_without), (made, cpu_made) = middle[False], middle[True]
            same = "yes, bit for bit" if len(digests) == 1 else "NO"
            figures = f"{without:.3f} | {made:.3f} | {made / without:.2f} | {cpu_without:.2f} | {cpu_made:.2f}"
            print(f"| {name} | {threads} | {figures} | {same} |", flush=True)
    if busy:
        print(f"{busy} runs began on a busy machine", file=sys.stderr)


if __name__ == "__main__":
    main()
