//! Confidence sets, against sampling, an interior-point method, and their coverage of the truth.

mod barrier;
mod common;

use common::{labelled, normal, normals, plain_gradient, plain_hessian, plain_nll, rng};
use pbpo_exact::likelihood::{Fit, Preferences, fit};
use pbpo_exact::linalg::Covariance;
use pbpo_exact::set::{Keep, Norm, Radius, Set, Sizes};
use pbpo_exact::{dot, minus};
use rand::RngExt;

const RADIUS: Radius = Radius { delta: 0.1, scale: 1.0, bound: 1.0 };

struct Case {
    data: Preferences,
    fit: Fit,
    sigma: Covariance,
}

fn case(d: usize, pairs: usize, ridge: f64, seed: u64) -> Case {
    let rng = &mut rng(seed);
    let theta = normals(d, 0.7, rng);
    let data = labelled(pairs, &theta, 1.0, rng);
    let mut sigma = Covariance::new(&[d], 1.0);
    data.toward.chunks(d).for_each(|z| sigma.add(z));
    let fit = fit(&data, ridge, &vec![0.0; d]);
    Case { data, fit, sigma }
}

impl Case {
    fn set(&self, keep: Keep) -> Set<'_> {
        Set::new(keep, &self.data, &self.fit, &self.sigma, 2.0)
    }
}

#[test]
fn an_ellipsoid_is_no_worse_than_a_hundred_thousand_points_of_its_surface() {
    for norm in [Norm::Covariance, Norm::Hessian] {
        let (case, rng) = (case(3, 60, 0.1, 1), &mut rng(2));
        let set = case.set(Keep::Ellipsoid { norm, radius: Radius { scale: 0.2, ..RADIUS } });
        let x = normals(3, 1.0, rng);
        let worst = set.worst(&x);
        let matrix = match norm {
            Norm::Covariance => {
                let plain = |i: usize, j: usize| case.data.toward.chunks(3).map(|z| z[i] * z[j]).sum::<f64>();
                (0..3).map(|i| (0..3).map(|j| plain(i, j) + f64::from(u8::from(i == j))).collect()).collect()
            }
            Norm::Hessian => plain_hessian(&case.data, &case.fit.theta, 0.1),
        };
        let length = |v: &[f64]| matrix.iter().zip(v).map(|(row, v_i): (&Vec<f64>, _)| v_i * dot(row, v)).sum::<f64>();
        let mut least = f64::INFINITY;
        for _ in 0..100_000 {
            let v = normals(3, 1.0, rng);
            let share = set.size() / length(&v).sqrt();
            let theta: Vec<f64> = case.fit.theta.iter().zip(&v).map(|(theta, v)| theta + share * v).collect();
            least = least.min(dot(&theta, &x));
        }
        let spread = dot(&case.fit.theta, &x) - worst.value;
        println!("{norm:?}: closed {}, least of the sample {least}", worst.value);
        assert!(worst.value <= least + 1e-9 && least - worst.value < 1e-3 * spread);
        let on = length(&minus(&worst.theta, &case.fit.theta)).sqrt();
        assert!((on - set.size()).abs() < 1e-9 * set.size());
        assert!((dot(&worst.theta, &x) - worst.value).abs() < 1e-9);
        let short = |share: f64| case.fit.theta.iter().zip(&worst.theta).map(|(a, b)| a + share * (b - a)).collect();
        let inside: Vec<f64> = short(0.999);
        let outside: Vec<f64> = short(1.001);
        assert!(set.contains(&inside) && !set.contains(&outside));
    }
}

/// Returns `min <theta, x>` under `NLL <= level`, by an interior-point method.
fn least_by_barrier(data: &Preferences, ridge: f64, from: &[f64], level: f64, x: &[f64]) -> f64 {
    let below = |theta: &[f64]| barrier::loss(data, ridge, level, theta);
    dot(&barrier::least(&|theta| barrier::linear(x, theta), &[&below], from), x)
}

