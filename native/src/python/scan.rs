//! Binding of [`crate::scan`]: whole batches in one call.

use crate::scan::{self, Look};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PySet, PyString};

/// Integers inside have too few digits for a number.
const NUMBER_MIN: i64 = 10_000_000_000;
/// Names seen of late; the same few objects come again with every event.
const NAMES: usize = 256;

/// Indexes of the payloads that hold a long number, and of those that must be read to be searched.
#[pyfunction]
fn payloads(payloads: &Bound<'_, PyList>) -> PyResult<(Vec<usize>, Vec<usize>)> {
    let (mut numbers, mut folded) = (Vec::new(), Vec::new());
    for (index, payload) in payloads.iter().enumerate() {
        if payload.is_none() {
            continue;
        }
        match scan::payload(payload.cast::<PyBytes>()?.as_bytes()) {
            Look::Clean => {}
            Look::Number => numbers.push(index),
            Look::Folded => folded.push(index),
        }
    }
    Ok((numbers, folded))
}

/// The texts of the events that are not certainly clean, and the names of all their fields.
#[pyfunction]
fn texts<'py>(
    py: Python<'py>,
    events: &Bound<'py, PyList>,
) -> PyResult<(Bound<'py, PySet>, Bound<'py, PySet>)> {
    let (doubtful, names) = (PySet::empty(py)?, PySet::empty(py)?);
    let mut seen = [0_usize; NAMES];
    for event in events.iter() {
        for (name, value) in event.cast::<PyDict>()?.iter() {
            let place = name.as_ptr() as usize;
            let slot = &mut seen[(place >> 4) % NAMES];
            if *slot != place {
                *slot = place;
                names.add(&name)?;
            }
            if let Ok(items) = value.cast::<PyList>() {
                for item in items.iter() {
                    add_doubtful(&doubtful, &item)?;
                }
            } else {
                add_doubtful(&doubtful, &value)?;
            }
        }
    }
    Ok((doubtful, names))
}

fn add_doubtful(doubtful: &Bound<'_, PySet>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if let Ok(text) = value.cast::<PyString>() {
        // Half of a surrogate pair has no UTF-8: such a text is certainly not plain.
        let clean = text
            .to_str()
            .is_ok_and(|text| scan::text(text.as_bytes()) == Look::Clean);
        if !clean {
            doubtful.add(text)?;
        }
    } else if value.is_exact_instance_of::<PyInt>() {
        let small = value
            .extract::<i64>()
            .is_ok_and(|number| -NUMBER_MIN < number && number < NUMBER_MIN);
        if !small {
            doubtful.add(value.str()?)?;
        }
    }
    Ok(())
}

/// Whether every one of these certainly is the canonical form of an event.
#[pyfunction]
fn canonical(payloads: &Bound<'_, PyList>) -> PyResult<bool> {
    for payload in payloads.iter() {
        if !scan::canonical(payload.cast::<PyBytes>()?.as_bytes()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Microseconds since 1970 of each time; None when one of them has another form.
#[pyfunction]
fn times(texts: &Bound<'_, PyList>) -> Option<Vec<i64>> {
    texts
        .iter()
        .map(|text| {
            let text = text.cast::<PyString>().ok()?;
            scan::microseconds(text.to_str().ok()?.as_bytes())
        })
        .collect()
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(payloads, module)?)?;
    module.add_function(wrap_pyfunction!(texts, module)?)?;
    module.add_function(wrap_pyfunction!(canonical, module)?)?;
    module.add_function(wrap_pyfunction!(times, module)?)
}
