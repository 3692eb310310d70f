//! Secret scalars from random bytes that no single failure makes guessable.
//!
//! A nonce is HMAC-SM3 under a key derived from d, over fresh random bytes, the index in the batch,
//! the attempt and e: the idea of RFC 6979 with hedging. If the random source repeats itself, nonces
//! still differ with e, as in RFC 6979; if d were known in part, they still depend on the source.
//! Values outside [1, n−1] are drawn again, never reduced, so nonces are even over the range.

use super::Error;
use super::random;
use super::scalar::Scalar;
use crate::sm3::Hmac;
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
        let mut draws = 0;
        loop {
            let mut mac = self.0.clone();
            mac.update(&*input(entropy, e, [index, attempt, draws]));
            if let Some(nonce) = accept(mac.finalize()) {
                return nonce;
            }
            draws += 1;
        }
    }

    /// The first nonce for each place of a batch, many at a time.
    pub fn nonces(&self, entropy: &Entropy, es: &[[u8; 32]]) -> Vec<Scalar> {
        let inputs: Vec<Input> = (0..)
            .zip(es)
            .map(|(index, e)| input(entropy, e, [index, 0, 0]))
            .collect();
        let chunks: Vec<&[u8]> = inputs.iter().map(|input| &input[..]).collect();
        let mut candidates = self.0.many(&chunks);
        let nonces = (0..)
            .zip(es)
            .zip(&candidates)
            .map(|((index, e), candidate)| {
                // One that was refused is drawn again from the start: the same draw, then the next.
                accept(*candidate).unwrap_or_else(|| self.nonce(entropy, e, index, 0))
            });
        let nonces = nonces.collect();
        candidates.zeroize();
        nonces
    }
}

type Input = Zeroizing<[u8; 76]>;

/// What a nonce is drawn from, beside the key: entropy, three counters and e.
fn input(entropy: &Entropy, e: &[u8; 32], counters: [u32; 3]) -> Input {
    let mut input = Zeroizing::new([0; 76]);
    input[..32].copy_from_slice(&**entropy);
    for (bytes, counter) in input[32..44].chunks_exact_mut(4).zip(counters) {
        bytes.copy_from_slice(&counter.to_be_bytes());
    }
    input[44..].copy_from_slice(e);
    input
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: u64) -> NonceKey {
        NonceKey::new(&Scalar::small(value))
    }

    #[test]
    fn nonces_of_a_batch_are_those_drawn_one_by_one() {
        let entropy = Zeroizing::new([5; 32]);
        for size in [0, 1, 7, 8, 16, 33] {
            let es: Vec<[u8; 32]> = (0..size).map(|i| [i; 32]).collect();
            let nonces = key(9).nonces(&entropy, &es);
            assert_eq!(nonces.len(), es.len());
            for ((index, e), nonce) in (0..).zip(&es).zip(&nonces) {
                assert_ne!(key(9).nonce(&entropy, e, index, 0).equals(nonce), 0);
            }
        }
    }

    #[test]
    fn nonces_differ_with_everything_they_are_drawn_from() {
        let entropy = Zeroizing::new([5; 32]);
        let nonces = [
            key(9).nonce(&entropy, &[1; 32], 0, 0),
            key(8).nonce(&entropy, &[1; 32], 0, 0),
            key(9).nonce(&Zeroizing::new([6; 32]), &[1; 32], 0, 0),
            key(9).nonce(&entropy, &[2; 32], 0, 0),
            key(9).nonce(&entropy, &[1; 32], 1, 0),
            key(9).nonce(&entropy, &[1; 32], 0, 1),
        ];
        for (i, one) in nonces.iter().enumerate() {
            assert!(nonces[..i].iter().all(|other| one.equals(other) == 0));
        }
    }

    #[test]
    fn candidates_out_of_range_are_drawn_again() {
        assert!(accept([0; 32]).is_none());
        assert!(accept([0xff; 32]).is_none());
        assert!(accept([1; 32]).is_some());
    }
}
