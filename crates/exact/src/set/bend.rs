//! Derivatives of the worst reward in the feature difference, for solvers that take second-order steps.

use super::level::Level;
use super::{Keep, Set, Worst};
use crate::dot;
use crate::linalg::{Covariance, Factor};
use crate::newton::plus_diagonal;

impl Set<'_> {
    /// Returns the largest price of a member in `softened`: `1/2 ||theta - theta_hat||^2` in the norm of an ellipsoid,
    /// else `NLL(theta) - NLL(theta_hat)`. Returns 0 if worst cases are smooth in x without it.
    pub fn most_price(&self) -> f64 {
        match self.keep {
            Keep::Ellipsoid { .. } => 0.5 * self.size.powi(2),
            Keep::Likelihood { .. } | Keep::Dual { .. } => self.size,
            Keep::Lagrangian { .. } | Keep::Mle => 0.0,
        }
    }

    /// Returns the solution of `min <theta, x> + floor price(theta)` over the set, from the worst case for x. It
    /// differs from that only if x is so small that the multiplier is below the floor. Worst values have a kink at
    /// `x = 0`; these have none.
    pub fn softened(&self, x: &[f64], worst: &Worst, floor: f64) -> Worst {
        if worst.beta >= floor || self.most_price() == 0.0 {
            return worst.clone();
        }
        match self.keep {
            Keep::Ellipsoid { .. } => self.second_order(x, 0.0, 1.0 / floor),
            _ => Level { data: self.data, fit: self.fit }.penalised(x, floor),
        }
    }

    /// Returns `-d theta / d x` of `softened`, `[width, width]`, symmetric and semi-definite: the curvature of worst
    /// values.
    pub fn bend(&self, x: &[f64], worst: &Worst, floor: f64) -> Vec<f64> {
        let width = x.len();
        let mut bend = vec![0.0; width * width];
        let softened = self.softened(x, worst, floor);
        let price = softened.beta;
        if !(price > 0.0 && price < f64::INFINITY) {
            return bend;
        }
        let own = matches!(self.keep, Keep::Ellipsoid { .. });
        let hessian = (!own).then(|| {
            let hessian = self.data.hessian(&softened.theta, self.fit.ridge);
            Covariance::of_factor(Factor::nudged(&plus_diagonal(&hessian, width, softened.held / price), width))
        });
        let norm = hessian.as_ref().unwrap_or(&self.norm);
        for (i, row) in bend.chunks_exact_mut(width).enumerate() {
            row[i] = 1.0 / price;
            row.copy_from_slice(&norm.solve(row));
        }
        // On a surface theta cannot move across it: on that of the set along x, on that of the ball along theta.
        if worst.beta >= floor && self.most_price() > 0.0 {
            flatten(&mut bend, x);
        }
        if softened.held > 0.0 {
            flatten(&mut bend, &softened.theta);
        }
        bend
    }
}

/// Removes from a symmetric semi-definite matrix its action across a surface with this normal.
fn flatten(matrix: &mut [f64], normal: &[f64]) {
    let along: Vec<f64> = matrix.chunks_exact(normal.len()).map(|row| dot(row, normal)).collect();
    let length = dot(&along, normal);
    let most = (0..normal.len()).map(|i| matrix[i * normal.len() + i]).fold(0.0, f64::max);
    if length <= 1e-12 * most * dot(normal, normal) {
        return;
    }
    for (row, a) in matrix.chunks_exact_mut(normal.len()).zip(&along) {
        row.iter_mut().zip(&along).for_each(|(entry, b)| *entry -= a * b / length);
    }
}
