//! `strftime_now` of chat templates: the current date, as in transformers, unless the date is fixed.
//!
//! The environment variable `SOURCE_DATE_EPOCH` fixes it, in seconds since 1970 and in UTC, as reproducible builds do.
//! A process reads the clock once, so that a run that goes on past midnight has one date.

use std::fmt::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, Local, NaiveDateTime};
use minijinja::{Error, ErrorKind};

/// The variable that fixes the date.
pub const VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// The time that one template is given; it remembers if the template asked for it.
#[derive(Debug, Default)]
pub(super) struct Clock {
    fixed: Option<NaiveDateTime>,
    asked: AtomicBool,
}

impl Clock {
    /// Returns a clock that stands still; `None` if the time is out of range.
    pub fn at(seconds: i64) -> Option<Self> {
        let fixed = DateTime::from_timestamp(seconds, 0)?.naive_utc();
        Some(Self { fixed: Some(fixed), asked: AtomicBool::new(false) })
    }

    /// Returns the date as `2024-07-26` if the template has asked for it.
    pub fn date(&self) -> Option<String> {
        let time = self.fixed.map_or_else(now, Ok).ok()?;
        self.asked.load(Ordering::Relaxed).then(|| time.format("%Y-%m-%d").to_string())
    }

    /// Returns the time in a format of `strftime`. An unknown directive is an error.
    pub fn strftime(&self, format: &str) -> Result<String, Error> {
        let wrong = |message: String| Error::new(ErrorKind::InvalidOperation, format!("strftime_now: {message}"));
        let time = self.fixed.map_or_else(now, Ok).map_err(wrong)?;
        self.asked.store(true, Ordering::Relaxed);
        let items: Vec<Item<'_>> = StrftimeItems::new(format).collect();
        let shown: String = format.chars().take(100).collect();
        let unknown = || wrong(format!("a directive that is not known in `{shown}`"));
        if items.contains(&Item::Error) {
            return Err(unknown());
        }
        let mut text = String::new();
        write!(text, "{}", time.format_with_items(items.iter())).map_err(|_| unknown())?;
        Ok(text)
    }
}

/// Returns the time of this process.
fn now() -> Result<NaiveDateTime, String> {
    static NOW: OnceLock<Result<NaiveDateTime, String>> = OnceLock::new();
    NOW.get_or_init(|| match std::env::var(VARIABLE) {
        Err(std::env::VarError::NotPresent) => Ok(Local::now().naive_local()),
        given => {
            let seconds = given.ok().and_then(|seconds| seconds.trim().parse().ok());
            let time = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
            time.map(|time| time.naive_utc()).ok_or_else(|| format!("{VARIABLE} is no number of seconds since 1970"))
        }
    })
    .clone()
}
