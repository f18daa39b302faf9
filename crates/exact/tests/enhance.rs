//! The enhancer and its baselines against brute force, enumeration and sampling.

mod brute;

use brute::{close, covariance, policies, random_policy, seeded, small};
use pbpo_exact::enhance::{self, Bonus, ascend, bonus, max_pair, search};
use pbpo_exact::policy::Policy;
use pbpo_exact::world::World;
use pbpo_exact::{dot, minus};
use serde_json::json;

fn bandit() -> World {
    let settings = json!({"of": "bandit", "arms": 60, "dim": 4, "features": "isotropic", "episodes": 1, "norm": 1.0});
    brute::world(settings, 21).unwrap()
}

fn middle() -> World {
    let settings =
        json!({"of": "mdp", "layout": "random", "states": 5, "actions": 3, "horizon": 6, "dim": 4, "norm": 1.0});
    brute::world(settings, 22).unwrap()
}

#[test]
fn in_a_bandit_the_farthest_arm_is_found() {
    let (world, mut rng) = (bandit(), seeded(23));
    for _ in 0..20 {
        let (sigma, reference) = (covariance(&world, 6, &mut rng), random_policy(&world, &mut rng));
        let mean: Vec<f64> = (0..4).map(|i| (0..60).map(|b| reference.probs[b] * world.phi(0, b)[i]).sum()).collect();
        let norm = |arm: usize| sigma.inverse_norm_sq(&minus(world.phi(0, arm), &mean)).sqrt();
        let square = |arm: usize| {
            let distance = |b: usize| sigma.inverse_norm_sq(&minus(world.phi(0, arm), world.phi(0, b)));
            (0..60).map(|b| reference.probs[b] * distance(b)).sum::<f64>()
        };
        let largest = |of: &dyn Fn(usize) -> f64| (0..60).map(of).fold(0.0, f64::max);
        let first = search(&world, &sigma, &reference, Bonus::MeanNorm, 0, &mut rng);
        let second = search(&world, &sigma, &reference, Bonus::ExpectedSquare, 0, &mut rng);
        close(first.value, largest(&norm), 1e-10);
        close(second.value, largest(&square), 1e-10);
        let arm = |policy: &Policy| policy.probs.iter().position(|prob| *prob == 1.0).unwrap();
        close(norm(arm(&first.policy)), first.value, 1e-10);
        close(square(arm(&second.policy)), second.value, 1e-10);
    }
}

