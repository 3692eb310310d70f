//! Private keys: making them, signing and opening with them.

use std::sync::OnceLock;

use super::comb::generator;
use super::exchange;
use super::field::Fe;
use super::multiply::multiply;
use super::nonce::{self, NonceKey};
use super::point::{Affine, Jacobian};
use super::scalar::{Factor, Scalar};
use super::{Error, Signature, cipher};
use crate::secret::{reveal, reveal_word};
use zeroize::Zeroizing;

/// Signatures that share inversions; more would take more memory and hardly less time.
const BATCH: usize = 128;

/// A private key d in [1, n−2].
pub struct PrivateKey {
    scalar: Scalar,
    point: Affine,
    signing: OnceLock<Signing>,
}

/// What signing derives from d, once.
struct Signing {
    /// 1 / (1 + d).
    inverse: Factor,
    nonces: NonceKey,
}

impl Signing {
    fn new(scalar: &Scalar) -> Self {
        let next = scalar.add(&Scalar::small(1));
        Self {
            inverse: next.invert().to_factor(),
            nonces: NonceKey::new(scalar),
        }
    }
}

impl PrivateKey {
    /// A new key from fresh random bytes.
    pub fn generate() -> Result<Self, Error> {
        loop {
            if let Ok(key) = Self::from_valid(nonce::draw()?) {
                return Ok(key);
            }
        }
    }

    /// The key of a big-endian scalar; refuses those outside [1, n−2].
    pub fn from_scalar(bytes: &[u8; 32]) -> Result<Self, Error> {
        let (scalar, below) = Scalar::from_bytes(bytes);
        // Whether a number is a private key at all is the answer of this function.
        match reveal_word(below) {
            0 => Err(Error::Refused),
            _ => Self::from_valid(scalar),
        }
    }

    fn from_valid(scalar: Scalar) -> Result<Self, Error> {
        let next = scalar.add(&Scalar::small(1));
        // As above: this tells 0 and n−1 from keys, not one key from another.
        if reveal_word(scalar.is_zero() | next.is_zero()) != 0 {
            return Err(Error::Refused);
        }
        let point = public_point(generator().multiply(&scalar))?;
        Ok(Self {
            scalar,
            point,
            signing: OnceLock::new(),
        })
    }

    fn signing(&self) -> &Signing {
        self.signing.get_or_init(|| Signing::new(&self.scalar))
    }

    /// The public point.
    pub fn point(&self) -> [u8; 65] {
        self.point.to_bytes()
    }

