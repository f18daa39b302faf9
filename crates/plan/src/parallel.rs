//! Distributes the same work on many items among threads. The results are in order, however the threads run.

/// The number of items from which threads are worth starting.
const MANY: usize = 8;

/// Applies `work` to each item and its index.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = if items.len() < MANY { items.len() } else { items.len().div_ceil(threads) };
    let work = &work;
    let chunk = move |(start, items): (usize, &[T])| -> Vec<R> {
        items.iter().enumerate().map(|(at, item)| work(start + at, item)).collect()
    };
    std::thread::scope(|scope| {
        let mut shares = items.chunks(share.max(1)).enumerate().map(|(at, items)| (at * share, items));
        let first = shares.next();
        let others: Vec<_> = shares.map(|share| scope.spawn(move || chunk(share))).collect();
        let mut results = first.map(chunk).unwrap_or_default();
        for thread in others {
            match thread.join() {
                Ok(part) => results.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_are_in_order() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(super::map(&items, |at, item| at + item), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert!(super::map(&[] as &[usize], |_, item| *item).is_empty());
    }
}
