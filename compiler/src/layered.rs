//! A map with a shared base and a private layer. Cloning it copies only the private layer.

use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct Layered<V> {
    shared: Arc<BTreeMap<String, V>>,
    own: BTreeMap<String, V>,
}

impl<V> Default for Layered<V> {
    fn default() -> Self {
        Self { shared: Arc::default(), own: BTreeMap::new() }
    }
}

impl<V: Clone> Layered<V> {
    pub fn get(&self, name: &str) -> Option<&V> {
        self.own.get(name).or_else(|| self.shared.get(name))
    }

    pub fn get_key_value(&self, name: &str) -> Option<(&str, &V)> {
        let found = self.own.get_key_value(name).or_else(|| self.shared.get_key_value(name));
        found.map(|(name, value)| (name.as_str(), value))
    }

    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn insert(&mut self, name: String, value: V) -> Option<V> {
        self.own.insert(name, value)
    }

    /// Removes an entry of the private layer.
    pub fn remove(&mut self, name: &str) {
        self.own.remove(name);
    }

    /// Returns every entry, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        let mut own = self.own.iter().peekable();
        let mut shared = self.shared.iter().peekable();
        std::iter::from_fn(move || {
            let (first, second) = (own.peek().map(|(name, _)| *name), shared.peek().map(|(name, _)| *name));
            match (first, second) {
                (Some(a), Some(b)) if a > b => shared.next(),
                (Some(a), Some(b)) => {
                    if a == b {
                        shared.next();
                    }
                    own.next()
                }
                (Some(_), None) => own.next(),
                (None, _) => shared.next(),
            }
            .map(|(name, value)| (name.as_str(), value))
        })
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Moves all entries into the shared base.
    pub fn share(&mut self) {
        let own = std::mem::take(&mut self.own);
        if !own.is_empty() {
            Arc::make_mut(&mut self.shared).extend(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Layered;

    #[test]
    fn a_version_hides_what_is_shared_and_leaves_it_alone() {
        let mut base: Layered<i32> = Layered::default();
        for (name, value) in [("b", 1), ("d", 2)] {
            base.insert(name.into(), value);
        }
        base.share();
        let mut other = base.clone();
        for (name, value) in [("a", 3), ("d", 4), ("e", 5)] {
            other.insert(name.into(), value);
        }
        let all: Vec<(&str, i32)> = other.iter().map(|(name, value)| (name, *value)).collect();
        assert_eq!(all, [("a", 3), ("b", 1), ("d", 4), ("e", 5)]);
        assert_eq!((base.get("d"), other.get("d"), base.contains_key("a")), (Some(&2), Some(&4), false));
        other.remove("d");
        assert_eq!(other.get("d"), Some(&2));
    }
}
