//! Texts: the text of a value of Python as rules compare it.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};

/// Digits of a 64-bit integer and its sign.
pub const INTEGER_CHARS: usize = 20;

/// Lower case as `analytics.matching.values.lowered` has it, whatever Python's version of Unicode.
pub fn lower(py: Python<'_>, text: &str) -> PyResult<String> {
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
pub fn texts_of(value: &Bound<'_, PyAny>) -> PyResult<(String, String)> {
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

/// An integer of 64 bits; a larger one costs no exception.
pub fn small(value: &Bound<'_, PyAny>) -> Option<i64> {
    let mut overflow = 0;
    // SAFETY: the value is an integer, so nothing can be raised.
    let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &mut overflow) };
    (overflow == 0).then_some(number)
}

/// The digits of a number, without memory of their own: most events have several numbers.
pub fn decimal(number: i64, digits: &mut [u8; INTEGER_CHARS]) -> &str {
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
