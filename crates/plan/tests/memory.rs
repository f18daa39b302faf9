//! The estimate of memory against counts by hand.

use pbpo_compiler::{Input, compile};
use pbpo_plan::Plan;
use pbpo_plan::memory::{Less, Limits, Memory, Rows, Shape, Sizes};

/// The parameters of the checkpoint `org/base`, and the part of them in matrices.
const P: u64 = 2 * V * W + 2 * (W * W + 2 * W * W / 2 + W * W + 3 * W * F + 2 * W) + W;
const MATRICES: u64 = P - 2 * 2 * W - W;
/// Its vocabulary, width, and width of the feed-forward block, which are large beside a batch.
const V: u64 = 500;
const W: u64 = 256;
const F: u64 = 1000;

const PROGRAM: u64 = 128 << 20;
const LIMITS: Limits = Limits { tokens: 8192, logits: 1 << 24, graph: 1 << 28 };

fn base() -> Shape {
    let (width, ff, vocab) = (W, F, V);
    Shape { layers: 2, width, heads: 4, kv_heads: 2, head_dim: W / 4, ff, vocab, context: 64, ..Shape::default() }
}

fn plan(text: &str) -> Plan {
    let compiled = compile(Input::text("t.pbpo", text), None, &[]);
    compiled.plan().unwrap_or_else(|| panic!("{:?}", compiled.diagnostics)).clone()
}

fn memory(plan: &Plan) -> Memory {
    let checkpoint = |name: &str| (name == "org/base").then(base);
    Memory::of(
        plan,
        &Sizes { vocabulary: &|_| 14, checkpoint: &checkpoint, limits: LIMITS, cache: 1 << 28, asked: 256 },
    )
}

/// Returns a game on a checkpoint; `model` holds fields of the policy.
fn game(model: &str, blocks: &str, body: &str) -> String {
    format!(
        "pbpo 1
data prompts {{ source = file(\"p.jsonl\", prompt = \"q\"), longest = 16 tokens }}
policy pi {{ {model}, init = pretrained, optimizer = adamw {{ lr = 1e-5 }}, sampling = {{ max_new = 8 tokens }} }}
{blocks}
pipeline main {{
  repeat 4 {{
    y = sample(pi, prompts, count = 4)
{body}
  }}
}}
"
    )
}

fn of(model: &str, blocks: &str, body: &str) -> Memory {
    memory(&plan(&game(model, blocks, body)))
}

const F32: &str = "model = hf(\"org/base\")";
const BF16: &str = "model = hf(\"org/base\", compute = bf16)";
const REF: &str = "policy ref { follows = pi, update = sft }";
const ALONE: &str = "    ascend pi on entropy(pi, y)";
const WITH_REF: &str = "    ascend pi on entropy(pi, y) - 0.1 * kl(pi, ref, y)";

#[test]
fn a_policy_alone_is_weights_gradients_and_two_moments() {
    let memory = of(F32, "", ALONE);
    assert_eq!((memory.parameters, memory.weights, memory.gradients, memory.optimizer), (P, 4 * P, 4 * P, 8 * P));
    assert!(memory.stage.starts_with("pi@"), "{}", memory.stage);
    assert!(memory.activations > 0);
    assert_eq!(memory.total, 16 * P + memory.activations + PROGRAM);
}

#[test]
fn what_stays_behind_has_weights_of_its_own() {
    assert_eq!(of(F32, REF, WITH_REF).weights, 8 * P);
    // The follower is kept in bf16: matrices with 2 bytes for each number, vectors with 4.
    assert_eq!(of(BF16, REF, WITH_REF).weights, 4 * P + 2 * MATRICES + 4 * (P - MATRICES));
}

/// A follower with `each_episode` shares the weights again before the next step.
#[test]
fn a_follower_of_each_episode_shares_the_weights() {
    let blocks = REF.replace("sft", "each_episode");
    assert_eq!(of(F32, &blocks, WITH_REF).weights, 4 * P);
    let twice = format!("{WITH_REF}\n{WITH_REF}");
    assert_eq!(of(F32, &blocks, &twice).weights, 8 * P);
}

#[test]
fn a_base_under_adapters_is_there_once() {
    let lora = "lora = { rank = 3, targets = [q_proj, down_proj] }";
    let adapters = 2 * 3 * ((W + W) + (F + W));
    let memory = of(&format!("{F32}, {lora}"), REF, WITH_REF);
    // This counts the adapters of both, with the gradients and moments of one.
    assert_eq!((memory.weights, memory.gradients), (4 * P + 2 * 4 * adapters, 4 * adapters));
    assert_eq!(memory.optimizer, 8 * adapters);
    let frozen = 2 * MATRICES + 4 * (P - MATRICES);
    assert_eq!(of(&format!("{BF16}, {lora}"), REF, WITH_REF).weights, frozen + 2 * 4 * adapters);
}

#[test]
fn a_reward_model_shares_a_frozen_backbone() {
    let reward = |rate: &str| {
        let model =
            format!("reward_model r {{ backbone = pi.init, head = token, optimizer = adamw {{ lr = 1e-3{rate} }} }}");
        let body = "    z = sample(pi, prompts, count = 4)\n    descend r on gap(r, y, z)\n    ascend pi on mean(r(y))";
        of(F32, &model, body)
    };
    // Two of three copies of one checkpoint are trained.
    let (frozen, moved) = (reward(", backbone_lr = 0.0"), reward(""));
    assert_eq!(frozen.weights, 8 * P);
    assert_eq!(moved.weights, 8 * P);
    assert_eq!(frozen.optimizer, 8 * P);
    // The output layer is not used and not trained.
    assert_eq!(moved.optimizer, 8 * P + 8 * (P - V * W));
}

#[test]
fn each_advice_takes_less() {
    let plan = plan(&game(F32, REF, WITH_REF));
    let (whole, less) = (memory(&plan), |less: Less| memory(&less.of(&plan).unwrap()));
    assert!(less(Less::Adapters).optimizer < whole.optimizer);
    assert!(less(Less::Bf16).weights < whole.weights);
    assert!(less(Less::HalfBatches).activations < whole.activations);
    let again = Less::Bf16.of(&plan).unwrap();
    assert!(Less::Bf16.of(&again).is_none());
}

#[test]
fn a_checkpoint_that_is_not_there_is_named() {
    let memory = of("model = hf(\"org/other\")", "", ALONE);
    assert_eq!((memory.unknown, memory.weights), (vec!["org/other".to_owned()], 0));
}

#[test]
fn pieces_bound_what_a_long_batch_takes() {
    let shape =
        Shape { layers: 24, width: 896, heads: 14, kv_heads: 2, head_dim: 64, ff: 4864, vocab: 151_936, ..base() };
    let of = |rows| shape.graph(Rows { rows, length: 1024, positions: 512 }, shape.vocab, LIMITS, 4);
    assert_eq!(of(8), of(800));
    // This counts all hidden states of a piece and one block's graph, not the logits of all positions.
    assert!(of(800) < 2 << 30, "{}", of(800));
    // Up to the size of a piece, more rows take more memory: no batch takes more because it is small.
    let sizes: Vec<u64> = (1..32).map(of).collect();
    assert!(sizes.iter().all(|size| *size < 2 << 30), "{sizes:?}");
}
