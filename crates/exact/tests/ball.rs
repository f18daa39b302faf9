//! Fits and sets in the ball `||theta|| <= bound`, against an interior-point method that uses no multipliers.

mod barrier;
mod common;

use common::{bandit, labelled, mdp, normals, plain_gradient, plain_nll, rng};
use pbpo_exact::dot;
use pbpo_exact::likelihood::{Fit, Preferences, fit, fit_in_ball, refit};
use pbpo_exact::linalg::Covariance;
use pbpo_exact::policy::Policy;
use pbpo_exact::set::{Keep, Radius, Set};
use pbpo_exact::step::{frank_wolfe, points};

fn norm(theta: &[f64]) -> f64 {
    dot(theta, theta).sqrt()
}

fn set<'a>(keep: Keep, data: &'a Preferences, fit: &'a Fit) -> Set<'a> {
    Set::new(keep, data, fit, &Covariance::new(&[data.width], 1.0), 2.0)
}

/// Sizes, a ridge and a bound: usual ones, few pairs with almost no ridge, no ridge. The free fit is outside of the
/// ball except in the last case.
const CASES: [(usize, usize, f64, f64); 6] = [
    (2, 20, 0.1, 0.4),
    (4, 100, 0.01, 0.6),
    (6, 8, 1e-6, 1.0),
    (8, 12, 0.0, 2.0),
    (3, 300, 0.5, 0.6),
    (4, 100, 0.01, 4.0),
];

fn case(seed: usize) -> (Preferences, f64, f64) {
    let (d, pairs, ridge, bound) = CASES[seed];
    let rng = &mut rng(seed as u64);
    let theta = normals(d, 1.0, rng);
    (labelled(pairs, &theta, 1.0, rng), ridge, bound)
}

#[test]
fn a_fit_in_the_ball_is_that_of_an_interior_point_method() {
    let mut off = 0.0_f64;
    for seed in 0..CASES.len() - 1 {
        let (data, ridge, bound) = case(seed);
        let origin = vec![0.0; data.width];
        let found = fit_in_ball(&data, ridge, bound, &origin);
        let nll = |theta: &[f64]| barrier::loss(&data, ridge, 0.0, theta);
        let other = barrier::least(&nll, &[&|theta| barrier::ball(bound, theta)], &origin);
        off = found.theta.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(off, f64::max);
        assert!(norm(&fit(&data, ridge, &origin).theta) > 1.01 * bound, "the ball is idle in case {seed}");
        assert!(found.converged && (norm(&found.theta) - bound).abs() < 1e-12 && found.held > 0.0);
        // The fit is stationary: the gradient points out of the ball.
        let slope = plain_gradient(&data, &found.theta, ridge);
        assert!(slope.iter().zip(&found.theta).all(|(g, theta)| (g + found.held * theta).abs() < 1e-8), "{found:?}");
        // The result is the same from another start, also from outside.
        let far = fit_in_ball(&data, ridge, bound, &normals(data.width, 5.0, &mut rng(9)));
        assert!(far.theta.iter().zip(&found.theta).all(|(a, b)| (a - b).abs() < 1e-7));
    }
    println!("off by at most {off:e}");
    assert!(off < 1e-5);
}

#[test]
fn a_wide_ball_changes_nothing() {
    let (data, ridge, _) = case(1);
    let (free, held) = (fit(&data, ridge, &[0.0; 4]), fit_in_ball(&data, ridge, 50.0, &[0.0; 4]));
    assert_eq!((&free.theta, free.nll, 0.0), (&held.theta, held.nll, held.held));
    let x = [0.3, -0.2, 0.9, 0.1];
    for keep in [Keep::Dual { slack: 0.7 }, Keep::Lagrangian { beta: 5.0, mean: false }] {
        assert_eq!(set(keep, &data, &free).worst(&x), set(keep, &data, &held).worst(&x));
    }
}

#[test]
fn a_fit_that_grows_along_the_ball_is_the_fit_from_scratch() {
    let all = labelled(200, &[1.5, -1.0, 0.5], 1.0, &mut rng(3));
    let mut some = Preferences::new(3);
    let mut grown = fit_in_ball(&some, 0.01, 1.5, &[0.0; 3]);
    let mut on_surface = 0;
    for (known, z) in all.toward.chunks(3).enumerate() {
        some.push(z, &[0.0; 3]);
        grown = refit(&some, &grown, known);
        let whole = fit_in_ball(&some, 0.01, 1.5, &[0.0; 3]);
        assert!(grown.theta.iter().zip(&whole.theta).all(|(a, b)| (a - b).abs() < 1e-7), "{grown:?} {whole:?}");
        assert!(grown.newton_steps <= 8 && norm(&grown.theta) <= 1.5 * (1.0 + 1e-12));
        on_surface += usize::from(grown.held > 0.0);
    }
    assert!(on_surface > 50, "{on_surface}");
}

