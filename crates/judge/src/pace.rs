//! Decides when the next request is sent.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::lock;

/// A schedule of requests: one after the other with a minimum gap. All of them wait if a server asks for it.
pub(crate) struct Pace {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// Makes a pace; without a rate there is no gap.
    pub fn new(per_second: Option<f64>) -> Self {
        let gap = per_second.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate));
        Self { gap, next: Mutex::new(Instant::now()) }
    }

    /// Takes the next free moment and sleeps until it comes.
    pub fn wait(&self) {
        let mut next = lock(&self.next);
        let moment = (*next).max(Instant::now());
        *next = moment + self.gap;
        drop(next);
        thread::sleep(moment.saturating_duration_since(Instant::now()));
    }

    /// Holds all requests back for a time.
    pub fn pause(&self, time: Duration) {
        let mut next = lock(&self.next);
        *next = (*next).max(Instant::now() + time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_the_gap() {
        let pace = Pace::new(Some(100.0));
        let started = Instant::now();
        thread::scope(|scope| (0..6).for_each(|_| drop(scope.spawn(|| pace.wait()))));
        assert!(started.elapsed() >= Duration::from_millis(50), "{:?}", started.elapsed());
    }

    #[test]
    fn a_pause_holds_everyone() {
        let pace = Pace::new(None);
        let started = Instant::now();
        pace.pause(Duration::from_millis(40));
        pace.wait();
        assert!(started.elapsed() >= Duration::from_millis(40));
    }
}
