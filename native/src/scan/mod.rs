//! The quick look at many texts: which certainly hold no long number and nothing written so that
//! it must be unfolded first. What is left is for the rules of `schema.privacy`, in Python.

mod canonical;
mod time;

pub use canonical::canonical;
pub use time::microseconds;

/// Digits of the shortest number sought; blanks, hyphens and + may stand between them.
const DIGITS: usize = 11;

/// What the quick look says of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Plain, and without a long number.
    Clean,
    /// Plain, with digits enough for a number.
    Number,
    /// Beyond ASCII or with escapes: to be read before it is searched.
    Folded,
}

const DIGIT: u8 = 1;
const SEPARATOR: u8 = 2;

const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut digit = b'0';
    while digit <= b'9' {
        kinds[digit as usize] = DIGIT;
        digit += 1;
    }
    kinds[b' ' as usize] = SEPARATOR;
    kinds[b'-' as usize] = SEPARATOR;
    kinds[b'+' as usize] = SEPARATOR;
    kinds[b'\t' as usize] = SEPARATOR;
    kinds
};

/// Whether eleven digits follow each other with nothing but separators between them.
pub fn long_number(text: &[u8]) -> bool {
    let kind = |at: usize| KINDS[usize::from(text[at])];
    // Such a stretch has eleven bytes at least, so one of every eleven lies in it.
    let mut probe = DIGITS - 1;
    let mut from = 0;
    while probe < text.len() {
        if kind(probe) == 0 {
            from = probe + 1;
            probe += DIGITS;
            continue;
        }
        let start = (from..probe)
            .rev()
            .find(|&at| kind(at) == 0)
            .map_or(from, |at| at + 1);
        let mut digits = 0;
        let mut at = start;
        while at < text.len() && kind(at) != 0 {
            digits += usize::from(kind(at) == DIGIT);
            at += 1;
        }
        if digits >= DIGITS {
            return true;
        }
        from = at;
        probe = at + DIGITS;
    }
    false
}

/// Whether one of two bytes occurs; over blocks, which the compiler makes wide.
fn holds(text: &[u8], one: u8, other: u8) -> bool {
    text.chunks(64).any(|block| {
        block.iter().fold(false, |found, &byte| {
            found | (byte == one) | (byte == other)
        })
    })
}

/// The look at a value that is a text.
pub fn text(text: &[u8]) -> Look {
    if text.len() < DIGITS && text.is_ascii() {
        // Too short for a number, and for a marking in escapes.
        Look::Clean
    } else if !text.is_ascii() || (holds(text, b'%', b'\\') && has_escapes(text)) {
        Look::Folded
    } else if long_number(text) {
        Look::Number
    } else {
        Look::Clean
    }
}

fn has_escapes(text: &[u8]) -> bool {
    text.contains(&b'%') || text.windows(2).any(|pair| matches!(pair, b"\\x" | b"\\u"))
}

/// The look at a sealed event, which is JSON: there a backslash before a quote hides nothing.
pub fn payload(json: &[u8]) -> Look {
    if !json.is_ascii() || hides(json) {
        Look::Folded
    } else if long_number(json) {
        Look::Number
    } else {
        Look::Clean
    }
}

/// A percent sign, or a backslash before anything but a quote; over blocks, as above.
fn hides(json: &[u8]) -> bool {
    let Some((&last, first)) = json.split_last() else {
        return false;
    };
    matches!(last, b'%' | b'\\')
        || first
            .chunks(64)
            .zip(json[1..].chunks(64))
            .any(|(block, next)| {
                block.iter().zip(next).fold(false, |found, (&byte, &next)| {
                    found | (byte == b'%') | ((byte == b'\\') & (next != b'"'))
                })
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the fallback in Python decides it: separators taken out, eleven digits in a row.
    fn plainly(text: &[u8]) -> bool {
        let mut run = 0;
        text.iter().any(|&byte| {
            match KINDS[usize::from(byte)] {
                DIGIT => run += 1,
                SEPARATOR => {}
                _ => run = 0,
            }
            run >= DIGITS
        })
    }

    #[test]
    fn a_long_number_is_found_wherever_it_stands() {
        let mut state = 1_u64;
        for _ in 0..200_000 {
            let mut text = Vec::new();
            for _ in 0..40 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                text.push(b"0123456789012345678901234567890 -+\ta\n"[(state >> 33) as usize % 37]);
            }
            assert_eq!(long_number(&text), plainly(&text), "{text:?}");
        }
        assert!(!long_number(b""));
        assert!(long_number(b"x13800138000"));
        assert!(!long_number(b"1380013800"));
    }
}
