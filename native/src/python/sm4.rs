//! Binding of [`crate::sm4`].
//!
//! Keys, nonces and counters are read before the interpreter's lock is released: only long inputs
//! are looked at without it, and only those that cannot change.

use super::input::{Input, unlocked};
use crate::{sm3, sm4};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sm4::{BLOCK, GCM_MOST, GCM_NONCE, GCM_TAG, Sm4};

fn key(bytes: &Input) -> PyResult<Sm4> {
    Ok(Sm4::new(bytes.array("the key")?))
}

/// One `bytes` of `length`, filled by `work` without the interpreter's lock where that pays.
fn filled<'py>(
    py: Python<'py>,
    length: usize,
    data: &Input<'py>,
    work: impl FnOnce(&mut [u8]) + Send,
) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, length, |to| {
        unlocked(py, &[data], || work(to));
        Ok(())
    })
}

fn whole(data: &[u8]) -> PyResult<()> {
    if data.len().is_multiple_of(BLOCK) {
        return Ok(());
    }
    Err(PyValueError::new_err(format!(
        "{} bytes are no whole number of blocks",
        data.len()
    )))
}

/// What every refusal says: which part was wrong is nobody's business.
fn refused(_: sm4::Refused) -> PyErr {
    PyValueError::new_err("refused")
}

/// Each block encrypted by itself: for key wrap, never for messages.
#[pyfunction]
fn sm4_ecb_encrypt<'py>(
    py: Python<'py>,
    key: Input<'py>,
    data: Input<'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (sm4, from) = (self::key(&key)?, data.bytes());
    whole(from)?;
    filled(py, from.len(), &data, |to| sm4.ecb_encrypt(from, to))
}

/// Each block decrypted by itself.
#[pyfunction]
fn sm4_ecb_decrypt<'py>(
    py: Python<'py>,
    key: Input<'py>,
    data: Input<'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (sm4, from) = (self::key(&key)?, data.bytes());
    whole(from)?;
    filled(py, from.len(), &data, |to| sm4.ecb_decrypt(from, to))
}

/// CBC of whole blocks, without padding.
#[pyfunction]
fn sm4_cbc_encrypt<'py>(
    py: Python<'py>,
    key: Input<'py>,
    iv: Input<'py>,
    data: Input<'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (sm4, iv, from) = (self::key(&key)?, *iv.array("the iv")?, data.bytes());
    whole(from)?;
    filled(py, from.len(), &data, |to| sm4.cbc_encrypt(&iv, from, to))
}

/// The blocks of CBC, padding left on.
#[pyfunction]
fn sm4_cbc_decrypt<'py>(
    py: Python<'py>,
    key: Input<'py>,
    iv: Input<'py>,
    data: Input<'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (sm4, iv, from) = (self::key(&key)?, *iv.array("the iv")?, data.bytes());
    whole(from)?;
    filled(py, from.len(), &data, |to| sm4.cbc_decrypt(&iv, from, to))
}

/// Data under the keystream from a 16-byte counter block on, counted mod 2^128.
#[pyfunction]
fn sm4_ctr<'py>(
    py: Python<'py>,
    key: Input<'py>,
    counter: Input<'py>,
    data: Input<'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (sm4, counter, from) = (
        self::key(&key)?,
        *counter.array("the counter")?,
        data.bytes(),
    );
    filled(py, from.len(), &data, |to| sm4.ctr(&counter, from, to))
}

/// Ciphertext ‖ 16-byte tag for a 12-byte nonce.
#[pyfunction]
fn sm4_gcm_seal<'py>(
    py: Python<'py>,
    key: Input<'py>,
    nonce: Input<'py>,
    plaintext: Input<'py>,
    aad: Input<'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (sm4, from) = (self::key(&key)?, plaintext.bytes());
    let nonce: [u8; GCM_NONCE] = *nonce.array("the nonce")?;
    if from.len() as u64 > GCM_MOST {
        return Err(PyValueError::new_err(format!(
            "one nonce serves {GCM_MOST} bytes at most"
        )));
    }
    PyBytes::new_with(py, from.len() + GCM_TAG, |to| {
        let (to, tag) = to.split_at_mut(from.len());
        let more = aad.bytes();
        tag.copy_from_slice(&unlocked(py, &[&plaintext, &aad], || {
            sm4.gcm_seal(&nonce, more, from, to)
        }));
        Ok(())
    })
}