#[test]
fn the_worst_reward_of_ball_and_level_is_that_of_an_interior_point_method() {
    let (mut off, mut kinds) = (0.0_f64, [0; 3]);
    for seed in 0..CASES.len() {
        let (data, ridge, bound) = case(seed);
        let found = fit_in_ball(&data, ridge, bound, &vec![0.0; data.width]);
        for (nth, slack) in [0.02, 0.5, 2.0, 8.0, 40.0].into_iter().enumerate() {
            let x = normals(data.width, 1.0, &mut rng(100 + 10 * seed as u64 + nth as u64));
            let worst = set(Keep::Dual { slack }, &data, &found).worst(&x);
            let level = found.nll + slack;
            let inside: Vec<f64> = found.theta.iter().map(|theta| 0.999 * theta).collect();
            let below = |theta: &[f64]| barrier::loss(&data, ridge, level, theta);
            let within = |theta: &[f64]| barrier::ball(bound, theta);
            let other = barrier::least(&|theta| barrier::linear(&x, theta), &[&below, &within], &inside);
            off = off.max((worst.value - dot(&other, &x)).abs() / (1.0 + worst.value.abs()));
            assert!(norm(&worst.theta) < bound * (1.0 + 1e-9));
            assert!(plain_nll(&data, &worst.theta, ridge) < level + 1e-7 * (1.0 + slack));
            // The multipliers satisfy the conditions of optimality.
            let slope = plain_gradient(&data, &worst.theta, ridge);
            let left = |((x, g), theta): ((&f64, &f64), &f64)| (x + worst.beta * g + worst.held * theta).abs();
            let left = x.iter().zip(&slope).zip(&worst.theta).map(left).fold(0.0, f64::max);
            assert!(left < 1e-6 * (1.0 + worst.beta), "{left:e} in case {seed}, {slack}: {worst:?}");
            kinds[if worst.held == 0.0 { 0 } else { 1 + usize::from(worst.beta == 0.0) }] += 1;
        }
    }
    println!("off by at most {off:e}; on the level, on both, on the ball: {kinds:?}");
    assert!(off < 1e-6 && kinds.iter().all(|count| *count > 1));
}

#[test]
fn a_multiplier_and_its_slack_give_the_same_reward_in_the_ball() {
    let (data, ridge, bound) = case(1);
    let found = fit_in_ball(&data, ridge, bound, &[0.0; 4]);
    let x = [0.3, 0.4, 0.2, -0.5];
    let bounded = set(Keep::Dual { slack: 0.3 }, &data, &found).worst(&x);
    assert!(bounded.held > 0.0 && bounded.beta > 0.0, "{bounded:?}");
    let priced = set(Keep::Lagrangian { beta: bounded.beta, mean: false }, &data, &found).worst(&x);
    assert!(priced.theta.iter().zip(&bounded.theta).all(|(a, b)| (a - b).abs() < 1e-6));
    assert!((priced.value - bounded.value - bounded.beta * 0.3).abs() < 1e-7);
    // The ball limits theta where no multiplier does.
    let alone = set(Keep::Lagrangian { beta: 0.0, mean: false }, &data, &found).worst(&x);
    assert!((alone.value + bound * norm(&x)).abs() < 1e-12);
}

/// With this many parameters for the pairs, the free fit grows until it explains every label.
#[test]
fn a_tenth_of_the_slack_holds_the_truth_with_few_pairs_and_next_to_no_ridge() {
    let radius = Radius { delta: 0.05, scale: 0.1_f64.sqrt(), bound: 2.0 };
    let holds = |seed: u64, bound: f64| {
        let rng = &mut rng(seed);
        let mut theta = normals(64, 1.0, rng);
        let length = norm(&theta);
        theta.iter_mut().for_each(|theta| *theta *= 2.0 / length);
        let data = labelled(100, &theta, 0.125, rng);
        let found = fit_in_ball(&data, 1e-5, bound, &[0.0; 64]);
        set(Keep::Likelihood { radius }, &data, &found).contains(&theta)
    };
    assert!((0..20).all(|seed| holds(seed, 2.0)));
    assert!(!(0..20).any(|seed| holds(seed, f64::INFINITY)), "the ball is not needed");
}

