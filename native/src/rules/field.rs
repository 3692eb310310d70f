//! Field: which atoms of one field hold for a value.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::dialect::{Expression, LONG_S};
use super::grams::Grams;
use super::number::{Compare, Number, number_of};
use super::trie::Trie;
use super::wildcard::Wildcard;

/// Marks what must be checked further, among atoms that hold at once.
const CHECK: u32 = 1 << 31;
/// Atoms of a plan: their numbers leave the mark free.
pub const ATOMS_MAX: usize = CHECK as usize;

/// Where a text must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Whole,
    Start,
    End,
    Anywhere,
}

/// What an atom asks of a value.
#[derive(Clone)]
pub enum Question {
    /// That there is one.
    Exists,
    /// A text, lower-cased unless `cased`.
    Text {
        place: Place,
        text: String,
        cased: bool,
    },
    /// A pattern over the whole value, lower-cased unless `cased`.
    Wildcard {
        pattern: String,
        cased: bool,
    },
    Expression(Arc<Expression>),
    Number(Compare, Number),
    /// What only the caller can answer.
    Outside,
    /// Nothing of a single value: the caller answers for the whole event.
    Nothing,
}

/// A value as it is and in lower case.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    pub raw: &'a str,
    pub lower: &'a str,
}

enum Check {
    Wildcard { pattern: Wildcard, cased: bool },
    Expression(Arc<Expression>),
}

impl Check {
    fn holds(&self, text: Text) -> bool {
        match self {
            Self::Wildcard { pattern, cased } => {
                pattern.matches(if *cased { text.raw } else { text.lower })
            }
            Self::Expression(expression) => expression.is_found(text.raw),
        }
    }
}

/// Texts that are looked for, each with the atom it makes true or what must then be checked.
#[derive(Default)]
struct Wanted {
    whole: Vec<(Vec<u8>, u32)>,
    starts: Vec<(Vec<u8>, u32)>,
    ends: Vec<(Vec<u8>, u32)>,
    parts: Vec<(Vec<u8>, u32)>,
}

/// The same, ready to be looked for.
struct Texts {
    whole: HashMap<Box<[u8]>, Vec<u32>, RandomState>,
    starts: Trie,
    ends: Trie,
    parts: Grams,
    none: bool,
}

impl Texts {
    fn new(wanted: Wanted) -> Self {
        let none = [&wanted.whole, &wanted.starts, &wanted.ends, &wanted.parts]
            .iter()
            .all(|texts| texts.is_empty());
        let mut whole: HashMap<Box<[u8]>, Vec<u32>, RandomState> = HashMap::default();
        for (text, what) in wanted.whole {
            whole.entry(text.into()).or_default().push(what);
        }
        let reversed = wanted.ends.into_iter().map(|(mut text, what)| {
            text.reverse();
            (text, what)
        });
        Self {
            whole,
            starts: Trie::new(wanted.starts),
            ends: Trie::new(reversed.collect()),
            parts: Grams::new(wanted.parts),
            none,
        }
    }

    fn find(&self, text: &str, found: &mut Vec<u32>) {
        if self.none {
            return;
        }
        if !self.whole.is_empty()
            && let Some(atoms) = self.whole.get(text.as_bytes())
        {
            found.extend_from_slice(atoms);
        }
        self.starts.find(text.bytes(), found);
        self.ends.find(text.bytes().rev(), found);
        self.parts.find(text.as_bytes(), found);
    }
}

/// The atoms of one field.
pub struct Field {
    /// Hold for every field that is there, an empty list too.
    pub present: Vec<u32>,
    /// To be answered by the caller.
    pub outside: Vec<u32>,
    /// Compared with numbers.
    pub numeric: Vec<u32>,
    /// Hold for every single value.
    any: Vec<u32>,
    lower: Texts,
    raw: Texts,
    equal: HashMap<i128, Vec<u32>, RandomState>,
    compared: Vec<(Compare, Number, u32)>,
    checks: Vec<(Check, u32)>,
    /// Those that no text stands for.
    unfiltered: Vec<u32>,
}

