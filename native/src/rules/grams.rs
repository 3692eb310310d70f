//! Grams: which of many texts stand anywhere in a value.
//!
//! A value is looked at in steps: of a text of seven bytes some four bytes begin at a place that
//! four divides, wherever the text stands. Of each text four neighbouring stretches are chosen, the
//! rarest among all texts; where one of them stands, the few texts it was chosen for are compared.
//! Texts of four bytes take steps of two, shorter ones are read byte by byte.

use std::collections::HashMap;

use super::shorts::{SHORT_MAX, Shorts};

/// Bytes of a stretch of a long text, and of a text of middling length.
const WIDE: usize = 4;
const TIGHT: usize = 3;
/// Places from one look to the next.
const WIDE_STEP: usize = 4;
const TIGHT_STEP: usize = 2;
/// Shorter texts may stand between two looks.
const WIDE_FROM: usize = WIDE + WIDE_STEP - 1;
const TIGHT_FROM: usize = TIGHT + TIGHT_STEP - 1;
/// Bits of the filter for each stretch, which sets two: about one of fifty foreign ones passes.
const FILTER_BITS: usize = 16;
const FILTER_BITS_MIN: usize = 1 << 7;
/// The filter must stay in the nearest caches.
const FILTER_BITS_MAX: usize = 1 << 19;
/// An odd number without pattern spreads stretches over the filter (2^32 divided by the golden
/// ratio).
const SPREAD: u32 = 0x9e37_79b1;

/// An entry of a table, its text among those of all others.
struct Placed {
    stretch: u32,
    start: u32,
    length: u32,
    /// Where in the text the stretch begins.
    offset: u32,
    what: u32,
}

/// Texts by stretches of one width.
struct Table {
    width: usize,
    shift: u32,
    filter: Vec<u64>,
    /// Of (stretch, entries), by the stretch's place; empty slots hold no entries.
    slots: Vec<(u32, u32, u32)>,
    slot_shift: u32,
    entries: Vec<Placed>,
    texts: Vec<u8>,
}

impl Table {
    /// Of each text `step` neighbouring stretches are kept.
    fn new(width: usize, step: usize, wanted: &[(Vec<u8>, u32)]) -> Self {
        let mut commonness: HashMap<u32, u32> = HashMap::new();
        for (text, _) in wanted {
            for window in text.windows(width) {
                *commonness.entry(stretch_of(window)).or_default() += 1;
            }
        }
        let (mut entries, mut texts) = (Vec::with_capacity(wanted.len() * step), Vec::new());
        for (text, what) in wanted {
            let stretches: Vec<u32> = text.windows(width).map(stretch_of).collect();
            let common = |group: &[u32]| -> u32 { group.iter().map(|one| commonness[one]).sum() };
            let rarest = stretches
                .windows(step)
                .enumerate()
                .min_by_key(|(_, group)| common(group));
            let Some((from, group)) = rarest else {
                continue;
            };
            for (offset, &stretch) in (from as u32..).zip(group) {
                entries.push(Placed {
                    stretch,
                    start: texts.len() as u32,
                    length: text.len() as u32,
                    offset,
                    what: *what,
                });
            }
            texts.extend_from_slice(text);
        }
        entries.sort_by_key(|entry| entry.stretch);
        Self::filled(width, entries, texts)
    }

    fn filled(width: usize, entries: Vec<Placed>, texts: Vec<u8>) -> Self {
        let bits = (entries.len() * FILTER_BITS)
            .next_power_of_two()
            .clamp(FILTER_BITS_MIN, FILTER_BITS_MAX);
        let slots = (entries.len() * 2).next_power_of_two().max(2);
        let mut table = Self {
            width,
            shift: 32 - (bits / 64).trailing_zeros(),
            filter: vec![0; bits / 64],
            slots: vec![(0, 0, 0); slots],
            slot_shift: 32 - slots.trailing_zeros(),
            entries: Vec::new(),
            texts,
        };
        for (place, entry) in (0..).zip(&entries) {
            let (word, bits) = table.bits(entry.stretch);
            table.filter[word] |= bits;
            let slot = table.slot(entry.stretch);
            if table.slots[slot].2 == 0 {
                table.slots[slot] = (entry.stretch, place, place);
            }
            table.slots[slot].2 = place + 1;
        }
        table.entries = entries;
        table
    }

