//! Grams: which of many texts stand anywhere in a value.
//!
//! Of each text one stretch of four bytes is chosen, the rarest among all texts. A value is passed
//! over once; where a chosen stretch stands, the few texts it was chosen for are compared.

use std::collections::HashMap;

/// Bytes of a stretch; shorter texts are their own.
const LENGTH: usize = 4;
/// Bits of the filter for each stretch: one of sixteen foreign ones passes it.
const FILTER_BITS: usize = 16;
const FILTER_BITS_MIN: usize = 1 << 12;
/// The filter must stay in the nearest caches.
const FILTER_BITS_MAX: usize = 1 << 19;
/// An odd number without pattern spreads stretches over the filter (2^32 divided by the golden
/// ratio).
const SPREAD: u32 = 0x9e37_79b1;

struct Entry {
    text: Box<[u8]>,
    /// Where in the text the stretch begins.
    offset: u32,
    what: u32,
}

/// Texts by a stretch of one length.
struct Table {
    length: usize,
    mask: u32,
    shift: u32,
    filter: Vec<u64>,
    /// Of (stretch, entries), by the stretch's place; empty slots hold no entries.
    slots: Vec<(u32, u32, u32)>,
    slot_shift: u32,
    entries: Vec<Entry>,
}

impl Table {
    fn new(length: usize, mut chosen: Vec<(u32, Entry)>) -> Self {
        chosen.sort_by_key(|(stretch, _)| *stretch);
        let bits = (chosen.len() * FILTER_BITS)
            .next_power_of_two()
            .clamp(FILTER_BITS_MIN, FILTER_BITS_MAX);
        let slots = (chosen.len() * 2).next_power_of_two().max(2);
        let mut table = Self {
            length,
            mask: u32::MAX >> (8 * (LENGTH - length)),
            shift: 32 - bits.trailing_zeros(),
            filter: vec![0; bits / 64],
            slots: vec![(0, 0, 0); slots],
            slot_shift: 32 - slots.trailing_zeros(),
            entries: Vec::with_capacity(chosen.len()),
        };
        let mut last = None;
        for (stretch, entry) in chosen {
            if last != Some(stretch) {
                last = Some(stretch);
                table.add(stretch);
            }
            table.entries.push(entry);
            let end = table.entries.len() as u32;
            let slot = table.slot(stretch);
            table.slots[slot].2 = end;
        }
        table
    }

    fn add(&mut self, stretch: u32) {
        let bit = (stretch.wrapping_mul(SPREAD) >> self.shift) as usize;
        self.filter[bit / 64] |= 1 << (bit % 64);
        let slot = self.slot(stretch);
        let from = self.entries.len() as u32;
        self.slots[slot] = (stretch, from, from);
    }

    /// The slot of a stretch, or the empty one where it would be.
    fn slot(&self, stretch: u32) -> usize {
        let mut slot = (stretch.wrapping_mul(SPREAD) >> self.slot_shift) as usize;
        while self.slots[slot].2 != 0 || self.slots[slot].0 != 0 {
            if self.slots[slot].0 == stretch {
                break;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        slot
    }

    #[inline]
    fn may_hold(&self, stretch: u32) -> bool {
        let bit = (stretch.wrapping_mul(SPREAD) >> self.shift) as usize;
        self.filter[bit / 64] >> (bit % 64) & 1 != 0
    }

    fn find(&self, bytes: &[u8], found: &mut Vec<u32>) {
        let mut window = bytes.windows(LENGTH).enumerate();
        if self.length == LENGTH {
            for (at, window) in window {
                let stretch = u32::from_le_bytes([window[0], window[1], window[2], window[3]]);
                if self.may_hold(stretch) {
                    self.verify(stretch, at, bytes, found);
                }
            }
            return;
        }
        for (at, window) in &mut window {
            let stretch =
                u32::from_le_bytes([window[0], window[1], window[2], window[3]]) & self.mask;
            if self.may_hold(stretch) {
                self.verify(stretch, at, bytes, found);
            }
        }
        // The last windows are shorter than four bytes.
        for at in bytes.len().saturating_sub(LENGTH - 1)..bytes.len() {
            if let Some(window) = bytes.get(at..at + self.length) {
                let stretch = stretch_of(window);
                if self.may_hold(stretch) {
                    self.verify(stretch, at, bytes, found);
                }
            }
        }
    }

    #[inline(never)]
    fn verify(&self, stretch: u32, at: usize, bytes: &[u8], found: &mut Vec<u32>) {
        let (held, from, to) = self.slots[self.slot(stretch)];
        if held != stretch {
            return;
        }
        for entry in &self.entries[from as usize..to as usize] {
            let Some(start) = at.checked_sub(entry.offset as usize) else {
                continue;
            };
            if bytes[start..].starts_with(&entry.text) {
                found.push(entry.what);
            }
        }
    }
}

fn stretch_of(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |stretch, &byte| stretch << 8 | u32::from(byte))
}

/// Texts, none of them empty, each with what it stands for.
#[derive(Default)]
pub struct Grams {
    tables: Vec<Table>,
}

impl Grams {
    pub fn new(entries: Vec<(Vec<u8>, u32)>) -> Self {
        let mut commonness: HashMap<u32, u32> = HashMap::new();
        for (text, _) in &entries {
            for window in text.windows(LENGTH) {
                *commonness.entry(stretch_of(window)).or_default() += 1;
            }
        }
        let mut by_length: [Vec<(u32, Entry)>; LENGTH] = Default::default();
        for (text, what) in entries {
            let length = text.len().min(LENGTH);
            let rarest = text
                .windows(length)
                .map(stretch_of)
                .enumerate()
                .min_by_key(|(_, stretch)| commonness.get(stretch).copied().unwrap_or_default());
            let Some((offset, stretch)) = rarest else {
                continue;
            };
            let entry = Entry {
                text: text.into_boxed_slice(),
                offset: offset as u32,
                what,
            };
            by_length[length - 1].push((stretch, entry));
        }
        let tables = by_length
            .into_iter()
            .zip(1..)
            .filter(|(chosen, _)| !chosen.is_empty())
            .map(|(chosen, length)| Table::new(length, chosen))
            .collect();
        Self { tables }
    }

    /// What the texts stand for that stand in the bytes; the same one may come more than once.
    pub fn find(&self, bytes: &[u8], found: &mut Vec<u32>) {
        for table in &self.tables {
            table.find(bytes, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_what_stands_there() {
        let mut state = 7_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for _ in 0..300 {
            let mut text =
                |length: usize| -> Vec<u8> { (0..length).map(|_| b"ab\0c"[random(4)]).collect() };
            let entries: Vec<(Vec<u8>, u32)> = (0..40)
                .map(|what| (text(1 + what % 8), what as u32))
                .collect();
            let grams = Grams::new(entries.clone());
            for length in 0..30 {
                let value = text(length);
                let mut found = Vec::new();
                grams.find(&value, &mut found);
                found.sort_unstable();
                found.dedup();
                let expected: Vec<u32> = entries
                    .iter()
                    .filter(|(text, _)| memchr::memmem::find(&value, text).is_some())
                    .map(|(_, what)| *what)
                    .collect();
                assert_eq!(found, expected, "{value:?}");
            }
        }
    }
}
