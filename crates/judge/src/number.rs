//! Exact numbers: a fraction times a power of ten. Numbers are never rounded, so that different large integers stay
//! different.

use num_bigint::{BigInt, Sign};

/// The largest number of digits, and the largest exponent, that are read.
const LONGEST: usize = 10_000;
const LARGEST: i64 = 1_000_000_000;

/// If the exponents of two numbers are further apart than this, the smaller number is negligible: `over` and `parse`
/// keep every integer below `4 * LONGEST` bits, which are fewer than `2 * LONGEST` digits.
const APART: i64 = 5 * LONGEST as i64;

/// `above / below * 10^exponent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    above: BigInt,
    below: BigInt,
    exponent: i64,
}

impl Number {
    /// Reads a number as `12.5e-3`: digits, with at most a point and an exponent. Returns `None` for any other text and
    /// for one that is too long.
    pub fn parse(text: &str) -> Option<Self> {
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || digits.len() > LONGEST || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let exponent = exponent.parse::<i64>().ok().filter(|exponent| exponent.abs() <= LARGEST)?;
        let above = BigInt::parse_bytes(digits.as_bytes(), 10)?;
        let exponent = if above.sign() == Sign::NoSign { 0 } else { exponent - fraction.len() as i64 };
        Some(Self { above, below: BigInt::from(1), exponent })
    }

    /// Reads a finite number that is 0 or more, from its decimal form.
    fn of_float(value: f64) -> Option<Self> {
        Self::parse(&format!("{value:e}"))
    }

    pub fn negated(self) -> Self {
        Self { above: -self.above, ..self }
    }

    /// Divides. Returns `None` if the divisor is 0, or an integer grows too long.
    pub fn over(self, below: Self) -> Option<Self> {
        let (mut above, mut divisor) = (self.above * below.below, self.below * below.above);
        if divisor.sign() == Sign::Minus {
            (above, divisor) = (-above, -divisor);
        }
        let exponent = self.exponent - below.exponent;
        let fits = |of: &BigInt| of.bits() < 4 * LONGEST as u64;
        let sound = divisor.sign() == Sign::Plus && fits(&above) && fits(&divisor) && exponent.abs() <= LARGEST;
        sound.then_some(Self { above, below: divisor, exponent })
    }

    /// Joins `2` and `1/2` to two and a half. Returns `None` if the parts make no such number.
    pub fn and(self, part: Self) -> Option<Self> {
        let plain = self.exponent == 0 && part.exponent == 0 && self.below == BigInt::from(1);
        let proper = part.above.sign() == Sign::Plus && part.above < part.below;
        (plain && proper).then(|| Self { above: self.above * &part.below + part.above, below: part.below, exponent: 0 })
    }

    pub fn times_ten_to(self, exponent: i64) -> Option<Self> {
        let exponent = self.exponent.checked_add(exponent).filter(|exponent| exponent.abs() <= LARGEST)?;
        Some(Self { exponent, ..self })
    }

    /// Tells whether two numbers differ by at most `tolerance`.
    pub fn is_near(&self, other: &Self, tolerance: f64) -> bool {
        let Some(tolerance) = Self::of_float(tolerance) else { return false };
        match self.minus(other) {
            Ok(difference) => difference.is_at_most(&tolerance),
            // One number is negligible beside the other, which is then the difference.
            Err(larger) => larger.is_at_most(&tolerance),
        }
    }

    /// Returns the difference, or as an error the larger number if the other one is negligible beside it.
    fn minus(&self, other: &Self) -> Result<Self, Self> {
        let exponent = self.exponent.min(other.exponent);
        let [one, two] = [self, other].map(|number| number.exponent - exponent);
        let zero = |number: &Self| number.above.sign() == Sign::NoSign;
        if zero(self) || zero(other) {
            return Err(if zero(self) { other } else { self }.clone());
        }
        if one.max(two) > APART {
            return Err(if one > two { self } else { other }.clone());
        }
        let above = &self.above * &other.below * ten_to(one) - &other.above * &self.below * ten_to(two);
        Ok(Self { above, below: &self.below * &other.below, exponent })
    }

    /// Tells whether the absolute value of a number is at most another, which is 0 or more.
    fn is_at_most(&self, most: &Self) -> bool {
        if self.above.sign() == Sign::NoSign || most.above.sign() == Sign::NoSign {
            return self.above.sign() == Sign::NoSign;
        }
        let apart = self.exponent - most.exponent;
        if apart.abs() > 2 * APART {
            return apart < 0;
        }
        let size = BigInt::from(self.above.magnitude().clone()) * &most.below;
        size * ten_to(apart.max(0)) <= &most.above * &self.below * ten_to((-apart).max(0))
    }
}

/// Returns a power of ten, for exponents in `0..=2 * APART`.
fn ten_to(exponent: i64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(exponent).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(one: &str, other: &str, tolerance: f64) -> bool {
        Number::parse(one).unwrap().is_near(&Number::parse(other).unwrap(), tolerance)
    }

    #[test]
    fn integers_are_compared_digit_by_digit() {
        let googol = format!("1{}", "0".repeat(100));
        let other = format!("{}1", &googol[..100]);
        assert!(near(&googol, "1e100", 0.0) && near("8", "8.0", 0.0) && near("0", "0e5", 0.0));
        assert!(!near(&googol, &other, 1e-6) && near(&googol, &other, 1.0));
        assert!(!near("9007199254740992", "9007199254740993", 1e-6));
    }

    #[test]
    fn a_tolerance_is_exact() {
        assert!(near("0.3333333", "0.3333334", 1e-6) && !near("0.333333", "0.333335", 1e-6));
        assert!(near("0.1", "0.35", 0.25) && !near("0.1", "0.3500000000000000000001", 0.25));
        assert!(!near("1", "2", f64::NAN));
    }

    #[test]
    fn numbers_of_any_size_are_compared_at_once() {
        assert!(near("1e999999999", "1e999999999", 0.0) && !near("1e999999999", "2e999999999", 1.0));
        assert!(!near("1e999999999", "1e-999999999", 1.0) && near("1e-999999999", "1e-99999999", 1e-6));
        assert!(near("1e-999999999", "0", 1e-300) && !near("1e-999999999", "0", 0.0));
        assert!(Number::parse("1e1000000001").is_none() && Number::parse("1e99999999999999999999").is_none());
        assert!(Number::parse(&"7".repeat(LONGEST + 1)).is_none());
        let number = |text: &str| Number::parse(text).unwrap();
        assert!(number("1").over(number("0")).is_none());
        assert!(number("1").over(number("3")).unwrap().is_near(&number("0.333333333"), 1e-6));
    }
}
