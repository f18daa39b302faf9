//! A small file whose run takes a second, and a listener that records the run's events.
#![allow(dead_code)]

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use pbpo_plan::Plan;
use pbpo_runtime::data::shown;
use pbpo_runtime::event::{Event, Metrics, Observer};
use pbpo_runtime::shared::Shared;
use pbpo_runtime::state::RunState;
use pbpo_runtime::{Fault, execute};

pub const TINY: &str = "pbpo 1
param seed: int = 0
data demos   { source = digits(split = train, count = 200, length = 3) }
data prompts { source = digits(split = prompts, count = 50, length = 3) }
data held    { source = digits(split = test, count = 40, length = 3) }
policy pi {
  model     = llama { layers = 1, width = 16, heads = 2, context = 16 tokens }
  init      = imitate(demos, steps = 20, batch = 16, lr = 3e-3)
  optimizer = adamw { lr = 1e-3 }
  sampling  = { max_new = 5 tokens }
  estimator = rloo { group = 4 }
}
policy ref { follows = pi, update = each_episode }
reward_model r { backbone = pi.init, head = token, optimizer = adamw { lr = 1e-2 } }
features phi { of = pi.init, project = 8 }
exploration enhancer { features = phi, against = ref, bonus = expected_square, search = best_of { candidates = 4, from = pi } }
constraint confidence { on = r, keep = lagrangian { beta = 0.04, nll = sum }, batch = 8 pairs }
oracle judge { by = btl { score = digits.score, scale = 8.0 } }
pipeline main {
  repeat 2 episodes {
    y_ref  = sample(ref, prompts, count = 16)
    y_new  = explore(enhancer, prompts, against = y_ref)
    prefs += label(y_new, y_ref, by = judge)
    repeat 2 {
      y0 = sample(ref, prompts, count = 8)
      y  = sample(pi, prompts, count = 8)
      repeat 2 { descend r on gap(r, y, y0) within confidence(prefs) }
      ascend pi on gap(r, y, y0) - 0.02 * kl(pi, ref, y)
    }
    report = evaluate(pi, held, metrics = [accuracy, score, length])
  }
}
";

/// Returns the plan of a source text; panics with the findings if there are errors.
pub fn plan(source: &str, overrides: &[&str]) -> Plan {
    let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
    let compiled = pbpo_compiler::compile(pbpo_compiler::Input::text("test.pbpo", source), None, &overrides);
    compiled.plan().cloned().unwrap_or_else(|| panic!("{overrides:?}: {:#?}", compiled.diagnostics))
}

/// Returns the tiny plan with a shorter context, which the compiler would refuse.
pub fn short_context(tokens: usize) -> Plan {
    let json = plan(TINY, &[]).to_json();
    let shorter = json.replace("\"context\": 16", &format!("\"context\": {tokens}"));
    assert_ne!(json, shorter);
    Plan::from_json(&shorter).unwrap()
}

/// The recorded events of a run, without timing.
#[derive(Default, Debug, PartialEq)]
pub struct Told {
    pub episodes: Vec<BTreeMap<String, u64>>,
    pub evaluations: Vec<(String, BTreeMap<String, u64>)>,
    /// Figures of stages outside of loops.
    pub outside: Vec<BTreeMap<String, u64>>,
    pub pairs: Vec<(String, String, String)>,
    pub notices: Vec<String>,
    /// Figures of the run as a whole.
    pub whole: BTreeMap<String, u64>,
}

impl Told {
    pub fn evaluation(&self, index: usize, metric: &str) -> f64 {
        f64::from_bits(self.evaluations[index].1[metric])
    }

    pub fn last(&self, metric: &str) -> f64 {
        f64::from_bits(self.episodes.last().unwrap()[metric])
    }
}

/// Returns figures by their bits, so that equality is bitwise.
fn figures(metrics: &Metrics) -> BTreeMap<String, u64> {
    metrics.iter().filter(|(k, _)| !k.starts_with("timing")).map(|(k, v)| (k.clone(), v.to_bits())).collect()
}

impl Observer for Told {
    fn event(&mut self, event: &Event) -> std::io::Result<()> {
        match event {
            Event::Episode { metrics, .. } => self.episodes.push(figures(metrics)),
            Event::Evaluation(made) => self.evaluations.push((made.label.clone(), figures(&made.metrics))),
            Event::Figures { metrics, .. } => self.outside.push(figures(metrics)),
            Event::Preferences { records } => {
                let pairs = records.iter().map(|r| (shown(&r.prompt), shown(&r.chosen), shown(&r.rejected)));
                self.pairs.extend(pairs);
            }
            Event::Summary { metrics } => self.whole = figures(metrics),
            Event::Notice { text, .. } => self.notices.push(text.clone()),
            Event::Loaded { .. } => {}
            Event::Stage { .. } | Event::Progress { .. } | Event::Usage { .. } => {}
        }
        Ok(())
    }
}

/// Runs a plan on the CPU.
pub fn run(plan: &Plan) -> Result<Told, Fault> {
    let mut told = Told::default();
    execute(plan, &Device::flex(), &mut told, &mut RunState::default(), &mut Shared::default())?;
    Ok(told)
}

/// The bits of a model's weights.
#[derive(Default)]
struct Bits(Vec<u32>);

impl ModuleVisitor for Bits {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values: Vec<f32> = param.val().into_data_as::<f32>().try_into_vec().unwrap();
        self.0.extend(values.into_iter().map(f32::to_bits));
    }
}

pub fn bits(model: &impl Module) -> Vec<u32> {
    let mut bits = Bits::default();
    model.visit(&mut bits);
    bits.0
}
