//! Public-key encryption (GB/T 32918.4-2016).

use super::comb::generator;
use super::exchange::secret_coordinates;
use super::multiply::multiply;
use super::point::{Affine, Jacobian};
use super::private::{nonce_from, reveal_point};
use super::public::PublicKey;
use super::scalar::Scalar;
use super::{Error, ct, nonce};
use crate::secret::{reveal, reveal_word};
use crate::sm3::{Sm3, kdf};
use zeroize::{Zeroize, Zeroizing};

/// Longer messages take a symmetric key. The standard sets no limit that matters.
pub const PLAINTEXT_BYTES_MAX: usize = 64 * 1024;

/// What encryption gives.
pub struct Ciphertext {
    pub c1: [u8; 65],
    pub c3: [u8; 32],
    pub c2: Vec<u8>,
}

impl PublicKey {
    /// Encrypts 1 to [`PLAINTEXT_BYTES_MAX`] bytes (6.1); refuses other sizes.
    pub fn encrypt(&self, plaintext: &[u8]) -> Result<Ciphertext, Error> {
        loop {
            let nonce = nonce::draw()?;
            if let Some(ciphertext) = self.encrypt_from(plaintext, &nonce)? {
                return Ok(ciphertext);
            }
        }
    }

    /// One try; `None` when the keystream is all zero and the standard has k drawn again.
    fn encrypt_from(&self, plaintext: &[u8], k: &Scalar) -> Result<Option<Ciphertext>, Error> {
        if plaintext.is_empty() || plaintext.len() > PLAINTEXT_BYTES_MAX {
            return Err(Error::Refused);
        }
        let mut points = Zeroizing::new([generator().multiply(k), self.multiply(k)]);
        let mut affine = Zeroizing::new(Jacobian::to_affine_all(&*points));
        points.zeroize();
        let shared = Zeroizing::new(affine[1].coordinates());
        let keystream = kdf(&*shared, plaintext.len());
        // That k was drawn again says nothing of the k taken.
        if reveal_word(all_zero(&keystream)) != 0 {
            return Ok(None);
        }
        let mut c2: Vec<u8> = plaintext
            .iter()
            .zip(keystream.iter())
            .map(|(m, t)| m ^ t)
            .collect();
        let mut c3 = tag(&shared, plaintext);
        // The ciphertext is what the caller publishes.
        reveal_point(&mut affine[0]);
        reveal(&mut c2);
        reveal(&mut c3);
        Ok(Some(Ciphertext {
            c1: affine[0].to_bytes(),
            c3,
            c2,
        }))
    }
}

/// Encrypts with a given k, for vectors only.
pub fn encrypt_with_nonce(
    point: &[u8; 65],
    plaintext: &[u8],
    k: &[u8; 32],
) -> Result<Ciphertext, Error> {
    let key = PublicKey::from_point(point)?;
    key.encrypt_from(plaintext, &nonce_from(k)?)?
        .ok_or(Error::Refused)
}

/// Opens a ciphertext (7.1).
pub fn decrypt(
    scalar: &Scalar,
    c1: &[u8],
    c3: &[u8],
    c2: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    if c2.is_empty() || c2.len() > PLAINTEXT_BYTES_MAX {
        return Err(Error::Refused);
    }
    let c1: &[u8; 65] = c1.try_into().map_err(|_| Error::Refused)?;
    let c1 = Affine::from_bytes(c1).ok_or(Error::Refused)?;
    let point = Zeroizing::new(multiply(scalar, &c1));
    let shared = secret_coordinates(&point)?;
    let mut plaintext = kdf(&*shared, c2.len());
    let zero = all_zero(&plaintext);
    for (byte, c) in plaintext.iter_mut().zip(c2) {
        *byte ^= c;
    }
    let expected = Zeroizing::new(tag(&shared, &plaintext));
    let genuine = ct::equal_bytes(&*expected, c3) & !zero;
    // The verdict is the answer; where the bytes differ stays hidden. Dropping wipes the plaintext.
    match reveal_word(genuine) {
        0 => Err(Error::Refused),
        _ => Ok(plaintext),
    }
}

/// C3 = SM3(x ‖ M ‖ y).
fn tag(shared: &[u8; 64], plaintext: &[u8]) -> [u8; 32] {
    let mut hash = Sm3::new();
    hash.update(&shared[..32]);
    hash.update(plaintext);
    hash.update(&shared[32..]);
    hash.finalize()
}

/// All ones when every byte is zero, else zero.
fn all_zero(bytes: &[u8]) -> u64 {
    ct::is_zero(u64::from(bytes.iter().fold(0, |sum, byte| sum | byte)))
}