#[test]
fn the_worst_likely_reward_is_that_of_an_interior_point_method() {
    let mut off = 0.0_f64;
    for (d, pairs, ridge, seed) in [(2, 20, 0.1, 1), (4, 100, 0.01, 2), (6, 300, 0.5, 3), (3, 100, 0.0, 4)] {
        let (case, rng) = (case(d, pairs, ridge, seed), &mut rng(seed + 10));
        for slack in [0.01, 0.5, 2.0, 8.0] {
            let (set, x) = (case.set(Keep::Dual { slack }), normals(d, 1.0, rng));
            let worst = set.worst(&x);
            let other = least_by_barrier(&case.data, ridge, &case.fit.theta, case.fit.nll + slack, &x);
            off = off.max((worst.value - other).abs() / (1.0 + other.abs()));
            // Theta is on the level, and stationary there.
            let used = plain_nll(&case.data, &worst.theta, ridge) - case.fit.nll;
            assert!((used - slack).abs() < 1e-8 * (1.0 + slack));
            let slope = plain_gradient(&case.data, &worst.theta, ridge);
            assert!(x.iter().zip(&slope).all(|(x, g)| (x + worst.beta * g).abs() < 1e-6));
        }
    }
    println!("off by at most {off:e}");
    assert!(off < 1e-6);
}

#[test]
fn few_pairs_and_a_small_ridge_are_no_trouble() {
    let mut off = 0.0_f64;
    for (d, pairs, ridge, seed) in
        [(8, 1, 0.01, 1), (8, 5, 0.001, 2), (4, 12, 1e-4, 3), (2, 30, 1e-3, 4), (3, 0, 0.01, 5)]
    {
        let case = case(d, pairs, ridge, seed);
        for slack in [0.5, 5.0, 30.0] {
            let x = normals(d, 1.0, &mut rng(seed + 20));
            let worst = case.set(Keep::Dual { slack }).worst(&x);
            let used = plain_nll(&case.data, &worst.theta, ridge) - case.fit.nll;
            let slope = plain_gradient(&case.data, &worst.theta, ridge);
            let left = x.iter().zip(&slope).map(|(x, g)| (x / worst.beta + g).abs()).fold(0.0, f64::max);
            off = off.max((used - slack).abs() / slack).max(left);
        }
    }
    println!("conditions of optimality off by at most {off:e}");
    assert!(off < 1e-7);
}

#[test]
fn a_multiplier_and_its_slack_give_the_same_reward() {
    let (case, x) = (case(4, 80, 0.05, 5), [0.3, -1.0, 0.2, 0.5]);
    let bounded = case.set(Keep::Dual { slack: 1.5 }).worst(&x);
    for mean in [false, true] {
        let beta = bounded.beta * if mean { 80.0 } else { 1.0 };
        let priced = case.set(Keep::Lagrangian { beta, mean }).worst(&x);
        assert!(priced.theta.iter().zip(&bounded.theta).all(|(a, b)| (a - b).abs() < 1e-7));
        assert!((priced.reward - bounded.value).abs() < 1e-7);
        assert!((priced.value - bounded.value - bounded.beta * 1.5).abs() < 1e-7);
    }
}

#[test]
fn the_hessian_ellipsoid_approximates_the_likelihood_set() {
    let (case, x) = (case(5, 200, 0.1, 6), [0.5, -0.3, 0.8, 0.1, -0.6]);
    let mut apart = Vec::new();
    let fitted = case.set(Keep::Mle).worst(&x).value;
    for slack in [0.02, 0.5, 2.0, 8.0] {
        let exact = case.set(Keep::Dual { slack }).worst(&x);
        let mut near = Vec::new();
        case.set(Keep::Dual { slack }).estimates(&x, &[0.0; 5], &mut near);
        println!("slack {slack}: ellipsoid {} likelihood {} beta {}", near[0], exact.value, exact.beta);
        apart.push((near[0] - exact.value).abs() / (fitted - exact.value));
    }
    assert!(apart[0] < 0.02 && apart[2] < 0.1 && apart[3] < 0.2, "{apart:?}");
    assert!(apart.windows(2).all(|two| two[0] < two[1]), "{apart:?}");
}

