//! The middle mode: on frozen features, a reward model that descends a gap within a constraint becomes the worst linear
//! reward of the exact track, which has the same features and preferences.

#[path = "common/tiny.rs"]
mod tiny;

use burn::tensor::Device;
use pbpo_exact::likelihood::{self, Fit};
use pbpo_exact::linalg::Covariance;
use pbpo_exact::set::{Keep, Norm, Radius, Set};
use pbpo_exact::{dot, minus};
use pbpo_runtime::batch::{Batch, Row};
use pbpo_runtime::env::Env;
use pbpo_runtime::execute;
use pbpo_runtime::player::{Mover, Player};
use pbpo_runtime::rng::{normals, stream};
use pbpo_runtime::shared::Shared;
use pbpo_runtime::state::RunState;
use pbpo_runtime::value::{Features, Preferences, Rollouts, Value};
use tiny::{Told, plan};

/// A head on frozen features; its bound is so large that it is linear to the last digit. The labels contradict each
/// other, so that the likelihood limits the head.
const MIDDLE: &str = "pbpo 1
param seed: int = 0
data demos   { source = digits(split = train, count = 200, length = 3) }
data prompts { source = digits(split = prompts, count = 50, length = 3) }
policy pi {
  model     = llama { layers = 1, width = 8, heads = 2, context = 16 tokens }
  init      = imitate(demos, steps = 200, batch = 16, lr = 1e-2)
  optimizer = adamw { lr = 1e-3 }
  sampling  = { max_new = 5 tokens }
}
policy weak {
  model     = llama { layers = 1, width = 8, heads = 2, context = 16 tokens }
  init      = imitate(demos, steps = 20, batch = 16, lr = 3e-3)
  optimizer = adamw { lr = 1e-3 }
  sampling  = { max_new = 5 tokens }
}
reward_model r {
  backbone  = pi.init
  head      = sequence
  bound     = 1e6
  optimizer = adamw { lr = 3e-3, backbone_lr = 0 }
}
features phi { of = pi.init, pool = last, project = 8 }
exploration enhancer { features = phi, against = weak, bonus = expected_square, search = none }
constraint confidence { on = r, keep = lagrangian { beta = 0.2, nll = sum }, batch = 1k pairs }
oracle judge { by = btl { score = digits.score, scale = 2.0 } }
pipeline main {
  y0     = sample(weak, prompts, count = 32)
  y      = sample(pi, prompts, count = 32)
  y_ref  = sample(weak, prompts, count = 128)
  y_new  = explore(enhancer, prompts, against = y_ref)
  prefs += label(y_new, y_ref, by = judge)
  repeat STEPS { descend r on gap(r, y, y0) within confidence(prefs) }
}
";

/// A ridge too small to matter, because the practical track has none.
const RIDGE: f64 = 1e-6;

/// The set of `confidence`.
const SUM: Keep = Keep::Lagrangian { beta: 0.2, mean: false };

/// The results of a run.
struct Middle {
    env: Env,
    told: Told,
}

impl Middle {
    /// Runs the file with a number of inner steps.
    fn run(steps: usize, overrides: &[&str]) -> Self {
        Self::of(&MIDDLE.replace("STEPS", &steps.to_string()), overrides)
    }

    fn of(source: &str, overrides: &[&str]) -> Self {
        let plan = plan(source, overrides);
        let (mut state, mut told) = (RunState::default(), Told::default());
        execute(&plan, &Device::flex(), &mut told, &mut state, &mut Shared::default()).unwrap();
        Self { env: state.env, told }
    }

    fn rollouts(&self, name: &str) -> &Rollouts {
        let Value::Rollouts(rollouts) = &self.env.values[name] else { panic!("{name}") };
        rollouts
    }

    fn preferences(&self) -> &Preferences {
        let Value::Preferences(preferences) = &self.env.values["prefs@1"] else { panic!("prefs") };
        preferences
    }

