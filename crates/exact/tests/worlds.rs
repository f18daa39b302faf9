//! Computations of a world, against enumeration and sampling.

mod brute;

use brute::{close, mean, policies, random_policy, seeded, small};
use pbpo_exact::dot;

#[test]
fn best_and_optimum_are_best_of_all_policies() {
    for (per_step, seed) in [(false, 1), (false, 2), (true, 3), (true, 4)] {
        let world = small(per_step, 0.7, seed);
        let (mut best, mut optimum) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        let weights: Vec<f64> = world.theta.iter().rev().map(|x| x + 0.3).collect();
        let weighed = |t: &_| dot(&weights, &world.trajectory_features(t));
        for policy in policies(&world) {
            best = mean(&world, &policy, weighed).max(best);
            optimum = mean(&world, &policy, |t| world.reward(t)).max(optimum);
        }
        close(mean(&world, &world.best(&weights), weighed), best, 1e-12);
        close(world.value(&world.optimum()), optimum, 1e-12);
        assert!(world.value(&world.best(&world.theta)) <= optimum + 1e-12);
    }
}

#[test]
fn features_and_value_are_means_over_trajectories() {
    for (per_step, seed) in [(false, 5), (true, 6)] {
        let world = small(per_step, 0.4, seed);
        let policy = random_policy(&world, &mut seeded(seed));
        close(world.value(&policy), mean(&world, &policy, |t| world.reward(t)), 1e-12);
        let features = world.features(&policy);
        assert_eq!(features.len(), if per_step { 9 } else { 3 });
        for (i, x) in features.iter().enumerate() {
            close(*x, mean(&world, &policy, |t| world.trajectory_features(t)[i]), 1e-12);
        }
        close(mean(&world, &policy, |_| 1.0), 1.0, 1e-12);
    }
}

#[test]
fn features_and_value_are_means_of_samples() {
    let world = small(true, 0.4, 7);
    let mut rng = seeded(8);
    let policy = random_policy(&world, &mut rng);
    let (count, mut value, mut features) = (100_000, 0.0, vec![0.0; world.width()]);
    for _ in 0..count {
        let start = world.draw_start(&mut rng);
        let trajectory = world.sample(&policy, start, &mut rng);
        value += world.reward(&trajectory) / count as f64;
        let sample = world.trajectory_features(&trajectory);
        features.iter_mut().zip(sample).for_each(|(sum, x)| *sum += x / count as f64);
    }
    close(value, world.value(&policy), 0.02);
    features.iter().zip(world.features(&policy)).for_each(|(a, b)| close(*a, b, 0.01));
}
