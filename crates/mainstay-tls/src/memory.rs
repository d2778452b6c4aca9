use std::collections::HashMap;
use std::hash::Hash;

/// A bounded memory that forgets what was not asked for lately.
///
/// It has two generations. When the young one is full it becomes the old one, and the old one is dropped; what is asked
/// for moves to the young one. That is nearly as good as exact bookkeeping, and costs nothing per entry.
pub(crate) struct Memory<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    generation: usize,
}

impl<K: Eq + Hash, V: Clone> Memory<K, V> {
    /// Holds at most twice `generation` entries.
    pub(crate) fn new(generation: usize) -> Memory<K, V> {
        Memory { young: HashMap::new(), old: HashMap::new(), generation }
    }

    pub(crate) fn recall(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.remember(key, value.clone());
        Some(value)
    }

    pub(crate) fn remember(&mut self, key: K, value: V) {
        if self.young.len() >= self.generation {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_what_was_not_asked_for() {
        let mut memory = Memory::new(2);
        memory.remember(1, "one");
        memory.remember(2, "two");
        memory.remember(3, "three");
        assert_eq!(
            memory.recall(&1),
            Some("one"),
            "the old generation is still known, and one is young again"
        );
        memory.remember(4, "four");
        assert_eq!(memory.recall(&2), None, "two was dropped with its generation");
        assert_eq!(memory.recall(&1), Some("one"));
        assert_eq!(memory.recall(&4), Some("four"));
    }

    #[test]
    fn is_bounded() {
        let mut memory = Memory::new(10);
        (0..1000).for_each(|key| memory.remember(key, key));
        assert!(memory.young.len() + memory.old.len() <= 20);
    }
}