    /// Returns phi of rows, by the block `features`.
    fn phi<'a>(&self, rows: impl IntoIterator<Item = &'a Row>) -> Vec<Vec<f64>> {
        let phi = self.env.values.values().find_map(|value| match value {
            Value::Features(phi) => Some(phi),
            Value::Exploration(enhancer) => Some(&enhancer.features),
            Value::Player(player) => match &player.mover {
                Mover::Solved(linear) => Some(&linear.features),
                Mover::Steps(_) | Mover::None => None,
            },
            _ => None,
        });
        let phi = phi.expect("a player has the features");
        let rows: Vec<&Row> = rows.into_iter().collect();
        Features::of(phi, &rows, &Device::flex()).unwrap()
    }

    /// Returns the preferences in the form of the exact track.
    fn data(&self) -> likelihood::Preferences {
        let pairs = self.preferences();
        let (chosen, rejected) =
            (self.phi(pairs.pairs().map(|p| &p.chosen)), self.phi(pairs.pairs().map(|p| &p.rejected)));
        let mut data = likelihood::Preferences::new(chosen[0].len());
        chosen.iter().zip(&rejected).for_each(|(chosen, rejected)| data.push(chosen, rejected));
        data
    }

    /// Returns `mean phi(y) - mean phi(y0)`.
    fn difference(&self) -> Vec<f64> {
        let mean = |name: &str| {
            let rows = self.phi(&self.rollouts(name).rows);
            (0..rows[0].len()).map(|i| rows.iter().map(|row| row[i]).sum::<f64>() / rows.len() as f64).collect()
        };
        let (y, y0): (Vec<f64>, Vec<f64>) = (mean("y"), mean("y0"));
        minus(&y, &y0)
    }

    /// Returns the largest difference between the model's reward of a rollout and a linear one, over the range of the
    /// linear one.
    fn distance(&self, theta: &[f64]) -> f64 {
        self.distance_of("r@3", theta)
    }

    fn distance_of(&self, model: &str, theta: &[f64]) -> f64 {
        let rows = || self.rollouts("y").rows.iter().chain(&self.rollouts("y0").rows);
        let r = self.env.values[model].player().and_then(Player::reward_model).expect("a reward model");
        let rewards = r.response_rewards(&Batch::new(rows(), &Device::flex()));
        let rewards: Vec<f64> = rewards.into_data_as::<f64>().try_into_vec().unwrap();
        let linear: Vec<f64> = self.phi(rows()).iter().map(|phi| dot(theta, phi)).collect();
        let least = linear.iter().copied().fold(f64::INFINITY, f64::min);
        let most = linear.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        minus(&rewards, &linear).into_iter().map(f64::abs).fold(0.0, f64::max) / (most - least)
    }
}

fn fit(data: &likelihood::Preferences) -> Fit {
    likelihood::fit(data, RIDGE, &vec![0.0; data.width])
}

/// Returns the theta of the exact track.
fn closed(middle: &Middle, keep: Keep) -> Vec<f64> {
    let data = middle.data();
    let fit = fit(&data);
    Set::new(keep, &data, &fit, &Covariance::new(&[data.width], 1.0), 1.0).worst(&middle.difference()).theta
}

/// The distance falls with the number of inner steps, down to a rest that depends on the constant learning rate,
/// because Adam circles around the minimum. The gradient is almost zero there; a frozen backbone has none that would
/// count or clip the head's.
#[test]
fn many_steps_of_the_follower_reach_the_worst_reward_in_closed_form() {
    let distances = [10, 100, 500].map(|steps| {
        let middle = Middle::run(steps, &[]);
        let (first, last) = (f64::from_bits(middle.told.episodes[0]["rm/grad_norm"]), middle.told.last("rm/grad_norm"));
        assert!(steps < 500 || last < 1e-2 * first, "gradient {last} after {first}");
        middle.distance(&closed(&middle, SUM))
    });
    println!("distance after 10, 100 and 500 steps: {distances:.5?}");
    assert!(distances.is_sorted_by(|few, many| many < few), "{distances:?}");
    assert!(distances[2] < 0.002, "{distances:?}");
}

#[test]
fn a_mean_likelihood_and_the_likeliest_reward_are_those_of_the_exact_track() {
    for (words, keep) in
        [("lagrangian { beta = 12.8, nll = mean }", Keep::Lagrangian { beta: 12.8, mean: true }), ("mle", Keep::Mle)]
    {
        let middle = Middle::run(150, &[&format!("confidence.keep={words}"), "r.optimizer.lr=1e-2"]);
        let (own, other) = (middle.distance(&closed(&middle, keep)), middle.distance(&closed(&middle, SUM)));
        assert!(own < 0.01, "{words}: {own}");
        assert!(other > 0.1, "{words}: {other}");
    }
}

/// The library's pipeline, with a block for the closed form; its figure is the distance of both rewards.
#[test]
fn a_linear_model_goes_to_the_closed_form_at_once() {
    let source = include_str!("../../pipelines/theory/middle.pbpo");
    let far = Middle::of(source, &["t_in=10"]);
    let off = far.distance_of("solved@1", &closed(&far, SUM));
    assert!(off < 1e-4, "{off}");
    let near = Middle::of(source, &["t_in=500"]);
    let figure = |middle: &Middle| f64::from_bits(middle.told.whole["reward/distance"]);
    assert!(figure(&near) < 0.01 && figure(&far) > 0.3, "{} {}", figure(&near), figure(&far));
}

