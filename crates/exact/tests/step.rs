//! The policy step, against brute force, finite differences and other solvers.

mod common;

use common::{bandit, labelled, mdp, normals, rng};
use pbpo_exact::likelihood::{Fit, Preferences, fit};
use pbpo_exact::linalg::Covariance;
use pbpo_exact::policy::Policy;
use pbpo_exact::set::{Keep, Norm, Radius, Set};
use pbpo_exact::step::{frank_wolfe, gradient, log_linear, points, softmax};
use pbpo_exact::world::World;
use pbpo_exact::{dot, minus};

/// Preferences about random trajectories' features, and the results from them.
struct Known {
    data: Preferences,
    fit: Fit,
    sigma: Covariance,
}

fn known(world: &World, pairs: usize, seed: u64) -> Known {
    unevenly_known(world, pairs, seed, 1.0)
}

/// Makes preferences; `last` is the size of the pairs' last feature. If it is small, that feature is little known, and
/// mixtures hedge against it.
fn unevenly_known(world: &World, pairs: usize, seed: u64, last: f64) -> Known {
    let (mut theta, end) = (world.theta.clone(), world.width() - 1);
    theta[end] *= last;
    let mut data = labelled(pairs, &theta, 0.8, &mut rng(seed));
    data.toward.chunks_mut(end + 1).for_each(|z| z[end] *= last);
    let mut sigma = Covariance::new(&[world.width()], 1.0);
    data.toward.chunks(world.width()).for_each(|z| sigma.add(z));
    let fit = fit(&data, 0.1, &vec![0.0; world.width()]);
    Known { data, fit, sigma }
}

impl Known {
    fn set(&self, keep: Keep) -> Set<'_> {
        Set::new(keep, &self.data, &self.fit, &self.sigma, 1.0)
    }
}

fn ellipsoid(scale: f64) -> Keep {
    Keep::Ellipsoid { norm: Norm::Hessian, radius: Radius { delta: 0.1, scale, bound: 1.0 } }
}

const OTHERS: [Keep; 4] = [
    Keep::Dual { slack: 0.5 },
    Keep::Dual { slack: 4.0 },
    Keep::Lagrangian { beta: 0.05, mean: false },
    Keep::Lagrangian { beta: 20.0, mean: true },
];

#[test]
fn the_best_arm_is_the_best_of_all_worked_out() {
    let (mut looked, mut misled) = (0, 0);
    for seed in 0..12 {
        let theta = normals(4, 1.0, &mut rng(seed));
        let world = bandit(150, &theta, seed + 50);
        let known = known(&world, 15, seed);
        let worst_arm = world.best(&theta.iter().map(|x| -x).collect::<Vec<_>>());
        let reference = if seed % 2 == 0 { Policy::uniform(&world) } else { worst_arm };
        let from = world.features(&reference);
        for keep in [ellipsoid(0.2), ellipsoid(1.0), Keep::Mle].into_iter().chain(OTHERS) {
            let set = known.set(keep);
            let values: Vec<f64> = world.phi.chunks(4).map(|row| set.worst(&minus(row, &from)).value).collect();
            let best = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let found = points(&world, &set, &reference);
            assert!((found.value - best.max(0.0)).abs() < 1e-10, "{keep:?}: {} {best}", found.value);
            if best > 0.0 {
                let arm = values.iter().position(|value| *value == best).unwrap();
                assert_eq!(found.policy, Policy::deterministic(&world, &[arm]));
            } else {
                assert_eq!(found.policy, reference);
            }
            if !set.is_closed() {
                looked += found.iterations;
                let mut estimates = Vec::new();
                set.estimates(&world.phi, &from, &mut estimates);
                let first = (0..150).max_by(|a, b| estimates[*a].total_cmp(&estimates[*b])).unwrap();
                misled += usize::from(best > 0.0 && values[first] < best);
            }
        }
    }
    println!(
        "arms worked out: {} of 150 on average; {misled} times the first was not best",
        looked / (12 * OTHERS.len())
    );
    assert!(looked < 12 * OTHERS.len() * 30);
    assert!(misled >= 3, "the estimates are the order by themselves: bounds are not tested");
}

