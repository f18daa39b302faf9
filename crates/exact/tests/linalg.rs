//! Factors and covariances, against faer from scratch and plain elimination.

mod common;

use common::{eliminate, normals, rng};
use faer::{Mat, Side};
use pbpo_exact::dot;
use pbpo_exact::linalg::{Covariance, Factor, NotPositive, solve_symmetric};

/// Returns `ridge I + sum z z^T`, by definition.
fn plain(zs: &[Vec<f64>], ridge: f64) -> Vec<Vec<f64>> {
    let d = zs[0].len();
    let sum = |i: usize, j: usize| zs.iter().map(|z| z[i] * z[j]).sum::<f64>();
    (0..d).map(|i| (0..d).map(|j| sum(i, j) + if i == j { ridge } else { 0.0 }).collect()).collect()
}

#[test]
fn rank_one_updates_give_the_factor_from_scratch() {
    let rng = &mut rng(1);
    let zs: Vec<Vec<f64>> = (0..5000).map(|_| normals(8, 1.0, rng)).collect();
    let mut factor = Factor::diagonal(8, 0.5);
    zs.iter().for_each(|z| factor.add(z));
    let matrix = plain(&zs, 0.5);
    let scratch = Mat::from_fn(8, 8, |i, j| matrix[i][j]);
    let scratch = scratch.llt(Side::Lower).unwrap();
    let rebuilt = factor.matrix();
    let (mut worst, mut scale) = (0.0_f64, 0.0_f64);
    for i in 0..8 {
        for j in 0..8 {
            let product: f64 = (0..8).map(|k| scratch.L()[(i, k)] * scratch.L()[(j, k)]).sum();
            worst = worst.max((rebuilt[i * 8 + j] - product).abs());
            scale = scale.max(product.abs());
        }
    }
    println!("relative error of the factor after 5000 updates: {:e}", worst / scale);
    assert!(worst <= 1e-12 * scale);
    let log_det: f64 = (0..8).map(|i| 2.0 * scratch.L()[(i, i)].ln()).sum();
    assert!((factor.log_det() - log_det).abs() < 1e-11 * log_det);
}

#[test]
fn norms_and_solutions_are_those_of_elimination() {
    for width in [1, 5, 40] {
        let rng = &mut rng(width as u64);
        let zs: Vec<Vec<f64>> = (0..2 * width).map(|_| normals(width, 1.0, rng)).collect();
        let mut sigma = Covariance::new(&[width], 0.1);
        zs.iter().for_each(|z| sigma.add(z));
        let (matrix, x) = (plain(&zs, 0.1), normals(width, 1.0, rng));
        let solved = eliminate(matrix.clone(), x.clone());
        let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-9 * (1.0 + b.abs()), "{a} {b}");
        sigma.solve(&x).into_iter().zip(&solved).for_each(|(a, b)| close(a, *b));
        let flat: Vec<f64> = matrix.iter().flatten().copied().collect();
        solve_symmetric(&flat, &x).unwrap().into_iter().zip(&solved).for_each(|(a, b)| close(a, *b));
        close(sigma.inverse_norm_sq(&x), dot(&x, &solved));
        close(sigma.norm_sq(&x), matrix.iter().zip(&x).map(|(row, x_i)| x_i * dot(row, &x)).sum());
        let (rows, minus, mut out) = (normals(7 * width, 1.0, rng), normals(width, 1.0, rng), vec![9.0]);
        sigma.inverse_norms_sq(&rows, &minus, &mut out);
        assert_eq!(out.len(), 7);
        for (row, norm) in rows.chunks(width).zip(&out) {
            close(*norm, sigma.inverse_norm_sq(&pbpo_exact::minus(row, &minus)));
        }
    }
}

#[test]
fn blocks_do_not_mix() {
    let rng = &mut rng(3);
    let mut both = Covariance::new(&[2, 3], 0.7);
    let (mut first, mut second) = (Covariance::new(&[2], 0.7), Covariance::new(&[3], 0.7));
    for _ in 0..30 {
        let z = normals(5, 1.0, rng);
        both.add(&z);
        first.add(&z[..2]);
        second.add(&z[2..]);
    }
    let x = normals(5, 1.0, rng);
    let apart = first.inverse_norm_sq(&x[..2]) + second.inverse_norm_sq(&x[2..]);
    assert!((both.inverse_norm_sq(&x) - apart).abs() < 1e-14);
    assert!((both.log_det() - first.log_det() - second.log_det()).abs() < 1e-12);
    let pairs = both.eigen();
    assert_eq!(pairs.len(), 5);
    assert!(pairs.windows(2).all(|two| two[0].0 <= two[1].0));
    for (value, vector) in &pairs {
        assert!((dot(vector, vector) - 1.0).abs() < 1e-12);
        assert!((both.norm_sq(vector) - value).abs() < 1e-10 * value);
        let image = both.solve(vector);
        assert!(image.iter().zip(vector).all(|(a, b)| (a * value - b).abs() < 1e-10));
        assert!(vector[..2].iter().all(|x| *x == 0.0) || vector[2..].iter().all(|x| *x == 0.0));
    }
}

#[test]
fn the_potential_is_within_its_bound_and_not_far_below() {
    for (blocks, ridge) in [(vec![6], 1.0), (vec![3, 3], 4.0), (vec![6], 1e-3)] {
        let (rng, mut sigma) = (&mut rng(5), Covariance::new(&blocks, ridge));
        let mut by_hand = 0.0;
        for _ in 0..1000 {
            let z = normals(6, 0.4, rng);
            by_hand += dot(&z, &sigma.solve(&z)).min(1.0);
            sigma.add(&z);
            assert!(sigma.potential() <= sigma.potential_bound());
        }
        assert!((sigma.potential() - by_hand).abs() < 1e-9);
        assert!(sigma.potential() > 0.2 * sigma.potential_bound());
        assert_eq!(sigma.updates(), 1000);
    }
}

#[test]
fn a_matrix_without_a_factor_says_so() {
    let indefinite = [1.0, 2.0, 2.0, 1.0];
    assert_eq!(Factor::of(&indefinite, 2).err(), Some(NotPositive { width: 2 }));
    assert_eq!(Factor::of(&[f64::NAN], 1).err(), Some(NotPositive { width: 1 }));
    assert!(solve_symmetric(&indefinite, &[1.0, 0.0]).unwrap_err().to_string().contains("not positive definite"));
    // The matrix is semi-definite: a nudge is enough, and barely changes its range.
    let factor = Factor::nudged(&[1.0, 1.0, 1.0, 1.0], 2);
    assert!((factor.inverse_norm_sq(&[1.0, 1.0]) - 1.0).abs() < 1e-6);
    assert!(factor.inverse_norm_sq(&[1.0, -1.0]) > 1e10);
    assert!(Factor::nudged(&[0.0; 4], 2).inverse_norm_sq(&[1.0, 0.0]).is_finite());
    assert!(Covariance::new(&[2], 0.0).inverse_norm_sq(&[1.0, 1.0]).is_finite());
}
