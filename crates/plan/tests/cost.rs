//! The cost of ops against what is counted by hand.

use pbpo_compiler::{Input, compile};
use pbpo_plan::cost::Cost;
use pbpo_plan::memory::{Limits, Sizes};

const TEXT: &str = "pbpo 1
data demos   { source = digits(split = train, count = 200, length = 3) }
data prompts { source = digits(split = prompts, count = 50, length = 3) }
data other   { source = digits(split = test, count = 60, length = 4) }
policy pi {
  model     = llama { layers = 2, width = 16, heads = 4, kv_heads = 2, ff = 40, context = 16 tokens }
  init      = imitate(demos, steps = 20, batch = 16)
  optimizer = adamw { lr = 1e-3 }
  sampling  = { max_new = 9 tokens }
}
policy ref { follows = pi, update = UPDATE }
reward_model r { backbone = pi.init, head = token }
features phi { of = pi.init }
exploration plain { features = phi, against = ref, search = none }
oracle judge { by = btl { score = digits.score } }
pipeline main {
  repeat 3 {
    y1     = sample(ref, prompts, count = 8)
    y2     = explore(plain, prompts, against = y1)
    prefs += label(y2, y1, by = judge)
    descend r on nll(r, prefs)
    y = sample(pi, prompts, count = 8)
    ascend pi on mean(r(y))
  }
}
";

fn cost(update: &str) -> Cost {
    let text = TEXT.replace("UPDATE", update);
    let compiled = compile(Input::text("t.pbpo", &text), None, &[]);
    let plan = compiled.plan().unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
    let limits = Limits { tokens: 8192, logits: 1 << 24, graph: 1 << 28 };
    Cost::of(plan, &Sizes { vocabulary: &|_| 14, checkpoint: &|_| None, limits, cache: 1 << 28, asked: 256 })
}

#[test]
fn a_follower_that_is_judged_samples_twice_and_is_scored() {
    let (plain, judged) = (cost("each_episode"), cost("best_so_far { by = r, prompts = other, count = 32 }"));
    // In each of 3 iterations 32 responses of the leader and 32 of the follower: 4 digits and the end; prompts of 6 tokens.
    let responses = 3 * 2 * 32;
    assert_eq!(judged.generated_tokens - plain.generated_tokens, responses * 5);
    assert_eq!(judged.generated_tokens_most - plain.generated_tokens_most, responses * 9);
    assert_eq!(judged.scored_tokens - plain.scored_tokens, responses * (6 + 5));
    assert_eq!(judged.trained_tokens, plain.trained_tokens);
    assert!(judged.stages.iter().any(|(stage, tokens)| stage.ends_with("= refresh") && *tokens == responses * 16));
}
