//! The fit, against the definition, finite differences and an undamped method.

mod common;

use common::{eliminate, labelled, normals, plain_gradient, plain_hessian, plain_nll, rng, sigmoid};
use pbpo_exact::dot;
use pbpo_exact::likelihood::{Preferences, fit, refit};

#[test]
fn derivatives_are_those_of_finite_differences() {
    let rng = &mut rng(1);
    let theta = normals(5, 1.0, rng);
    let data = labelled(200, &theta, 1.0, rng);
    let (mut gradient, mut hessian) = (vec![9.0; 5], vec![9.0; 25]);
    let at = normals(5, 1.0, rng);
    let nll = data.derivatives(&at, 0.3, &mut gradient, &mut hessian);
    assert!((nll - plain_nll(&data, &at, 0.3)).abs() < 1e-10);
    assert!((nll - data.nll(&at, 0.3)).abs() < 1e-10);
    let moved = |i: usize, by: f64| {
        let mut moved = at.clone();
        moved[i] += by;
        moved
    };
    let (mut first, mut second) = (0.0_f64, 0.0_f64);
    for i in 0..5 {
        let (up, down) = (moved(i, 1e-5), moved(i, -1e-5));
        let slope = (plain_nll(&data, &up, 0.3) - plain_nll(&data, &down, 0.3)) / 2e-5;
        first = first.max((slope - gradient[i]).abs());
        let (up, down) = (plain_gradient(&data, &up, 0.3), plain_gradient(&data, &down, 0.3));
        for j in 0..5 {
            second = second.max(((up[j] - down[j]) / 2e-5 - hessian[i * 5 + j]).abs());
        }
    }
    println!("gradient off by {first:e}, Hessian by {second:e}");
    assert!(first < 1e-6 && second < 1e-6);
}

#[test]
fn large_margins_stay_finite() {
    let mut data = Preferences::new(1);
    data.push(&[1.0], &[0.0]);
    let (mut gradient, mut hessian) = ([0.0], [0.0]);
    assert_eq!(data.derivatives(&[-2000.0], 0.0, &mut gradient, &mut hessian), 2000.0);
    assert_eq!((gradient, hessian), ([-1.0], [0.0]));
    assert_eq!(data.derivatives(&[2000.0], 0.0, &mut gradient, &mut hessian), 0.0);
    assert!((data.nll(&[40.0], 0.0) / (-40.0_f64).exp() - 1.0).abs() < 1e-12);
}

#[test]
fn the_fit_is_a_minimum_with_or_without_ridge() {
    for (seed, ridge) in [(2, 0.0), (3, 1e-3), (4, 2.0)] {
        let rng = &mut rng(seed);
        let theta = normals(8, 0.7, rng);
        let data = labelled(1000, &theta, 0.6, rng);
        let found = fit(&data, ridge, &[0.0; 8]);
        let gradient = plain_gradient(&data, &found.theta, ridge);
        let most = gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
        println!("ridge {ridge}: gradient {most:e} after {} steps", found.newton_steps);
        assert!(found.converged && most < 1e-8);
        assert!((found.nll - plain_nll(&data, &found.theta, ridge)).abs() < 1e-9);
        let hessian = plain_hessian(&data, &found.theta, ridge);
        assert!(hessian.iter().flatten().zip(&found.hessian).all(|(a, b)| (a - b).abs() < 1e-9));
        for _ in 0..20 {
            let other: Vec<f64> = found.theta.iter().zip(normals(8, 0.01, rng)).map(|(a, b)| a + b).collect();
            assert!(plain_nll(&data, &other, ridge) > found.nll);
        }
    }
}

#[test]
fn a_warm_start_takes_three_steps() {
    let rng = &mut rng(5);
    let theta = normals(8, 0.7, rng);
    let data = labelled(1000, &theta, 0.6, rng);
    let (mut grown, mut warm) = (Preferences::new(8), vec![0.0; 8]);
    let mut most = 0;
    for (pair, z) in data.toward.chunks(8).enumerate() {
        grown.push(z, &[0.0; 8]);
        let found = fit(&grown, 0.1, &warm);
        warm = found.theta;
        most = if pair >= 200 { most.max(found.newton_steps) } else { 0 };
    }
    assert!((1..=3).contains(&most), "{most}");
}

/// Newton's method in its textbook form.
fn undamped(data: &Preferences, ridge: f64, start: &[f64], steps: usize) -> Vec<f64> {
    let mut theta = start.to_vec();
    for _ in 0..steps {
        let gradient = plain_gradient(data, &theta, ridge);
        let step = eliminate(plain_hessian(data, &theta, ridge), gradient);
        theta.iter_mut().zip(&step).for_each(|(theta, step)| *theta -= step);
    }
    theta
}

