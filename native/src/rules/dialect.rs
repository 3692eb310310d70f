//! Dialect: expressions of RE2 (<https://github.com/google/re2/wiki/Syntax>), written so that they
//! mean the same here. What might mean something else is not translated; RE2 is asked then.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Program of one expression; a larger one is RE2's.
const PROGRAM_BYTES_MAX: usize = 1 << 20;
/// Automaton of one expression, built as it is used; past it the search is slower, never wrong.
const AUTOMATON_BYTES_MAX: usize = 1 << 19;
/// Of more texts than this an expression is not known by any.
const REQUIRED_MAX: usize = 64;
/// Repetitions of a text that are written out.
const REPEATED_MAX: u32 = 16;

const DIGITS: &str = "0-9";
const SPACES: &str = r"\t\n\f\r\x20";
const WORDS: &str = "0-9A-Za-z_";

/// An expression ready to be searched for.
pub struct Expression {
    regex: Regex,
    /// Lower-cased texts of which one stands in each lower-cased value that matches; empty where
    /// nothing is known. Values with a long s are exempt.
    pub required: Vec<Vec<u8>>,
    /// No shorter value matches.
    shortest: usize,
}

/// The letter that matches an s where case does not matter, though it is no capital of it.
pub const LONG_S: char = 'ſ';

impl Expression {
    /// None where it is not certain to mean the same as in RE2.
    pub fn new(re2: &str) -> Option<Self> {
        let text = translate(re2)?;
        let tree = ParserBuilder::new().utf8(false).build().parse(&text).ok()?;
        let regex = RegexBuilder::new(&text)
            .size_limit(PROGRAM_BYTES_MAX)
            .dfa_size_limit(AUTOMATON_BYTES_MAX)
            .build()
            .ok()?;
        Some(Self {
            regex,
            required: required(&tree),
            shortest: tree.properties().minimum_len().unwrap_or_default(),
        })
    }

    /// Whether it matches anywhere in the value.
    pub fn is_found(&self, text: &str) -> bool {
        text.len() >= self.shortest && self.regex.is_match(text.as_bytes())
    }
}

/// The expression in the other dialect, or None.
pub fn translate(re2: &str) -> Option<String> {
    let mut reader = Reader {
        rest: re2,
        written: String::with_capacity(re2.len() * 2),
        folds: false,
    };
    while let Some(char) = reader.next() {
        reader.one(char)?;
    }
    // Letters beyond ASCII have other cases in other versions of Unicode.
    let foreign = !re2.is_ascii() || re2.contains(r"\x") || reader.written.contains(r"\u{");
    (!reader.folds || !foreign).then_some(reader.written)
}

