//! Shorts: which of a few texts of up to three bytes stand anywhere in a value.
//!
//! Every byte of every text has a bit of one word. The bit is set while the value has so far been
//! read up to that byte of the text, so that a step, a mask and a mark for each byte of the value
//! tell all texts at once (Baeza-Yates and Gonnet, "A new approach to text searching", 1992).

/// Bytes of the longest text.
pub const SHORT_MAX: usize = 3;

/// A text that has its bits.
struct Ended {
    bit: u64,
    what: u32,
}

pub struct Shorts {
    /// Of each byte, the bits that may stay set; None where there is no text.
    masks: Option<Box<[u64; 256]>>,
    firsts: u64,
    lasts: u64,
    ended: Vec<Ended>,
}

impl Shorts {
    /// The shortest texts; those for which no bits are left are given back.
    pub fn new(mut wanted: Vec<(Vec<u8>, u32)>) -> (Self, Vec<(Vec<u8>, u32)>) {
        wanted.sort_by(|left, right| {
            (left.0.len(), &left.0, left.1).cmp(&(right.0.len(), &right.0, right.1))
        });
        let mut masks = Box::new([0; 256]);
        let mut shorts = Self {
            masks: None,
            firsts: 0,
            lasts: 0,
            ended: Vec::new(),
        };
        let (mut used, mut left) = (0, Vec::new());
        let mut last: Option<(Vec<u8>, u64)> = None;
        for (text, what) in wanted {
            if let Some((_, bit)) = last.as_ref().filter(|(known, _)| *known == text) {
                shorts.ended.push(Ended { bit: *bit, what });
            } else if used + text.len() > u64::BITS as usize {
                left.push((text, what));
            } else {
                shorts.firsts |= 1 << used;
                for &byte in &text {
                    masks[usize::from(byte)] |= 1 << used;
                    used += 1;
                }
                let bit = 1 << (used - 1);
                shorts.lasts |= bit;
                shorts.ended.push(Ended { bit, what });
                last = Some((text, bit));
            }
        }
        shorts.masks = (used > 0).then_some(masks);
        (shorts, left)
    }

    pub fn find(&self, bytes: &[u8], found: &mut Vec<u32>) {
        let Some(masks) = &self.masks else {
            return;
        };
        let (mut state, mut ended) = (0_u64, 0);
        for &byte in bytes {
            state = (state << 1 | self.firsts) & masks[usize::from(byte)];
            ended |= state;
        }
        if ended & self.lasts != 0 {
            let held = self.ended.iter().filter(|one| ended & one.bit != 0);
            found.extend(held.map(|one| one.what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_found_or_given_back() {
        let wanted: Vec<(Vec<u8>, u32)> = (b'a'..=b'z')
            .flat_map(|byte| [vec![byte], vec![byte, byte], vec![byte, b'-', b'a']])
            .zip(0..)
            .collect();
        let (shorts, left) = Shorts::new(wanted.clone());
        assert!(!left.is_empty() && left.len() < wanted.len());
        for value in ["", "a", "aa", "b-", "b-a", "xaay", "zz-a", "-a-aa"] {
            let mut found = Vec::new();
            shorts.find(value.as_bytes(), &mut found);
            found.sort_unstable();
            let expected: Vec<u32> = wanted
                .iter()
                .filter(|pair| !left.contains(pair))
                .filter(|(text, _)| memchr::memmem::find(value.as_bytes(), text).is_some())
                .map(|(_, what)| *what)
                .collect();
            assert_eq!(found, expected, "{value}");
        }
    }
}
