#!/usr/bin/env bash
# Builds pbpoc for NVIDIA GPUs, tries it on one, and writes a table of what came out.
#
#   scripts/gpu.sh                 build where there is cargo, then run where there is a GPU
#   scripts/gpu.sh build           only build and pack; needs neither CUDA nor a GPU
#   scripts/gpu.sh run [OUT_DIR]   only run what was packed; needs no cargo, and no network
#
# `build` makes target/gpu/pbpoc-cuda.tar.xz (about 10 MiB): the stripped binary, pipelines/ and
# scripts/. If the GPU is in another machine, take that file there and
#
#   python3 -c 'import tarfile; tarfile.open("pbpoc-cuda.tar.xz").extractall()'    # or: tar xf
#   pbpoc-cuda/scripts/gpu.sh run
#
# `run` needs a driver, NVRTC and the CUDA headers (a CUDA toolkit, version 13 by preference, or the
# ones that come with a PyTorch wheel) and python3. It runs `pbpoc doctor`; the quickstart on the
# GPU with fusion on and off, and on the CPU; training and sampling tokens per second and the peak
# memory of the GPU in f32 (with fusion on and off) and in bf16 (f32 master weights), and the same
# in PyTorch if python3 has it; how long a start takes with kernels from disk. A step that fails is marked so in the table
# and the others still run; the exit code is then 1. OUT_DIR (default target/gpu/out) gets
#
#   gpu.md    the table, for docs/measurements.md; rewritten after every step
#   gpu.log   each step's command and the ends of its output
#
# Environment:
#   CARGO_TARGET_DIR  where `build` compiles (default target/cuda, apart from the CPU-only builds)
#   PBPOC             the binary to run, in place of the packed one
#   PYTHON            the python3 to use, e.g. one that has PyTorch
#   CUDA_PATH         where include/ with the CUDA headers is (default /usr/local/cuda, /opt/cuda)
#   STEP_SECONDS      time limit of one step (default 300)
#
# Fusion is switched off through BURN_FUSION_MAX_EXPLORATIONS=0: Burn then never looks for
# operations to fuse and runs each by its own kernel, still through the fusion queue.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
archive=$root/target/gpu/pbpoc-cuda.tar.xz
python=${PYTHON:-python3}
limit=${STEP_SECONDS:-300}

