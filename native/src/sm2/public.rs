//! Public keys: verifying and encrypting with them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::comb::{Comb, generator};
use super::field::Fe;
use super::multiply::{multiply, multiply_vartime};
use super::point::{Affine, Jacobian};
use super::scalar::{N, Scalar};
use super::{Error, limbs};

/// Width of a key's own table: 52 rows of 16 points, 52 KiB.
const WIDTH: usize = 5;
/// A table costs about ten multiplications and saves most of each later one.
const USES_BEFORE_TABLE: u32 = 16;
/// Tables alive at once in the process, 52 MiB; further keys go without.
const TABLES_MAX: usize = 1024;

static TABLES: AtomicUsize = AtomicUsize::new(0);

/// A point of the curve, with a table of its multiples once it has been used a few times: senders
/// are known, so keys come again.
pub struct PublicKey {
    point: Affine,
    uses: AtomicU32,
    table: OnceLock<Option<Comb<WIDTH>>>,
}

impl Drop for PublicKey {
    fn drop(&mut self) {
        if let Some(Some(_)) = self.table.get() {
            TABLES.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl PublicKey {
    /// The key of 04 ‖ x ‖ y; refuses what is not a point of the curve.
    pub fn from_point(bytes: &[u8; 65]) -> Result<Self, Error> {
        let point = Affine::from_bytes(bytes).ok_or(Error::Refused)?;
        Ok(Self {
            point,
            uses: AtomicU32::new(0),
            table: OnceLock::new(),
        })
    }

    pub fn point(&self) -> [u8; 65] {
        self.point.to_bytes()
    }

    fn table(&self) -> Option<&Comb<WIDTH>> {
        if let Some(table) = self.table.get() {
            return table.as_ref();
        }
        if self.uses.fetch_add(1, Ordering::Relaxed) < USES_BEFORE_TABLE {
            return None;
        }
        // Built before it is set: a process forked meanwhile waits for nobody.
        let table = if TABLES.fetch_add(1, Ordering::Relaxed) < TABLES_MAX {
            Some(Comb::new(&self.point))
        } else {
            TABLES.fetch_sub(1, Ordering::Relaxed);
            None
        };
        if let Err(Some(_)) = self.table.set(table) {
            // Another thread was first.
            TABLES.fetch_sub(1, Ordering::Relaxed);
        }
        self.table.get()?.as_ref()
    }

    /// scalar·P for a secret scalar.
    pub(super) fn multiply(&self, scalar: &Scalar) -> Jacobian {
        match self.table() {
            Some(table) => table.multiply(scalar),
            None => multiply(scalar, &self.point),
        }
    }

    /// Tells whether r ‖ s is this key's signature of e (GB/T 32918.2-2016, 7.1).
    pub fn verify(&self, e: &[u8; 32], signature: &[u8]) -> bool {
        self.verdict(e, signature).is_some()
    }

    fn verdict(&self, e: &[u8; 32], signature: &[u8]) -> Option<()> {
        let signature: &[u8; 64] = signature.try_into().ok()?;
        let r = signature_part(&signature[..32])?;
        let s = signature_part(&signature[32..])?;
        let t = r.add(&s);
        if t.is_zero() != 0 {
            return None;
        }
        let sum = match self.table() {
            Some(table) => table.multiply_add_vartime(&t, Jacobian::INFINITY),
            None => multiply_vartime(&t, &self.point),
        };
        let sum = generator().multiply_add_vartime(&s, sum);
        if sum.is_infinity() != 0 {
            return None;
        }
        // r = e + x mod n asks for x = r − e or, below p, r − e + n; compared without inversion.
        let x = r.sub(&Scalar::from_bytes_reduced(e)).0;
        let zz = sum.z.square();
        let matches = |x: &limbs::Limbs| Fe::from_limbs(x).is_some_and(|x| x.mul(&zz) == sum.x);
        let (above, carry) = limbs::add(&x, &N);
        (matches(&x) || carry == 0 && matches(&above)).then_some(())
    }
}

/// r or s, which must lie in [1, n−1].
fn signature_part(bytes: &[u8]) -> Option<Scalar> {
    let (value, below) = Scalar::from_bytes(bytes.try_into().ok()?);
    (below & !value.is_zero() != 0).then_some(value)
}

/// The verdict on each triple, in order; the three have the same length.
pub fn verify_many(keys: &[&PublicKey], es: &[[u8; 32]], signatures: &[&[u8]]) -> Vec<bool> {
    let triples = keys.iter().zip(es).zip(signatures);
    triples
        .map(|((key, e), signature)| key.verify(e, signature))
        .collect()
}
