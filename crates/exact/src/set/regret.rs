//! The regret bound of Algorithm 1 in numbers.

use super::{Keep, Norm, Radius, Sizes};

impl Keep {
    /// Returns the regret that the proof allows in `episodes` episodes of one pair each, with `ridge` as the prior
    /// precision of fit and covariance. Returns `None` for a set without a confidence level.
    ///
    /// `2 gamma sqrt(K c (4 D log(1 + K L^2 / (D ridge)) + 2 log(1/delta)))` with `D = sizes.width` and
    /// `c = max(1, L^2 / ridge)`. The steps: the regret of an episode is at most `2 gamma ||x||` for the policy x that
    /// the enhancer finds, in the inverse covariance; the squares of these norms add up to the elliptical potential,
    /// once expectations are replaced by draws (hence the logarithm) and its terms may exceed 1 (hence c). It holds
    /// with probability `1 - 2 delta` for the whole algorithm: a set of the theoretical radius for any `scale` here, an
    /// exact search with the joint covariance, an exact policy step, and linear rewards.
    ///
    /// `gamma` bounds the set in the norm of the covariance. It is the radius of that ellipsoid, and
    /// `sqrt(2 kappa zeta)` for a likelihood set: in the ball the curvature of the loss is at least `1 / kappa` of the
    /// covariance. The Hessian's ellipsoid has the same size; it is not proved that it contains theta*.
    pub fn regret_bound(self, sizes: Sizes, ridge: f64, episodes: usize) -> Option<f64> {
        let theory = |radius: Radius| Radius { scale: 1.0, ..radius };
        let (gamma, radius) = match self {
            Keep::Ellipsoid { norm: Norm::Covariance, radius } => (theory(radius).covariance(sizes, ridge), radius),
            Keep::Ellipsoid { norm: Norm::Hessian, radius } | Keep::Likelihood { radius } => {
                let zeta = theory(radius).likelihood(sizes, ridge);
                ((2.0 * radius.kappa(sizes.difference) * zeta).sqrt(), radius)
            }
            Keep::Lagrangian { .. } | Keep::Dual { .. } | Keep::Mle => return None,
        };
        let (width, episodes) = (sizes.width as f64, episodes as f64);
        let spread = sizes.difference.powi(2) / ridge;
        let potential = 2.0 * width * (episodes * spread / width).ln_1p();
        let norms = spread.max(1.0) * 2.0 * (potential + radius.log_chance());
        Some(2.0 * gamma * (episodes * norms).sqrt())
    }
}
