//! The theoretical radii of confidence sets.

/// A confidence level and the other parameters of the theory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Radius {
    /// The allowed probability that the true reward is not in the set.
    pub delta: f64,
    /// The factor on the theoretical size of the set: on the radii `gamma` and `sqrt(2 zeta)` of ellipsoids; its square
    /// is the factor on the slack `zeta` of the likelihood set, which then has the size of the Hessian's ellipsoid.
    pub scale: f64,
    /// A bound on the norm of theta* (B).
    pub bound: f64,
}

/// The quantities on which the radii depend besides the confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizes {
    /// The length of theta (d).
    pub width: usize,
    /// The number of preferences so far (k).
    pub pairs: usize,
    /// A bound on the norm of a feature difference (L).
    pub difference: f64,
}

impl Radius {
    pub(super) fn log_chance(self) -> f64 {
        -self.delta.clamp(f64::MIN_POSITIVE, 1.0).ln()
    }

    /// Returns `kappa = 2 + e^r + e^-r` with `r = L B`: the largest `1 / sigma'` \[STD: Zhan et al. 2305.14816\].
    pub fn kappa(self, difference: f64) -> f64 {
        let r = difference * self.bound;
        2.0 + r.exp() + (-r).exp()
    }

    /// Returns the radius in the norm of `Sigma = ridge I + sum z z^T`, scaled (our proof, after \[STD\] ones): `gamma
    /// = kappa / 2 sqrt(d log(1 + k L^2 / (d ridge)) + 2 log(1/delta)) + sqrt(kappa ridge) B`, for a fit in the ball
    /// with the same ridge.
    pub fn covariance(self, sizes: Sizes, ridge: f64) -> f64 {
        let d = sizes.width as f64;
        let growth = d * (sizes.pairs as f64 * sizes.difference.powi(2) / (d * ridge)).ln_1p();
        let noise = self.kappa(sizes.difference) / 2.0 * (growth + 2.0 * self.log_chance()).sqrt();
        self.scale * (noise + (self.kappa(sizes.difference) * ridge).sqrt() * self.bound)
    }

    /// Returns the slack in the negative log-likelihood, times the square of `scale`, so that a likelihood set and an
    /// ellipsoid of the Hessian have the same size to second order. It is the confidence sequence of likelihood ratios
    /// of Lee, Yun, Jun (2407.13977, \[STD\]), `zeta = log(1/delta) + d log(max(e, 2 e B k L / d))`, plus the largest
    /// effect of the fit's ridge on theta*, `ridge / 2 B^2` (ours). As the sequence requires, the fit is the best one
    /// in a ball (`fit_in_ball`); the guarantee is for a ball of norm B.
    pub fn likelihood(self, sizes: Sizes, ridge: f64) -> f64 {
        let (d, e) = (sizes.width as f64, std::f64::consts::E);
        let lipschitz = sizes.pairs as f64 * sizes.difference;
        let volume = d * (2.0 * e * self.bound * lipschitz / d).max(e).ln();
        self.scale.powi(2) * (self.log_chance() + volume + 0.5 * ridge * self.bound.powi(2))
    }

    /// Returns the radius in the norm of the Hessian at the fit, scaled: `sqrt(2 zeta)`, the likelihood set to second
    /// order.
    pub fn hessian(self, sizes: Sizes, ridge: f64) -> f64 {
        let zeta = Self { scale: 1.0, ..self }.likelihood(sizes, ridge);
        self.scale * (2.0 * zeta).sqrt()
    }
}
