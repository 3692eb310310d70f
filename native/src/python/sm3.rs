//! Binding of [`crate::sm3`].

use super::input::{Input, list_of, unlocked, unlocked_many};
use crate::sm3;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use std::sync::{Mutex, PoisonError};

/// SM3(data).
#[pyfunction]
fn sm3_digest<'py>(py: Python<'py>, data: Input<'py>) -> Bound<'py, PyBytes> {
    let bytes = data.bytes();
    PyBytes::new(py, &unlocked(py, &[&data], || sm3::digest(bytes)))
}

/// SM3(prefix ‖ chunk) for every chunk, in order.
#[pyfunction]
#[pyo3(signature = (chunks, prefix = None))]
fn sm3_digest_many<'py>(
    py: Python<'py>,
    chunks: Vec<Input<'py>>,
    prefix: Option<Input<'py>>,
) -> PyResult<Bound<'py, PyList>> {
    let prefix = prefix.as_ref().map_or(&[][..], Input::bytes).to_vec();
    list_of(
        py,
        &unlocked_many(py, &chunks, |chunks| sm3::digest_many(&prefix, chunks)),
    )
}

/// SM3(0x00 ‖ salt ‖ payload) for every pair, in order; salts have 16 bytes.
#[pyfunction]
fn sm3_leaves<'py>(
    py: Python<'py>,
    salts: Vec<Input<'py>>,
    payloads: Vec<Input<'py>>,
) -> PyResult<Bound<'py, PyList>> {
    let salts = salts
        .iter()
        .map(|salt| salt.array("a salt").copied())
        .collect::<PyResult<Vec<_>>>()?;
    if salts.len() != payloads.len() {
        return Err(PyValueError::new_err(format!(
            "{} salts for {} payloads",
            salts.len(),
            payloads.len()
        )));
    }
    list_of(
        py,
        &unlocked_many(py, &payloads, |payloads| sm3::leaves(&salts, payloads)),
    )
}

/// The root over at least one leaf hash: node = SM3(0x01 ‖ left ‖ right), an odd node promoted.
#[pyfunction]
fn sm3_merkle_root<'py>(py: Python<'py>, leaves: Vec<Input<'py>>) -> PyResult<Bound<'py, PyBytes>> {
    let leaves = leaves
        .iter()
        .map(|leaf| leaf.array("a leaf").copied())
        .collect::<PyResult<Vec<_>>>()?;
    let root = py.detach(|| sm3::merkle_root(&leaves));
    root.map(|root| PyBytes::new(py, &root))
        .ok_or_else(|| PyValueError::new_err("a tree has at least one leaf"))
}

/// HMAC-SM3(key, data).
#[pyfunction]
fn sm3_hmac<'py>(py: Python<'py>, key: Input<'py>, data: Input<'py>) -> Bound<'py, PyBytes> {
    let (secret, bytes) = (key.bytes(), data.bytes());
    PyBytes::new(
        py,
        &unlocked(py, &[&key, &data], || sm3::hmac(secret, bytes)),
    )
}

/// A running SM3, with the methods of a `hashlib` object.
#[pyclass(frozen, module = "fengsui_native.sm")]
struct Sm3(Mutex<sm3::Sm3>);

impl Sm3 {
    /// The lock is never held while waiting for the interpreter's, so the two cannot block each
    /// other. A poisoned one still holds a whole state: hashing does not panic.
    fn with<T>(&self, work: impl FnOnce(&mut sm3::Sm3) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self) -> sm3::Digest {
        self.with(|hash| hash.clone()).finalize()
    }
}

#[pymethods]
impl Sm3 {
    #[new]
    #[pyo3(signature = (data = None))]
    fn new(py: Python<'_>, data: Option<Input<'_>>) -> Self {
        let hash = Self(Mutex::new(sm3::Sm3::new()));
        if let Some(data) = data {
            hash.update(py, data);
        }
        hash
    }

    #[classattr]
    fn name() -> &'static str {
        "sm3"
    }

    #[classattr]
    fn digest_size() -> usize {
        sm3::DIGEST_BYTES
    }

    #[classattr]
    fn block_size() -> usize {
        sm3::BLOCK_BYTES
    }

    /// Take in more bytes.
    fn update(&self, py: Python<'_>, data: Input<'_>) {
        let bytes = data.bytes();
        unlocked(py, &[&data], || self.with(|hash| hash.update(bytes)));
    }

    /// The digest of what was taken in; the object can go on.
    fn digest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.now())
    }

    /// The digest as 64 hexadecimal digits.
    fn hexdigest(&self) -> String {
        self.now()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// An independent object with the same state.
    fn copy(&self) -> Self {
        Self(Mutex::new(self.with(|hash| hash.clone())))
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Sm3>()?;
    module.add_function(wrap_pyfunction!(sm3_digest, module)?)?;
    module.add_function(wrap_pyfunction!(sm3_digest_many, module)?)?;
    module.add_function(wrap_pyfunction!(sm3_leaves, module)?)?;
    module.add_function(wrap_pyfunction!(sm3_merkle_root, module)?)?;
    module.add_function(wrap_pyfunction!(sm3_hmac, module)?)
}
