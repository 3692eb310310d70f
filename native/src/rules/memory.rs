//! Memory: the answers of keys that were seen before, within a bound.
//!
//! A key is kept the second time it comes: most keys of a field without repetition never do, and
//! cost nothing then.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Marks of keys seen once; of two keys with the same place the later one stays.
const SEEN: usize = 4096;

/// How much is remembered.
#[derive(Clone, Copy)]
pub struct Limits {
    pub entries: usize,
    /// Of all keys together.
    pub items: usize,
    /// Longer keys are asked anew.
    pub key_items: usize,
}

pub struct Memory<T> {
    table: HashTable<(Box<[T]>, u32)>,
    seen: Vec<u16>,
    items: usize,
    limits: Limits,
    hasher: RandomState,
}

impl<T: Clone + Eq + Hash> Memory<T> {
    pub fn new(limits: Limits) -> Self {
        Self {
            table: HashTable::new(),
            seen: Vec::new(),
            items: 0,
            limits,
            hasher: RandomState::default(),
        }
    }

    pub fn hash(&self, key: &[T]) -> u64 {
        self.hasher.hash_one(key)
    }

    pub fn get(&self, hash: u64, key: &[T]) -> Option<u32> {
        self.table
            .find(hash, |(known, _)| **known == *key)
            .map(|&(_, answer)| answer)
    }

    pub fn put(&mut self, hash: u64, key: &[T], answer: u32) {
        if key.len() > self.limits.key_items || !self.comes_again(hash) {
            return;
        }
        if self.table.len() >= self.limits.entries || self.items + key.len() > self.limits.items {
            self.table.clear();
            self.items = 0;
        }
        self.items += key.len();
        let hasher = &self.hasher;
        self.table
            .insert_unique(hash, (key.into(), answer), |(key, _)| {
                hasher.hash_one(&**key)
            });
    }

    fn comes_again(&mut self, hash: u64) -> bool {
        if self.seen.is_empty() {
            self.seen = vec![0; SEEN];
        }
        let mark = (hash >> 32) as u16 | 1;
        let place = &mut self.seen[hash as usize % SEEN];
        let again = *place == mark;
        *place = mark;
        again
    }

    pub fn clear(&mut self) {
        self.table.clear();
        self.items = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_known_and_never_wrong() {
        let limits = Limits {
            entries: 10,
            items: 100,
            key_items: 20,
        };
        let mut memory = Memory::new(limits);
        for round in 0..5000_u32 {
            let number = round * 7 % 13;
            let key = vec![number as u8; number as usize * 2];
            let hash = memory.hash(&key);
            match memory.get(hash, &key) {
                Some(answer) => assert_eq!(answer, number),
                None => memory.put(hash, &key, number),
            }
            assert!(memory.table.len() <= 10 && memory.items <= 100);
        }
        for number in 0..11 {
            let key = vec![9_u8; number];
            let hash = memory.hash(&key);
            memory.put(hash, &key, 99);
            memory.put(hash, &key, 99);
        }
        let key = vec![9_u8; 10];
        assert_eq!(memory.get(memory.hash(&key), &key), Some(99));
        let key = vec![9_u8; 21];
        let hash = memory.hash(&key);
        memory.put(hash, &key, 1);
        memory.put(hash, &key, 1);
        assert_eq!(memory.get(hash, &key), None);
    }
}
