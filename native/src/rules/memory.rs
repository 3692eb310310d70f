//! Memory: the answers of keys that were seen before, within a bound.
//!
//! A key is kept the second time it comes: most keys of a field without repetition never do, and
//! cost nothing then.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Marks of keys seen once; of two keys with the same place the later one stays.
const SEEN: usize = 4096;

/// Looks after which it is known whether they pay.
const LOOKS: u32 = 1024;
/// Of so many looks one at least must find something,
const LOOKS_FOR_A_FIND: u32 = 32;
/// or the next ones are spared: of a field that never repeats every look is in vain.
const SPARED: u32 = 16 * LOOKS;

/// How much is remembered.
#[derive(Clone, Copy)]
pub struct Limits {
    pub entries: usize,
    /// Of all keys together.
    pub items: usize,
    /// Longer keys are asked anew.
    pub key_items: usize,
}

/// What a look finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look<A> {
    Known(A),
    /// Not seen of late; to be put under this hash.
    New(u64),
    /// Not looked for.
    Spared,
}

pub struct Memory<T, A> {
    table: HashTable<(Box<[T]>, A)>,
    seen: Vec<u16>,
    items: usize,
    limits: Limits,
    hasher: RandomState,
    looks: u32,
    finds: u32,
    spared: u32,
}

impl<T: Clone + Eq + Hash, A: Copy> Memory<T, A> {
    pub fn new(limits: Limits) -> Self {
        Self {
            table: HashTable::new(),
            seen: Vec::new(),
            items: 0,
            limits,
            hasher: RandomState::default(),
            looks: 0,
            finds: 0,
            spared: 0,
        }
    }

    /// What is remembered of the key.
    pub fn look(&mut self, key: &[T]) -> Look<A> {
        if key.len() > self.limits.key_items {
            return Look::Spared;
        }
        if self.spared > 0 {
            self.spared -= 1;
            return Look::Spared;
        }
        if self.looks == LOOKS {
            if self.finds < LOOKS / LOOKS_FOR_A_FIND {
                self.spared = SPARED;
            }
            (self.looks, self.finds) = (0, 0);
        }
        self.looks += 1;
        let hash = self.hasher.hash_one(key);
        match self.table.find(hash, |(known, _)| **known == *key) {
            Some(&(_, answer)) => {
                self.finds += 1;
                Look::Known(answer)
            }
            None => Look::New(hash),
        }
    }

    /// Remember the answer of a key that was new; whether it is kept now.
    pub fn put(&mut self, hash: u64, key: &[T], answer: A) -> bool {
        if !self.comes_again(hash) {
            return false;
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
        true
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
            match memory.look(&key) {
                Look::Known(answer) => assert_eq!(answer, number),
                Look::New(hash) => {
                    memory.put(hash, &key, number);
                }
                Look::Spared => {}
            }
            assert!(memory.table.len() <= 10 && memory.items <= 100);
        }
    }

    #[test]
    fn a_key_is_kept_the_second_time_and_looks_in_vain_are_spared() {
        let limits = Limits {
            entries: 100,
            items: 1000,
            key_items: 20,
        };
        let mut memory = Memory::new(limits);
        for kept in [false, true] {
            let Look::New(hash) = memory.look(&[1]) else {
                panic!("it was not put twice");
            };
            assert_eq!(memory.put(hash, &[1], 9), kept);
        }
        assert_eq!(memory.look(&[1]), Look::Known(9));
        let spared = (0..3 * LOOKS)
            .filter(|number| memory.look(&[number + 2]) == Look::<u32>::Spared)
            .count();
        assert!(spared > 0);
        while memory.look(&[1]) == Look::Spared {}
        assert_eq!(memory.look(&[1]), Look::Known(9));
    }
}