#[test]
fn the_ascent_never_falls() {
    let (world, mut rng) = (middle(), seeded(24));
    let mut longest = 0;
    for _ in 0..50 {
        let (sigma, reference) = (covariance(&world, 5, &mut rng), random_policy(&world, &mut rng));
        let start = random_policy(&world, &mut rng);
        let ascent = ascend(&world, &sigma, &world.features(&reference), start.clone());
        assert!(ascent.trail.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", ascent.trail);
        close(ascent.trail[0], bonus(&world, &sigma, &start, &reference, Bonus::MeanNorm), 1e-10);
        close(ascent.found.value, *ascent.trail.last().unwrap(), 0.0);
        close(ascent.found.value, bonus(&world, &sigma, &ascent.found.policy, &reference, Bonus::MeanNorm), 1e-10);
        longest = longest.max(ascent.trail.len());
    }
    assert!(longest > 2, "some ascents take more than one step");
}

#[test]
fn the_search_beats_20_000_random_policies() {
    let (world, mut rng) = (middle(), seeded(25));
    let (sigma, reference) = (covariance(&world, 5, &mut rng), random_policy(&world, &mut rng));
    let found = search(&world, &sigma, &reference, Bonus::MeanNorm, 8, &mut rng);
    let best =
        (0..20_000).map(|_| bonus(&world, &sigma, &random_policy(&world, &mut rng), &reference, Bonus::MeanNorm));
    let best = best.fold(0.0, f64::max);
    assert!(found.value > best && best > 0.0, "{} and {best}", found.value);
    close(found.value, bonus(&world, &sigma, &found.policy, &reference, Bonus::MeanNorm), 1e-10);
}

#[test]
fn in_small_worlds_the_search_finds_the_best_of_all_policies() {
    for (per_step, seed) in [(false, 31), (true, 32), (false, 33), (true, 34)] {
        let (world, mut rng) = (small(per_step, 0.0, seed), seeded(seed));
        let (sigma, reference) = (covariance(&world, 4, &mut rng), random_policy(&world, &mut rng));
        for form in [Bonus::MeanNorm, Bonus::ExpectedSquare] {
            let values = policies(&world).into_iter().map(|policy| match form {
                Bonus::MeanNorm => {
                    sigma.inverse_norm_sq(&minus(&world.features(&policy), &world.features(&reference))).sqrt()
                }
                Bonus::ExpectedSquare => brute::expected_square(&world, &sigma, &policy, &reference),
            });
            let best = values.fold(0.0, f64::max);
            close(search(&world, &sigma, &reference, form, 6, &mut rng).value, best, 1e-10);
        }
    }
}

#[test]
fn in_contexts_the_expected_square_decomposes() {
    let world = brute::world(json!({"of": "contextual", "contexts": 5, "arms": 3, "dim": 4, "norm": 1.0}), 26).unwrap();
    let mut rng = seeded(27);
    let (sigma, reference) = (covariance(&world, 6, &mut rng), random_policy(&world, &mut rng));
    for form in [Bonus::MeanNorm, Bonus::ExpectedSquare] {
        let found = search(&world, &sigma, &reference, form, 6, &mut rng);
        let value = |policy: &Policy| match form {
            Bonus::MeanNorm => {
                sigma.inverse_norm_sq(&minus(&world.features(policy), &world.features(&reference))).sqrt()
            }
            Bonus::ExpectedSquare => brute::expected_square(&world, &sigma, policy, &reference),
        };
        let all = policies(&world);
        assert_eq!(all.len(), 243);
        close(found.value, all.iter().map(value).fold(0.0, f64::max), 1e-10);
        close(found.value, value(&found.policy), 1e-10);
    }
}

#[test]
fn second_moments_are_those_of_trajectories() {
    for (per_step, seed) in [(false, 41), (true, 42)] {
        let (world, mut rng) = (small(per_step, 0.0, seed), seeded(seed));
        let sigma = covariance(&world, 4, &mut rng);
        let (policy, reference) = (random_policy(&world, &mut rng), random_policy(&world, &mut rng));
        let exact = enhance::expected_square(&world, &sigma, &policy, &reference);
        close(exact, brute::expected_square(&world, &sigma, &policy, &reference), 1e-10);
        let count = 50_000;
        let mut sum = 0.0;
        for _ in 0..count {
            let start = world.draw_start(&mut rng);
            let one = world.trajectory_features(&world.sample(&policy, start, &mut rng));
            let other = world.trajectory_features(&world.sample(&reference, start, &mut rng));
            sum += sigma.inverse_norm_sq(&minus(&one, &other));
        }
        close(sum / count as f64, exact, 0.02 * exact);
    }
}

#[test]
fn one_block_for_all_steps_is_as_good() {
    let (world, mut rng) = (small(true, 0.0, 43), seeded(44));
    let mut sigma = pbpo_exact::linalg::Covariance::new(&[9], 0.5);
    (0..5).for_each(|_| sigma.add(&world.features(&random_policy(&world, &mut rng))));
    let (policy, reference) = (random_policy(&world, &mut rng), random_policy(&world, &mut rng));
    let exact = enhance::expected_square(&world, &sigma, &policy, &reference);
    close(exact, brute::expected_square(&world, &sigma, &policy, &reference), 1e-10);
}

#[test]
fn the_pair_is_the_farthest_of_all_arms() {
    let (world, mut rng) = (bandit(), seeded(28));
    let sigma = covariance(&world, 6, &mut rng);
    let pair = max_pair(&world, &sigma, 1, &mut rng);
    let distance = |a: &[f64], b: &[f64]| sigma.inverse_norm_sq(&minus(a, b)).sqrt();
    let arms = (0..60).flat_map(|a| (0..60).map(move |b| (a, b)));
    let best = arms.map(|(a, b)| distance(world.phi(0, a), world.phi(0, b))).fold(0.0, f64::max);
    close(pair.value, best, 1e-10);
    close(distance(&world.features(&pair.one), &world.features(&pair.other)), best, 1e-10);
}

#[test]
fn the_pair_is_the_farthest_of_all_policies() {
    let (world, mut rng) = (small(false, 0.0, 29), seeded(30));
    let sigma = covariance(&world, 4, &mut rng);
    let distance = |a: &[f64], b: &[f64]| sigma.inverse_norm_sq(&minus(a, b)).sqrt();
    let all: Vec<Vec<f64>> = policies(&world).iter().map(|policy| world.features(policy)).collect();
    let best = all.iter().flat_map(|a| all.iter().map(|b| distance(a, b))).fold(0.0, f64::max);
    let pair = max_pair(&world, &sigma, 6, &mut rng);
    close(pair.value, best, 1e-10);
    close(distance(&world.features(&pair.one), &world.features(&pair.other)), best, 1e-10);
}

#[test]
fn epsilon_mixes_actions() {
    let world = middle();
    let greedy = world.optimum();
    let mixed = enhance::epsilon_greedy(&world, &greedy, 0.3);
    for (mixed, greedy) in mixed.probs.iter().zip(&greedy.probs) {
        close(*mixed, if *greedy == 1.0 { 0.8 } else { 0.1 }, 1e-12);
    }
    assert_eq!(enhance::epsilon_greedy(&world, &greedy, 0.0), greedy);
    assert_eq!(enhance::epsilon_greedy(&world, &greedy, 1.0), enhance::uniform(&world));
}

#[test]
fn thompson_draws_have_the_inverse_hessian() {
    let (hessian, theta, scale) = ([4.0, 1.0, 0.5, 1.0, 2.0, -0.7, 0.5, -0.7, 1.0], [1.0, -2.0, 0.5], 1.5);
    let (mut rng, count) = (seeded(45), 100_000);
    let mut second = [0.0; 9];
    for _ in 0..count {
        let off = minus(&enhance::thompson_draw(&theta, scale, &hessian, &mut rng).unwrap(), &theta);
        (0..9).for_each(|at| second[at] += off[at / 3] * off[at % 3] / count as f64);
    }
    // H times the covariance of the draws is scale^2 times the identity.
    for at in 0..9 {
        let column: Vec<f64> = (0..3).map(|k| second[k * 3 + at % 3]).collect();
        let expected = if at / 3 == at % 3 { scale * scale } else { 0.0 };
        close(dot(&hessian[at / 3 * 3..][..3], &column), expected, 0.08);
    }
    let world = brute::world(json!({"of": "contextual", "contexts": 4, "arms": 3, "dim": 3, "norm": 1.0}), 46).unwrap();
    assert_eq!(enhance::thompson(&world, &theta, 0.0, &hessian, &mut rng).unwrap(), world.best(&theta));
    assert!(enhance::thompson_draw(&theta, 1.0, &[-1.0; 9], &mut rng).unwrap_err().contains("raise the ridge"));
    assert!(enhance::thompson_draw(&theta, 1.0, &[1.0; 4], &mut rng).is_err());
}
