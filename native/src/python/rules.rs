//! Binding of [`crate::rules`]: conditions of plain lists, events of dictionaries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

use crate::rules::condition::{DEPTH_MAX, Tree};
use crate::rules::dialect::Expression;
use crate::rules::field::{ATOMS_MAX, Place, Question, Text};
use crate::rules::memory::Look;
use crate::rules::number::{Compare, Number};
use crate::rules::plan::{ANY_FIELD, Asked, Plan as Core, Wanted};

/// Names seen of late; the same few objects come again with every event.
const NAMES: usize = 1024;
/// Digits of a 64-bit integer and its sign.
const INTEGER_CHARS: usize = 20;

/// How one field stands to another.
#[derive(Clone, Copy)]
enum Relation {
    Same,
    Starts,
    Ends,
    Contains,
}

impl Relation {
    fn of(op: &str) -> Option<Self> {
        Some(match op {
            "same_as" => Self::Same,
            "starts_as" => Self::Starts,
            "ends_as" => Self::Ends,
            "contains_as" => Self::Contains,
            _ => return None,
        })
    }

    fn holds(self, left: &str, right: &str) -> bool {
        match self {
            Self::Same => left == right,
            Self::Starts => left.starts_with(right),
            Self::Ends => left.ends_with(right),
            Self::Contains => left.contains(right),
        }
    }
}

struct Related {
    atom: u32,
    relation: Relation,
    left: Py<PyString>,
    right: Py<PyString>,
}

/// Reads conditions, and gives each atom its number.
struct Reader<'py> {
    py: Python<'py>,
    /// Makes the test of an atom that is not answered here.
    test_of: Bound<'py, PyAny>,
    numbers: HashMap<Key, u32>,
    asked: Vec<Asked>,
    outside: HashMap<u32, Py<PyAny>>,
    compared: HashMap<u32, (Compare, Py<PyAny>)>,
    related: Vec<Related>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    field: String,
    op: String,
    kind: u8,
    value: String,
    cased: bool,
    part: String,
}

/// How often an atom may hold, in no unit; only the order counts. A longer text is rarer, a number
/// tells kinds of events apart, of which there are few.
fn weight(op: &str, text: &str) -> f32 {
    let length = text.chars().count() as f32;
    match op {
        "exists" => 1000.0,
        "number" | "boolean" | "lt" | "lte" | "gt" | "gte" | "cidr" => 300.0,
        "equals" => 40.0,
        "endswith" | "startswith" => 60.0 + 40.0 / length.max(1.0),
        "contains" => 1.0 + 400.0 / (length * length).max(1.0),
        "regex" | "wildcard" => 30.0,
        _ => 100.0,
    }
}

impl<'py> Reader<'py> {
    fn tree(&mut self, node: &Bound<'py, PyAny>, depth: usize) -> PyResult<Tree> {
        if depth > DEPTH_MAX {
            return Err(PyValueError::new_err("a condition is too deep"));
        }
        let node = node.cast::<PyList>()?;
        let tag = node.get_item(0)?;
        let items = |reader: &mut Self| -> PyResult<Vec<Tree>> {
            node.get_item(1)?
                .try_iter()?
                .map(|item| reader.tree(&item?, depth + 1))
                .collect()
        };
        Ok(match tag.cast::<PyString>()?.to_str()? {
            "is" => Tree::Atom(self.atom(node)?),
            "not" => Tree::Not(Box::new(self.tree(&node.get_item(1)?, depth + 1)?)),
            "all" => Tree::All(items(self)?),
            "some" => Tree::Some(items(self)?),
            tag => return Err(PyValueError::new_err(format!("{tag:?} is no condition"))),
        })
    }

    fn atom(&mut self, node: &Bound<'py, PyList>) -> PyResult<u32> {
        let value = node.get_item(3)?;
        let key = Key {
            field: node.get_item(1)?.extract()?,
            op: node.get_item(2)?.extract()?,
            kind: kind(&value),
            value: value.str()?.to_str()?.to_owned(),
            cased: node.get_item(4)?.extract()?,
            part: node.get_item(5)?.extract()?,
        };
        if let Some(&number) = self.numbers.get(&key) {
            return Ok(number);
        }
        let number = self.asked.len() as u32;
        if self.asked.len() >= ATOMS_MAX {
            return Err(PyValueError::new_err("there are too many questions"));
        }
        if let Some(relation) = Relation::of(&key.op) {
            self.related.push(Related {
                atom: number,
                relation,
                left: PyString::new(self.py, &key.field).unbind(),
                right: PyString::new(self.py, &key.value).unbind(),
            });
        }
        let question = match self.question(number, &key, &value)? {
            Some(question) => question,
            None => {
                let test = self.test_of.call1((node,))?;
                self.outside.insert(number, test.unbind());
                Question::Outside
            }
        };
        self.asked.push(Asked {
            field: key.field.clone(),
            question,
            weight: weight(&key.op, &key.value),
        });
        self.numbers.insert(key, number);
        Ok(number)
    }