    /// The slot of a stretch, or the empty one where it would be.
    fn slot(&self, stretch: u32) -> usize {
        let mut slot = (stretch.wrapping_mul(SPREAD) >> self.slot_shift) as usize;
        while self.slots[slot].2 != 0 && self.slots[slot].0 != stretch {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        slot
    }

    /// A word of the filter and two bits in it.
    #[inline]
    fn bits(&self, stretch: u32) -> (usize, u64) {
        let spread = stretch.wrapping_mul(SPREAD);
        let word = (spread >> self.shift) as usize;
        (word, 1 << (spread >> 6 & 63) | 1 << (spread >> 12 & 63))
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[inline]
    fn look(&self, stretch: u32, at: usize, bytes: &[u8], found: &mut Vec<u32>) {
        let (word, bits) = self.bits(stretch);
        if self.filter[word] & bits == bits {
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
            if entry.length as usize <= self.width || self.stands(entry, &bytes[start..]) {
                found.push(entry.what);
            }
        }
    }

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

/// Texts, none of them empty, each with what it stands for.
pub struct Grams {
    shorts: Shorts,
    /// By stretches of one to three bytes: texts that the shorts have no room for.
    crowded: [Table; SHORT_MAX],
    is_crowded: bool,
    tight: Table,
    wide: Table,
}

impl Grams {
    pub fn new(entries: Vec<(Vec<u8>, u32)>) -> Self {
        let (wide, rest): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .partition(|(text, _)| text.len() >= WIDE_FROM);
        let (tight, short): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|(text, _)| text.len() >= TIGHT_FROM);
        let (shorts, left) = Shorts::new(short);
        let crowded = [1, 2, 3].map(|length| {
            let texts = left.iter().filter(|(text, _)| text.len() == length);
            Table::new(length, 1, &texts.cloned().collect::<Vec<_>>())
        });
        Self {
            shorts,
            is_crowded: !left.is_empty(),
            crowded,
            tight: Table::new(TIGHT, TIGHT_STEP, &tight),
            wide: Table::new(WIDE, WIDE_STEP, &wide),
        }
    }

    /// What the texts stand for that stand in the bytes; the same one may come more than once.
    pub fn find(&self, bytes: &[u8], found: &mut Vec<u32>) {
        self.shorts.find(bytes, found);
        if !self.wide.is_empty() {
            for (place, window) in bytes.chunks_exact(WIDE_STEP).enumerate() {
                let stretch = u32::from_le_bytes([window[0], window[1], window[2], window[3]]);
                self.wide.look(stretch, place * WIDE_STEP, bytes, found);
            }
        }
        if !self.tight.is_empty() {
            for (place, window) in bytes.windows(TIGHT).step_by(TIGHT_STEP).enumerate() {
                let stretch = u32::from_le_bytes([window[0], window[1], window[2], 0]);
                self.tight.look(stretch, place * TIGHT_STEP, bytes, found);
            }
        }
        if self.is_crowded {
            self.find_crowded(bytes, found);
        }
    }

    fn find_crowded(&self, bytes: &[u8], found: &mut Vec<u32>) {
        let [ones, twos, threes] = &self.crowded;
        if ones.is_empty() {
            for (at, window) in bytes.windows(3).enumerate() {
                let stretch = u32::from_le_bytes([window[0], window[1], window[2], 0]);
                twos.look(stretch & 0xffff, at, bytes, found);
                threes.look(stretch, at, bytes, found);
            }
        }
        // The last two bytes are not followed by a third.
        let whole = bytes.len().saturating_sub(2);
        for at in if ones.is_empty() { whole } else { 0 }..bytes.len() {
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
