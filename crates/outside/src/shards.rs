//! Files of a data set whose names say how many there are: `train-00000-of-00003.jsonl` is the first of three.

use std::collections::{BTreeMap, BTreeSet};

/// The place of a file among its siblings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard<'a> {
    /// The text before the place: `train`.
    pub of: &'a str,
    pub index: u64,
    pub total: u64,
    /// The width of the numbers, as written.
    width: usize,
    /// The text between the numbers: `-of-` or `_of_`.
    between: &'static str,
}

/// Reads a file's name. Returns `None` if it names no place. The text after the place (a fingerprint, the ending) is
/// not read.
pub fn shard(name: &str) -> Option<Shard<'_>> {
    ["-of-", "_of_"].into_iter().find_map(|between| parted(name, between))
}

fn parted<'a>(name: &'a str, between: &'static str) -> Option<Shard<'a>> {
    let (before, after) = name.rsplit_once(between)?;
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let total = &after[..digits(after)];
    let index = &before[before.trim_end_matches(|c: char| c.is_ascii_digit()).len()..];
    let of = before[..before.len() - index.len()].trim_end_matches(['-', '.', '_']);
    Some(Shard { of, index: index.parse().ok()?, total: total.parse().ok()?, width: index.len(), between })
}

/// Returns an error if shards are missing, doubled or of different sets, or if a whole file stands beside them. Files
/// whose names have no place are complete if none of the files is a shard.
pub fn check(names: &[&str]) -> Result<(), String> {
    let shards: Vec<Shard<'_>> = names.iter().filter_map(|name| shard(name)).collect();
    let Some(first) = shards.first() else { return Ok(()) };
    if let Some(whole) = names.iter().find(|name| shard(name).is_none()) {
        return Err(format!("{whole} stands beside shards of `{}`: rows may be there twice", first.of));
    }
    let kinds: BTreeSet<(&str, u64)> = shards.iter().map(|shard| (shard.of, shard.total)).collect();
    if kinds.len() > 1 {
        let kinds: Vec<String> = kinds.iter().map(|(of, total)| format!("{total} of `{of}`")).collect();
        return Err(format!("the shards are of different sets: {}", kinds.join(", ")));
    }
    let mut there: BTreeMap<u64, usize> = BTreeMap::new();
    shards.iter().for_each(|shard| *there.entry(shard.index).or_default() += 1);
    if let Some((index, count)) = there.iter().find(|(_, count)| **count > 1) {
        return Err(format!("shard {index} of {} is there {count} times", first.total));
    }
    // Some writers count from 1.
    let from = u64::from(!there.contains_key(&0) && there.contains_key(&first.total));
    if let Some(index) = there.keys().find(|index| **index - from >= first.total) {
        return Err(format!("shard {index} is not one of {}", first.total));
    }
    let count = first.total.saturating_sub(there.len() as u64);
    if count == 0 {
        return Ok(());
    }
    let absent = (from..=from + (first.total - 1)).filter(|index| !there.contains_key(index)).take(10);
    let Shard { of, width, total, between, .. } = *first;
    let dash = if between == "-of-" { '-' } else { '_' };
    let mut absent: Vec<String> =
        absent.map(|index| format!("{of}{dash}{index:0width$}{between}{total:0width$}")).collect();
    let more = count.saturating_sub(absent.len() as u64);
    if more > 0 {
        absent.push(format!("and {more} more"));
    }
    Err(format!("{count} of {total} shards are missing: {}", absent.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_which_of_how_many_it_is() {
        let read = |name| shard(name).map(|shard| (shard.of, shard.index, shard.total));
        assert_eq!(read("train-00001-of-00003.parquet"), Some(("train", 1, 3)));
        assert_eq!(read("train-00000-of-00001-a09b74b3ef9c3b56.parquet"), Some(("train", 0, 1)));
        assert_eq!(read("dev.2-of-12.jsonl"), Some(("dev", 2, 12)));
        assert_eq!(read("train_00000_of_00002.jsonl"), Some(("train", 0, 2)));
        assert_eq!(read("out-of-order_1_of_2.jsonl"), Some(("out-of-order", 1, 2)));
        for name in ["train.jsonl", "train-0.jsonl", "out-of-order.jsonl", "3-of-a-kind.json"] {
            assert_eq!(read(name), None, "{name}");
        }
    }

    #[test]
    fn a_part_of_a_split_is_none() {
        let says = |names: &[&str]| check(names).unwrap_err();
        let shard = |index: u64, total: u64| format!("b-{index:05}-of-{total:05}.jsonl");
        let of = |all: &[String]| check(&all.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(of(&[shard(1, 2), shard(0, 2)]), Ok(()));
        assert_eq!(of(&[shard(1, 2), shard(2, 2)]), Ok(()));
        assert_eq!(check(&["a.jsonl", "b.jsonl"]), Ok(()));
        assert_eq!(of(&[shard(0, 3)]).unwrap_err(), "2 of 3 shards are missing: b-00001-of-00003, b-00002-of-00003");
        assert_eq!(of(&[shard(3, 3)]).unwrap_err(), "2 of 3 shards are missing: b-00001-of-00003, b-00002-of-00003");
        assert!(of(&[shard(7, 400)]).unwrap_err().ends_with("b-00010-of-00400, and 389 more"));
        assert_eq!(
            of(&[shard(0, 2), shard(0, 1)]).unwrap_err(),
            "the shards are of different sets: 1 of `b`, 2 of `b`"
        );
        assert_eq!(says(&["t-0-of-1.json", "u-0-of-1.json"]), "the shards are of different sets: 1 of `t`, 1 of `u`");
        assert!(says(&["t-0-of-1.json", "t.json"]).starts_with("t.json stands beside shards of `t`"));
        assert_eq!(says(&["t-0-of-1.json", "t-0-of-1-ab.json"]), "shard 0 of 1 is there 2 times");
        assert_eq!(says(&["t-0-of-2.json", "t-5-of-2.json"]), "shard 5 is not one of 2");
        assert_eq!(says(&["t-0-of-0.json"]), "shard 0 is not one of 0");
        assert_eq!(says(&["t_0_of_2.json"]), "1 of 2 shards are missing: t_1_of_2");
        // The largest number that a name can have.
        let largest = u64::MAX;
        let name = format!("t-{largest}-of-{largest}.json");
        assert!(says(&[&name]).starts_with(&format!("{} of {largest} shards are missing: ", largest - 1)));
    }
}