impl Field {
    /// Of (atom, what it asks).
    pub fn new(questions: Vec<(u32, Question)>) -> Self {
        let mut field = Self {
            present: Vec::new(),
            outside: Vec::new(),
            numeric: Vec::new(),
            any: Vec::new(),
            lower: Texts::new(Wanted::default()),
            raw: Texts::new(Wanted::default()),
            equal: HashMap::default(),
            compared: Vec::new(),
            checks: Vec::new(),
            unfiltered: Vec::new(),
        };
        let (mut lower, mut raw) = (Wanted::default(), Wanted::default());
        for (atom, question) in questions {
            match question {
                Question::Nothing => {}
                Question::Exists => field.present.push(atom),
                Question::Outside => field.outside.push(atom),
                Question::Number(compare, number) => field.add_number(atom, compare, number),
                Question::Text { place, text, cased } => {
                    let wanted = if cased { &mut raw } else { &mut lower };
                    field.add_text(atom, place, text.into_bytes(), wanted);
                }
                Question::Wildcard { pattern, cased } => {
                    let wanted = if cased { &mut raw } else { &mut lower };
                    let pattern = Wildcard::new(&pattern);
                    let required = vec![pattern.required().to_vec()];
                    field.add_check(atom, Check::Wildcard { pattern, cased }, required, wanted);
                }
                Question::Expression(expression) => {
                    let required = expression.required.clone();
                    field.add_check(atom, Check::Expression(expression), required, &mut lower);
                }
            }
        }
        field.lower = Texts::new(lower);
        field.raw = Texts::new(raw);
        field
    }

    fn add_number(&mut self, atom: u32, compare: Compare, number: Number) {
        self.numeric.push(atom);
        match (compare, number) {
            (Compare::Equal, Number::Int(number)) => {
                self.equal.entry(number).or_default().push(atom);
            }
            _ => self.compared.push((compare, number, atom)),
        }
    }

    fn add_text(&mut self, atom: u32, place: Place, text: Vec<u8>, wanted: &mut Wanted) {
        let texts = match place {
            Place::Whole => &mut wanted.whole,
            _ if text.is_empty() => return self.any.push(atom),
            Place::Start => &mut wanted.starts,
            Place::End => &mut wanted.ends,
            Place::Anywhere => &mut wanted.parts,
        };
        texts.push((text, atom));
    }

    fn add_check(&mut self, atom: u32, check: Check, required: Vec<Vec<u8>>, wanted: &mut Wanted) {
        let place = self.checks.len() as u32;
        self.checks.push((check, atom));
        if required.is_empty() || required.iter().any(Vec::is_empty) {
            self.unfiltered.push(place);
        } else {
            let texts = required.into_iter().map(|text| (text, CHECK | place));
            wanted.parts.extend(texts);
        }
    }

    /// Whether it asks nothing of single values.
    pub fn is_idle(&self) -> bool {
        self.any.is_empty()
            && self.lower.none
            && self.raw.none
            && self.numeric.is_empty()
            && self.checks.is_empty()
            && self.outside.is_empty()
    }

    /// Adds the atoms that hold for a text, but for those asked outside and of numbers.
    pub fn ask(&self, text: Text, held: &mut Vec<u32>) {
        held.extend_from_slice(&self.any);
        let from = held.len();
        self.lower.find(text.lower, held);
        self.raw.find(text.raw, held);
        let is_checked = |what: &u32| what & CHECK != 0;
        let long_s = !self.checks.is_empty() && has_long_s(text.raw);
        if self.unfiltered.is_empty() && !long_s && !held[from..].iter().any(is_checked) {
            return;
        }
        let mut checks = self.unfiltered.clone();
        let mut at = from;
        while at < held.len() {
            if held[at] & CHECK == 0 {
                at += 1;
            } else {
                checks.push(held.swap_remove(at) & !CHECK);
            }
        }
        if long_s {
            checks = (0..self.checks.len() as u32).collect();
        }
        checks.sort_unstable();
        checks.dedup();
        for check in checks {
            let (check, atom) = &self.checks[check as usize];
            if check.holds(text) {
                held.push(*atom);
            }
        }
    }

    /// Adds the atoms that hold for the number a text writes.
    pub fn ask_number(&self, lower: &str, held: &mut Vec<u32>) {
        if self.numeric.is_empty() {
            return;
        }
        let Some(number) = number_of(lower) else {
            return;
        };
        if let Some(atoms) = self.equal.get(&number) {
            held.extend_from_slice(atoms);
        }
        for (compare, wanted, atom) in &self.compared {
            if compare.holds(number, *wanted) {
                held.push(*atom);
            }
        }
    }
}

fn has_long_s(text: &str) -> bool {
    !text.is_ascii() && text.contains(LONG_S)
}