#[test]
fn nothing_sure_keeps_the_reference() {
    let world = bandit(20, &[0.5, -0.5], 1);
    let known = known(&world, 5, 1);
    let reference = world.optimum();
    let wide = known.set(Keep::Dual { slack: 50.0 });
    for found in [
        points(&world, &wide, &reference),
        frank_wolfe(&world, &wide, &reference, &Policy::uniform(&world), 1e-9, 200),
        log_linear(&world, &wide, &reference, &[0.0; 2], 100, 0.1).chosen,
    ] {
        assert_eq!((found.policy, found.value), (reference.clone(), 0.0));
    }
    // A start at the reference is a kink, and gives no direction by itself.
    let found = frank_wolfe(&world, &wide, &reference, &reference, 1e-9, 200);
    assert_eq!((found.policy, found.value), (reference, 0.0));
}

#[test]
fn rewards_that_nothing_holds_keep_the_reference() {
    let world = bandit(20, &[0.5, -0.5], 1);
    let (data, sigma, reference) = (Preferences::new(2), Covariance::new(&[2], 1.0), Policy::uniform(&world));
    let unheld = fit(&data, 0.0, &[0.0; 2]);
    for keep in [Keep::Dual { slack: 1.0 }, Keep::Lagrangian { beta: 0.0, mean: true }] {
        let set = Set::new(keep, &data, &unheld, &sigma, 1.0);
        let found = points(&world, &set, &reference);
        assert_eq!((found.policy, found.value, found.gap), (reference.clone(), 0.0, 0.0));
        let found = frank_wolfe(&world, &set, &reference, &world.optimum(), 1e-6, 10);
        assert_eq!((found.policy, found.value, found.gap), (reference.clone(), 0.0, f64::INFINITY));
        let found = log_linear(&world, &set, &reference, &[0.0; 2], 10, 1.0).chosen;
        assert_eq!((found.policy, found.value, found.gap), (reference.clone(), 0.0, f64::INFINITY));
    }
}

/// Returns the largest worst value over a grid of policies (`probs` of action 0 at each step and state), refined around
/// the best.
fn brute(world: &World, set: &Set, from: &[f64]) -> f64 {
    let value = |p: &[f64]| {
        let policy = Policy { probs: p.iter().flat_map(|p| [*p, 1.0 - p]).collect() };
        set.worst(&minus(&world.features(&policy), from)).value
    };
    let (mut centre, mut reach, mut best) = (vec![0.5; 4], 0.5, f64::NEG_INFINITY);
    for _ in 0..24 {
        let middle = centre.clone();
        for index in 0..9_usize.pow(4) {
            let offset = |i: usize| (index / 9_usize.pow(i as u32) % 9) as f64 / 4.0 - 1.0;
            let p: Vec<f64> = (0..4).map(|i| (middle[i] + reach * offset(i)).clamp(0.0, 1.0)).collect();
            let here = value(&p);
            if here > best {
                (best, centre) = (here, p);
            }
        }
        reach *= 0.7;
    }
    best
}

#[test]
fn frank_wolfe_reaches_the_best_mixture() {
    let (mut off, mut inside) = (0.0_f64, 0);
    for seed in 0..8 {
        let world = mdp((2, 2, 2), 3, false, seed);
        let known = unevenly_known(&world, 400, seed, 0.2);
        let reference = Policy::uniform(&world);
        let from = world.features(&reference);
        let set = known.set(ellipsoid(0.3));
        let found = frank_wolfe(&world, &set, &reference, &world.best(&known.fit.theta), 1e-6, 2000);
        let best = brute(&world, &set, &from);
        assert!(found.gap <= 1e-6, "{} after {}", found.gap, found.iterations);
        assert!(found.value >= best.max(0.0) - 1e-6, "{} {best}", found.value);
        off = off.max((found.value - best.max(0.0)).abs());
        println!("{} against {best}, after {}", found.value, found.iterations);
        inside += usize::from(found.policy.probs.iter().any(|p| *p > 0.01 && *p < 0.99));
        let again = set.worst(&minus(&world.features(&found.policy), &from)).value;
        assert!((again - found.value).abs() < 1e-9, "the policy has the value");
    }
    println!("off by at most {off:e}; {inside} of 8 are mixed");
    assert!(off < 1e-5 && inside >= 2);
}

