//! The estimated cost of a plan, against counts by hand and against the model itself.

use pbpo_compiler::{Input, compile};
use pbpo_plan::cost::{Cost, Rates};
use pbpo_plan::memory::{Limits, Sizes};
use pbpo_runtime::bench::{Shape, run as measure};
use pbpo_runtime::device::{self, Choice};
use pbpo_runtime::model::{Compute, Llama};
use pbpo_runtime::task;

const TEXT: &str = "pbpo 1
data demos   { source = digits(split = train, count = 200, length = 3) }
data prompts { source = digits(split = prompts, count = 50, length = 3) }
data held    { source = digits(split = test, count = 60, length = 3) }
policy pi {
  model     = llama { layers = 2, width = 16, heads = 4, kv_heads = 2, ff = 40, context = 16 tokens }
  init      = imitate(demos, steps = 20, batch = 16)
  optimizer = adamw { lr = 1e-3 }
  sampling  = { max_new = 5 tokens }
}
policy ref { follows = pi, update = sft }
reward_model r { backbone = pi.init, head = token }
features phi { of = pi.init }
exploration enhancer { features = phi, against = ref, search = best_of { candidates = 4, from = pi } }
oracle judge { by = btl { score = digits.score } }
pipeline main {
  repeat 3 {
    y1     = sample(ref, prompts, count = 8)
    y2     = explore(enhancer, prompts, against = y1)
    prefs += label(y2, y1, by = judge)
    repeat 2 {
      y = sample(pi, prompts, count = 8)
      ascend pi on mean(r(y)) - 0.1 * kl(pi, ref, y)
    }
    report = evaluate(pi, held, every = 2)
  }
}
";

fn cost() -> Cost {
    let compiled = compile(Input::text("t.pbpo", TEXT), None, &[]);
    let plan = compiled.plan().unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
    let vocabulary = |name: &str| task::tokenizer(name).unwrap().vocab() as u64;
    let limits = Limits { tokens: 8192, logits: 1 << 24, graph: 1 << 28 };
    Cost::of(plan, &Sizes { vocabulary: &vocabulary, checkpoint: &|_| None, limits, cache: 1 << 28, asked: 256 })
}

#[test]
fn tokens_steps_and_labels_are_those_counted_by_hand() {
    let cost = cost();
    // Prompts of 5 tokens, answers of 4: 3 digits and the end.
    let (prompt, answer) = (5, 4);
    let sampled = 3 * 8 + 3 * 8 * 4 + 3 * 2 * 8;
    // Evaluations are made before the loop, and in iterations 2 and 3 of 3.
    let evaluated = 60 * 3;
    assert_eq!(cost.generated_tokens, (sampled + evaluated) * answer);
    assert_eq!(cost.generated_tokens_most, (sampled + evaluated) * 5);
    assert_eq!(cost.trained_tokens, (20 * 16 + 3 * 2 * 8) * (prompt + answer));
    // Features of 8 references and 32 candidates; r and ref over y in each step.
    assert_eq!(cost.scored_tokens, (3 * 8 * 5 + 3 * 2 * 8 * 2) * (prompt + answer));
    assert_eq!((cost.optimizer_steps, cost.labelled_pairs), (20 + 6, 24));
    assert!(
        cost.seconds(Rates { trained: 1e3, generated: 1e3 }) > cost.seconds(Rates { trained: 2e3, generated: 1e3 })
    );
}

#[test]
fn parameters_are_those_of_the_model() {
    let (device, name) = device::open(Choice::Cpu).unwrap();
    let vocab = task::tokenizer("digits").unwrap().vocab();
    let (rope_theta, tokenizer, compute) = (10000.0, None, Compute::F32);
    let model =
        Llama { layers: 2, width: 16, heads: 4, kv_heads: 2, ff: 40, context: 16, rope_theta, tokenizer, compute };
    let model = model.config(vocab);
    let shape = Shape { model, compute, batch: 2, seq: 4, steps: 1, sample_batch: 2, prompt: 5, max_new: 4 };
    assert_eq!(measure(&shape, &device, &name).params as u64, cost().memory.parameters);
}
