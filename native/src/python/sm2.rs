//! Binding of [`crate::sm2`].
//!
//! Errors say only that an input was refused (`ValueError`) or that the random source failed
//! (`RuntimeError`). Work longer than some twenty microseconds lets other threads run.

use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyByteArrayMethods, PyBytes};

use crate::sm2::{self, Error, PrivateKey, PublicKey, Signature};
use zeroize::{Zeroize, Zeroizing};

/// From so many signatures on, a batch lets other threads run.
const DETACH_FROM: usize = 4;

type Digest = [u8; 32];
type Point = [u8; 65];

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    sm2::prepare();
    module.add_class::<Sm2PrivateKey>()?;
    module.add_class::<Sm2PublicKey>()?;
    module.add_function(wrap_pyfunction!(sm2_verify_many, module)?)?;
    module.add_function(wrap_pyfunction!(sm2_sign_with_nonce, module)?)?;
    module.add_function(wrap_pyfunction!(sm2_encrypt_with_nonce, module)?)
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused => PyValueError::new_err("refused"),
            Error::Random => PyRuntimeError::new_err("the random source failed its health tests"),
        }
    }
}

fn sized<const SIZE: usize>(bytes: &[u8]) -> PyResult<&[u8; SIZE]> {
    bytes
        .try_into()
        .map_err(|_| PyValueError::new_err(format!("not {SIZE} bytes")))
}

/// The bytes of a `bytes` or `bytearray` that may be secret, in memory that is wiped.
fn secret<const SIZE: usize>(object: &Bound<'_, PyAny>) -> PyResult<Zeroizing<[u8; SIZE]>> {
    let mut secret = Zeroizing::new([0; SIZE]);
    if let Ok(bytes) = object.cast::<PyBytes>() {
        secret.copy_from_slice(sized::<SIZE>(bytes.as_bytes())?);
    } else if let Ok(bytes) = object.cast::<PyByteArray>() {
        let mut copy = Zeroizing::new(bytes.to_vec());
        secret.copy_from_slice(sized::<SIZE>(&copy)?);
        copy.zeroize();
    } else {
        return Err(PyTypeError::new_err("not bytes or bytearray"));
    }
    Ok(secret)
}

fn digests(es: &[Bound<'_, PyBytes>]) -> PyResult<Vec<Digest>> {
    es.iter().map(|e| sized(e.as_bytes()).copied()).collect()
}

type Parts<'py> = (
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
);

fn parts<'py>(py: Python<'py>, sealed: &sm2::Ciphertext) -> Parts<'py> {
    (
        PyBytes::new(py, &sealed.c1),
        PyBytes::new(py, &sealed.c3),
        PyBytes::new(py, &sealed.c2),
    )
}

/// A private key; it stays here, is wiped when dropped, and threads may share it.
#[pyclass(frozen, module = "fengsui_native.sm")]
pub struct Sm2PrivateKey(PrivateKey);

#[pymethods]
impl Sm2PrivateKey {
    /// A new key from fresh random bytes.
    #[staticmethod]
    fn generate() -> PyResult<Self> {
        Ok(Self(PrivateKey::generate()?))
    }

    /// The key of 32 big-endian bytes; ValueError outside [1, n-2].
    #[staticmethod]
    fn from_scalar(scalar: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self(PrivateKey::from_scalar(&*secret::<32>(scalar)?)?))
    }

    /// 04 ‖ x ‖ y of the public key.
    fn point<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.point())
    }

    /// The scalar for export; the caller overwrites it.
    fn scalar<'py>(&self, py: Python<'py>) -> Bound<'py, PyByteArray> {
        PyByteArray::new(py, &*self.0.scalar())
    }

    /// r ‖ s over e.
    fn sign<'py>(&self, py: Python<'py>, e: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.0.sign(sized(e)?)?))
    }

    /// r ‖ s over each e, in order.
    fn sign_many<'py>(
        &self,
        py: Python<'py>,
        es: Vec<Bound<'py, PyBytes>>,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let es = digests(&es)?;
        let signatures = self.sign_digests(py, &es)?;
        Ok(signatures
            .iter()
            .map(|signature| PyBytes::new(py, signature))
            .collect())
    }

    /// The plaintext; ValueError when C1 is off the curve or C3 differs.
    fn decrypt<'py>(
        &self,
        py: Python<'py>,
        c1: &[u8],
        c3: &[u8],
        c2: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let plaintext = py.detach(|| self.0.decrypt(c1, c3, c2))?;
        Ok(PyBytes::new(py, &plaintext))
    }

    /// x ‖ y of d·peer; ValueError off the curve.
    fn shared_point<'py>(&self, py: Python<'py>, peer: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let peer: &Point = sized(peer)?;
        let shared = py.detach(|| self.0.shared_point(peer))?;
        Ok(PyBytes::new(py, &*shared))
    }

    /// x ‖ y of U (GB/T 32918.3-2016, 6.1); ValueError off the curve or at infinity.
    fn exchange<'py>(
        &self,
        py: Python<'py>,
        ephemeral: &Self,
        peer: &[u8],
        peer_ephemeral: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (peer, peer_ephemeral): (&Point, &Point) = (sized(peer)?, sized(peer_ephemeral)?);
        let shared = py.detach(|| self.0.exchange(&ephemeral.0, peer, peer_ephemeral))?;
        Ok(PyBytes::new(py, &*shared))
    }

    fn __repr__(&self) -> &'static str {
        "<Sm2PrivateKey>"
    }

    /// Refuses pickling and copying: a key leaves through `scalar` alone.
    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("private keys cannot be pickled"))
    }
}

