//! Numbers modulo n, the order of G (GB/T 32918.5-2017, 3).
//!
//! A scalar is overwritten when dropped, is never copied in silence and has no printed form.
//! Every operation takes the same time for all values, but for those that say otherwise.

use super::ct;
use super::inverse::{Modulus, invert, montgomery};
use super::limbs::{self, Limbs};
use zeroize::Zeroize;

/// n.
pub const N: Limbs = [
    0x53bb_f409_39d5_4123,
    0x7203_df6b_21c6_052b,
    0xffff_ffff_ffff_ffff,
    0xffff_fffe_ffff_ffff,
];
/// −1/n mod 2⁶⁴.
const FACTOR: u64 = 0x327f_9e88_7235_0975;
/// 2⁵¹² mod n.
const RR: Limbs = [
    0x901192af7c114f20,
    0x3464504ade6fa2fa,
    0x620fc84c3affe0d4,
    0x1eb5e412a22b3d3b,
];
const MODULUS: Modulus = Modulus::new(&N);

/// A number below n.
#[derive(Clone)]
pub struct Scalar(pub(super) Limbs);

impl Drop for Scalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Scalar {
    pub const fn small(value: u64) -> Self {
        Self([value, 0, 0, 0])
    }

    /// The number of 32 big-endian bytes, and all ones when it is below n, else zero.
    pub fn from_bytes(bytes: &[u8; 32]) -> (Self, u64) {
        let value = limbs::from_bytes(bytes);
        let (_, below) = limbs::sub(&value, &N);
        (Self(value), ct::barrier(below.wrapping_neg()))
    }

    /// The number of 32 big-endian bytes modulo n.
    pub fn from_bytes_reduced(bytes: &[u8; 32]) -> Self {
        Self(reduce_once(&limbs::from_bytes(bytes), 0))
    }

    /// A number below 2²⁵⁶ modulo n.
    pub fn from_limbs_reduced(value: &Limbs) -> Self {
        Self(reduce_once(value, 0))
    }

    pub fn to_bytes(&self) -> [u8; 32] {
        limbs::to_bytes(&self.0)
    }

    /// All ones when zero, else zero.
    pub fn is_zero(&self) -> u64 {
        ct::all_zero(&self.0)
    }

    /// All ones when the two are equal, else zero.
    pub fn equals(&self, other: &Self) -> u64 {
        ct::all_zero(&core::array::from_fn(|i| self.0[i] ^ other.0[i]))
    }

    pub fn add(&self, other: &Self) -> Self {
        let (sum, carry) = limbs::add(&self.0, &other.0);
        Self(reduce_once(&sum, carry))
    }

    pub fn sub(&self, other: &Self) -> Self {
        let (difference, borrow) = limbs::sub(&self.0, &other.0);
        let mask = ct::barrier(borrow.wrapping_neg());
        let masked = core::array::from_fn(|i| N[i] & mask);
        Self(limbs::add(&difference, &masked).0)
    }

    pub fn mul(&self, other: &Self) -> Self {
        self.to_factor().mul(other)
    }

    /// 1/v, and 0 for 0.
    pub fn invert(&self) -> Self {
        Self(invert(&self.0, &MODULUS))
    }

    /// The scalar made ready to multiply others, for one that multiplies often.
    pub fn to_factor(&self) -> Factor {
        Factor(montgomery(&self.0, &RR, &N, FACTOR))
    }
}

/// A scalar v kept as v·2²⁵⁶, so that a product takes one multiplication.
#[derive(Clone)]
pub struct Factor(Limbs);

impl Drop for Factor {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Factor {
    pub fn mul(&self, other: &Scalar) -> Scalar {
        Scalar(montgomery(&self.0, &other.0, &N, FACTOR))
    }
}

/// value mod n for value + carry·2²⁵⁶ < 2n.
fn reduce_once(value: &Limbs, carry: u64) -> Limbs {
    let (reduced, borrow) = limbs::sub(value, &N);
    ct::select(((carry ^ 1) & borrow).wrapping_neg(), value, &reduced)
}