struct Reader<'a> {
    rest: &'a str,
    written: String,
    folds: bool,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let char = self.rest.chars().next()?;
        self.rest = &self.rest[char.len_utf8()..];
        Some(char)
    }

    fn skip(&mut self, text: &str) -> bool {
        self.rest.strip_prefix(text).is_some_and(|rest| {
            self.rest = rest;
            true
        })
    }

    fn write(&mut self, text: &str) {
        self.written.push_str(text);
    }

    fn literal(&mut self, char: char) {
        if char.is_ascii_alphanumeric() || !char.is_ascii() {
            self.written.push(char);
        } else {
            self.write(&format!(r"\x{:02x}", u32::from(char)));
        }
    }

    fn one(&mut self, char: char) -> Option<()> {
        match char {
            '\\' => self.escape()?,
            '[' => self.class()?,
            '(' => self.group()?,
            ')' | '|' | '^' | '$' | '.' | '*' | '+' | '?' => self.written.push(char),
            '{' => self.repetition(),
            _ => self.literal(char),
        }
        Some(())
    }

    /// `{2}`, `{2,}` and `{2,5}`; any other brace is itself.
    fn repetition(&mut self) {
        let inside = self.rest.split_once('}').map_or("", |(inside, _)| inside);
        let is_count = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let counts = match inside.split_once(',') {
            Some((least, most)) => is_count(least) && (most.is_empty() || is_count(most)),
            None => is_count(inside),
        };
        if counts {
            self.written.push('{');
            self.write(&self.rest[..=inside.len()]);
            self.rest = &self.rest[inside.len() + 1..];
        } else {
            self.literal('{');
        }
    }

    /// An opening parenthesis; what a group is called does not matter.
    fn group(&mut self) -> Option<()> {
        if !self.rest.starts_with('?') {
            self.write("(?:");
            return Some(());
        }
        self.next();
        if self.skip("P<") || self.skip("<") {
            let (name, rest) = self.rest.split_once('>')?;
            let is_name =
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            self.rest = rest;
            self.write("(?:");
            return is_name.then_some(());
        }
        self.write("(?");
        let mut denied = false;
        let mut any = false;
        loop {
            let char = self.next()?;
            self.written.push(char);
            match char {
                'i' if !denied => self.folds = true,
                'i' | 'm' | 's' | 'U' => {}
                '-' if !denied => {
                    denied = true;
                    any = false;
                    continue;
                }
                ':' if any || !denied => return Some(()),
                ')' if any => return Some(()),
                _ => return None,
            }
            any = true;
        }
    }

    /// What follows a backslash outside of brackets.
    fn escape(&mut self) -> Option<()> {
        let rest = self.rest;
        let char = self.next()?;
        match char {
            'A' => self.write(r"\A"),
            'z' => self.write(r"\z"),
            'b' => self.write(r"(?-u:\b)"),
            'B' => self.write(r"(?-u:\B)"),
            _ => {
                if let Some(class) = perl_class(char) {
                    self.write(&class);
                } else {
                    self.rest = rest;
                    let char = self.escaped_char()?;
                    self.literal(char);
                }
            }
        }
        Some(())
    }

    /// The character that what follows a backslash stands for.
    fn escaped_char(&mut self) -> Option<char> {
        let char = self.next()?;
        Some(match char {
            'a' => '\x07',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'x' => self.hexadecimal()?,
            '0'..='7' => self.octal(char)?,
            _ if char.is_ascii_punctuation() => char,
            _ => return None,
        })
    }

    fn hexadecimal(&mut self) -> Option<char> {
        let digits = if self.skip("{") {
            let (digits, rest) = self.rest.split_once('}')?;
            self.rest = rest;
            digits
        } else {
            let digits = self.rest.get(..2)?;
            self.rest = &self.rest[2..];
            digits
        };
        let are_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        char::from_u32(
            u32::from_str_radix(digits, 16)
                .ok()
                .filter(|_| are_digits)?,
        )
    }

    /// Up to three octal digits; one alone that is not a nought would refer back.
    fn octal(&mut self, first: char) -> Option<char> {
        let mut code = first.to_digit(8)?;
        let mut digits = 1;
        while digits < 3
            && let Some(digit) = self.rest.chars().next().and_then(|char| char.to_digit(8))
        {
            self.next();
            code = code * 8 + digit;
            digits += 1;
        }
        (first == '0' || digits > 1)
            .then(|| char::from_u32(code))
            .flatten()
    }

    /// A class in brackets. Here brackets and doubled signs inside would mean more than they do in
    /// RE2, so everything is written by its number.
    fn class(&mut self) -> Option<()> {
        self.written.push('[');
        if self.skip("^") {
            self.written.push('^');
        }
        let mut first = true;
        loop {
            if self.rest.starts_with(']') && !first {
                self.next();
                self.written.push(']');
                return Some(());
            }
            first = false;
            if self.rest.starts_with("[:")
                && let Some((name, rest)) = self.rest[2..].split_once(":]")
            {
                if !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'^') {
                    return None;
                }
                self.write(&format!("[:{name}:]"));
                self.rest = rest;
                continue;
            }
            if let Some(rest) = self.rest.strip_prefix('\\')
                && let Some(class) = rest.chars().next().and_then(perl_class)
            {
                self.rest = &rest[1..];
                self.write(&class);
                continue;
            }
            let low = self.class_char()?;
            self.write(&format!(r"\x{{{:x}}}", u32::from(low)));
            if let Some(after) = self.rest.strip_prefix('-')
                && !after.starts_with(']')
                && !after.is_empty()
            {
                self.rest = after;
                let high = self.class_char()?;
                self.write(&format!(r"-\x{{{:x}}}", u32::from(high)));
            }
        }
    }

    fn class_char(&mut self) -> Option<char> {
        match self.next()? {
            '\\' => self.escaped_char(),
            char => Some(char),
        }
    }
}

