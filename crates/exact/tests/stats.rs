//! Slopes and means of known curves.

mod common;

use common::{normal, rng};
use pbpo_exact::stats::{Mean, band, cumulative, finals, plotted, slope, slopes, thinned};

#[test]
fn slopes_of_powers_are_the_powers() {
    for power in [0.3, 0.5, 1.0] {
        let curve: Vec<f64> = (1..=4000).map(|k| 7.0 * f64::from(k).powf(power)).collect();
        assert!((slope(&curve).unwrap() - power).abs() < 1e-12);
    }
    // The first quarter does not count.
    let curve: Vec<f64> = (1..=4000).map(|k| if k <= 1000 { 1e6 } else { f64::from(k).sqrt() }).collect();
    assert!((slope(&curve).unwrap() - 0.5).abs() < 1e-12);
    assert_eq!(slope(&[0.0; 100]), None);
    assert_eq!(slope(&[]), None);
    assert!(slope(&[5.0; 100]).unwrap().abs() < 1e-12);
}

#[test]
fn the_slope_over_seeds_has_an_interval() {
    let rng = &mut rng(1);
    let curves: Vec<Vec<f64>> = (0..8)
        .map(|_| cumulative(&(1..=2000).map(|k| (1.0 + 0.2 * normal(rng)) / f64::from(k).sqrt()).collect::<Vec<_>>()))
        .collect();
    let found = slopes(&curves);
    let (low, high) = found.interval();
    println!("{found:?}");
    assert!(found.count == 8 && found.error > 0.0 && found.error < 0.01);
    assert!((found.mean - 0.5).abs() < 0.03 && low < found.mean && high - low > 4.0 * found.error);
}

#[test]
fn means_errors_and_bands() {
    let found = Mean::of(&[1.0, 2.0, 3.0, 4.0, f64::NAN]);
    assert_eq!((found.mean, found.count), (2.5, 4));
    assert!((found.error - (5.0_f64 / 3.0 / 4.0).sqrt()).abs() < 1e-15);
    assert!((found.interval().1 - 2.5 - 3.182 * found.error).abs() < 1e-12);
    assert_eq!((Mean::of(&[]), Mean::of(&[2.0]).error), (Mean::default(), 0.0));
    let curves = [vec![1.0, 2.0, 3.0], vec![3.0, 6.0]];
    let found = band(&curves);
    assert_eq!((found.mean, found.low, found.high), (vec![2.0, 4.0, 3.0], vec![1.0, 2.0, 3.0], vec![3.0, 6.0, 3.0]));
    assert_eq!(finals(&curves).mean, 4.5);
}

#[test]
fn plots_have_two_hundred_points() {
    let curve: Vec<f64> = (1..=4001).map(f64::from).collect();
    let found = plotted(&curve);
    assert_eq!((found.len(), found[0], found[199]), (200, (1, 1.0), (4001, 4001.0)));
    assert!(found.windows(2).all(|two| (20..=21).contains(&(two[1].0 - two[0].0))));
    assert_eq!(thinned(3, 200), [0, 1, 2]);
    assert_eq!((thinned(5, 1), thinned(5, 0)), (vec![4], vec![]));
}
