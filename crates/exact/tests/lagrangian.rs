//! When a Lagrangian without a ridge has a minimum (method 2.3): where `x = sum a_i z_i` with `0 <= a_i <= beta`.

mod common;

use common::{eliminate, labelled, normals, rng};
use pbpo_exact::dot;
use pbpo_exact::likelihood::{Preferences, fit};
use pbpo_exact::linalg::Covariance;
use pbpo_exact::set::{Keep, Set};

/// Returns the exact critical multiplier for three features. By duality of the linear program it is 1 over the minimum
/// of `sum max(0, <u, z_i>)` under `<u, x> = 1`, which lies where two of the `<u, z_i>` vanish.
fn critical(data: &Preferences, x: &[f64]) -> f64 {
    let rows: Vec<&[f64]> = data.toward.chunks(3).collect();
    let mut least = f64::INFINITY;
    for (i, first) in rows.iter().enumerate() {
        for second in &rows[i + 1..] {
            let u = eliminate(vec![x.to_vec(), first.to_vec(), second.to_vec()], vec![1.0, 0.0, 0.0]);
            if u.iter().all(|u| u.is_finite()) {
                least = least.min(rows.iter().map(|z| dot(&u, z).max(0.0)).sum());
            }
        }
    }
    1.0 / least
}

fn value(data: &Preferences, x: &[f64], beta: f64) -> f64 {
    let found = fit(data, 0.0, &[0.0; 3]);
    let set = Set::new(Keep::Lagrangian { beta, mean: false }, data, &found, &Covariance::new(&[3], 1.0), 1.0);
    set.worst(x).value
}

#[test]
fn it_is_finite_above_the_critical_multiplier_and_not_below() {
    for seed in 0..5 {
        let rng = &mut rng(seed);
        let theta = normals(3, 0.5, rng);
        let (data, x) = (labelled(40, &theta, 1.0, rng), normals(3, 1.0, rng));
        let beta = critical(&data, &x);
        println!("critical {beta}: {} at 1.2, {} at 0.8", value(&data, &x, 1.2 * beta), value(&data, &x, 0.8 * beta));
        assert!(beta > 0.0 && beta.is_finite());
        assert!(value(&data, &x, 1.2 * beta).is_finite());
        assert!(value(&data, &x, 1.01 * beta).is_finite());
        assert_eq!(value(&data, &x, 0.99 * beta), f64::NEG_INFINITY);
        assert_eq!(value(&data, &x, 0.8 * beta), f64::NEG_INFINITY);
    }
}

#[test]
fn against_separable_data_no_multiplier_is_enough() {
    let (rng, theta) = (&mut rng(9), [1.0, 0.5, -0.5]);
    let mut data = Preferences::new(3);
    for _ in 0..30 {
        let z = normals(3, 1.0, rng);
        if dot(&z, &theta) > 0.0 { data.push(&z, &[0.0; 3]) } else { data.push(&[0.0; 3], &z) }
    }
    let x = theta.map(|theta| -theta);
    for beta in [0.1, 1.0, 100.0] {
        assert_eq!(value(&data, &x, beta), f64::NEG_INFINITY);
    }
    // A slack does not bound it either, but a ridge does.
    let found = fit(&data, 0.0, &[0.0; 3]);
    let set = Set::new(Keep::Dual { slack: 1.0 }, &data, &found, &Covariance::new(&[3], 1.0), 1.0);
    assert_eq!(set.worst(&x).value, f64::NEG_INFINITY);
    let found = fit(&data, 1e-3, &[0.0; 3]);
    let set = Set::new(Keep::Lagrangian { beta: 0.1, mean: false }, &data, &found, &Covariance::new(&[3], 1.0), 1.0);
    assert!(set.worst(&x).value.is_finite());
}