/// Perl's classes, which in RE2 hold ASCII only, and no vertical tab.
fn perl_class(char: char) -> Option<String> {
    let negated = if char.is_ascii_uppercase() { "^" } else { "" };
    let class = match char.to_ascii_lowercase() {
        'd' => DIGITS,
        's' => SPACES,
        'w' => WORDS,
        _ => return None,
    };
    char.is_ascii().then(|| format!("[{negated}{class}]"))
}

/// What is known of the values a part of an expression matches.
struct Known {
    /// It matches this text and no other.
    exact: Option<Vec<u8>>,
    /// One of these stands in each match.
    required: Vec<Vec<u8>>,
}

impl Known {
    fn nothing() -> Self {
        Self {
            exact: None,
            required: Vec::new(),
        }
    }

    fn exactly(text: Vec<u8>) -> Self {
        Self {
            required: Vec::new(),
            exact: Some(text),
        }
    }

    fn into_required(self) -> Vec<Vec<u8>> {
        match self.exact {
            Some(text) if !text.is_empty() => vec![text],
            _ => self.required,
        }
    }
}

fn required(tree: &Hir) -> Vec<Vec<u8>> {
    known(tree).into_required()
}

/// The set whose shortest text is longer is the rarer one.
fn better(left: Vec<Vec<u8>>, right: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let worth = |texts: &[Vec<u8>]| {
        let shortest = texts.iter().map(Vec::len).min().unwrap_or_default();
        (shortest, usize::MAX - texts.len())
    };
    if worth(&right) > worth(&left) {
        right
    } else {
        left
    }
}

fn known(tree: &Hir) -> Known {
    match tree.kind() {
        HirKind::Empty | HirKind::Look(_) => Known::exactly(Vec::new()),
        HirKind::Literal(literal) => known_literal(&literal.0),
        HirKind::Class(class) => {
            one_letter(class).map_or_else(Known::nothing, |letter| Known::exactly(vec![letter]))
        }
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            let inner = known(&repetition.sub);
            match &inner.exact {
                Some(text) => {
                    let times = repetition.min.min(REPEATED_MAX);
                    let repeated = text.repeat(times as usize);
                    if repetition.max == Some(times) && times == repetition.min {
                        Known::exactly(repeated)
                    } else {
                        Known {
                            exact: None,
                            required: Known::exactly(repeated).into_required(),
                        }
                    }
                }
                None => inner,
            }
        }
        HirKind::Repetition(_) => Known::nothing(),
        HirKind::Capture(capture) => known(&capture.sub),
        HirKind::Concat(items) => known_concat(items),
        HirKind::Alternation(items) => {
            let mut required = Vec::new();
            for item in items {
                let one = known(item).into_required();
                if one.is_empty() || required.len() + one.len() > REQUIRED_MAX {
                    return Known::nothing();
                }
                required.extend(one);
            }
            Known {
                exact: None,
                required,
            }
        }
    }
}

fn known_concat(items: &[Hir]) -> Known {
    let mut best = Vec::new();
    let mut run = Vec::new();
    let mut whole = true;
    for item in items {
        let one = known(item);
        if let Some(text) = &one.exact {
            run.extend_from_slice(text);
            continue;
        }
        whole = false;
        best = better(
            best,
            Known::exactly(std::mem::take(&mut run)).into_required(),
        );
        best = better(best, one.into_required());
    }
    if whole {
        return Known::exactly(run);
    }
    Known {
        exact: None,
        required: better(best, Known::exactly(run).into_required()),
    }
}