impl Sm2PrivateKey {
    fn sign_digests(&self, py: Python<'_>, es: &[Digest]) -> PyResult<Vec<Signature>> {
        Ok(match es.len() {
            0..DETACH_FROM => self.0.sign_many(es)?,
            _ => py.detach(|| self.0.sign_many(es))?,
        })
    }
}

/// A point of the curve, ready for use; threads may share it.
#[pyclass(frozen, module = "fengsui_native.sm")]
pub struct Sm2PublicKey(PublicKey);

#[pymethods]
impl Sm2PublicKey {
    /// The key of 04 ‖ x ‖ y; ValueError off the curve.
    #[staticmethod]
    fn from_point(point: &[u8]) -> PyResult<Self> {
        Ok(Self(PublicKey::from_point(sized(point)?)?))
    }

    /// 04 ‖ x ‖ y.
    fn point<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.point())
    }

    /// Whether r ‖ s is this key's signature of e.
    fn verify(&self, py: Python<'_>, e: &[u8], signature: &[u8]) -> PyResult<bool> {
        let e: &Digest = sized(e)?;
        Ok(py.detach(|| self.0.verify(e, signature)))
    }

    /// C1, C3 and C2.
    fn encrypt<'py>(&self, py: Python<'py>, plaintext: &[u8]) -> PyResult<Parts<'py>> {
        let sealed = py.detach(|| self.0.encrypt(plaintext))?;
        Ok(parts(py, &sealed))
    }

    fn __repr__(&self) -> &'static str {
        "<Sm2PublicKey>"
    }
}

/// The verdict on each triple, in order; ValueError when the lengths differ.
#[pyfunction]
fn sm2_verify_many(
    py: Python<'_>,
    keys: Vec<Py<Sm2PublicKey>>,
    es: Vec<Bound<'_, PyBytes>>,
    signatures: Vec<Bound<'_, PyBytes>>,
) -> PyResult<Vec<bool>> {
    if keys.len() != es.len() || es.len() != signatures.len() {
        return Err(PyValueError::new_err("the lists differ in length"));
    }
    let es = digests(&es)?;
    let keys: Vec<&PublicKey> = keys.iter().map(|key| &key.get().0).collect();
    let signatures: Vec<&[u8]> = signatures
        .iter()
        .map(|signature| signature.as_bytes())
        .collect();
    Ok(py.detach(|| sm2::verify_many(&keys, &es, &signatures)))
}

/// r ‖ s for a given nonce, for vectors only.
#[pyfunction]
fn sm2_sign_with_nonce<'py>(
    py: Python<'py>,
    d: &Bound<'py, PyAny>,
    e: &[u8],
    k: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (d, k) = (secret::<32>(d)?, secret::<32>(k)?);
    Ok(PyBytes::new(py, &sm2::sign_with_nonce(&d, sized(e)?, &k)?))
}

/// C1, C3 and C2 for a given nonce, for vectors only.
#[pyfunction]
fn sm2_encrypt_with_nonce<'py>(
    py: Python<'py>,
    point: &[u8],
    plaintext: &[u8],
    k: &Bound<'py, PyAny>,
) -> PyResult<Parts<'py>> {
    let k = secret::<32>(k)?;
    Ok(parts(
        py,
        &sm2::encrypt_with_nonce(sized(point)?, plaintext, &k)?,
    ))
}
