//! Guarantees of the makers of worlds: shapes, norms, moves, and refusals.

mod brute;

use brute::{close, seeded};
use pbpo_exact::dot;
use pbpo_exact::world::World;
use serde_json::json;

fn norms(world: &World) -> Vec<f64> {
    world.phi.chunks(world.dim).map(|phi| dot(phi, phi).sqrt()).collect()
}

#[test]
fn each_world_keeps_its_promises() {
    let all = [
        json!({"of": "bandit", "arms": 200, "dim": 6, "features": "isotropic", "episodes": 9}),
        json!({"of": "bandit", "arms": 200, "dim": 6, "features": "decaying", "episodes": 9}),
        json!({"of": "bandit", "arms": 200, "dim": 6, "features": "rare", "episodes": 9}),
        json!({"of": "contextual", "contexts": 7, "arms": 5, "dim": 4}),
        json!({"of": "mdp", "layout": "random", "states": 6, "actions": 3, "horizon": 4, "dim": 5}),
        json!({"of": "mdp", "layout": "star", "states": 1, "actions": 1, "horizon": 8, "dim": 1}),
        json!({"of": "mdp", "layout": "grid", "states": 16, "actions": 1, "horizon": 10, "dim": 1}),
        json!({"of": "tokens", "vocabulary": 6, "length": 5, "dim": 4}),
    ];
    for (mut settings, per_step) in all.into_iter().flat_map(|one| [(one.clone(), false), (one, true)]) {
        settings["norm"] = json!(1.5);
        settings["per_step"] = json!(per_step);
        let world = brute::world(settings.clone(), 11).unwrap();
        let again = brute::world(settings.clone(), 11).unwrap();
        assert_eq!((&world.phi, &world.theta, &world.next), (&again.phi, &again.theta, &again.next));
        assert_eq!(world.phi.len(), world.states * world.actions * world.dim, "{settings}");
        assert_eq!(world.theta.len(), world.width(), "{settings}");
        close(dot(&world.theta, &world.theta).sqrt(), 1.5, 1e-12);
        assert!(norms(&world).iter().all(|norm| *norm <= 1.0 + 1e-12), "{settings}");
        close(world.start.iter().sum(), 1.0, 1e-12);
        assert!(world.horizon == 1 || world.next.len() == world.states * world.actions);
        for next in &world.next {
            close(next.iter().map(|(_, chance)| chance).sum(), 1.0, 1e-12);
            assert!(next.iter().all(|(to, chance)| *to < world.states && *chance >= 0.0));
        }
    }
}

#[test]
fn families_of_arms_have_their_shapes() {
    let bandit = |features: &str, dim: usize| {
        let settings =
            json!({"of": "bandit", "arms": 400, "dim": dim, "features": features, "episodes": 50, "norm": 2.0});
        brute::world(settings, 12).unwrap()
    };
    let spread = |world: &World, i: usize| world.phi.chunks(world.dim).map(|phi| phi[i] * phi[i]).sum::<f64>();
    let (even, falling, rare) = (bandit("isotropic", 5), bandit("decaying", 5), bandit("rare", 6));
    assert!(spread(&even, 4) > 0.6 * spread(&even, 0));
    assert!(spread(&falling, 4) < 0.15 * spread(&falling, 0));
    let few: Vec<usize> = (0..400).filter(|arm| rare.phi(0, *arm)[3..].iter().any(|x| *x != 0.0)).collect();
    assert_eq!(few, (380..400).collect::<Vec<_>>());
    assert!(few.iter().all(|arm| rare.phi(0, *arm)[..3] == [0.0; 3]));
    close(dot(&rare.theta[3..], &rare.theta[3..]), 0.8 * 4.0, 1e-12);
}

#[test]
fn a_cube_of_one_step_is_the_hypercube() {
    let bandit = json!({"of": "bandit", "arms": 0, "dim": 4, "features": "hypercube", "episodes": 300, "norm": 1.0});
    let cube = json!({"of": "cube", "horizon": 1, "dim": 4, "episodes": 300, "norm": 1.0});
    let (bandit, cube) = (brute::world(bandit, 3).unwrap(), brute::world(cube, 3).unwrap());
    assert_eq!((bandit.phi, bandit.theta, bandit.actions), (cube.phi, cube.theta, cube.actions));
}

