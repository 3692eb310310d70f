//! Plan: conditions over the fields of an event, ready to be asked.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::condition::{Test, Tree, Truth, witnesses};
use super::field::{Field, Question, Text};
use super::interned::Interned;
use super::memory::{Limits, Look, Memory};

/// The field of a keyword: it is looked for in every value.
pub const ANY_FIELD: &str = "";

/// Values remembered for each field: pages, agents and users of a busy gateway's minute. Longer
/// ones rarely repeat.
const VALUES: Limits = Limits {
    entries: 4096,
    items: 1 << 20,
    key_items: 2048,
};
/// What all fields together remember, in bytes; past it they begin anew.
const REMEMBERED_MAX: usize = 32 << 20;
/// What remembering one value takes beside the value itself.
const REMEMBERED_EACH: usize = 64;
/// Events remembered by what holds for their fields; recorded days show a few thousand kinds.
const EVENTS: Limits = Limits {
    entries: 1 << 16,
    items: 1 << 20,
    key_items: 256,
};
/// Sets of atoms and of matches known by a number; past it all is forgotten and asked anew.
const NUMBERED_MAX: usize = 1 << 17;

/// Fields with so many atoms look for the keywords at once with them: the memory it takes is small
/// beside their own.
const JOINED_FROM: usize = 64;

/// Names of fields that no rule names, each with its own memory, so that one whose values never come
/// again does not cost the others theirs; recorded days show two hundred.
const OTHERS_MAX: usize = 512;

/// The set of no atoms.
const NOTHING: u32 = 0;

/// What holds for a value, as numbers of sets of atoms: those of its field, and keywords. Keywords
/// are apart because the values that hold them say little of the event: a digit stands in some
/// number or other of nearly every one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    own: u32,
    words: u32,
}

/// An atom and how often it may hold, in any unit.
pub struct Asked {
    pub field: String,
    pub question: Question,
    pub weight: f32,
}

/// One condition: `bit` is set for `rule` where the tree holds.
pub struct Wanted {
    pub rule: u32,
    pub bit: u64,
    pub tree: Tree,
}

/// (rule, bits)
pub type Match = (u32, u64);

struct Condition {
    rule: u32,
    bit: u64,
    test: Test,
}

/// A field of events that is looked at.
struct Slot {
    field: Field,
    memory: Memory<u8, Answer>,
    idle: bool,
    /// Its field asks the keywords too.
    joined: bool,
}

pub struct Plan {
    names: HashMap<Box<[u8]>, u32, RandomState>,
    slots: Vec<Slot>,
    /// The place of fields that only keywords ask, but for those that have their own.
    rest: Option<u32>,
    others: usize,
    words: Field,
    is_word: Vec<bool>,
    conditions: Vec<Condition>,
    /// Conditions that may hold with no atom true.
    always: Vec<u32>,
    /// Conditions by their witnesses: of atom n, those from `starts[n]` to `starts[n + 1]`.
    starts: Vec<u32>,
    candidates: Vec<u32>,
    stamps: Vec<u32>,
    stamp: u32,
    truth: Truth,
    answers: Interned<u32>,
    outcomes: Interned<Match>,
    events: Memory<u32, u32>,
    /// Sets of keywords that are the union of two others.
    unions: HashMap<(u32, u32), u32, RandomState>,
    /// What holds for the event so far: sets of atoms, and the set of keywords.
    event: Vec<u32>,
    said: u32,
    held: Vec<u32>,
    heard: Vec<u32>,
    remembered: usize,
}

