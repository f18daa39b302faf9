//! Cholesky factors, and a covariance that grows by rank-one updates.
//!
//! Matrices are dense, row-major `[width, width]`. The decompositions are faer's; triangular solves are short loops
//! here, because they are called for every arm of every episode and must not allocate.

use faer::{MatRef, Side};

/// The largest width of vectors that are worked on without allocation.
const SMALL: usize = 32;

/// A matrix has no Cholesky factor: it is not positive definite (or not finite).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPositive {
    /// The width of the matrix.
    pub width: usize,
}

impl std::fmt::Display for NotPositive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a matrix of width {} is not positive definite", self.width)
    }
}

impl std::error::Error for NotPositive {}

/// The lower factor of `A = C C^T`, `[width, width]`.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Factor {
    width: usize,
    lower: Vec<f64>,
}

impl Factor {
    /// Factors `matrix`, which is symmetric; its lower triangle is read.
    pub fn of(matrix: &[f64], width: usize) -> Result<Self, NotPositive> {
        let view = MatRef::from_row_major_slice(matrix, width, width);
        let llt = view.llt(Side::Lower).map_err(|_| NotPositive { width })?;
        let (from, mut lower) = (llt.L(), vec![0.0; width * width]);
        for row in 0..width {
            for column in 0..=row {
                lower[row * width + column] = from[(row, column)];
            }
        }
        let sound = lower.iter().all(|x| x.is_finite()) && (0..width).all(|i| lower[i * width + i] > 0.0);
        if sound { Ok(Self { width, lower }) } else { Err(NotPositive { width }) }
    }

    /// Returns a factor of `matrix` with the least addition to its diagonal that makes it positive definite: from 1e-14
    /// of its largest entry on, tenfold each time. For a semi-definite matrix.
    pub fn nudged(matrix: &[f64], width: usize) -> Self {
        let largest = (0..width).map(|i| matrix[i * width + i].abs()).fold(0.0, f64::max);
        let mut extra = if largest > 0.0 && largest.is_finite() { 1e-14 * largest } else { 1e-14 };
        Self::of(matrix, width).unwrap_or_else(|_| {
            for _ in 0..30 {
                let mut more = matrix.to_vec();
                (0..width).for_each(|i| more[i * width + i] += extra);
                if let Ok(factor) = Self::of(&more, width) {
                    return factor;
                }
                extra *= 10.0;
            }
            Self::diagonal(width, 1.0)
        })
    }

    /// Returns the factor of `value I`.
    pub fn diagonal(width: usize, value: f64) -> Self {
        let mut lower = vec![0.0; width * width];
        (0..width).for_each(|i| lower[i * width + i] = value.sqrt());
        Self { width, lower }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.lower[row * self.width..row * self.width + row + 1]
    }

    /// Computes `A += z z^T` in O(width^2), by rotations.
    pub fn add(&mut self, z: &[f64]) {
        let width = self.width;
        with_copy(z, |z| {
            for k in 0..width {
                let pivot = self.lower[k * width + k];
                let grown = pivot.hypot(z[k]);
                let (cosine, sine) = (grown / pivot, z[k] / pivot);
                self.lower[k * width + k] = grown;
                for (i, z) in z.iter_mut().enumerate().skip(k + 1) {
                    let entry = &mut self.lower[i * width + k];
                    *entry = (*entry + sine * *z) / cosine;
                    *z = cosine * *z - sine * *entry;
                }
            }
        });
    }

    /// Replaces `x` by `C^{-1} x`.
    pub fn half_solve(&self, x: &mut [f64]) {
        for i in 0..self.width {
            let row = self.row(i);
            let known: f64 = row[..i].iter().zip(&x[..i]).map(|(c, x)| c * x).sum();
            x[i] = (x[i] - known) / row[i];
        }
    }

    /// Replaces `x` by `A^{-1} x`.
    pub fn solve(&self, x: &mut [f64]) {
        self.half_solve(x);
        for i in (0..self.width).rev() {
            let row = self.row(i);
            x[i] /= row[i];
            let done = x[i];
            x[..i].iter_mut().zip(row).for_each(|(x, c)| *x -= c * done);
        }
    }

    /// Returns `||x||^2` in the inverse of A.
    pub fn inverse_norm_sq(&self, x: &[f64]) -> f64 {
        with_copy(x, |x| {
            self.half_solve(x);
            x.iter().map(|x| x * x).sum()
        })
    }

    /// Returns `||x||^2` in A itself.
    pub fn norm_sq(&self, x: &[f64]) -> f64 {
        let column = |j: usize| (j..self.width).map(|i| self.lower[i * self.width + j] * x[i]).sum::<f64>();
        (0..self.width).map(|j| column(j).powi(2)).sum()
    }

    pub fn log_det(&self) -> f64 {
        (0..self.width).map(|i| 2.0 * self.lower[i * self.width + i].ln()).sum()
    }

    /// Returns A, `[width, width]`.
    pub fn matrix(&self) -> Vec<f64> {
        let mut matrix = Vec::with_capacity(self.width * self.width);
        for i in 0..self.width {
            matrix.extend((0..self.width).map(|j| crate::dot(self.row(i), self.row(j))));
        }
        matrix
    }
}

/// Returns `A^{-1} x` for a symmetric positive definite matrix.
pub fn solve_symmetric(matrix: &[f64], x: &[f64]) -> Result<Vec<f64>, NotPositive> {
    let (factor, mut solution) = (Factor::of(matrix, x.len())?, x.to_vec());
    factor.solve(&mut solution);
    Ok(solution)
}

