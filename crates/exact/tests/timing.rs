//! The time of an episode's steps: `cargo test --release -p pbpo-exact --test timing -- --ignored --nocapture`.

mod common;

use std::time::Instant;

use common::{bandit, labelled, mdp, normals, rng};
use pbpo_exact::likelihood::fit;
use pbpo_exact::linalg::Covariance;
use pbpo_exact::policy::Policy;
use pbpo_exact::set::{Keep, Norm, Radius, Set};
use pbpo_exact::step::{frank_wolfe, points};

/// Returns the minimum of 50 calls, in microseconds, because other work on the machine only adds time.
fn microseconds<R>(mut call: impl FnMut() -> R) -> f64 {
    let once = |_| {
        let from = Instant::now();
        drop(call());
        from.elapsed().as_secs_f64() * 1e6
    };
    (0..50).map(once).fold(f64::INFINITY, f64::min)
}

#[test]
#[ignore = "measures, and checks nothing"]
fn steps_of_an_episode() {
    let theta = normals(8, 0.35, &mut rng(1));
    let radius = Radius { delta: 0.05, scale: 1.0, bound: 1.0 };
    let ellipsoid = |norm| Keep::Ellipsoid { norm, radius };
    for pairs in [1000, 4000] {
        let world = bandit(400, &theta, 2);
        let data = labelled(pairs, &theta, 0.7, &mut rng(3));
        let mut sigma = Covariance::new(&[8], 1.0);
        data.toward.chunks(8).for_each(|z| sigma.add(z));
        let mut before = data.clone();
        before.toward.truncate(8 * (pairs - 1));
        let warm = fit(&before, 0.01, &theta);
        let found = fit(&data, 0.01, &warm.theta);
        println!(
            "{pairs} pairs, fit: {} us, {} steps",
            microseconds(|| fit(&data, 0.01, &warm.theta)),
            found.newton_steps
        );
        let (mut gradient, mut hessian) = (vec![0.0; 8], vec![0.0; 64]);
        let pass = || data.derivatives(&theta, 0.01, &mut gradient, &mut hessian);
        println!("  loss: {} us, with derivatives {} us", microseconds(|| data.nll(&theta, 0.01)), microseconds(pass));
        let mut out = Vec::new();
        let reference = Policy::uniform(&world);
        let from = world.features(&reference);
        println!("  norms of 400 arms: {} us", microseconds(|| sigma.inverse_norms_sq(&world.phi, &from, &mut out)));
        let keeps = [ellipsoid(Norm::Covariance), ellipsoid(Norm::Hessian), Keep::Likelihood { radius }];
        for keep in keeps.into_iter().chain([Keep::Lagrangian { beta: 0.05, mean: false }, Keep::Mle]) {
            let set = Set::new(keep, &data, &found, &sigma, 2.0);
            let one = microseconds(|| set.worst(&world.phi[..8]));
            let most = points(&world, &set, &reference);
            let all = microseconds(|| points(&world, &set, &reference));
            println!(
                "  {keep:?}: worst {one} us, points {all} us ({} of 400 arms, value {})",
                most.iterations, most.value
            );
        }
    }
    let world = mdp((5, 20, 4), 8, false, 4);
    let data = labelled(1000, &world.theta, 0.7, &mut rng(5));
    let sigma = Covariance::new(&[8], 1.0);
    let (found, reference) = (fit(&data, 0.01, &[0.0; 8]), Policy::uniform(&world));
    for keep in [ellipsoid(Norm::Hessian), Keep::Likelihood { radius }] {
        let set = Set::new(keep, &data, &found, &sigma, 2.0);
        let from = Instant::now();
        let most = frank_wolfe(&world, &set, &reference, &reference, 1e-4, 500);
        println!("{keep:?}: Frank-Wolfe {:?}, gap {}, {} steps", from.elapsed(), most.gap, most.iterations);
    }
}
