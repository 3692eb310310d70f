//! Wildcard: a pattern over a whole value, where `*` stands for any text, `?` for one character and
//! a backslash takes the meaning from the character after it.

use memchr::memmem;

/// Between stars: plain text and single characters, in turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Piece {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<[u8]>),
    One,
}

#[derive(Debug)]
pub struct Wildcard {
    pieces: Vec<Piece>,
}

impl Wildcard {
    pub fn new(pattern: &str) -> Self {
        let mut pieces = Vec::new();
        let (mut piece, mut text) = (Piece::default(), String::new());
        let mut escaped = false;
        let flush = |piece: &mut Piece, text: &mut String| {
            if !text.is_empty() {
                let bytes = std::mem::take(text).into_bytes();
                piece.parts.push(Part::Text(bytes.into_boxed_slice()));
            }
        };
        for char in pattern.chars() {
            match char {
                _ if escaped => {
                    text.push(char);
                    escaped = false;
                }
                '\\' => escaped = true,
                '*' => {
                    flush(&mut piece, &mut text);
                    pieces.push(std::mem::take(&mut piece));
                }
                '?' => {
                    flush(&mut piece, &mut text);
                    piece.parts.push(Part::One);
                }
                _ => text.push(char),
            }
        }
        flush(&mut piece, &mut text);
        pieces.push(piece);
        Self { pieces }
    }

    /// The longest text that stands in every value it matches; empty where there is none.
    pub fn required(&self) -> &[u8] {
        self.pieces
            .iter()
            .flat_map(|piece| &piece.parts)
            .filter_map(|part| match part {
                Part::Text(text) => Some(&**text),
                Part::One => None,
            })
            .max_by_key(|text| text.len())
            .unwrap_or_default()
    }

    /// Whether the whole value matches; in time linear in the value for a given pattern.
    pub fn matches(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let [first, middle @ .., last] = &self.pieces[..] else {
            return self.pieces[0].at(bytes, 0) == Some(bytes.len());
        };
        let (Some(mut at), Some(end)) = (first.at(bytes, 0), last.before(bytes)) else {
            return false;
        };
        // The leftmost place is as good as any: it leaves the most to the pieces after it.
        for piece in middle {
            match piece.find(bytes, at) {
                Some(found) => at = found,
                None => return false,
            }
        }
        at <= end
    }
}

impl Piece {
    /// Where the piece ends that stands at `at`.
    fn at(&self, bytes: &[u8], mut at: usize) -> Option<usize> {
        for part in &self.parts {
            at = match part {
                Part::Text(text) => bytes[at..].starts_with(text).then(|| at + text.len())?,
                Part::One => at + length_of_char(*bytes.get(at)?),
            };
        }
        Some(at)
    }

    /// Where the piece begins that ends the value.
    fn before(&self, bytes: &[u8]) -> Option<usize> {
        let mut end = bytes.len();
        for part in self.parts.iter().rev() {
            match part {
                Part::Text(text) => {
                    end = bytes[..end].ends_with(text).then(|| end - text.len())?;
                }
                Part::One => {
                    end = end.checked_sub(1)?;
                    while is_continuation(bytes[end]) {
                        end -= 1;
                    }
                }
            }
        }
        Some(end)
    }

    /// Where the leftmost piece from `from` on ends.
    fn find(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut from = from;
        loop {
            if let Some(Part::Text(text)) = self.parts.first() {
                from += memmem::find(&bytes[from..], text)?;
            }
            if let Some(end) = self.at(bytes, from) {
                return Some(end);
            }
            from += length_of_char(*bytes.get(from)?);
        }
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

fn length_of_char(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_marks_and_backslashes_mean_what_they_say() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a*c", "abbc", true),
            ("a*c", "ac", true),
            ("ab*bc", "abc", false),
            ("*", "", true),
            ("?", "烽", true),
            ("?", "", false),
            ("?", "ab", false),
            ("*?b", "烽b", true),
            ("a*?", "a", false),
            ("*a?c*", "xabaxxc", false),
            ("*a?c*", "xabaxcaéc.", true),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            (r"a\\*", r"a\x", true),
            (r"a\x", "ax", true),
            (r"ab\", "ab", true),
            ("*b?*b?*", "b1b", false),
            ("*b?*b?*", "b1b2", true),
            ("a**b", "a\nb", true),
        ] {
            assert_eq!(
                Wildcard::new(pattern).matches(text),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn the_longest_plain_text_is_required() {
        assert_eq!(Wildcard::new("ab*cde?f").required(), b"cde");
        assert_eq!(Wildcard::new(r"a\*b*").required(), b"a*b");
        assert_eq!(Wildcard::new("*??*").required(), b"");
    }
}