/// `Sigma = ridge I + sum z z^T`, block-diagonal: one block, or one for each step of the world.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Covariance {
    blocks: Vec<Factor>,
    ridge: f64,
    potential: f64,
    updates: usize,
}

impl Covariance {
    /// Makes a covariance. `blocks` are the sizes of the diagonal blocks; they add up to the width. A ridge below 1e-12
    /// counts as 1e-12, because without one there is no inverse before the data span the space.
    pub fn new(blocks: &[usize], ridge: f64) -> Self {
        let ridge = ridge.max(1e-12);
        let blocks = blocks.iter().map(|width| Factor::diagonal(*width, ridge)).collect();
        Self { blocks, ridge, potential: 0.0, updates: 0 }
    }

    /// Returns a covariance with the same blocks and ridge, without updates.
    pub fn fresh(&self) -> Self {
        Self::new(&self.blocks.iter().map(Factor::width).collect::<Vec<_>>(), self.ridge)
    }

    /// Returns a covariance of one block with this factor.
    pub(crate) fn of_factor(factor: Factor) -> Self {
        Self { blocks: vec![factor], ridge: 0.0, potential: 0.0, updates: 0 }
    }

    /// Adds `z z^T` block by block, in O(d^2).
    pub fn add(&mut self, z: &[f64]) {
        self.potential += self.inverse_norm_sq(z).min(1.0);
        self.updates += 1;
        let mut from = 0;
        for block in &mut self.blocks {
            block.add(&z[from..from + block.width]);
            from += block.width;
        }
    }

    /// Returns the blocks with their first indices.
    fn parts(&self) -> impl Iterator<Item = (usize, &Factor)> {
        let begins = |from: &mut usize, block: &Factor| {
            let begin = *from;
            *from += block.width;
            Some(begin)
        };
        let begins = self.blocks.iter().scan(0, begins);
        begins.zip(&self.blocks)
    }

    pub fn width(&self) -> usize {
        self.blocks.iter().map(Factor::width).sum()
    }

    pub fn ridge(&self) -> f64 {
        self.ridge
    }

    /// Returns the number of updates.
    pub fn updates(&self) -> usize {
        self.updates
    }

    /// Returns `||x||^2` in the inverse.
    pub fn inverse_norm_sq(&self, x: &[f64]) -> f64 {
        self.parts().map(|(from, block)| block.inverse_norm_sq(&x[from..from + block.width])).sum()
    }

    /// Computes `||row - minus||^2` in the inverse, for each of `rows` (`[len, width]`).
    pub fn inverse_norms_sq(&self, rows: &[f64], minus: &[f64], out: &mut Vec<f64>) {
        out.clear();
        let mut difference = vec![0.0; minus.len()];
        out.extend(rows.chunks_exact(minus.len().max(1)).map(|row| {
            difference.iter_mut().zip(row.iter().zip(minus)).for_each(|(x, (a, b))| *x = a - b);
            let norm = |(from, block): (usize, &Factor)| {
                let x = &mut difference[from..from + block.width];
                block.half_solve(x);
                x.iter().map(|x| x * x).sum::<f64>()
            };
            self.parts().map(norm).sum::<f64>()
        }));
    }

    /// Returns `Sigma^{-1} x`.
    pub fn solve(&self, x: &[f64]) -> Vec<f64> {
        let mut solution = x.to_vec();
        self.parts().for_each(|(from, block)| block.solve(&mut solution[from..from + block.width]));
        solution
    }

    /// Returns `||x||^2` in Sigma itself.
    pub fn norm_sq(&self, x: &[f64]) -> f64 {
        self.parts().map(|(from, block)| block.norm_sq(&x[from..from + block.width])).sum()
    }

    pub fn log_det(&self) -> f64 {
        self.blocks.iter().map(Factor::log_det).sum()
    }

    /// Returns `sum min(1, ||z||^2_{Sigma^{-1}})` over the updates, each before it was made.
    pub fn potential(&self) -> f64 {
        self.potential
    }

    /// Returns the bound of the elliptical potential lemma: `2 log(det Sigma / det ridge I)`.
    pub fn potential_bound(&self) -> f64 {
        2.0 * (self.log_det() - self.width() as f64 * self.ridge.ln())
    }

    /// Returns unit eigenvectors (rows) with their eigenvalues, ascending; of each block, with zeros elsewhere.
    pub fn eigen(&self) -> Vec<(f64, Vec<f64>)> {
        let (width, mut pairs) = (self.width(), Vec::new());
        for (from, block) in self.parts() {
            let matrix = block.matrix();
            let view = MatRef::from_row_major_slice(&matrix, block.width, block.width);
            let Ok(eigen) = view.self_adjoint_eigen(Side::Lower) else { continue };
            for column in 0..block.width {
                let mut vector = vec![0.0; width];
                (0..block.width).for_each(|i| vector[from + i] = eigen.U()[(i, column)]);
                pairs.push((eigen.S().column_vector()[column], vector));
            }
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        pairs
    }
}

/// Calls a function with a copy of `x` that may be overwritten; on the stack for small widths.
fn with_copy<R>(x: &[f64], call: impl FnOnce(&mut [f64]) -> R) -> R {
    if x.len() <= SMALL {
        let mut copy = [0.0; SMALL];
        copy[..x.len()].copy_from_slice(x);
        call(&mut copy[..x.len()])
    } else {
        call(&mut x.to_vec())
    }
}
