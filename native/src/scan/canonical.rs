//! Whether the bytes of an event certainly are its canonical form: a flat JSON object, names in
//! order and each once, no blanks, no needless escapes. Of what is odd nothing is said: the caller
//! then writes the event anew and compares.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = ONES * 0x80;
const BLOCK: usize = 8;
/// Longer integers are left to the caller: these are below 2^63 for certain.
const DIGITS_MAX: usize = 18;

/// Whether reading these bytes and writing them again certainly gives the same bytes.
pub fn canonical(json: &[u8]) -> bool {
    object(json).is_some()
}

fn object(json: &[u8]) -> Option<()> {
    let mut at = expect(json, 0, b'{')?;
    let mut before: &[u8] = &[];
    loop {
        let begin = expect(json, at, b'"')?;
        let end = string(json, begin)?;
        let name = &json[begin..end - 1];
        // Of names beyond ASCII, or with escapes, order is for the caller to say.
        let plain = name.is_ascii() && !name.contains(&b'\\');
        if !plain || (at > 1 && name <= before) {
            return None;
        }
        before = name;
        at = value(json, expect(json, end, b':')?)?;
        match *json.get(at)? {
            b',' => at += 1,
            b'}' if at + 1 == json.len() => return Some(()),
            _ => return None,
        }
    }
}

fn value(json: &[u8], at: usize) -> Option<usize> {
    match *json.get(at)? {
        b'"' => string(json, at + 1),
        b'[' => list(json, at + 1),
        b't' => word(json, at, b"true"),
        b'f' => word(json, at, b"false"),
        b'-' if json.get(at + 1) != Some(&b'0') => integer(json, at + 1),
        _ => integer(json, at),
    }
}

fn list(json: &[u8], mut at: usize) -> Option<usize> {
    if json.get(at) == Some(&b']') {
        return Some(at + 1);
    }
    loop {
        at = string(json, expect(json, at, b'"')?)?;
        match *json.get(at)? {
            b',' => at += 1,
            b']' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// Where a text ends that begins here, behind its closing quote.
fn string(json: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = stop(json, at)?;
        match json[at] {
            b'"' => return Some(at + 1),
            b'\\' if matches!(json.get(at + 1)?, b'"' | b'\\' | b'n' | b'r' | b't') => at += 2,
            _ => return None,
        }
    }
}

fn integer(json: &[u8], at: usize) -> Option<usize> {
    let digits = json[at..].iter().take_while(|byte| byte.is_ascii_digit());
    let count = digits.count();
    let leading = count > 1 && json[at] == b'0';
    (1..=DIGITS_MAX)
        .contains(&count)
        .then_some(at + count)
        .filter(|_| !leading)
}

fn word(json: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    json[at..].starts_with(word).then_some(at + word.len())
}

fn expect(json: &[u8], at: usize, byte: u8) -> Option<usize> {
    (*json.get(at)? == byte).then_some(at + 1)
}

/// Where the next quote, backslash or control character stands; eight bytes a step.
fn stop(json: &[u8], mut at: usize) -> Option<usize> {
    while let Some(block) = json.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
        let found = marked(u64::from_le_bytes(*block));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += BLOCK;
    }
    let rest = json.get(at..)?;
    let found = rest
        .iter()
        .position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\');
    found.map(|place| at + place)
}

/// The high bit of each such byte; exact for the first, which is all that is asked.
fn marked(word: u64) -> u64 {
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = word ^ (ONES * 0x22);
    let slash = word ^ (ONES * 0x5c);
    let zero = |one: u64| one.wrapping_sub(ONES) & !one;
    (control | zero(quote) | zero(slash)) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mark_is_found_wherever_it_stands() {
        for at in 0..40 {
            for mark in [b'"', b'\\', 0, 0x1f] {
                let mut text = vec![0xe4_u8; 48];
                text[at] = mark;
                assert_eq!(stop(&text, 0), Some(at));
                assert_eq!(stop(&text, at + 1), None);
            }
        }
    }

    #[test]
    fn only_what_is_certain_is_called_canonical() {
        let sound: [&[u8]; 3] = [
            br#"{"a":1,"b.c":"x\"y\\z\n","d":["p","q"],"e":[],"f":true,"g":false,"h":-20}"#,
            "{\"a\":\"密★\"}".as_bytes(),
            br#"{"":0}"#,
        ];
        for json in sound {
            assert!(canonical(json), "{json:?}");
        }
        let odd: [&[u8]; 17] = [
            b"",
            b"{}",
            br#"{"a":1,"a":2}"#,
            br#"{"b":1,"a":2}"#,
            br#"{"a": 1}"#,
            br#"{"a":1} "#,
            br#"{"a":01}"#,
            br#"{"a":-0}"#,
            br#"{"a":1.5}"#,
            br#"{"a":null}"#,
            br#"{"a":"\/"}"#,
            br#"{"a":"\u0041"}"#,
            br#"{"a":["x" ]}"#,
            br#"{"a":["x",]}"#,
            br#"{"a":1"#,
            br#"{"a":{"b":1}}"#,
            b"{\"a\":\"\x01\"}",
        ];
        for json in odd {
            assert!(!canonical(json), "{json:?}");
        }
    }
}