    /// What the atom asks; None where only Python can tell.
    fn question(
        &mut self,
        atom: u32,
        key: &Key,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Question>> {
        if Relation::of(&key.op).is_some() {
            return Ok(Some(Question::Nothing));
        }
        if !key.part.is_empty() {
            return Ok(None);
        }
        let text = |place| {
            let text = if key.cased {
                key.value.clone()
            } else {
                lower(self.py, &key.value)?
            };
            PyResult::Ok(Some(Question::Text {
                place,
                text,
                cased: key.cased,
            }))
        };
        match key.op.as_str() {
            "exists" => Ok(Some(Question::Exists)),
            "equals" => text(Place::Whole),
            "startswith" => text(Place::Start),
            "endswith" => text(Place::End),
            "contains" => text(Place::Anywhere),
            "wildcard" => Ok(Some(Question::Wildcard {
                pattern: if key.cased {
                    key.value.clone()
                } else {
                    lower(self.py, &key.value)?
                },
                cased: key.cased,
            })),
            "regex" => {
                Ok(Expression::new(&key.value).map(|found| Question::Expression(Arc::new(found))))
            }
            "boolean" => Ok(Some(Question::Text {
                place: Place::Whole,
                text: value.is_truthy()?.to_string(),
                cased: false,
            })),
            _ => {
                let Some(compare) = compare_of(&key.op) else {
                    return Ok(None);
                };
                let Some(number) = number(value)? else {
                    return Ok(None);
                };
                self.compared
                    .insert(atom, (compare, value.clone().unbind()));
                Ok(Some(Question::Number(compare, number)))
            }
        }
    }
}

fn compare_of(op: &str) -> Option<Compare> {
    Some(match op {
        "number" => Compare::Equal,
        "lt" => Compare::Less,
        "lte" => Compare::LessOrEqual,
        "gt" => Compare::Greater,
        "gte" => Compare::GreaterOrEqual,
        _ => return None,
    })
}

/// Values that Python takes for equal may have different texts.
fn kind(value: &Bound<'_, PyAny>) -> u8 {
    if value.is_instance_of::<PyBool>() {
        0
    } else if value.is_instance_of::<PyInt>() {
        1
    } else if value.is_instance_of::<PyFloat>() {
        2
    } else {
        3
    }
}

/// The number of a rule; None for what is none, or beyond 128 bits.
fn number(value: &Bound<'_, PyAny>) -> PyResult<Option<Number>> {
    Ok(match kind(value) {
        0 => Some(Number::Int(value.is_truthy()?.into())),
        1 => value.str()?.to_str()?.parse().ok().map(Number::Int),
        2 => Some(Number::Float(value.extract()?)),
        _ => None,
    })
}

/// Lower case as `analytics.matching.values.lowered` has it, whatever Python's version of Unicode.
fn lower(py: Python<'_>, text: &str) -> PyResult<String> {
    if text.is_ascii() {
        return Ok(text.to_ascii_lowercase());
    }
    PyString::new(py, &text.replace('Σ', "σ"))
        .call_method0("lower")?
        .extract()
}

/// Half of a surrogate pair has no UTF-8; it is read as the sign for what cannot be read.
fn text_of(text: &Bound<'_, PyString>) -> String {
    text.to_string_lossy().into_owned()
}

/// The text of a value as rules compare it, and in lower case.
fn texts_of(value: &Bound<'_, PyAny>) -> PyResult<(String, String)> {
    let text = if let Ok(truth) = value.cast::<PyBool>() {
        return Ok((truth.is_true().to_string(), truth.is_true().to_string()));
    } else if let Ok(text) = value.cast::<PyString>() {
        text.clone()
    } else {
        value.str()?
    };
    let raw = text_of(&text);
    let lower = if raw.is_ascii() {
        raw.to_ascii_lowercase()
    } else {
        text_of(
            text.call_method1("replace", ("Σ", "σ"))?
                .call_method0("lower")?
                .cast::<PyString>()?,
        )
    };
    Ok((raw, lower))
}

struct State {
    core: Core,
    outside: HashMap<u32, Py<PyAny>>,
    compared: HashMap<u32, (Compare, Py<PyAny>)>,
    related: Vec<Related>,
    /// The objects are held, so that no other can stand in their place.
    names: Vec<Option<(Py<PyAny>, Option<u32>)>>,
    answers: Vec<u32>,
    lower: String,
}

/// Many conditions, ready to be asked of events.
#[pyclass(frozen, module = "fengsui_native.rules")]
struct Plan {
    state: Mutex<State>,
}

#[pymethods]
impl Plan {
    /// Of (rule, bit, condition), the condition in plain lists. `test_of` makes of an atom that
    /// only Python answers a function of (lower-cased text, value).
    #[new]
    fn new(questions: &Bound<'_, PyAny>, test_of: Bound<'_, PyAny>) -> PyResult<Self> {
        let mut reader = Reader {
            py: questions.py(),
            test_of,
            numbers: HashMap::new(),
            asked: Vec::new(),
            outside: HashMap::new(),
            compared: HashMap::new(),
            related: Vec::new(),
        };
        let mut wanted = Vec::new();
        for question in questions.try_iter()? {
            let (rule, bit, node): (u32, u64, Bound<'_, PyAny>) = question?.extract()?;
            let tree = reader.tree(&node, 0)?;
            wanted.push(Wanted { rule, bit, tree });
        }
        let state = State {
            core: Core::new(reader.asked, wanted),
            outside: reader.outside,
            compared: reader.compared,
            related: reader.related,
            names: (0..NAMES).map(|_| None).collect(),
            answers: Vec::new(),
            lower: String::new(),
        };
        Ok(Self {
            state: Mutex::new(state),
        })
    }

    /// All matches of a batch as (place of the event, rule, bits), by place and then by rule.
    #[pyo3(name = "match")]
    fn matches(&self, events: &Bound<'_, PyAny>) -> PyResult<Vec<(usize, u32, u64)>> {
        let mut found = Vec::new();
        let mut state = self.state(events.py());
        for (place, event) in events.try_iter()?.enumerate() {
            let event = event?;
            let event = event
                .cast::<PyDict>()
                .map_err(|_| PyTypeError::new_err(format!("event {place} is no dictionary")))?;
            state.answer(event)?;
            let State { core, answers, .. } = &mut *state;
            for &(rule, bits) in core.decide(answers) {
                found.push((place, rule, bits));
            }
        }
        Ok(found)
    }
}

impl Plan {
    fn state(&self, py: Python<'_>) -> MutexGuard<'_, State> {
        // Other threads of Python may run while a test in Python is asked.
        self.state.lock_py_attached(py).unwrap_or_else(|poisoned| {
            let mut state = poisoned.into_inner();
            state.core.forget();
            state
        })
    }
}

impl State {
    /// The answers of an event's fields, into `answers`.
    fn answer(&mut self, event: &Bound<'_, PyDict>) -> PyResult<()> {
        self.core.begin();
        self.answers.clear();
        // What needs Python's help waits until the dictionary has been read: nothing may change it
        // meanwhile.
        let mut waiting = Vec::new();
        let py = event.py();
        let (mut place, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: the dictionary is held, and so are its key and value as soon as they are read. Were
        // it changed meanwhile after all, entries might be missed, and nothing worse.
        while unsafe { ffi::PyDict_Next(event.as_ptr(), &mut place, &mut key, &mut value) } != 0 {
            let (key, value) = unsafe {
                (
                    Bound::from_borrowed_ptr(py, key),
                    Bound::from_borrowed_ptr(py, value),
                )
            };
            if let Some(slot) = self.name(&key) {
                self.value(slot, &value, &mut waiting);
            }
        }
        for (slot, value) in waiting {
            let answer = self.slow(slot, &value)?;
            self.push(answer);
        }
        if !self.related.is_empty() {
            self.relations(event)?;
        }
        Ok(())
    }

    fn push(&mut self, answer: u32) {
        if answer != 0 && self.answers.last() != Some(&answer) {
            self.answers.push(answer);
        }
    }

    fn name(&mut self, key: &Bound<'_, PyAny>) -> Option<u32> {
        let place = (key.as_ptr() as usize >> 4) % NAMES;
        if let Some((known, slot)) = &self.names[place]
            && known.as_ptr() == key.as_ptr()
        {
            return *slot;
        }
        let name = key
            .cast::<PyString>()
            .ok()
            .and_then(|name| name.to_str().ok());
        let slot = match name {
            Some(name) => self.core.slot(name.as_bytes()),
            // No rule can name it.
            None => self.core.rest(),
        };
        self.names[place] = Some((key.clone().unbind(), slot));
        slot
    }

    fn value<'py>(
        &mut self,
        slot: u32,
        value: &Bound<'py, PyAny>,
        waiting: &mut Vec<(u32, Bound<'py, PyAny>)>,
    ) {
        if value.is_none() {
            return;
        }
        if let Ok(items) = value.cast::<PyList>() {
            let present = self.core.present(slot);
            self.push(present);
            if !self.core.is_idle(slot) {
                for item in items.iter() {
                    self.scalar(slot, &item, waiting);
                }
            }
        } else if self.core.is_idle(slot) {
            let present = self.core.present(slot);
            self.push(present);
        } else {
            self.scalar(slot, value, waiting);
        }
    }

    /// One value, at once where it is known or plain.
    fn scalar<'py>(
        &mut self,
        slot: u32,
        value: &Bound<'py, PyAny>,
        waiting: &mut Vec<(u32, Bound<'py, PyAny>)>,
    ) {
        let mut digits = [0; INTEGER_CHARS];
        let text = if let Ok(text) = value.cast_exact::<PyString>() {
            text.to_str().ok()
        } else if let Ok(truth) = value.cast_exact::<PyBool>() {
            Some(if truth.is_true() { "true" } else { "false" })
        } else if value.is_exact_instance_of::<PyInt>() {
            small(value).map(|number| decimal(number, &mut digits))
        } else {
            None
        };
        if let Some(text) = text
            && !self.core.asks_outside(slot)
        {
            let look = self.core.look(slot, text);
            if let Look::Known(answer) = look {
                return self.push(answer);
            }
            if text.is_ascii() {
                self.lower.clear();
                self.lower.push_str(text);
                self.lower.make_ascii_lowercase();
                let lower = &self.lower;
                let answer = self.core.learn(slot, look, Text { raw: text, lower });
                return self.push(answer);
            }
        }
        waiting.push((slot, value.clone()));
    }

    /// The answer of a value that needs Python's help.
    fn slow(&mut self, slot: u32, value: &Bound<'_, PyAny>) -> PyResult<u32> {
        let py = value.py();
        let (raw, lower) = texts_of(value)?;
        let text = Text {
            raw: &raw,
            lower: &lower,
        };
        let is_text = value.is_instance_of::<PyString>();
        let simple = is_text || value.is_instance_of::<PyBool>();
        if !self.core.asks_outside(slot) && is_text {
            let look = self.core.look(slot, &raw);
            return Ok(self.core.learn(slot, look, text));
        }
        let mut others = Vec::new();
        let outside: Vec<u32> = self.core.outside(slot).collect();
        for atom in outside {
            let test = self.outside[&atom].bind(py);
            if test.call1((&lower, value))?.is_truthy()? {
                others.push(atom);
            }
        }
        if !simple {
            for atom in self.core.numeric(slot) {
                let (compare, wanted) = &self.compared[&atom];
                let compare = match compare {
                    Compare::Equal => CompareOp::Eq,
                    Compare::Less => CompareOp::Lt,
                    Compare::LessOrEqual => CompareOp::Le,
                    Compare::Greater => CompareOp::Gt,
                    Compare::GreaterOrEqual => CompareOp::Ge,
                };
                if value.rich_compare(wanted.bind(py), compare)?.is_truthy()? {
                    others.push(atom);
                }
            }
        }
        Ok(self.core.ask(slot, text, is_text, &others))
    }

    fn relations(&mut self, event: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = event.py();
        for place in 0..self.related.len() {
            let related = &self.related[place];
            let (left, right) = (related.left.bind(py), related.right.bind(py));
            let (Some(left), Some(right)) = (event.get_item(left)?, event.get_item(right)?) else {
                continue;
            };
            if related_hold(related.relation, &left, &right)? {
                let answer = self.core.one(related.atom);
                self.push(answer);
            }
        }
        Ok(())
    }
}

/// Whether any item stands in the relation to any other.
fn related_hold(
    relation: Relation,
    left: &Bound<'_, PyAny>,
    right: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    let rights = lower_texts(right)?;
    Ok(lower_texts(left)?
        .iter()
        .any(|left| rights.iter().any(|right| relation.holds(left, right))))
}

fn lower_texts(value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if value.is_none() {
        return Ok(Vec::new());
    }
    match value.cast::<PyList>() {
        Ok(items) => items.iter().map(|item| Ok(texts_of(&item)?.1)).collect(),
        Err(_) => Ok(vec![texts_of(value)?.1]),
    }
}

/// An integer of 64 bits; a larger one costs no exception.
fn small(value: &Bound<'_, PyAny>) -> Option<i64> {
    let mut overflow = 0;
    // SAFETY: the value is an integer, so nothing can be raised.
    let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &mut overflow) };
    (overflow == 0).then_some(number)
}

/// The digits of a number, without memory of their own: most events have several numbers.
fn decimal(number: i64, digits: &mut [u8; INTEGER_CHARS]) -> &str {
    let mut at = digits.len();
    let mut left = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if number < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    // Digits and a sign are ASCII.
    std::str::from_utf8(&digits[at..]).unwrap_or_default()
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    debug_assert_eq!(ANY_FIELD, "");
    module.add_class::<Plan>()
}