say() { echo "gpu.sh: $*" >&2; }
die() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
usage() { sed -n '2,/^set -e/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }

has_gpu() {
    { has nvidia-smi && [[ $(nvidia-smi -L 2>/dev/null) == "GPU "* ]]; } || [ -e /dev/nvidia0 ]
}

scratch=
cleanup() { if [ -n "$scratch" ]; then rm -rf "$scratch"; fi; }
trap cleanup EXIT
make_scratch() { if [ -z "$scratch" ]; then scratch=$(mktemp -d); fi; }

# --- build ------------------------------------------------------------------------------------

commit_id() {
    local id
    if ! id=$(git -C "$root" rev-parse --short=12 --verify -q HEAD 2>/dev/null); then
        echo unknown
        return
    fi
    if [ -n "$(git -C "$root" status --porcelain 2>/dev/null)" ]; then id+=", with changes"; fi
    echo "$id"
}

build() {
    has cargo || die "build: cargo is not here (https://rustup.rs)"
    local target=${CARGO_TARGET_DIR:-$root/target/cuda} stage
    case $target in /*) ;; *) target=$PWD/$target ;; esac
    say "building with --features cuda in $target (on 2 cores, the first time, 20 minutes or more)"
    (cd "$root" && cargo build --release --locked --features cuda --bin pbpoc --target-dir "$target")

    make_scratch
    stage=$scratch/pbpoc-cuda
    mkdir -p "$stage/scripts" "${archive%/*}"
    cp "$target/release/pbpoc" "$stage/pbpoc"
    if has strip; then
        strip "$stage/pbpoc"
    else
        say "no strip here: the binary keeps its symbols"
    fi
    cp -R "$root/pipelines" "$stage/pipelines"
    cp "$root/scripts/gpu.sh" "$root/scripts/bench_torch.py" "$stage/scripts/"
    commit_id >"$stage/COMMIT"

    say "packing"
    if has xz; then
        XZ_OPT=-9 tar -C "$scratch" -cJf "$archive.part" pbpoc-cuda
    elif has "$python"; then
        "$python" - "$stage" "$archive.part" <<'PY'
import sys, tarfile
with tarfile.open(sys.argv[2], "w:xz", preset=9) as t:
    t.add(sys.argv[1], "pbpoc-cuda")
PY
    else
        die "build: packing needs xz or python3"
    fi
    mv "$archive.part" "$archive"
    say "binary $(mib "$stage/pbpoc"), archive $(mib "$archive"): $archive"
    rm -rf "$stage"
}

mib() { awk -v n="$(wc -c <"$1")" 'BEGIN { printf "%.1f MiB", n / 1048576 }'; }

# --- run --------------------------------------------------------------------------------------

# Sets `pbpoc`, `pipelines`, `bench_torch` and `commit`.
find_pbpoc() {
    local from=$root
    if [ -n "${PBPOC:-}" ]; then
        pbpoc=$(command -v "$PBPOC") || die "run: PBPOC=$PBPOC cannot be run"
        pbpoc=$(cd "$(dirname "$pbpoc")" && pwd)/$(basename "$pbpoc")
        commit=$(commit_id)
    elif [ -f "$root/pbpoc" ]; then # we are the unpacked archive
        pbpoc=$root/pbpoc
        commit=$(cat "$root/COMMIT")
    elif [ -e "$archive" ]; then
        "$python" - "$archive" "$scratch" <<'PY'
import sys, tarfile
with tarfile.open(sys.argv[1]) as t:
    t.extractall(sys.argv[2], **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
PY
        from=$scratch/pbpoc-cuda
        pbpoc=$from/pbpoc
        commit=$(cat "$from/COMMIT")
    else
        die "run: nothing to run: $archive is missing; make it with \`scripts/gpu.sh build\`"
    fi
    pipelines=$from/pipelines
    bench_torch=$from/scripts/bench_torch.py
}

# A folder of the CUDA parts that come with PyTorch's wheels, or nothing.
wheel_cuda() {
    "$python" - <<'PY' 2>/dev/null || true
import glob, os, sys
for base in sys.path:
    for d in sorted(glob.glob(os.path.join(base, "nvidia", "cu1[0-9]")), reverse=True):
        if os.path.exists(os.path.join(d, "include", "cuda_fp16.h")):
            print(d)
            raise SystemExit
PY
}

# Prints where the dynamic loader, or else one of the folders given, has the library named $1*.
find_library() {
    local prefix=$1 dir file found
    shift
    found=$(sed -n "s|^[[:space:]]*$prefix.* => ||p" <<<"$loader_cache")
    if [ -n "$found" ]; then
        echo "${found%%$'\n'*}"
        return
    fi
    for dir in ${LD_LIBRARY_PATH:+${LD_LIBRARY_PATH//:/ }} "$@"; do
        for file in "$dir/$prefix"*; do
            if [ -e "$file" ]; then
                echo "$file"
                return
            fi
        done
    done
}

# What the CUDA runtime compiler needs; completes CUDA_PATH and LD_LIBRARY_PATH where it can.
# Sets `gpu`, `driver`, `nvrtc` and `headers`.
check_cuda() {
    local smi dir wheel lib
    loader_cache=$(ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null || true)
    wheel=$(wheel_cuda)
    gpu=unknown driver=unknown
    if has nvidia-smi; then
        smi=$(nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader \
            2>/dev/null) || smi=
        smi=${smi%%$'\n'*} # the first GPU
        if [ -n "$smi" ]; then gpu=${smi%,*} driver=${smi##*, }; fi
    fi

    lib=$(find_library libcuda.so.1 /usr/local/nvidia/lib64 /usr/lib/wsl/lib)
    if [ -z "$lib" ]; then
        say "the driver's library libcuda.so.1 was not found: the GPU steps will fail"
    else
        add_library_path "$lib"
    fi

    if [ -z "${CUDA_PATH:-}" ]; then
        for dir in /usr/local/cuda /opt/cuda /usr "$wheel"; do
            if [ -n "$dir" ] && [ -e "$dir/include/cuda_fp16.h" ]; then
                export CUDA_PATH=$dir
                break
            fi
        done
    fi
    if [ -n "${CUDA_PATH:-}" ] && [ -e "$CUDA_PATH/include/cuda_fp16.h" ]; then
        headers=$CUDA_PATH/include
    else
        headers="not found"
        say "no CUDA headers in ${CUDA_PATH:-/usr/local/cuda, /opt/cuda or /usr}/include: kernels" \
            "will not compile; install the CUDA toolkit or set CUDA_PATH"
    fi

    nvrtc=$(find_library libnvrtc.so \
        ${CUDA_PATH:+"$CUDA_PATH/lib64" "$CUDA_PATH/lib"} ${wheel:+"$wheel/lib"})
    if [ -n "$nvrtc" ]; then
        add_library_path "$nvrtc"
    else
        nvrtc="not found"
        say "NVRTC (libnvrtc.so) was not found: kernels will not compile; install the CUDA toolkit" \
            "or put its folder into LD_LIBRARY_PATH"
    fi
}

# Makes the loader find the library file $1.
add_library_path() {
    local dir=${1%/*}
    if [[ $loader_cache == *" => $1"* ]]; then return; fi
    case ":${LD_LIBRARY_PATH:-}:" in
    *":$dir:"*) ;;
    *) export LD_LIBRARY_PATH=$dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} ;;
    esac
}

# Writes the most memory of the first GPU that is in use, MiB, to file $2 for as long as process $1 lives.
watch_memory() {
    local most=0 used
    has nvidia-smi || return 0
    while kill -0 "$1" 2>/dev/null; do
        used=$(nvidia-smi -i 0 --query-gpu=memory.used --format=csv,noheader,nounits 2>/dev/null) || used=
        if [[ $used =~ ^[0-9]+$ ]] && [ "$used" -gt "$most" ]; then
            most=$used
            echo "$most" >"$2"
        fi
        sleep 0.2
    done
}

# step NAME COMMAND...: runs it in a folder of its own, logs it and renews the table. Never fails.
step() {
    local name=$1 dir=$scratch/steps/$1 start rc=0 process
    shift
    mkdir -p "$dir/cwd"
    say "$name: $*"
    start=$(date +%s)
    (cd "$dir/cwd" && exec "${timeout[@]}" "$@") >"$dir/out" 2>"$dir/err" </dev/null &
    process=$!
    watch_memory "$process" "$dir/peak"
    wait "$process" || rc=$?
    echo "$rc $(($(date +%s) - start))" >"$dir/end"
    {
        echo "==== $name: $*"
        echo "==== exit code $rc after $(($(date +%s) - start)) s; standard output, last 100 lines:"
        tail -n 100 "$dir/out"
        echo "==== standard error, last 200 lines:"
        tail -n 200 "$dir/err"
        echo
    } >>"$out/gpu.log"
    if [ "$rc" -ne 0 ]; then
        failed=1
        say "$name failed with exit code $rc; see $out/gpu.log"
    fi
    table
}

facts() {
    local cpu
    cpu=$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo 2>/dev/null) || cpu=unknown
    cat <<EOF
date	$(date -u '+%Y-%m-%d %H:%M UTC')
commit	$commit
GPU	$gpu
driver	$driver
CPU	$cpu, $(getconf _NPROCESSORS_ONLN) threads
NVRTC	$nvrtc
CUDA headers	$headers
PyTorch	${torch:-not here}
EOF
}

# Writes gpu.md from what the steps have left so far.
table() {
    "$python" - "$scratch" "$out/gpu.md" <<'PY' || say "the table could not be written"
import json, os, re, sys

scratch, path = sys.argv[1:]


def read(name, what):
    try:
        with open(os.path.join(scratch, "steps", name, what), errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("|", "\\|").replace("`", "'").strip()


def result(name):
    """(whether it ended well, its seconds, what to write)"""
    end = read(name, "end").split()
    if not end:
        return False, "", "not run"
    if end[0] == "0":
        return True, end[1], "ok"
    why = "ran out of time" if end[0] in ("124", "137") else f"failed with exit code {end[0]}"
    lines = [l for l in map(plain, re.split(r"[\r\n]", read(name, "err"))) if l]
    # A Rust panic says what happened in the line after its place.
    told = [b for a, b in zip(lines, lines[1:]) if "panicked at" in a]
    if not told:
        told = [l for l in lines if not l.startswith("note:")][-1:]
    return False, end[1], why + (f": {told[0][:160]}" if told else "")


def last_json(name, key):
    for line in reversed(read(name, "out").splitlines()):
        try:
            got = json.loads(line)
        except ValueError:
            continue
        if isinstance(got, dict) and key in got:
            return got
    return {}


def number(x, form):
    return format(x, form) if isinstance(x, (int, float)) else "-"


def row(*cells):
    return "| " + " | ".join(cells) + " |"


md = ["## GPU", "", row("what", "value"), row("---", "---")]
with open(os.path.join(scratch, "facts")) as f:
    md += [row(*map(plain, line.rstrip("\n").split("\t", 1))) for line in f]
ok, _, text = result("doctor")
if ok:
    text = f"ok, lists {'' if 'cuda:0' in read('doctor', 'out').lower() else 'no '}cuda:0"
md.append(row("`pbpoc doctor`", text))

md += ["", "Quickstart, one seed:", ""]
md.append(row("device", "fusion", "accuracy before", "after", "seconds", "process", "result"))
md.append(row("---", "---", "---:", "---:", "---:", "---:", "---"))
for device, fusion, name in [
    ("cuda:0, no kernels on disk", "on", "quickstart-cuda-cold"),
    ("cuda:0", "on", "quickstart-cuda"),
    ("cuda:0", "off", "quickstart-cuda-unfused"),
    ("cpu", "", "quickstart-cpu"),
]:
    ok, wall, text = result(name)
    got = last_json(name, "metrics") if ok else {}
    if ok and not got:
        text = "ended well, but printed no result"
    metrics = got.get("metrics", {})
    before, after = (number(metrics.get(f"accuracy/{w}"), ".3f") for w in ("before", "after"))
    md.append(row(device, fusion, before, after, number(got.get("seconds"), ".1f"), wall, text))

md += ["", "Tokens per second, and most memory of the GPU in use; ratios are to PyTorch in the same numbers, without TF32:", ""]
md.append(row("shape", "program", "numbers", "fusion", "plans", "train", "ratio", "sample", "ratio", "MiB", "ratio", "result"))
md.append(row("---", "---", "---", "---", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---"))
with open(os.path.join(scratch, "shapes")) as f:
    shapes = [line.rstrip("\n").split("\t") for line in f]
keys = ("train_tokens_per_s", "sample_tokens_per_s")
for shape, _ in shapes:
    for program, numbers, fusion, name in [
        ("pbpoc", "f32", "on", f"bench-{shape}"),
        ("pbpoc", "f32", "off", f"bench-{shape}-unfused"),
        ("torch", "f32", "", f"torch-{shape}"),
        ("torch", "TF32", "", f"torch-{shape}-tf32"),
        ("pbpoc", "bf16", "on", f"bench-{shape}-bf16"),
        ("torch", "bf16", "", f"torch-{shape}-bf16"),
    ]:
        other = f"torch-{shape}" + ("-bf16" if numbers == "bf16" else "")
        base = last_json(other, keys[0])
        ok, _, text = result(name)
        got = last_json(name, keys[0]) if ok else {}
        if ok and not got:
            text = "ended well, but printed no result"
        found = re.findall(r"selected (?:composed|single) strategy", read(name, "err"))
        plans = str(len(found)) if fusion and ok else ""
        cells = []
        for key in keys:
            cells.append(number(got.get(key), ",.0f"))
            ratio = got[key] / base[key] if got.get(key) and base.get(key) else None
            cells.append(number(ratio, ".2f"))
        peak, against = (int(read(n, "peak") or 0) for n in (name, other))
        cells += [number(peak or None, ",d"), number(peak / against if peak and against else None, ".2f")]
        md.append(row(shape, program, numbers, fusion, plans, *cells, text))
md += ["", "Shapes (those not named are the defaults of `pbpoc bench`):", ""]
md += [f"- {shape}: {flags and '`' + flags + '`' or 'all defaults'}" for shape, flags in shapes]
md += [
    "",
    "Fusion off is `BURN_FUSION_MAX_EXPLORATIONS=0`. Plans: how often Burn looked for operations "
    "to fuse and settled on a plan: none with fusion off, and with fusion on a number that should "
    "not grow with the length of the run.",
]
with open(path + ".part", "w") as f:
    f.write("\n".join(md) + "\n")
os.replace(path + ".part", path)
PY
}

run() {
    has "$python" || die "run: $python is not here (PYTHON= names another)"
    has_gpu || die "run: no NVIDIA GPU here (no answer from nvidia-smi, and no /dev/nvidia0)"
    make_scratch
    find_pbpoc
    mkdir -p "$scratch/steps" "$1"
    out=$(cd "$1" && pwd)
    : >"$out/gpu.log"
    failed=0
    check_cuda
    timeout=()
    if has timeout; then timeout=(timeout -k 10 "$limit"); fi
    torch=$("$python" 2>/dev/null -c '
import torch
print(torch.__version__ + ("" if torch.cuda.is_available() else " without CUDA"))') || torch=

    # Name, and flags of `pbpoc bench` and bench_torch.py. The first is launch-bound on a GPU.
    local model='--layers 8 --width 512 --heads 8 --kv-heads 8 --ff 1408 --vocab 8192'
    # Shapes of Qwen2 0.5B and 1.5B, with random weights (without its biases, and with a head of its own).
    local half='--layers 24 --width 896 --heads 14 --kv-heads 2 --ff 4864 --vocab 151936'
    local whole='--layers 28 --width 1536 --heads 12 --kv-heads 2 --ff 8960 --vocab 151936'
    local rows='--batch 4 --seq 256 --steps 3 --sample-batch 16 --prompt 64 --max-new 64'
    printf '%s\t%s\n' small '' larger "$model --batch 16 --seq 256" \
        qwen2-0.5b "$half $rows" qwen2-1.5b "$whole $rows" >"$scratch/shapes"
    facts >"$scratch/facts"
    say "GPU: $gpu; NVRTC: $nvrtc; CUDA headers: $headers; PyTorch: ${torch:-not here}"

    local quickstart=("$pbpoc" run "$pipelines/quickstart.pbpo" --format json)
    local unfused=(env BURN_FUSION_MAX_EXPLORATIONS=0)
    step doctor "$pbpoc" doctor
    # The first compiles its kernels, the second finds them on disk.
    export XDG_CACHE_HOME=$scratch/cache
    step quickstart-cuda-cold "${quickstart[@]}" --device cuda:0
    step quickstart-cuda "${quickstart[@]}" --device cuda:0
    step quickstart-cuda-unfused "${unfused[@]}" "${quickstart[@]}" --device cuda:0

    local shape flags bench
    while IFS=$'\t' read -r shape flags; do
        # shellcheck disable=SC2206 # the flags are words
        bench=("$pbpoc" bench --device cuda:0 --format json $flags)
        step "bench-$shape" env BURN_FUSION_LOG=basic "${bench[@]}"
        step "bench-$shape-unfused" "${unfused[@]}" BURN_FUSION_LOG=basic "${bench[@]}"
        step "bench-$shape-bf16" env BURN_FUSION_LOG=basic "${bench[@]}" --compute bf16
        case $torch in
        '') say "python3 has no PyTorch: nothing to compare with" ;;
        *'without CUDA') say "PyTorch $torch: nothing to compare with" ;;
        *)
            # shellcheck disable=SC2086
            step "torch-$shape" "$python" "$bench_torch" --device cuda $flags
            # shellcheck disable=SC2086
            step "torch-$shape-tf32" "$python" "$bench_torch" --device cuda --tf32 $flags
            # shellcheck disable=SC2086
            step "torch-$shape-bf16" "$python" "$bench_torch" --device cuda --dtype bf16 $flags
            ;;
        esac
    done <"$scratch/shapes"
    # Last, for it is the slowest and says nothing about the GPU.
    step quickstart-cpu "${quickstart[@]}" --device cpu

    cat "$out/gpu.md"
    say "written to $out/gpu.md"
    return "$failed"
}

# --- commands ---------------------------------------------------------------------------------

case ${1:-} in
build)
    [ $# -eq 1 ] || die "build takes no arguments"
    build
    ;;
run)
    [ $# -le 2 ] || die "run takes one argument at most: OUT_DIR"
    run "${2:-$root/target/gpu/out}"
    ;;
'')
    if has cargo && [ -e "$root/Cargo.toml" ]; then
        build
    else
        say "no cargo or no sources here: nothing built"
    fi
    if has_gpu; then
        run "$root/target/gpu/out"
    else
        say "no NVIDIA GPU here: take ${archive#"$root/"} to a machine with one (see --help)"
    fi
    ;;
-h | --help | help) usage ;;
*) die "unknown command '$1' (see --help)" ;;
esac