#[test]
fn sets_are_nested_by_their_size_and_around_the_fit() {
    let (case, rng) = (case(4, 120, 0.1, 7), &mut rng(8));
    let keeps = |scale: f64| {
        let radius = Radius { scale, ..RADIUS };
        let ellipsoid = |norm| Keep::Ellipsoid { norm, radius };
        [ellipsoid(Norm::Covariance), ellipsoid(Norm::Hessian), Keep::Likelihood { radius }]
    };
    for _ in 0..20 {
        let x = normals(4, 1.0, rng);
        let fitted = case.set(Keep::Mle).worst(&x).value;
        for (small, large) in keeps(0.3).into_iter().zip(keeps(1.0)) {
            let (small, large) = (case.set(small), case.set(large));
            let (near, far) = (small.worst(&x), large.worst(&x));
            assert!(far.value < near.value && near.value < fitted);
            assert!(large.contains(&near.theta) && !small.contains(&far.theta) && small.contains(&case.fit.theta));
        }
        // With the theoretical radii, kappa makes the ellipsoid of the covariance the widest by far.
        let [sigma, hessian, likelihood] = keeps(1.0).map(|keep| case.set(keep).worst(&x).value);
        assert!(sigma < hessian.min(likelihood), "{sigma} {hessian} {likelihood}");
    }
}

#[test]
fn radii_are_those_of_the_formulas() {
    let sizes = Sizes { width: 4, pairs: 100, difference: 2.0 };
    let kappa = 2.0 + 2.0_f64.exp() + (-2.0_f64).exp();
    assert!((RADIUS.kappa(2.0) - kappa).abs() < 1e-12);
    let gamma = kappa / 2.0 * (4.0 * 101.0_f64.ln() + 2.0 * 10.0_f64.ln()).sqrt() + kappa.sqrt();
    let scaled = Radius { scale: 0.5, ..RADIUS };
    assert!((scaled.covariance(sizes, 1.0) - gamma / 2.0).abs() < 1e-12);
    let zeta = 10.0_f64.ln() + 4.0 * (100.0 * std::f64::consts::E).ln() + 0.05;
    assert!((RADIUS.likelihood(sizes, 0.1) - zeta).abs() < 1e-12);
    assert!((scaled.likelihood(sizes, 0.1) - 0.25 * zeta).abs() < 1e-12);
    assert!((scaled.hessian(sizes, 0.1) - 0.5 * (2.0 * zeta).sqrt()).abs() < 1e-12);
    // Without data the logarithm is 1.
    let none = Sizes { pairs: 0, ..sizes };
    assert!((RADIUS.likelihood(none, 0.0) - 10.0_f64.ln() - 4.0).abs() < 1e-12);
}

