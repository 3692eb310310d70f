//! Binding of [`crate::rules`]: conditions of plain lists, events of dictionaries.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBool, PyDict, PyInt, PyList, PyString};

use super::conditions::{Reader, Related, Relation};
use super::texts::{INTEGER_CHARS, decimal, small, texts_of};
use crate::rules::field::Text;
use crate::rules::memory::Look;
use crate::rules::number::Compare;
use crate::rules::plan::{ANY_FIELD, Answer, Plan as Core, Wanted};

/// Names seen of late; the same few objects come again with every event.
const NAMES: usize = 1024;
struct State {
    core: Core,
    outside: HashMap<u32, Py<PyAny>>,
    compared: HashMap<u32, (Compare, Py<PyAny>)>,
    related: Vec<Related>,
    /// The objects are held, so that no other can stand in their place.
    names: Vec<Option<(Py<PyAny>, Option<u32>)>>,
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
        let mut reader = Reader::new(questions.py(), test_of);
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
            for &(rule, bits) in state.core.decide() {
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
    /// The answers of an event's fields, into the plan.
    fn answer(&mut self, event: &Bound<'_, PyDict>) -> PyResult<()> {
        self.core.begin();
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
            self.core.add(answer);
        }
        if !self.related.is_empty() {
            self.relations(event)?;
        }
        Ok(())
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
            self.core.add(present);
            if !self.core.is_idle(slot) {
                for item in items.iter() {
                    self.scalar(slot, &item, waiting);
                }
            }
        } else if self.core.is_idle(slot) {
            let present = self.core.present(slot);
            self.core.add(present);
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
        // Of the same text as a number Python may tell otherwise.
        let outside = self.core.asks_outside(slot);
        if let Some(text) = text
            && (!outside || value.is_exact_instance_of::<PyString>())
        {
            let look = self.core.look(slot, text);
            if let Look::Known(answer) = look {
                return self.core.add(answer);
            }
            if text.is_ascii() && !outside {
                self.lower.clear();
                self.lower.push_str(text);
                self.lower.make_ascii_lowercase();
                let lower = &self.lower;
                let text = Text { raw: text, lower };
                let answer = self.core.learn(slot, look, text, &[]);
                return self.core.add(answer);
            }
        }
        waiting.push((slot, value.clone()));
    }

    /// The answer of a value that needs Python's help.
    fn slow(&mut self, slot: u32, value: &Bound<'_, PyAny>) -> PyResult<Answer> {
        let py = value.py();
        let (raw, lower) = texts_of(value)?;
        let text = Text {
            raw: &raw,
            lower: &lower,
        };
        let is_text = value.is_instance_of::<PyString>();
        let simple = is_text || value.is_instance_of::<PyBool>();
        // Texts that are no UTF-8 are read alike, and Python may tell them apart.
        let is_remembered = match value.cast_exact::<PyString>() {
            Ok(text) => !self.core.asks_outside(slot) || text.to_str().is_ok(),
            Err(_) => false,
        };
        let look = if is_remembered {
            self.core.look(slot, &raw)
        } else {
            Look::Spared
        };
        if let Look::Known(answer) = look {
            return Ok(answer);
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
        Ok(if is_remembered {
            self.core.learn(slot, look, text, &others)
        } else {
            self.core.ask(slot, text, is_text, &others)
        })
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
                self.core.add_one(related.atom);
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

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    debug_assert_eq!(ANY_FIELD, "");
    module.add_class::<Plan>()
}