#[test]
fn damping_is_needed_on_separable_data() {
    let (rng, theta) = (&mut rng(6), [1.0, -1.0, 0.5]);
    let mut data = Preferences::new(3);
    for _ in 0..40 {
        let z = normals(3, 1.0, rng);
        if dot(&z, &theta) > 0.0 { data.push(&z, &[0.0; 3]) } else { data.push(&[0.0; 3], &z) }
    }
    let start = [-30.0, 30.0, -15.0];
    let found = fit(&data, 1e-6, &start);
    let size = |theta: &[f64]| plain_gradient(&data, theta, 1e-6).iter().fold(0.0_f64, |most, g| most.max(g.abs()));
    let lost = undamped(&data, 1e-6, &start, 200);
    println!("damped: {:e} in {} steps; undamped: {:e}", size(&found.theta), found.newton_steps, size(&lost));
    assert!(found.converged && size(&found.theta) < 1e-8);
    let gradient = size(&lost);
    assert!(gradient.is_nan() || gradient > 1e-2, "{gradient:e}");
}

#[test]
fn degenerate_data_do_not_panic() {
    let found = fit(&Preferences::new(3), 0.1, &[1.0, 2.0, 3.0]);
    assert_eq!((found.theta.as_slice(), found.nll, found.newton_steps), (&[0.0; 3][..], 0.0, 0));
    assert_eq!(fit(&Preferences::new(2), 0.0, &[1.0, 1.0]).theta, [0.0, 0.0]);
    // With one pair in three dimensions and no ridge there is no minimum, but a result.
    let mut one = Preferences::new(3);
    one.push(&[1.0, 0.0, 0.0], &[0.0; 3]);
    let found = fit(&one, 0.0, &[0.0; 3]);
    assert!(found.theta.iter().all(|x| x.is_finite()) && found.nll < 1e-10);
    // A pair of equals has no information.
    let mut equal = Preferences::new(2);
    equal.push(&[1.0, 1.0], &[1.0, 1.0]);
    assert_eq!(fit(&equal, 0.0, &[0.5, 0.5]).theta, [0.5, 0.5]);
}

#[test]
fn a_fit_that_grows_is_the_fit_from_scratch() {
    let theta = [0.8, -0.4, 0.3];
    let all = labelled(300, &theta, 0.7, &mut rng(21));
    let mut some = all.clone();
    some.toward.truncate(3 * 40);
    let mut grown = fit(&some, 0.1, &[0.0; 3]);
    for known in (40..300).step_by(20) {
        some.toward = all.toward[..3 * (known + 20)].to_vec();
        grown = refit(&some, &grown, known);
    }
    let whole = fit(&all, 0.1, &[0.0; 3]);
    assert!(grown.theta.iter().zip(&whole.theta).all(|(a, b)| (a - b).abs() < 1e-8), "{grown:?} {whole:?}");
    assert!((grown.nll - whole.nll).abs() < 1e-8);
    assert!(grown.hessian.iter().zip(&whole.hessian).all(|(a, b)| (a - b).abs() < 1e-6));
}

/// A label of probability 3/4 equals three labels of one kind and one of the other, with weight a quarter each.
#[test]
fn a_soft_label_is_so_many_hard_ones() {
    let rng = &mut rng(11);
    let (mut soft, mut hard) = (Preferences::new(4), Preferences::new(4));
    for _ in 0..60 {
        let (a, b) = (normals(4, 1.0, rng), normals(4, 1.0, rng));
        soft.push_soft(&a, &b, 0.75);
        (0..3).for_each(|_| hard.push(&a, &b));
        hard.push(&b, &a);
    }
    let at = normals(4, 1.0, rng);
    assert!((4.0 * soft.nll(&at, 0.1) - hard.nll(&at, 0.4)).abs() < 1e-9);
    let derivatives = |data: &Preferences, ridge: f64| {
        let (mut gradient, mut hessian) = (vec![0.0; 4], vec![0.0; 16]);
        data.derivatives(&at, ridge, &mut gradient, &mut hessian);
        [gradient, hessian].concat()
    };
    let pairs = derivatives(&soft, 0.1).into_iter().zip(derivatives(&hard, 0.4));
    assert!(pairs.into_iter().all(|(soft, hard)| (4.0 * soft - hard).abs() < 1e-9));
    let (soft, hard) = (fit(&soft, 0.1, &[0.0; 4]), fit(&hard, 0.4, &[0.0; 4]));
    assert!(soft.converged && soft.theta.iter().zip(&hard.theta).all(|(a, b)| (a - b).abs() < 1e-8));
}

/// With the probabilities themselves as labels, theta* is the minimum; drawn labels scatter around it.
#[test]
fn soft_labels_find_what_drawn_ones_estimate() {
    let theta = [1.0, -0.5, 0.3];
    let (mut of_soft, mut of_drawn) = (0.0_f64, 0.0_f64);
    for seed in 0..20 {
        let rng = &mut rng(100 + seed);
        let drawn = labelled(100, &theta, 1.0, rng);
        let mut soft = Preferences::new(3);
        for z in drawn.toward.chunks(3) {
            soft.push_soft(z, &[0.0; 3], sigmoid(dot(&theta, z)));
        }
        let error = |data: &Preferences| {
            let off = pbpo_exact::minus(&fit(data, 1e-6, &[0.0; 3]).theta, &theta);
            dot(&off, &off)
        };
        (of_soft, of_drawn) = (of_soft.max(error(&soft)), of_drawn + error(&drawn) / 20.0);
    }
    println!("squared errors: at most {of_soft:e} of soft labels, {of_drawn} on average of drawn ones");
    assert!(of_soft < 1e-9 && of_drawn > 0.05);
}