#[test]
fn the_gap_is_kept_for_every_set_and_start() {
    let world = mdp((4, 5, 3), 2, true, 3);
    let known = known(&world, 300, 3);
    let reference = Policy::uniform(&world);
    for keep in [ellipsoid(0.1), Keep::Mle].into_iter().chain(OTHERS) {
        let set = known.set(keep);
        let starts = [reference.clone(), world.best(&known.fit.theta), world.best(&[-1.0; 8])];
        let values = starts.map(|start| {
            let found = frank_wolfe(&world, &set, &reference, &start, 1e-6, 1000);
            assert!(found.gap <= 1e-6, "{keep:?}: gap {} after {}", found.gap, found.iterations);
            println!("{keep:?}: {} after {}", found.value, found.iterations);
            found.value
        });
        assert!(values[0] > 0.0 && values.iter().all(|value| (value - values[0]).abs() <= 2e-6), "{values:?}");
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let mut off = 0.0_f64;
    for (per_step, horizon) in [(false, 3), (true, 3), (false, 1)] {
        let world = mdp((horizon, 4, 3), 3, per_step, 7);
        let known = known(&world, 100, 7);
        let from = world.features(&Policy::uniform(&world));
        let w = normals(world.width(), 0.5, &mut rng(8));
        for keep in [ellipsoid(0.3)].into_iter().chain(OTHERS) {
            let set = known.set(keep);
            let worst = |w: &[f64]| set.worst(&minus(&world.features(&softmax(&world, w)), &from));
            let found = gradient(&world, &softmax(&world, &w), &worst(&w).theta);
            for i in 0..w.len() {
                let moved = |by: f64| {
                    let mut moved = w.clone();
                    moved[i] += by;
                    worst(&moved).value
                };
                off = off.max(((moved(1e-4) - moved(-1e-4)) / 2e-4 - found[i]).abs());
            }
        }
    }
    println!("off by at most {off:e}");
    assert!(off < 1e-6);
}

#[test]
fn a_log_linear_policy_reaches_what_frank_wolfe_does_where_it_can() {
    // The features distinguish every state and action, so that each policy is log-linear, or nearly so.
    let mut world = mdp((1, 2, 2), 4, false, 11);
    world.phi = (0..16).map(|i| f64::from(u8::from(i % 5 == 0))).collect();
    let known = known(&world, 200, 11);
    let reference = Policy::uniform(&world);
    for keep in [ellipsoid(0.1), Keep::Dual { slack: 0.2 }, Keep::Lagrangian { beta: 0.3, mean: false }] {
        let set = known.set(keep);
        let most = frank_wolfe(&world, &set, &reference, &reference, 1e-9, 1000);
        // One start is the kink at the reference itself.
        for w0 in [vec![0.0; 4], vec![0.1, -0.3, 0.2, 0.0]] {
            let found = log_linear(&world, &set, &reference, &w0, 300, 1.0);
            println!("{keep:?}: {} of {} after {}", found.chosen.value, most.value, found.chosen.iterations);
            assert!(most.value > 0.0 && found.chosen.value <= most.value + 1e-9);
            assert!(found.chosen.value > 0.999 * most.value, "{} {}", found.chosen.value, most.value);
        }
    }
}

#[test]
fn a_log_linear_value_never_falls() {
    let world = mdp((3, 4, 3), 3, false, 12);
    let known = known(&world, 100, 12);
    let reference = Policy::uniform(&world);
    let set = known.set(ellipsoid(0.05));
    let values: Vec<f64> =
        (0..25).map(|steps| log_linear(&world, &set, &reference, &[0.0; 3], steps, 5.0).chosen.value).collect();
    println!("{values:?}");
    assert!(values.windows(2).all(|two| two[1] >= two[0]) && values[24] > values[1]);
    let probs = softmax(&world, &[800.0, -800.0, 800.0]).probs;
    assert!(probs.iter().all(|p| p.is_finite()) && (probs[..3].iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert!(dot(&probs, &probs) > 0.0);
}