    /// The scalar, for export.
    pub fn scalar(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.scalar.to_bytes())
    }

    /// Signs e = SM3(Z ‖ M) (GB/T 32918.2-2016, 6.1).
    pub fn sign(&self, e: &[u8; 32]) -> Result<Signature, Error> {
        let entropy = nonce::entropy()?;
        self.sign_from(e, &entropy, 0, 0)
    }

    fn sign_from(
        &self,
        e: &[u8; 32],
        entropy: &nonce::Entropy,
        index: u32,
        first_attempt: u32,
    ) -> Result<Signature, Error> {
        for attempt in first_attempt.. {
            let nonce = self.signing().nonces.nonce(entropy, e, index, attempt);
            let point = Zeroizing::new(generator().multiply(&nonce));
            let inverse = Zeroizing::new(point.z.invert());
            let x = point.x.mul(&inverse.square());
            if let Some(signature) = self.finish(e, &nonce, &x) {
                return Ok(signature);
            }
        }
        Err(Error::Random)
    }

    /// Signs each e, in order; with inversions shared by a whole batch.
    pub fn sign_many(&self, es: &[[u8; 32]]) -> Result<Vec<Signature>, Error> {
        let mut signatures = Vec::with_capacity(es.len());
        for batch in es.chunks(BATCH) {
            self.sign_batch(batch, &mut signatures)?;
        }
        Ok(signatures)
    }

    fn sign_batch(&self, es: &[[u8; 32]], signatures: &mut Vec<Signature>) -> Result<(), Error> {
        let entropy = nonce::entropy()?;
        let nonces = self.signing().nonces.nonces(&entropy, es);
        let points = Zeroizing::new(generator().multiply_all(&nonces));
        for (index, e) in es.iter().enumerate() {
            signatures.push(match self.finish(e, &nonces[index], &points[index].x) {
                Some(signature) => signature,
                None => self.sign_from(e, &entropy, index as u32, 1)?,
            });
        }
        Ok(())
    }

    /// Steps A5 to A7 for a nonce k and the x of k·G; `None` asks for another nonce.
    fn finish(&self, e: &[u8; 32], nonce: &Scalar, x: &Fe) -> Option<Signature> {
        let r = Scalar::from_bytes_reduced(e).add(&Scalar::from_limbs_reduced(&x.to_limbs()));
        let sum = r.add(nonce);
        // s = (k − r·d) / (1 + d) = (k + r) / (1 + d) − r.
        let s = self.signing().inverse.mul(&sum).sub(&r);
        // A nonce refused here is never used, so that it was refused is no secret.
        if reveal_word(r.is_zero() | sum.is_zero() | s.is_zero()) != 0 {
            return None;
        }
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r.to_bytes());
        signature[32..].copy_from_slice(&s.to_bytes());
        // The signature is what the caller publishes.
        reveal(&mut signature);
        Some(signature)
    }

    /// Opens a ciphertext (GB/T 32918.4-2016, 7.1); the plaintext is wiped when C3 differs.
    pub fn decrypt(&self, c1: &[u8], c3: &[u8], c2: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        cipher::decrypt(&self.scalar, c1, c3, c2)
    }

    /// x ‖ y of d·peer; refuses points off the curve.
    pub fn shared_point(&self, peer: &[u8; 65]) -> Result<Zeroizing<[u8; 64]>, Error> {
        let peer = Affine::from_bytes(peer).ok_or(Error::Refused)?;
        let shared = Zeroizing::new(multiply(&self.scalar, &peer));
        exchange::secret_coordinates(&shared)
    }

    /// x ‖ y of U (GB/T 32918.3-2016, 6.1): t·(P + x̄·R) with t = d + x̄·r; refuses points off the
    /// curve and U at infinity.
    pub fn exchange(
        &self,
        ephemeral: &Self,
        peer: &[u8; 65],
        peer_ephemeral: &[u8; 65],
    ) -> Result<Zeroizing<[u8; 64]>, Error> {
        let peer = Affine::from_bytes(peer).ok_or(Error::Refused)?;
        let peer_ephemeral = Affine::from_bytes(peer_ephemeral).ok_or(Error::Refused)?;
        let weight = exchange::weight(&ephemeral.point);
        let t = self.scalar.add(&weight.mul(&ephemeral.scalar));
        exchange::agree(&t, &peer, &peer_ephemeral)
    }
}

/// The affine point of a public key; refuses infinity.
fn public_point(point: Jacobian) -> Result<Affine, Error> {
    let point = Zeroizing::new(point);
    // Infinity cannot come of a scalar in [1, n−1].
    let inverse = Zeroizing::new(point.z.invert());
    let mut affine = point.scale(&inverse);
    // The public point is public; the z it came with is not.
    reveal_point(&mut affine);
    Ok(affine)
}

/// Declares a point public.
pub(super) fn reveal_point(point: &mut Affine) {
    for limb in point.x.0.iter_mut().chain(&mut point.y.0) {
        *limb = reveal_word(*limb);
    }
}

/// r ‖ s for a given nonce, for vectors only; refuses scalars and nonces out of range, and nonces
/// that the standard has drawn again.
pub fn sign_with_nonce(d: &[u8; 32], e: &[u8; 32], k: &[u8; 32]) -> Result<Signature, Error> {
    let key = PrivateKey::from_scalar(d)?;
    let nonce = nonce_from(k)?;
    let point = Zeroizing::new(generator().multiply(&nonce));
    let x = point.x.mul(&point.z.invert().square());
    key.finish(e, &nonce, &x).ok_or(Error::Refused)
}

/// A given nonce in [1, n−1].
pub(super) fn nonce_from(bytes: &[u8; 32]) -> Result<Scalar, Error> {
    let (nonce, below) = Scalar::from_bytes(bytes);
    // As for keys: only whether it is a nonce at all.
    match reveal_word(below & !nonce.is_zero()) {
        0 => Err(Error::Refused),
        _ => Ok(nonce),
    }
}
