#!/bin/sh
# Compares the memory that `pbpoc plan --cost` estimates with the peak that runs reach on the CPU.
#
#   scripts/memory.sh [PBPOC]        default: target/release/pbpoc
#
# A model of 36 M parameters (LAYERS=8 WIDTH=512, change them in the environment) is trained for a few steps and exported;
# then games are run on the checkpoint. One line each: estimate and peak in MiB, and the ratio estimate / peak.
set -eu
pbpoc=${1:-target/release/pbpoc}
layers=${LAYERS:-8} width=${WIDTH:-512}
ff=$((width * 3))
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

data='data demos   { source = digits(split = train, count = 200, length = 8) }
data prompts { source = digits(split = prompts, count = 64, length = 8) }'

# name, text of the file behind the data
run() {
    printf 'pbpo 1\n%s\n%s\n' "$data" "$2" > "$dir/$1.pbpo"
    if ! "$pbpoc" run "$dir/$1.pbpo" --any-memory --quiet --out "$dir/runs" > "$dir/$1.log" 2>&1; then
        cat "$dir/$1.log" >&2
        exit 1
    fi
    python3 - "$1" "$dir/runs/$1-main-001/run.json" <<'PY'
import json, sys
run = json.load(open(sys.argv[2]))
memory, peak = run["estimated"]["memory"], run["peak_memory_bytes"]
parts = " ".join(f"{k} {memory[k] >> 20}" for k in ("weights", "optimizer", "gradients", "activations"))
print(f"{sys.argv[1]:<12} estimate {memory['total'] >> 20:6}  peak {peak >> 20:6}  ratio {memory['total'] / peak:.2f}   ({parts}; {memory['stage']})")
PY
}

llama="llama { layers = $layers, width = $width, heads = 8, kv_heads = 4, ff = $ff, context = 128 tokens }"
policy() { # model, init, more
    echo "policy pi { model = $1, init = $2, optimizer = adamw { lr = 1e-4 }, sampling = { max_new = 16 tokens }$3 }"
}
main() { echo "pipeline main { $1 }"; }
loop() { echo "repeat 2 episodes { $1 }"; }

run imitate "$(policy "$llama" 'imitate(demos, steps = 3, batch = 16)' '')
$(main 'save(pi)')"
base="hf(\"$dir/runs/imitate-main-001/checkpoints/pi/step-000000\")"
bf16=$(echo "$base" | sed 's/)$/, compute = bf16)/')

ref='policy ref { follows = pi, update = sft }'
enhancer='features phi { of = pi.init }
exploration enhancer { features = phi, against = ref, search = best_of { candidates = 4, from = pi } }'
reward='reward_model r { backbone = pi.init, head = token, optimizer = adamw { lr = 1e-3 } }'
judge='oracle judge { by = btl { score = digits.score } }'
steps='y1 = sample(ref, prompts, count = 32)
y2 = explore(enhancer, prompts, against = y1)
prefs += label(y2, y1, by = judge)
repeat 2 { b = draw(prefs, count = 32)
descend r on nll(r, b) }
y = sample(pi, prompts, count = 32)
repeat 2 { ascend pi on mean(r(y)) - 0.1 * kl(pi, ref, y) }'
lora=', lora = { rank = 16 }'

run sft    "$(policy "$base" 'imitate(demos, steps = 3, batch = 64)' '')
$(main 'save(pi)')"
run policy "$(policy "$base" pretrained '')
$(main "$(loop 'y = sample(pi, prompts, count = 64)
repeat 2 { ascend pi on entropy(pi, y) }')")"
run large  "$(policy "$base" pretrained '')
$(main "$(loop 'y = sample(pi, prompts, count = 640)
repeat 1 { ascend pi on entropy(pi, y) }')")"
for game in "game|$base|" "lora|$base|$lora" "bf16|$bf16|"; do
    IFS='|' read -r name model more <<GAME
$game
GAME
    run "$name" "$(policy "$model" pretrained "$more")
$ref
$enhancer
$reward
$judge
$(main "$(loop "$steps")")"
done