/// The plaintext of `sm4_gcm_seal`; raises `ValueError` when anything was changed.
#[pyfunction]
fn sm4_gcm_open<'py>(
    py: Python<'py>,
    key: Input<'py>,
    nonce: Input<'py>,
    sealed: Input<'py>,
    aad: Input<'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let sm4 = self::key(&key)?;
    let nonce: [u8; GCM_NONCE] = *nonce.array("the nonce")?;
    let (from, tag) = sealed
        .bytes()
        .split_last_chunk::<GCM_TAG>()
        .ok_or_else(|| refused(sm4::Refused))?;
    PyBytes::new_with(py, from.len(), |to| {
        let more = aad.bytes();
        unlocked(py, &[&sealed, &aad], || {
            sm4.gcm_open(&nonce, more, from, tag, to)
        })
        .map_err(refused)
    })
}

/// Ciphertext ‖ tag for a nonce of 7 to 13 bytes and a tag of 4, 6, … 16.
#[pyfunction]
fn sm4_ccm_seal<'py>(
    py: Python<'py>,
    key: Input<'py>,
    nonce: Input<'py>,
    plaintext: Input<'py>,
    aad: Input<'py>,
    tag_size: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let (sm4, from, nonce) = (self::key(&key)?, plaintext.bytes(), nonce.bytes().to_vec());
    if !sm4::ccm_fits(nonce.len(), tag_size, from.len()) {
        return Err(PyValueError::new_err(
            "CCM has no such nonce, tag or text size",
        ));
    }
    PyBytes::new_with(py, from.len() + tag_size, |to| {
        let (to, tag) = to.split_at_mut(from.len());
        let more = aad.bytes();
        unlocked(py, &[&plaintext, &aad], || {
            sm4.ccm_seal(&nonce, more, from, to, tag)
        })
        .map_err(refused)
    })
}

/// The plaintext of `sm4_ccm_seal`; raises `ValueError` when anything was changed.
#[pyfunction]
fn sm4_ccm_open<'py>(
    py: Python<'py>,
    key: Input<'py>,
    nonce: Input<'py>,
    sealed: Input<'py>,
    aad: Input<'py>,
    tag_size: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let (sm4, nonce) = (self::key(&key)?, nonce.bytes().to_vec());
    let text = sealed
        .bytes()
        .len()
        .checked_sub(tag_size)
        .ok_or_else(|| refused(sm4::Refused))?;
    let (from, tag) = sealed.bytes().split_at(text);
    PyBytes::new_with(py, text, |to| {
        let more = aad.bytes();
        unlocked(py, &[&sealed, &aad], || {
            sm4.ccm_open(&nonce, more, from, tag, to)
        })
        .map_err(refused)
    })
}

/// What this processor can run: ways to SM3 and ways to SM4, the one in use first of each.
#[pyfunction]
fn paths() -> Vec<&'static str> {
    let sm3 = sm3::Width::available().into_iter().map(sm3::Width::name);
    let sm4 = sm4::Path::ALL
        .into_iter()
        .rev()
        .filter(|path| path.is_available());
    sm3.chain(sm4.map(sm4::Path::name)).collect()
}

/// The version of this module.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(sm4_ecb_encrypt, module)?)?;
    module.add_function(wrap_pyfunction!(sm4_ecb_decrypt, module)?)?;
    module.add_function(wrap_pyfunction!(sm4_cbc_encrypt, module)?)?;
    module.add_function(wrap_pyfunction!(sm4_cbc_decrypt, module)?)?;
    module.add_function(wrap_pyfunction!(sm4_ctr, module)?)?;
    module.add_function(wrap_pyfunction!(sm4_gcm_seal, module)?)?;
    module.add_function(wrap_pyfunction!(sm4_gcm_open, module)?)?;
    module.add_function(wrap_pyfunction!(sm4_ccm_seal, module)?)?;
    module.add_function(wrap_pyfunction!(sm4_ccm_open, module)?)?;
    module.add_function(wrap_pyfunction!(paths, module)?)?;
    module.add_function(wrap_pyfunction!(version, module)?)
}