/// Each sign is worth `2 gap / sqrt(dim)` (as often as its theta is used), so the regret of a fixed policy is
/// `H d sqrt(K) / 2` in K episodes with a theta for each step, and `d sqrt(K) / 2` with one for all.
#[test]
fn a_cube_of_steps_is_tuned_to_its_episodes() {
    for (per_step, missed) in [(true, 5.0 * 3.0 * 20.0 / 2.0), (false, 3.0 * 20.0 / 2.0)] {
        let settings =
            json!({"of": "cube", "horizon": 5, "dim": 3, "episodes": 400, "norm": 9.0, "per_step": per_step});
        let world = brute::world(settings, 14).unwrap();
        assert_eq!((world.actions, world.width()), (8, if per_step { 15 } else { 3 }));
        let uniform = pbpo_exact::policy::Policy::uniform(&world);
        close(400.0 * (world.value(&world.optimum()) - world.value(&uniform)), missed, 1e-9);
    }
    let narrow = json!({"of": "cube", "horizon": 5, "dim": 3, "episodes": 1, "norm": 0.1, "per_step": true});
    let world = brute::world(narrow, 14).unwrap();
    close(dot(&world.theta, &world.theta).sqrt(), 0.1, 1e-12);
}

#[test]
fn a_hypercube_hides_its_signs() {
    let cube = |episodes: usize| {
        let settings =
            json!({"of": "bandit", "arms": 0, "dim": 5, "features": "hypercube", "episodes": episodes, "norm": 1.0});
        brute::world(settings, 13).unwrap()
    };
    let (world, sigma) = (cube(2000), |x: f64| 1.0 / (1.0 + (-x).exp()));
    assert_eq!(world.actions, 32);
    norms(&world).iter().for_each(|norm| close(*norm, 1.0, 1e-12));
    // The labels of all episodes, each of the most informative pair, carry about half a nat on one sign of theta.
    let mut turned = world.theta.clone();
    turned[2] = -turned[2];
    let mut most: f64 = 0.0;
    for (one, other) in (0..32).flat_map(|one| (0..32).map(move |other| (one, other))) {
        let z = pbpo_exact::minus(world.phi(0, one), world.phi(0, other));
        let (p, q) = (sigma(dot(&world.theta, &z)), sigma(dot(&turned, &z)));
        most = most.max(p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln());
    }
    assert!((0.45..=0.5).contains(&(2000.0 * most)), "{}", 2000.0 * most);
    close(dot(&cube(1).theta, &cube(1).theta).sqrt(), 1.0, 1e-12);
}

#[test]
fn star_grid_and_tokens_move_as_they_say() {
    let star = brute::world(
        json!({"of": "mdp", "layout": "star", "states": 5, "actions": 4, "horizon": 8, "dim": 5, "norm": 1.0}),
        1,
    )
    .unwrap();
    let chance = |world: &World, state: usize, action: usize, to: usize| -> f64 {
        let next = &world.next[state * world.actions + action];
        next.iter().filter(|(other, _)| *other == to).map(|(_, chance)| chance).sum()
    };
    for (to, expected) in [0.0, 0.7, 0.1, 0.1, 0.1].into_iter().enumerate() {
        close(chance(&star, 0, 0, to), expected, 1e-12);
    }
    close(chance(&star, 4, 0, 4), 0.7, 1e-12);
    close(chance(&star, 4, 3, 1), 0.7, 1e-12);
    close(star.theta[4] / star.theta[2], 10.0 / 6.0, 1e-12);
    let optimum = star.optimum();
    assert_eq!(optimum.row(&star, 0, 0)[0], 1.0, "from left to the right");
    assert_eq!(optimum.row(&star, 1, 1)[2], 1.0, "from the middle up");
    assert_eq!(optimum.row(&star, 2, 4)[3], 0.0, "and never down again");

    let grid = brute::world(
        json!({"of": "mdp", "layout": "grid", "states": 9, "actions": 5, "horizon": 6, "dim": 9, "norm": 1.0}),
        1,
    )
    .unwrap();
    close(chance(&grid, 4, 1, 5), 0.84, 1e-12);
    close(chance(&grid, 0, 0, 0), 0.8 + 3.0 * 0.04, 1e-12);
    assert_eq!(grid.next[4 * 5].len(), 5);
    assert!(grid.theta[8] > 0.0 && grid.theta[7] < 0.0);

    let tokens = brute::world(json!({"of": "tokens", "vocabulary": 3, "length": 4, "dim": 2, "norm": 1.0}), 1).unwrap();
    assert_eq!((tokens.states, tokens.actions, tokens.start[3]), (4, 3, 1.0));
    let trajectory = tokens.sample(&tokens.optimum(), 3, &mut seeded(1)).0;
    assert_eq!(trajectory[0].0, 3);
    assert!(trajectory.windows(2).all(|pair| pair[1].0 == pair[0].1));
}