/// Letters of ASCII are lower-cased alike wherever they stand; others may not be.
fn known_literal(bytes: &[u8]) -> Known {
    if bytes.is_ascii() {
        return Known::exactly(bytes.to_ascii_lowercase());
    }
    let longest = bytes
        .split(|byte| !byte.is_ascii())
        .max_by_key(|run| run.len())
        .unwrap_or_default();
    Known {
        exact: None,
        required: Known::exactly(longest.to_ascii_lowercase()).into_required(),
    }
}

/// The letter of ASCII that each character of a class becomes in lower case, a long s aside.
fn one_letter(class: &Class) -> Option<u8> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class
            .iter()
            .map(|range| (range.start().into(), range.end().into()))
            .collect(),
        Class::Bytes(class) => class
            .iter()
            .map(|range| (range.start().into(), range.end().into()))
            .collect(),
    };
    let first = u8::try_from(ranges.first()?.0).ok()?.to_ascii_lowercase();
    let same = |code: u32| {
        char::from_u32(code).is_some_and(|char| {
            char.to_ascii_lowercase() == char::from(first)
                || (first == b's' && char == LONG_S)
                // The sign for kelvin.
                || (first == b'k' && char == '\u{212a}')
        })
    };
    // Few enough to look at each: a larger class is no single letter.
    let small = ranges.iter().all(|(low, high)| high - low < 4);
    (first.is_ascii() && small && ranges.iter().all(|&(low, high)| (low..=high).all(same)))
        .then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(re2: &str) -> Vec<String> {
        let mut found: Vec<String> = Expression::new(re2)
            .unwrap()
            .required
            .into_iter()
            .map(|text| String::from_utf8(text).unwrap())
            .collect();
        found.sort();
        found
    }

    #[test]
    fn what_must_stand_in_a_match_is_known() {
        assert_eq!(texts(r"(?i)\s-(ab|UVER)\s*:"), ["ab", "uver"]);
        assert_eq!(texts(r"(?i)Task\.exe$"), ["task.exe"]);
        assert!(texts(r"a*b?").is_empty());
        assert_eq!(texts(r"(?:abc|de)+x?"), ["abc", "de"]);
        assert_eq!(texts(r"\^.*\^.*\^"), ["^"]);
        assert_eq!(texts(r"[Rr][Uu]né.{3}"), ["ru"]);
    }

    #[test]
    fn what_another_dialect_may_read_otherwise_is_left_to_re2() {
        for expression in [
            r"\C",
            r"\pN",
            r"\p{Greek}",
            r"[\pL]",
            r"\Qa.b\E",
            r"(?i)é",
            r"(?i)\x{e9}",
            r"\1",
            "(?",
            "(?x)a b",
            "[a",
            r"\",
        ] {
            assert!(Expression::new(expression).is_none(), "{expression}");
        }
    }

    #[test]
    fn classes_are_those_of_re2() {
        let found = |re2: &str, text: &str| Expression::new(re2).unwrap().is_found(text);
        assert!(!found(r"\d", "٣"));
        assert!(!found(r"\w", "é"));
        assert!(found(r"\W", "é"));
        assert!(!found(r"\s", "\x0b"));
        assert!(found(r"[\S]", "\x0b"));
        assert!(found(r"x[[]&&[^]]", "x[&&a"));
        assert!(found(r"[]a]b", "]b"));
        assert!(found(r"[a&&b]", "&"));
        assert!(found("[+--]", ",") && !found("[+--]", "b"));
        assert!(found(r"\bé", "aé"));
        assert!(found(r"a{,2}", "a{,2}"));
        assert!(found(r"\101\x41\x{41}", "AAA"));
        assert!(found(r"(?i)K", "\u{212a}"));
        assert!(found(r"(?P<n>a)(?P<m>b)", "ab"));
    }
}
