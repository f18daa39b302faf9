//! The covariance of feature differences, `Sigma = ridge I + sum z z^T`, kept as its lower Cholesky factor in f64:
//! uncertainty by one triangular solve, a rank-one update in O(d^2), log det at no extra cost.

/// Lower Cholesky factor of `Sigma`, row-major `[d, d]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Covariance {
    dim: usize,
    factor: Vec<f64>,
}

impl Covariance {
    /// Returns `ridge I`.
    pub fn new(dim: usize, ridge: f64) -> Self {
        let mut factor = vec![0.0; dim * dim];
        for i in 0..dim {
            factor[i * dim + i] = ridge.sqrt();
        }
        Self { dim, factor }
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Returns `z^T Sigma^{-1} z`, the uncertainty in the direction `z`.
    pub fn uncertainty(&self, z: &[f64]) -> f64 {
        debug_assert_eq!(z.len(), self.dim);
        let mut u = vec![0.0; self.dim];
        let mut total = 0.0;
        for i in 0..self.dim {
            let row = &self.factor[i * self.dim..][..i];
            let known: f64 = row.iter().zip(&u).map(|(l, u)| l * u).sum();
            u[i] = (z[i] - known) / self.factor[i * self.dim + i];
            total += u[i] * u[i];
        }
        total
    }

    /// Computes `Sigma += z z^T`, by Givens rotations (the factor stays lower triangular).
    pub fn update(&mut self, z: &[f64]) {
        debug_assert_eq!(z.len(), self.dim);
        let d = self.dim;
        let mut w = z.to_vec();
        for k in 0..d {
            let diagonal = self.factor[k * d + k];
            let r = diagonal.hypot(w[k]);
            let (c, s) = (r / diagonal, w[k] / diagonal);
            self.factor[k * d + k] = r;
            for (i, w) in w.iter_mut().enumerate().skip(k + 1) {
                let l = (self.factor[i * d + k] + s * *w) / c;
                *w = c * *w - s * l;
                self.factor[i * d + k] = l;
            }
        }
    }

    /// Returns `log det Sigma`.
    pub fn log_det(&self) -> f64 {
        (0..self.dim).map(|i| 2.0 * self.factor[i * self.dim + i].ln()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;

    /// Returns the inverse and log det of a dense symmetric matrix by Gauss-Jordan elimination.
    fn dense_inverse(mut a: Vec<Vec<f64>>) -> (Vec<Vec<f64>>, f64) {
        let d = a.len();
        let mut inverse: Vec<Vec<f64>> =
            (0..d).map(|i| (0..d).map(|j| f64::from(u8::from(i == j))).collect()).collect();
        let mut log_det = 0.0;
        for k in 0..d {
            let pivot = a[k][k];
            log_det += pivot.ln();
            for j in 0..d {
                a[k][j] /= pivot;
                inverse[k][j] /= pivot;
            }
            for i in (0..d).filter(|i| *i != k) {
                let factor = a[i][k];
                for j in 0..d {
                    a[i][j] -= factor * a[k][j];
                    inverse[i][j] -= factor * inverse[k][j];
                }
            }
        }
        (inverse, log_det)
    }

    #[test]
    fn agrees_with_a_dense_inverse() {
        let d = 12;
        let mut stream = rng::stream([7; 32], 0);
        let mut covariance = Covariance::new(d, 0.5);
        let mut dense: Vec<Vec<f64>> =
            (0..d).map(|i| (0..d).map(|j| if i == j { 0.5 } else { 0.0 }).collect()).collect();
        for _ in 0..200 {
            let z: Vec<f64> = rng::normals(&mut stream, d).into_iter().map(f64::from).collect();
            covariance.update(&z);
            for i in 0..d {
                for j in 0..d {
                    dense[i][j] += z[i] * z[j];
                }
            }
        }
        let (inverse, log_det) = dense_inverse(dense);
        let x: Vec<f64> = rng::normals(&mut stream, d).into_iter().map(f64::from).collect();
        let expected: f64 = (0..d).map(|i| (0..d).map(|j| x[i] * inverse[i][j] * x[j]).sum::<f64>()).sum();
        assert!((covariance.uncertainty(&x) / expected - 1.0).abs() < 1e-10);
        assert!((covariance.log_det() - log_det).abs() < 1e-9);
    }

    #[test]
    fn potential_lemma_holds() {
        let mut stream = rng::stream([8; 32], 0);
        let mut covariance = Covariance::new(6, 1.0);
        let start = covariance.log_det();
        let mut potential = 0.0;
        for _ in 0..300 {
            let z: Vec<f64> = rng::normals(&mut stream, 6).into_iter().map(|v| f64::from(v) / 6.0).collect();
            potential += covariance.uncertainty(&z).min(1.0);
            covariance.update(&z);
        }
        assert!(potential <= 2.0 * (covariance.log_det() - start));
    }
}