#[test]
fn impossible_sizes_are_refused_with_a_remedy() {
    let bandit = |arms: usize, dim: usize, features: &str, episodes: usize, norm: f64| {
        json!({"of": "bandit", "arms": arms, "dim": dim, "features": features, "episodes": episodes,
            "norm": norm})
    };
    let mdp = |layout: &str, states: usize, horizon: usize| {
        json!({"of": "mdp", "layout": layout, "states": states, "actions": 2, "horizon": horizon, "dim": 2,
            "norm": 1.0})
    };
    let cases = [
        (bandit(0, 2, "isotropic", 1, 1.0), "arms is 0"),
        (bandit(2, 0, "isotropic", 1, 1.0), "dim is 0"),
        (bandit(2, 2, "isotropic", 1, 0.0), "norm of theta"),
        (bandit(10_000_000, 10, "decaying", 1, 1.0), "lower arms or dim"),
        (bandit(usize::MAX, 10, "decaying", 1, 1.0), "lower arms or dim"),
        (bandit(9, 1, "rare", 1, 1.0), "dim 2 at least"),
        (bandit(9, 13, "hypercube", 1, 1.0), "lower dim to 12"),
        (bandit(9, 3, "hypercube", 0, 1.0), "episodes is 0"),
        (mdp("random", 4000, 2), "lower states"),
        (mdp("random", 4, 0), "horizon is 0"),
        (mdp("star", 4, 10_000_000), "horizon"),
        (mdp("grid", 15, 3), "no square"),
        (mdp("grid", 1, 3), "no square"),
        (json!({"of": "contextual", "contexts": 0, "arms": 2, "dim": 2, "norm": 1.0}), "contexts is 0"),
        (json!({"of": "tokens", "vocabulary": 6000, "length": 2, "dim": 2, "norm": 1.0}), "lower vocabulary"),
    ];
    for (settings, expected) in cases {
        let error = brute::world(settings.clone(), 1).expect_err(&settings.to_string());
        assert!(error.contains(expected), "{settings}: {error}");
    }
}

#[test]
fn a_bandit_is_read_from_files() {
    let folder = std::env::temp_dir().join(format!("pbpo-exact-files-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let read = |features: &str, theta: &str| {
        std::fs::write(path("features.csv"), features).unwrap();
        std::fs::write(path("theta.csv"), theta).unwrap();
        brute::world(
            json!({"of": "file", "features": path("features.csv"), "theta": path("theta.csv"), "norm": 1.0}),
            1,
        )
    };
    let world = read("size,weight\n1, 2\n\n-3,4e-1\n", "0.5\n-2\n").unwrap();
    assert_eq!((world.actions, world.dim, world.states, world.horizon), (2, 2, 1, 1));
    assert_eq!((world.phi, world.theta), (vec![1.0, 2.0, -3.0, 0.4], vec![0.5, -2.0]));
    let cases = [
        ("1,2\n3\n", "1\n2\n", "features.csv:2: 1 numbers"),
        ("a,b\n1,x\n", "1\n2\n", "features.csv:2: `x` is not a number"),
        ("1,inf\n", "1\n2\n", "features.csv:1: `inf` is not finite"),
        ("1,2\n", "1\nNaN\n", "theta.csv:2: `NaN` is not finite"),
        ("1,2\n", "1\n", "theta.csv: 1 numbers, but an arm has 2"),
        ("a,b\n", "1\n", "features.csv: no numbers"),
    ];
    for (features, theta, expected) in cases {
        let error = read(features, theta).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(
        brute::world(json!({"of": "file", "features": path("no.csv"), "theta": "x", "norm": 1.0}), 1)
            .unwrap_err()
            .contains("no.csv")
    );
}
