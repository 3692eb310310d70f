//! Bytes-like arguments without copies, and results written where Python keeps them.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

/// From this many bytes on, other threads of Python may run meanwhile.
const RELEASE_FROM: usize = 32 << 10;

/// The bytes of an argument: of a `bytes`, or of whatever has the buffer protocol.
pub enum Input<'py> {
    Bytes(Bound<'py, PyBytes>),
    /// May be changed by another thread of Python, so it is read under the lock only.
    Buffer(PyUntypedBuffer),
}

impl<'py> FromPyObject<'_, 'py> for Input<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self::Bytes(bytes.to_owned()));
        }
        let buffer = PyUntypedBuffer::get(&object)?;
        if !buffer.is_c_contiguous() {
            return Err(PyValueError::new_err("the buffer is not contiguous"));
        }
        Ok(Self::Buffer(buffer))
    }
}

impl Input<'_> {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes.as_bytes(),
            Self::Buffer(buffer) if buffer.len_bytes() == 0 => &[],
            // SAFETY: the buffer is contiguous and held; nothing changes it while this thread
            // keeps the interpreter's lock, which `may_release` sees to.
            Self::Buffer(buffer) => unsafe {
                std::slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), buffer.len_bytes())
            },
        }
    }

    /// The bytes as an array; raises `ValueError` unless there are exactly N.
    pub fn array<const N: usize>(&self, what: &str) -> PyResult<&[u8; N]> {
        self.bytes().try_into().map_err(|_| {
            let given = self.bytes().len();
            PyValueError::new_err(format!("{what} is {given} bytes, not {N}"))
        })
    }

    fn may_release(&self) -> bool {
        matches!(self, Self::Bytes(_))
    }
}

/// Do the work, without the interpreter's lock when it is long and every input allows it.
pub fn unlocked<T: Send>(py: Python<'_>, inputs: &[&Input], work: impl FnOnce() -> T + Send) -> T {
    let size: usize = inputs.iter().map(|input| input.bytes().len()).sum();
    if size >= RELEASE_FROM && inputs.iter().all(|input| input.may_release()) {
        py.detach(work)
    } else {
        work()
    }
}

/// [`unlocked`] for many chunks.
pub fn unlocked_many<T: Send>(
    py: Python<'_>,
    inputs: &[Input],
    work: impl FnOnce(&[&[u8]]) -> T + Send,
) -> T {
    let chunks: Vec<&[u8]> = inputs.iter().map(Input::bytes).collect();
    let size: usize = chunks.iter().map(|chunk| chunk.len()).sum();
    if size >= RELEASE_FROM && inputs.iter().all(Input::may_release) {
        py.detach(|| work(&chunks))
    } else {
        work(&chunks)
    }
}

/// A list of `bytes`, one for each digest.
pub fn list_of<'py, const N: usize>(
    py: Python<'py>,
    digests: &[[u8; N]],
) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, digests.iter().map(|digest| PyBytes::new(py, digest)))
}
