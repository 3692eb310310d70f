//! Conditions: read from plain lists of Python into trees, each distinct atom with its number.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyString};

use super::texts::lower;
use crate::rules::condition::{DEPTH_MAX, Tree};
use crate::rules::dialect::Expression;
use crate::rules::field::{ATOMS_MAX, Place, Question};
use crate::rules::number::{Compare, Number};
use crate::rules::plan::Asked;

/// How one field stands to another.
#[derive(Clone, Copy)]
pub enum Relation {
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

    pub fn holds(self, left: &str, right: &str) -> bool {
        match self {
            Self::Same => left == right,
            Self::Starts => left.starts_with(right),
            Self::Ends => left.ends_with(right),
            Self::Contains => left.contains(right),
        }
    }
}

pub struct Related {
    pub atom: u32,
    pub relation: Relation,
    pub left: Py<PyString>,
    pub right: Py<PyString>,
}

/// Reads conditions, and gives each atom its number.
pub struct Reader<'py> {
    py: Python<'py>,
    /// Makes the test of an atom that is not answered here.
    test_of: Bound<'py, PyAny>,
    numbers: HashMap<Key, u32>,
    pub asked: Vec<Asked>,
    /// Tests of atoms that only Python answers.
    pub outside: HashMap<u32, Py<PyAny>>,
    pub compared: HashMap<u32, (Compare, Py<PyAny>)>,
    pub related: Vec<Related>,
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
    pub fn new(py: Python<'py>, test_of: Bound<'py, PyAny>) -> Self {
        Self {
            py,
            test_of,
            numbers: HashMap::new(),
            asked: Vec::new(),
            outside: HashMap::new(),
            compared: HashMap::new(),
            related: Vec::new(),
        }
    }

    pub fn tree(&mut self, node: &Bound<'py, PyAny>, depth: usize) -> PyResult<Tree> {
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