/// In the ball the curvature of the loss is at least `1 / kappa` of the covariance, which the regret bound assumes.
#[test]
fn a_likelihood_set_lies_in_its_ellipsoid_of_the_covariance() {
    let mut most = 0.0_f64;
    for seed in 0..CASES.len() {
        let (data, ridge, bound) = case(seed);
        let (ridge, rng) = (ridge.max(1e-6), &mut rng(50 + seed as u64));
        let difference = data.toward.chunks(data.width).map(norm).fold(0.0, f64::max);
        let mut sigma = Covariance::new(&[data.width], ridge);
        data.toward.chunks(data.width).for_each(|z| sigma.add(z));
        let found = fit_in_ball(&data, ridge, bound, &vec![0.0; data.width]);
        let kappa = Radius { delta: 0.05, scale: 1.0, bound }.kappa(difference);
        for slack in [0.1, 1.0, 5.0] {
            for _ in 0..20 {
                let worst = set(Keep::Dual { slack }, &data, &found).worst(&normals(data.width, 1.0, rng));
                let off = pbpo_exact::minus(&worst.theta, &found.theta);
                most = most.max((sigma.norm_sq(&off) / (2.0 * kappa * slack)).sqrt());
            }
        }
    }
    println!("at most {most} of the radius");
    assert!(most < 1.0 && most > 0.1);
}

#[test]
fn the_best_arm_is_that_of_all_worst_cases() {
    let world = bandit(60, &[1.2, -0.8, 0.9], 4);
    let data = labelled(200, &world.theta, 0.7, &mut rng(5));
    let bound = 0.5 * norm(&world.theta);
    let (found, reference) = (fit_in_ball(&data, 1e-4, bound, &[0.0; 3]), Policy::uniform(&world));
    let from = world.features(&reference);
    for keep in [Keep::Dual { slack: 0.5 }, Keep::Lagrangian { beta: 0.5, mean: false }] {
        let (set, mut all) = (set(keep, &data, &found), Vec::new());
        set.lower_bounds(&world.phi, &from, &mut all);
        let most = all.iter().copied().fold(0.0, f64::max);
        let best = points(&world, &set, &reference);
        assert!(most > 0.0 && (best.value - most).abs() < 1e-9 && best.iterations < 60, "{}", best.iterations);
        let x = pbpo_exact::minus(&world.features(&best.policy), &from);
        assert!(set.worst(&x).held > 0.0, "the ball is idle");
    }
}

#[test]
fn worst_rewards_in_the_ball_bend_as_finite_differences_say() {
    let (data, ridge, bound) = case(1);
    let found = fit_in_ball(&data, ridge, bound, &[0.0; 4]);
    let (x, mut off) = ([0.3, 0.4, 0.2, -0.5], 0.0_f64);
    for keep in [Keep::Dual { slack: 0.3 }, Keep::Lagrangian { beta: 2.0, mean: false }] {
        let set = set(keep, &data, &found);
        assert!(set.worst(&x).held > 0.0);
        // Worst rewards are on the surface of the set, and smoothed within it.
        for floor in [1e-9, 10.0] {
            let bend = set.bend(&x, &set.worst(&x), floor);
            for i in 0..4 {
                let moved = |by: f64| {
                    let mut x = x;
                    x[i] += by;
                    set.softened(&x, &set.worst(&x), floor).theta
                };
                let (up, down) = (moved(1e-5), moved(-1e-5));
                (0..4).for_each(|j| off = off.max(((down[j] - up[j]) / 2e-5 - bend[i * 4 + j]).abs()));
            }
        }
    }
    println!("off by at most {off:e}");
    assert!(off < 1e-4);
}

#[test]
fn frank_wolfe_closes_its_gap_in_the_ball() {
    let world = mdp((3, 4, 3), 3, true, 6);
    let data = labelled(60, &world.theta, 0.7, &mut rng(7));
    let found = fit_in_ball(&data, 1e-3, 0.5 * norm(&world.theta), &[0.0; 9]);
    let reference = Policy::uniform(&world);
    let set = set(Keep::Dual { slack: 0.5 }, &data, &found);
    let best = frank_wolfe(&world, &set, &reference, &reference, 1e-4, 300);
    println!("value {}, gap {}, {} steps", best.value, best.gap, best.iterations);
    assert!(best.value > 0.0 && best.gap <= 1e-4);
    let from = world.features(&reference);
    let value = |policy: &Policy| set.worst(&pbpo_exact::minus(&world.features(policy), &from)).value;
    assert!((value(&best.policy) - best.value).abs() < 1e-9);
    let theta = set.worst(&pbpo_exact::minus(&world.features(&best.policy), &from));
    assert!(theta.held > 0.0, "the ball is idle");
}
