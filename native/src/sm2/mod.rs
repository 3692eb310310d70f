//! SM2 (GB/T 32918-2016): keys, signatures, encryption and key exchange, on the curve of
//! GB/T 32918.5-2017.
//!
//! Whatever depends on a private key, a nonce or a plaintext takes the same time for all its
//! values: no branch and no address depends on them. `native/evidence` shows it. Names with
//! `vartime` mark what is for public data only. Secrets are overwritten when dropped; copies that
//! the compiler leaves in registers and on the stack are out of reach.

mod cipher;
mod comb;
mod ct;
mod exchange;
mod field;
mod inverse;
mod limbs;
mod multiply;
mod nonce;
mod point;
mod private;
mod public;
pub mod random;
mod scalar;
mod table;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use cipher::{Ciphertext, PLAINTEXT_BYTES_MAX, encrypt_with_nonce};
pub use private::{PrivateKey, sign_with_nonce};
pub use public::{PublicKey, verify_many};

/// e = SM3(z ‖ message), what is signed (GB/T 32918.2-2016, 6.1).
pub fn message_digest(z: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let mut hash = crate::sm3::Sm3::new();
    hash.update(z);
    hash.update(message);
    hash.finalize()
}

/// Builds the table of G now rather than at first use.
pub fn prepare() {
    comb::generator();
}

/// r ‖ s, big-endian.
pub type Signature = [u8; 64];

/// Why an operation gave nothing. No more is said, since more may be secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The input is not acceptable.
    Refused,
    /// The random source failed or did not pass its health tests.
    Random,
}

/// What the evidence programs and tests look at directly; not for use.
#[doc(hidden)]
pub mod internals {
    pub use super::comb::{Comb, generator};
    pub use super::field::{Fe, P, portable_multiply};
    pub use super::limbs::{Limbs, from_bytes, to_bytes};
    pub use super::multiply::{multiply, multiply_vartime};
    pub use super::point::{Affine, G, Jacobian};
    pub use super::scalar::{N, Scalar};
    pub use super::table::{portable_select, select};
    #[cfg(all(feature = "evidence", target_arch = "x86_64"))]
    pub use super::x86_64::{AVX2, MULX, assume};
}
