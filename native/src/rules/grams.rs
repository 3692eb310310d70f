//! Grams: which of many texts stand anywhere in a value.
//!
//! Of each text one stretch of four bytes is chosen, the rarest among all texts. A value is passed
//! over once; where a chosen stretch stands, the few texts it was chosen for are compared.

use std::collections::HashMap;

/// Bytes of a stretch; shorter texts are their own.
const LENGTH: usize = 4;
/// Bits of the filter for each stretch, which sets two: about one of fifty foreign ones passes.
const FILTER_BITS: usize = 16;
const FILTER_BITS_MIN: usize = 1 << 7;
/// The filter must stay in the nearest caches.
const FILTER_BITS_MAX: usize = 1 << 19;
/// An odd number without pattern spreads stretches over the filter (2^32 divided by the golden
/// ratio).
const SPREAD: u32 = 0x9e37_79b1;

struct Entry {
    text: Vec<u8>,
    /// Where in the text the stretch begins.
    offset: u32,
    what: u32,
}

/// An entry of a table, its text among those of all others.
struct Placed {
    start: u32,
    length: u32,
    offset: u32,
    what: u32,
}

/// Texts by a stretch of one length.
struct Table {
    shift: u32,
    filter: Vec<u64>,
    /// Of (stretch, entries), by the stretch's place; empty slots hold no entries.
    slots: Vec<(u32, u32, u32)>,
    slot_shift: u32,
    entries: Vec<Placed>,
    texts: Vec<u8>,
}

impl Table {
    fn new(mut chosen: Vec<(u32, Entry)>) -> Self {
        chosen.sort_by_key(|(stretch, _)| *stretch);
        let bits = (chosen.len() * FILTER_BITS)
            .next_power_of_two()
            .clamp(FILTER_BITS_MIN, FILTER_BITS_MAX);
        let slots = (chosen.len() * 2).next_power_of_two().max(2);
        let mut table = Self {
            shift: 32 - (bits / 64).trailing_zeros(),
            filter: vec![0; bits / 64],
            slots: vec![(0, 0, 0); slots],
            slot_shift: 32 - slots.trailing_zeros(),
            entries: Vec::with_capacity(chosen.len()),
            texts: Vec::new(),
        };
        let mut last = None;
        for (stretch, entry) in chosen {
            if last != Some(stretch) {
                last = Some(stretch);
                table.add(stretch);
            }
            table.entries.push(Placed {
                start: table.texts.len() as u32,
                length: entry.text.len() as u32,
                offset: entry.offset,
                what: entry.what,
            });
            table.texts.extend(entry.text);
            let end = table.entries.len() as u32;
            let slot = table.slot(stretch);
            table.slots[slot].2 = end;
        }
        table
    }

    fn add(&mut self, stretch: u32) {
        let (word, bits) = self.bits(stretch);
        self.filter[word] |= bits;
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

    /// A word of the filter and two bits in it.
    #[inline]
    fn bits(&self, stretch: u32) -> (usize, u64) {
        let spread = stretch.wrapping_mul(SPREAD);
        let word = (spread >> self.shift) as usize;
        (word, 1 << (spread & 63) | 1 << (spread >> 6 & 63))
    }

    #[inline]
    fn may_hold(&self, stretch: u32) -> bool {
        let (word, bits) = self.bits(stretch);
        self.filter[word] & bits == bits
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[inline]
    fn look(&self, stretch: u32, at: usize, bytes: &[u8], found: &mut Vec<u32>) {
        if self.may_hold(stretch) {
            self.verify(stretch, at, bytes, found);
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
            // A text as short as its stretch has been compared.
            if entry.length <= LENGTH as u32 || self.stands(entry, &bytes[start..]) {
                found.push(entry.what);
            }
        }
    }
}

impl Table {
    fn stands(&self, entry: &Placed, bytes: &[u8]) -> bool {
        let start = entry.start as usize;
        bytes.starts_with(&self.texts[start..start + entry.length as usize])
    }
}

fn stretch_of(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |stretch, &byte| stretch << 8 | u32::from(byte))
}

/// Texts of one byte: each has a bit, and one pass says which stand in a value.
struct Singles {
    bits: [u32; 256],
    /// Of (bit, what the text stands for).
    entries: Vec<(u32, u32)>,
}

impl Singles {
    /// What does not fit is given back.
    fn new(chosen: Vec<(u32, Entry)>) -> (Self, Vec<(u32, Entry)>) {
        let mut singles = Self {
            bits: [0; 256],
            entries: Vec::new(),
        };
        let (mut used, mut left) = (0_u32, Vec::new());
        for (byte, entry) in chosen {
            let bit = &mut singles.bits[byte as usize];
            if *bit == 0 {
                if used == u32::BITS {
                    left.push((byte, entry));
                    continue;
                }
                *bit = 1 << used;
                used += 1;
            }
            singles.entries.push((*bit, entry.what));
        }
        (singles, left)
    }

    fn find(&self, bytes: &[u8], found: &mut Vec<u32>) {
        let held = bytes
            .iter()
            .fold(0, |held, &byte| held | self.bits[usize::from(byte)]);
        if held != 0 {
            let held = self.entries.iter().filter(|(bit, _)| held & bit != 0);
            found.extend(held.map(|(_, what)| *what));
        }
    }
}

/// Texts, none of them empty, each with what it stands for.
pub struct Grams {
    singles: Singles,
    /// By stretches of one to three bytes; of one those only that the singles have no bit for.
    short: [Table; LENGTH - 1],
    long: Table,
    has_short: bool,
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
                text,
                offset: offset as u32,
                what,
            };
            by_length[length - 1].push((stretch, entry));
        }
        let [ones, twos, threes, long] = by_length;
        let (singles, ones) = Singles::new(ones);
        let short = [ones, twos, threes].map(Table::new);
        Self {
            singles,
            has_short: short.iter().any(|table| !table.is_empty()),
            short,
            long: Table::new(long),
        }
    }

    /// What the texts stand for that stand in the bytes; the same one may come more than once.
    pub fn find(&self, bytes: &[u8], found: &mut Vec<u32>) {
        if !self.singles.entries.is_empty() {
            self.singles.find(bytes, found);
        }
        if !self.long.is_empty() {
            for (at, window) in bytes.windows(LENGTH).enumerate() {
                let stretch = u32::from_le_bytes([window[0], window[1], window[2], window[3]]);
                self.long.look(stretch, at, bytes, found);
            }
        }
        if self.has_short {
            self.find_short(bytes, found);
        }
    }

    fn find_short(&self, bytes: &[u8], found: &mut Vec<u32>) {
        let [ones, twos, threes] = &self.short;
        let whole = bytes.len().saturating_sub(LENGTH - 1);
        if ones.is_empty() {
            for (at, window) in bytes.windows(LENGTH).enumerate() {
                let stretch = u32::from_le_bytes([window[0], window[1], window[2], window[3]]);
                twos.look(stretch & 0xffff, at, bytes, found);
                threes.look(stretch & 0x00ff_ffff, at, bytes, found);
            }
        }
        // The last stretches are not followed by a fourth byte.
        let from = if ones.is_empty() { whole } else { 0 };
        for at in from..bytes.len() {
            for (table, length) in [(ones, 1), (twos, 2), (threes, 3)] {
                if let Some(window) = bytes.get(at..at + length) {
                    table.look(stretch_of(window), at, bytes, found);
                }
            }
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