/// The theorem's steps, each with its number: the regret of a policy step is at most the width of the set in the
/// enhancer's direction, and these widths stay below the bound.
#[test]
fn the_regret_bound_is_the_formula_and_above_every_sum_of_widths() {
    let sizes = Sizes { width: 4, pairs: 100, difference: 2.0 };
    let ellipsoid = |norm| Keep::Ellipsoid { norm, radius: Radius { scale: 0.1, ..RADIUS } };
    // The ridge is 1, so squared norms may be up to 4.
    let sum = 4.0 * (4.0 * 4.0 * 101.0_f64.ln() + 2.0 * 10.0_f64.ln());
    let bound = |keep: Keep| keep.regret_bound(sizes, 1.0, 100).unwrap();
    let gamma = RADIUS.covariance(sizes, 1.0);
    assert!((bound(ellipsoid(Norm::Covariance)) / (2.0 * gamma * (100.0 * sum).sqrt()) - 1.0).abs() < 1e-12);
    let gamma = (2.0 * RADIUS.kappa(2.0) * RADIUS.likelihood(sizes, 1.0)).sqrt();
    assert!((bound(Keep::Likelihood { radius: RADIUS }) / (2.0 * gamma * (100.0 * sum).sqrt()) - 1.0).abs() < 1e-12);
    assert_eq!(Keep::Mle.regret_bound(sizes, 1.0, 100), None);

    let (rng, mut sigma, mut widths) = (&mut rng(31), Covariance::new(&[4], 1.0), 0.0);
    for pairs in 1..=100 {
        let z = normals(4, 0.7, rng);
        let length = dot(&z, &z).sqrt();
        let z: Vec<f64> = z.iter().map(|z| z * (2.0 / length).min(1.0)).collect();
        widths += 2.0 * RADIUS.covariance(Sizes { pairs, ..sizes }, 1.0) * sigma.inverse_norm_sq(&z).sqrt();
        sigma.add(&z);
    }
    let allowed = bound(ellipsoid(Norm::Covariance));
    assert!(widths < allowed && allowed < 10.0 * widths, "{widths} {allowed}");
}

#[test]
fn lower_bounds_are_the_worst_values() {
    let (case, rng) = (case(3, 50, 0.1, 9), &mut rng(9));
    let (rows, from) = (normals(3 * 30, 1.0, rng), normals(3, 1.0, rng));
    let ellipsoid = |norm| Keep::Ellipsoid { norm, radius: RADIUS };
    let lagrangian = Keep::Lagrangian { beta: 0.3, mean: false };
    let keeps =
        [ellipsoid(Norm::Covariance), ellipsoid(Norm::Hessian), Keep::Mle, Keep::Dual { slack: 1.0 }, lagrangian];
    for keep in keeps {
        let (set, mut out) = (case.set(keep), Vec::new());
        set.lower_bounds(&rows, &from, &mut out);
        assert_eq!(out.len(), 30);
        for (row, bound) in rows.chunks(3).zip(&out) {
            assert!((set.worst(&minus(row, &from)).value - bound).abs() < 1e-10, "{keep:?}");
        }
    }
}

#[test]
fn without_preferences_sets_are_balls_of_the_ridge() {
    let (data, x) = (Preferences::new(3), [2.0, 0.0, 0.0]);
    let found = fit(&data, 0.5, &[0.0; 3]);
    let sigma = Covariance::new(&[3], 4.0);
    let set = |keep| Set::new(keep, &data, &found, &sigma, 1.0);
    // The radius r satisfies ridge / 2 r^2 = slack.
    let worst = set(Keep::Dual { slack: 1.0 }).worst(&x);
    assert!((worst.value + 4.0).abs() < 1e-9 && worst.theta[1..].iter().all(|x| x.abs() < 1e-12));
    let ellipsoid = set(Keep::Ellipsoid { norm: Norm::Covariance, radius: RADIUS });
    assert!((ellipsoid.worst(&x).value + ellipsoid.size()).abs() < 1e-9, "2 / sqrt(4) of the radius");
    let likelihood = set(Keep::Likelihood { radius: RADIUS });
    assert!(likelihood.contains(&[0.0, 0.0, 1.0]), "the whole ball of theta*");
    // Without a difference there is no loss; without a limit the loss is infinite.
    assert_eq!(likelihood.worst(&[0.0; 3]).value, 0.0);
    let unheld = fit(&data, 0.0, &[0.0; 3]);
    for keep in [Keep::Dual { slack: 1.0 }, Keep::Lagrangian { beta: 1.0, mean: true }] {
        let worst = Set::new(keep, &data, &unheld, &sigma, 1.0).worst(&x);
        assert_eq!((worst.value, worst.theta), (f64::NEG_INFINITY, vec![0.0; 3]));
    }
    assert_eq!(set(Keep::Lagrangian { beta: 0.0, mean: false }).worst(&x).value, f64::NEG_INFINITY);
}

