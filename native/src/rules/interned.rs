//! Interned: lists that often come again, each kept once and known by a number.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

pub struct Interned<T> {
    table: HashTable<u32>,
    lists: Vec<Box<[T]>>,
    hasher: RandomState,
}

impl<T: Clone + Eq + Hash> Interned<T> {
    /// The empty list is number 0.
    pub fn new() -> Self {
        let mut interned = Self {
            table: HashTable::new(),
            lists: Vec::new(),
            hasher: RandomState::default(),
        };
        interned.number(&[]);
        interned
    }

    pub fn number(&mut self, list: &[T]) -> u32 {
        let hash = self.hasher.hash_one(list);
        let lists = &self.lists;
        if let Some(&number) = self
            .table
            .find(hash, |&number| *lists[number as usize] == *list)
        {
            return number;
        }
        let number = self.lists.len() as u32;
        self.lists.push(list.into());
        let (lists, hasher) = (&self.lists, &self.hasher);
        self.table.insert_unique(hash, number, |&number| {
            hasher.hash_one(&*lists[number as usize])
        });
        number
    }

    pub fn list(&self, number: u32) -> &[T] {
        &self.lists[number as usize]
    }

    pub fn len(&self) -> usize {
        self.lists.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }
}

impl<T: Clone + Eq + Hash> Default for Interned<T> {
    fn default() -> Self {
        Self::new()
    }
}