impl Plan {
    /// Atoms are known by their place.
    pub fn new(asked: Vec<Asked>, wanted: Vec<Wanted>) -> Self {
        let weights: Vec<f32> = asked.iter().map(|atom| atom.weight).collect();
        let mut fields: Vec<(String, Vec<(u32, Question)>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut words = Vec::new();
        let count = asked.len();
        let is_word = asked.iter().map(|atom| atom.field == ANY_FIELD).collect();
        for (atom, asked) in (0..).zip(asked) {
            if matches!(asked.question, Question::Nothing) {
                continue;
            }
            if asked.field == ANY_FIELD {
                words.push((atom, asked.question));
                continue;
            }
            let place = *places.entry(asked.field.clone()).or_insert_with(|| {
                fields.push((asked.field, Vec::new()));
                fields.len() - 1
            });
            fields[place].1.push((atom, asked.question));
        }
        let rest = (!words.is_empty()).then_some(fields.len() as u32);
        for (_, questions) in &mut fields {
            if questions.len() >= JOINED_FROM {
                questions.extend(words.iter().cloned());
            }
        }
        let words = Field::new(words);
        let mut plan = Self {
            names: HashMap::default(),
            slots: Vec::new(),
            rest,
            others: 0,
            is_word,
            conditions: Vec::new(),
            always: Vec::new(),
            starts: Vec::new(),
            candidates: Vec::new(),
            stamps: vec![0; wanted.len()],
            stamp: 0,
            truth: Truth::new(count),
            answers: Interned::new(),
            outcomes: Interned::new(),
            events: Memory::new(EVENTS),
            unions: HashMap::default(),
            event: Vec::new(),
            said: NOTHING,
            held: Vec::new(),
            heard: Vec::new(),
            remembered: 0,
            words,
        };
        for (name, questions) in fields {
            plan.names
                .insert(name.into_bytes().into(), plan.slots.len() as u32);
            plan.add_slot(questions);
        }
        if rest.is_some() {
            plan.add_slot(Vec::new());
        }
        plan.index(&wanted, &weights);
        for wanted in &wanted {
            plan.conditions.push(Condition {
                rule: wanted.rule,
                bit: wanted.bit,
                test: Test::new(&wanted.tree),
            });
        }
        plan
    }

    fn add_slot(&mut self, questions: Vec<(u32, Question)>) {
        let joined = questions.len() >= JOINED_FROM;
        let field = Field::new(questions);
        self.slots.push(Slot {
            idle: field.is_idle() && self.words.is_idle(),
            joined,
            field,
            memory: Memory::new(VALUES),
        });
    }

    fn index(&mut self, wanted: &[Wanted], weights: &[f32]) {
        let mut by_atom: Vec<Vec<u32>> = vec![Vec::new(); weights.len()];
        for (place, wanted) in (0..).zip(wanted) {
            match witnesses(&wanted.tree, false, &|atom| weights[atom as usize]) {
                Some(found) => {
                    for atom in found.atoms {
                        by_atom[atom as usize].push(place);
                    }
                }
                None => self.always.push(place),
            }
        }
        self.starts.push(0);
        for conditions in by_atom {
            self.candidates.extend(conditions);
            self.starts.push(self.candidates.len() as u32);
        }
    }

    /// The place of a field by its name; None where nothing is asked of it.
    pub fn slot(&mut self, name: &[u8]) -> Option<u32> {
        if let Some(&slot) = self.names.get(name) {
            return Some(slot);
        }
        if self.rest.is_none() || self.others == OTHERS_MAX {
            return self.rest;
        }
        self.others += 1;
        let slot = self.slots.len() as u32;
        self.names.insert(name.into(), slot);
        self.add_slot(Vec::new());
        Some(slot)
    }

    /// The place of fields that only keywords ask.
    pub fn rest(&self) -> Option<u32> {
        self.rest
    }

    /// Whether nothing is asked of single values of the field.
    pub fn is_idle(&self, slot: u32) -> bool {
        self.slots[slot as usize].idle
    }

    /// Whether anything is asked of the field that only the caller can answer.
    pub fn asks_outside(&self, slot: u32) -> bool {
        !self.words.outside.is_empty() || !self.slots[slot as usize].field.outside.is_empty()
    }

    /// Atoms of the field, and keywords, that only the caller can answer.
    pub fn outside(&self, slot: u32) -> impl Iterator<Item = u32> {
        let slot = &self.slots[slot as usize];
        let words = self.words.outside.iter().filter(|_| !slot.joined);
        slot.field.outside.iter().chain(words).copied()
    }

    /// Atoms of the field, and keywords, that compare numbers.
    pub fn numeric(&self, slot: u32) -> impl Iterator<Item = u32> {
        let slot = &self.slots[slot as usize];
        let words = self.words.numeric.iter().filter(|_| !slot.joined);
        slot.field.numeric.iter().chain(words).copied()
    }

    /// To be called before each event: numbers of answers hold for one event.
    pub fn begin(&mut self) {
        self.event.clear();
        self.said = NOTHING;
        if self.answers.len() > NUMBERED_MAX
            || self.outcomes.len() > NUMBERED_MAX
            || self.unions.len() > NUMBERED_MAX
            || self.remembered > REMEMBERED_MAX
        {
            self.forget();
        }
    }

    /// Forget all that was remembered; the answers stay the same.
    pub fn forget(&mut self) {
        for slot in &mut self.slots {
            slot.memory.clear();
        }
        self.remembered = 0;
        self.events.clear();
        self.unions.clear();
        self.answers = Interned::new();
        self.outcomes = Interned::new();
        // Whatever was left half done.
        self.truth = Truth::new(self.starts.len() - 1);
    }

    /// What is remembered of a text of the field.
    pub fn look(&mut self, slot: u32, raw: &str) -> Look<Answer> {
        self.slots[slot as usize].memory.look(raw.as_bytes())
    }

    /// The answer of a field that is there, whatever its value.
    pub fn present(&mut self, slot: u32) -> Answer {
        self.add_present(slot);
        self.number()
    }

    fn add_present(&mut self, slot: u32) {
        self.held.clear();
        self.heard.clear();
        let field = &self.slots[slot as usize].field;
        self.held.extend_from_slice(&field.present);
        self.heard.extend_from_slice(&self.words.present);
    }

    /// The numbers of what holds.
    fn number(&mut self) -> Answer {
        let mut number = |atoms: &mut Vec<u32>| {
            if atoms.is_empty() {
                return NOTHING;
            }
            atoms.sort_unstable();
            atoms.dedup();
            self.answers.number(atoms)
        };
        Answer {
            own: number(&mut self.held),
            words: number(&mut self.heard),
        }
    }

    /// The answer of a text, with other atoms that hold for it; remembered from now on where it was
    /// looked for in vain.
    pub fn learn(&mut self, slot: u32, look: Look<Answer>, text: Text, others: &[u32]) -> Answer {
        let answer = self.ask(slot, text, true, others);
        if let Look::New(hash) = look {
            let memory = &mut self.slots[slot as usize].memory;
            if memory.put(hash, text.raw.as_bytes(), answer) {
                self.remembered += REMEMBERED_EACH + text.raw.len();
            }
        }
        answer
    }

    /// The answer of a text, with other atoms that are known to hold.
    pub fn ask(&mut self, slot: u32, text: Text, with_numbers: bool, others: &[u32]) -> Answer {
        self.add_present(slot);
        self.held.extend_from_slice(others);
        let slot = &self.slots[slot as usize];
        let answered = |field: &Field, atoms: &mut Vec<u32>| {
            field.ask(text, atoms);
            if with_numbers {
                field.ask_number(text.lower, atoms);
            }
        };
        answered(&slot.field, &mut self.held);
        if !slot.joined {
            answered(&self.words, &mut self.heard);
        }
        if slot.joined || !others.is_empty() {
            let is_word = |atom: &mut u32| self.is_word[*atom as usize];
            self.heard.extend(self.held.extract_if(.., is_word));
        }
        self.number()
    }

    /// Adds what holds for one of the event's values.
    pub fn add(&mut self, answer: Answer) {
        if answer.own != NOTHING && self.event.last() != Some(&answer.own) {
            self.event.push(answer.own);
        }
        if answer.words != NOTHING && answer.words != self.said {
            self.said = self.union(self.said, answer.words);
        }
    }

    fn union(&mut self, left: u32, right: u32) -> u32 {
        if left == NOTHING {
            return right;
        }
        if let Some(&number) = self.unions.get(&(left, right)) {
            return number;
        }
        let mut atoms = self.answers.list(left).to_vec();
        atoms.extend_from_slice(self.answers.list(right));
        atoms.sort_unstable();
        atoms.dedup();
        let number = self.answers.number(&atoms);
        self.unions.insert((left, right), number);
        number
    }

    /// Adds an atom that holds for the event.
    pub fn add_one(&mut self, atom: u32) {
        let own = self.answers.number(&[atom]);
        self.event.push(own);
    }

    /// What the event matches, ordered by rule.
    pub fn decide(&mut self) -> &[Match] {
        let mut event = std::mem::take(&mut self.event);
        if self.said != NOTHING {
            event.push(self.said);
        }
        let outcome = match self.events.look(&event) {
            Look::Known(outcome) => outcome,
            Look::Spared => self.evaluate(&event),
            Look::New(hash) => {
                let outcome = self.evaluate(&event);
                self.events.put(hash, &event, outcome);
                outcome
            }
        };
        self.event = event;
        self.outcomes.list(outcome)
    }

    fn evaluate(&mut self, answers: &[u32]) -> u32 {
        let mut matches: Vec<Match> = Vec::new();
        self.held.clear();
        for &answer in answers {
            for &atom in self.answers.list(answer) {
                if self.truth.set(atom) {
                    self.held.push(atom);
                }
            }
        }
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.stamps.fill(0);
            self.stamp = 1;
        }
        for &place in &self.always {
            self.conditions[place as usize].ask(&self.truth, &mut matches);
        }
        for &atom in &self.held {
            let from = self.starts[atom as usize] as usize;
            let to = self.starts[atom as usize + 1] as usize;
            for &place in &self.candidates[from..to] {
                let stamp = &mut self.stamps[place as usize];
                if *stamp != self.stamp {
                    *stamp = self.stamp;
                    self.conditions[place as usize].ask(&self.truth, &mut matches);
                }
            }
        }
        for &atom in &self.held {
            self.truth.unset(atom);
        }
        matches.sort_unstable();
        matches.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 |= later.1;
            }
            same
        });
        self.outcomes.number(&matches)
    }
}

impl Condition {
    fn ask(&self, truth: &Truth, matches: &mut Vec<Match>) {
        if self.test.holds(truth) {
            matches.push((self.rule, self.bit));
        }
    }
}
