//! Secret scalars from random bytes that no single failure makes guessable.
//!
//! A nonce is HMAC-SM3 under a key derived from d, over fresh random bytes, the index in the batch,
//! the attempt and e: the idea of RFC 6979 with hedging. If the random source repeats itself, nonces
//! still differ with e, as in RFC 6979; if d were known in part, they still depend on the source.
//! Values outside [1, n−1] are drawn again, never reduced, so nonces are even over the range.

use super::random;
use super::scalar::Scalar;
use super::{Error, digest::Hmac};
use zeroize::{Zeroize, Zeroizing};

const SIGNATURE: &[u8] = b"fengsui/sm2/nonce/1";
const DRAW: &[u8] = b"fengsui/sm2/draw/1";

/// Fresh random bytes for one call, whatever its number of signatures.
pub type Entropy = Zeroizing<[u8; 32]>;

pub fn entropy() -> Result<Entropy, Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    random::fill(&mut *bytes)?;
    Ok(bytes)
}

/// Makes the nonces of one signing key.
#[derive(Clone)]
pub struct NonceKey(Hmac);

impl NonceKey {
    pub fn new(scalar: &Scalar) -> Self {
        let mut bytes = scalar.to_bytes();
        let mut derive = Hmac::new(&bytes);
        derive.update(SIGNATURE);
        let mut key = derive.finalize();
        let this = Self(Hmac::new(&key));
        bytes.zeroize();
        key.zeroize();
        this
    }

    /// The nonce in [1, n−1] for place `index` of a batch; `attempt` counts the signature's retries.
    pub fn nonce(&self, entropy: &Entropy, e: &[u8; 32], index: u32, attempt: u32) -> Scalar {
        let mut draws = 0u32;
        loop {
            let mut mac = self.0.clone();
            mac.update(&**entropy);
            mac.update(&index.to_be_bytes());
            mac.update(&attempt.to_be_bytes());
            mac.update(&draws.to_be_bytes());
            mac.update(e);
            if let Some(nonce) = accept(mac.finalize()) {
                return nonce;
            }
            draws += 1;
        }
    }
}

/// A random scalar in [1, n−1], for keys and for encryption.
pub fn draw() -> Result<Scalar, Error> {
    loop {
        let seed = entropy()?;
        // What the health tests have seen is not the scalar itself.
        let mut mac = Hmac::new(&*seed);
        mac.update(DRAW);
        if let Some(scalar) = accept(mac.finalize()) {
            return Ok(scalar);
        }
    }
}

/// The scalar, if in [1, n−1]. That a candidate was refused says nothing of the one taken.
fn accept(mut candidate: [u8; 32]) -> Option<Scalar> {
    let (scalar, below) = Scalar::from_bytes(&candidate);
    candidate.zeroize();
    let usable = crate::secret::reveal_word(below & !scalar.is_zero());
    (usable != 0).then_some(scalar)
}