/// With soft labels, steps on expected losses and the solver's likelihood reach one reward, which differs from that of
/// hard labels.
#[test]
fn soft_labels_are_one_likelihood_in_steps_and_in_the_solver() {
    let source = include_str!("../../pipelines/theory/middle.pbpo");
    let middle = Middle::of(source, &["t_in=500", "judge.by.labels=soft"]);
    assert!(middle.preferences().is_soft());
    let apart = f64::from_bits(middle.told.whole["reward/distance"]);
    let from_hard = middle.distance_of("solved@1", &closed(&middle, SUM));
    assert!(apart < 0.01 && from_hard > 0.1, "{apart} {from_hard}");
}

/// With a projection, a mean over tokens, and sets that the practical track does not have.
#[test]
fn every_set_is_solved_on_the_features() {
    let source = include_str!("../../pipelines/theory/middle.pbpo");
    let radius = Radius { delta: 0.05, scale: 0.1, bound: 100.0 };
    for (words, keep) in [
        ("dual { slack = 1.5 }", Keep::Dual { slack: 1.5 }),
        ("ellipsoid { norm = hessian, scale = 0.1 }", Keep::Ellipsoid { norm: Norm::Hessian, radius }),
        ("mle", Keep::Mle),
    ] {
        let keep_words = format!("on_solved.keep={words}");
        let middle = Middle::of(source, &["t_in=1", "phi.pool=mean", "phi.project=3", &keep_words]);
        let (data, x) = (middle.data(), middle.difference());
        let fit = likelihood::fit_in_ball(&data, RIDGE, 100.0, &[0.0; 3]);
        let batches = ["y", "y0"].map(|name| middle.phi(&middle.rollouts(name).rows));
        let pairs = middle.preferences();
        let sides =
            [middle.phi(pairs.pairs().map(|pair| &pair.chosen)), middle.phi(pairs.pairs().map(|pair| &pair.rejected))];
        let largest = batches.iter().chain(&sides).flatten().map(|phi| dot(phi, phi).sqrt()).fold(0.0, f64::max);
        let set = Set::new(keep, &data, &fit, &Covariance::new(&[3], RIDGE), 2.0 * largest);
        let off = middle.distance_of("solved@1", &set.worst(&x).theta);
        assert!(off < 1e-4, "{words}: {off}");
    }
}

/// `LCB = <theta_hat, x> - gamma ||x||`: no reward of the ellipsoid is worse, and some are nearly as bad.
#[test]
fn the_lower_bound_is_the_worst_of_many_samples() {
    let middle = Middle::run(1, &["phi.project=3"]);
    let (data, x) = (middle.data(), middle.difference());
    let fit = fit(&data);
    let mut sigma = Covariance::new(&[3], 1.0);
    data.toward.chunks(3).for_each(|z| sigma.add(z));
    let radius = Radius { delta: 0.05, scale: 0.1, bound: 2.0 };
    let set = Set::new(Keep::Ellipsoid { norm: Norm::Covariance, radius }, &data, &fit, &sigma, 2.0);
    let (gamma, middle) = (set.size(), dot(&fit.theta, &x));
    let bound = middle - gamma * sigma.inverse_norm_sq(&x).sqrt();
    assert!((set.worst(&x).value - bound).abs() < 1e-9);

    let (axes, mut rng) = (sigma.eigen(), stream([5; 32], 0));
    let least = (0..20_000)
        .map(|_| {
            let draw: Vec<f64> = normals(&mut rng, 3).into_iter().map(f64::from).collect();
            let length = dot(&draw, &draw).sqrt();
            let reach = |((value, axis), draw): (&(f64, Vec<f64>), &f64)| draw / length / value.sqrt() * dot(axis, &x);
            middle + gamma * axes.iter().zip(&draw).map(reach).sum::<f64>()
        })
        .fold(f64::INFINITY, f64::min);
    assert!(least >= bound - 1e-9 && least - bound < 1e-3 * (middle - bound), "{least} against {bound}");
}

/// An exploration's figures about its picks are norms in the inverse covariance, as in the exact track, not their
/// squares.
#[test]
fn uncertainty_is_a_norm() {
    let middle = Middle::run(1, &["phi.project=3"]);
    let (data, mut sigma) = (middle.data(), Covariance::new(&[3], 1.0));
    let mut norms = Vec::new();
    for z in data.toward.chunks(3) {
        norms.push(sigma.inverse_norm_sq(z).sqrt());
        sigma.add(z);
    }
    let told = middle.told.outside.iter().find_map(|figures| {
        let figure = |name: &str| figures.get(name).map(|bits| f64::from_bits(*bits));
        Some([figure("explorer/uncertainty_mean")?, figure("explorer/uncertainty_max")?])
    });
    let [mean, most] = told.expect("the exploration is outside of the loop");
    assert!((mean / (norms.iter().sum::<f64>() / norms.len() as f64) - 1.0).abs() < 1e-6, "{mean}");
    assert!((most / norms.iter().copied().fold(0.0, f64::max) - 1.0).abs() < 1e-6, "{most}");
}