/// Returns in how many of 200 bandits the set held the truth after each of 60 random pairs.
fn covered(scale: f64) -> usize {
    let run = |seed: u64| {
        let rng = &mut rng(seed);
        let arms: Vec<f64> = normals(10 * 2, 0.5, rng);
        let angle = std::f64::consts::TAU * rng.random::<f64>();
        let theta = [angle.cos(), angle.sin()];
        let (mut data, sigma, mut warm) = (Preferences::new(2), Covariance::new(&[2], 1.0), vec![0.0; 2]);
        (0..60).all(|_| {
            let (a, b) = (2 * rng.random_range(0..10), 2 * rng.random_range(0..10));
            let (a, b) = (&arms[a..a + 2], &arms[b..b + 2]);
            let first = rng.random::<f64>() < common::sigmoid(dot(&theta, a) - dot(&theta, b));
            if first {
                data.push(a, b)
            } else {
                data.push(b, a)
            }
            let found = fit(&data, 0.01, &warm);
            let keep = Keep::Likelihood { radius: Radius { scale, ..RADIUS } };
            let holds = Set::new(keep, &data, &found, &sigma, 3.0).contains(&theta);
            warm = found.theta;
            holds
        })
    };
    (0..200).filter(|seed| run(*seed)).count()
}

#[test]
fn the_likelihood_set_covers_the_truth() {
    let (theory, narrow) = (covered(1.0), covered(0.1_f64.sqrt()));
    println!("of 200: {theory}, with a tenth of the slack {narrow}");
    assert!(theory >= 180);
    assert!(narrow < 180, "the test could not fail");
}

#[test]
fn other_members_bound_worst_values_from_above() {
    let (case, rng) = (case(4, 100, 0.1, 11), &mut rng(12));
    for keep in [Keep::Dual { slack: 3.0 }, Keep::Lagrangian { beta: 0.1, mean: false }] {
        let set = case.set(keep);
        for _ in 0..50 {
            let (x, y) = (normals(4, 1.0, rng), normals(4, 1.0 + normal(rng).abs(), rng));
            let (theta, extra) = set.near_worst(&x).unwrap();
            assert!(set.worst(&x).value <= dot(&theta, &x) + extra + 1e-9);
            assert!(set.worst(&y).value <= dot(&theta, &y) + extra + 1e-9);
        }
    }
}

#[test]
fn worst_rewards_bend_as_finite_differences_say() {
    let (case, x) = (case(3, 60, 0.1, 13), [0.4, -0.7, 0.2]);
    let ellipsoid = |norm| Keep::Ellipsoid { norm, radius: RADIUS };
    let lagrangian = Keep::Lagrangian { beta: 0.2, mean: false };
    let mut off = 0.0_f64;
    for keep in [ellipsoid(Norm::Covariance), ellipsoid(Norm::Hessian), Keep::Dual { slack: 2.0 }, lagrangian] {
        let set = case.set(keep);
        // Worst rewards are on the surface of the set, and smoothed within it.
        for floor in [1e-9, 10.0] {
            let bend = set.bend(&x, &set.worst(&x), floor);
            for i in 0..3 {
                let moved = |by: f64| {
                    let mut x = x;
                    x[i] += by;
                    set.softened(&x, &set.worst(&x), floor).theta
                };
                let (up, down) = (moved(1e-4), moved(-1e-4));
                (0..3).for_each(|j| off = off.max(((down[j] - up[j]) / 2e-4 - bend[i * 3 + j]).abs()));
            }
        }
    }
    println!("off by at most {off:e}");
    assert!(off < 1e-4);
}
