//! Turns a panic in any command, on any thread, into one message and a distinct exit code.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use pbpo_outside::shown::line;

use crate::cli::eprint;

/// The exit code of a bug in pbpoc (`EX_SOFTWARE` of sysexits.h).
pub const BUG: u8 = 70;

/// The panics that nobody has asked about yet, each with its thread.
static KEPT: Mutex<Vec<(ThreadId, Panic)>> = Mutex::new(Vec::new());

/// True once a bug was reported: the command then ends with [`BUG`], whatever its result.
static TOLD: AtomicBool = AtomicBool::new(false);

/// The message of a panic, and its place in the source.
#[derive(Clone, Debug)]
pub struct Panic {
    message: String,
    place: String,
}

impl Panic {
    /// Returns the panic on one line.
    pub fn text(&self) -> String {
        format!("{} ({})", line(&self.message), line(&self.place))
    }

    /// Returns true if the panic reports that device memory ran out, which is not a bug.
    pub fn is_out_of_memory(&self) -> bool {
        let message = self.message.to_lowercase();
        ["out of memory", "outofmemory", "out_of_memory"].iter().any(|words| message.contains(words))
    }

    /// Reports the panic on stderr.
    pub fn tell(&self) {
        eprint(&self.report());
        TOLD.store(true, Ordering::Relaxed);
    }

    /// Returns the text of the report.
    fn report(&self) -> String {
        format!(
            "error: this is a bug in pbpoc: {}\nhelp: please report it, with the command, its files and what `pbpoc doctor` \
             prints, to whoever gave you this binary\n",
            self.text(),
        )
    }
}

/// From here on a panic prints nothing by itself: it is kept for whoever catches it.
pub fn keep_panics() {
    set_hook(Box::new(|info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
        let place = info.location().map_or_else(|| "no place".to_owned(), ToString::to_string);
        let panic = Panic { message: text.unwrap_or("no message").to_owned(), place };
        kept().push((thread::current().id(), panic));
    }));
}

/// Takes the first panic of this thread that was kept, or else that of any: a thread that waits for others stops with theirs.
pub fn taken() -> Option<Panic> {
    let (mut kept, this) = (kept(), thread::current().id());
    let at = kept.iter().position(|(thread, _)| *thread == this).or((!kept.is_empty()).then_some(0))?;
    Some(kept.remove(at).1)
}

fn kept() -> MutexGuard<'static, Vec<(ThreadId, Panic)>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the exit code of a command. A panic in it, or one on a thread that was never joined, is reported and gives
/// [`BUG`].
pub fn guarded(command: impl FnOnce() -> u8) -> u8 {
    let ended = catch_unwind(AssertUnwindSafe(command));
    if let Some(panic) = taken() {
        panic.tell();
    }
    kept().clear();
    match ended {
        Ok(code) if !TOLD.swap(false, Ordering::Relaxed) => code,
        _ => BUG,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, because the hook belongs to the whole process.
    #[test]
    fn a_panic_on_any_thread_is_a_bug_with_a_code_of_its_own() {
        keep_panics();
        assert_eq!(guarded(|| 3), 3);
        assert_eq!(guarded(|| "x".parse().unwrap()), BUG);
        assert_eq!(guarded(|| rayon::join(|| 1, || -> u8 { panic!("on a thread of the pool") }).0), BUG);
        let unwaited = || {
            let _ = std::thread::spawn(|| panic!("\u{1b}[2J")).join();
            0
        };
        assert_eq!(guarded(unwaited), BUG);
        assert_eq!(guarded(|| 0), 0, "a panic is told once");
        // One point of a sweep stops, and the others go on.
        let sweep = || {
            let _ = catch_unwind(|| panic!("a point"));
            taken().unwrap().tell();
            3
        };
        assert_eq!(guarded(sweep), BUG);
        let _ = catch_unwind(|| panic!("cuda: OUT OF MEMORY\u{1b}[2J"));
        let panic = taken().unwrap();
        assert!(panic.is_out_of_memory());
        let report = panic.report();
        assert!(report.contains("this is a bug in pbpoc: cuda") && report.contains("src/bug.rs"), "{report}");
        assert!(!report.contains('\u{1b}'), "{report}");
        let _ = std::panic::take_hook();
    }
}
