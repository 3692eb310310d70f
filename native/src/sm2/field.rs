//! The field of p = 2²⁵⁶ − 2²²⁴ − 2⁹⁶ + 2⁶⁴ − 1 (GB/T 32918.5-2017, 3), in Montgomery form.
//!
//! Since p ≡ −1 (mod 2⁶⁴) the Montgomery factor is 1: one step of the reduction adds
//! (m·p + m) / 2⁶⁴ = m·2¹⁹² − m·2¹⁶⁰ − m·2³² + m, which takes shifts and no multiplication.
//! Values are always fully reduced, so equality is equality of limbs. Every operation takes the
//! same time for all values.

use super::ct;
use super::inverse::{Modulus, invert};
use super::limbs::{self, Limbs, carrying_add, multiply_add};
use zeroize::Zeroize;

/// p.
pub const P: Limbs = [
    0xffff_ffff_ffff_ffff,
    0xffff_ffff_0000_0000,
    0xffff_ffff_ffff_ffff,
    0xffff_fffe_ffff_ffff,
];
/// 2²⁵⁶ mod p, which is 1 in Montgomery form.
const R: Limbs = [1, 0x0000_0000_ffff_ffff, 0, 0x0000_0001_0000_0000];
/// 2⁵¹² mod p, which carries a value into Montgomery form.
const RR: Limbs = [
    0x0000_0002_0000_0003,
    0x0000_0002_ffff_ffff,
    0x0000_0001_0000_0001,
    0x0000_0004_0000_0002,
];
const MODULUS: Modulus = Modulus::new(&P);

/// An element of the field.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Fe(pub(super) Limbs);

impl Zeroize for Fe {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl Fe {
    pub const ZERO: Self = Self([0; 4]);
    pub const ONE: Self = Self(R);

    /// The element of a big-endian number; `None` from p on. For public numbers.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        Self::from_limbs(&limbs::from_bytes(bytes))
    }

    /// The element of a number; `None` from p on. For public numbers.
    pub fn from_limbs(value: &Limbs) -> Option<Self> {
        let (_, below) = limbs::sub(value, &P);
        (below == 1).then(|| Self(*value).mul(&Self(RR)))
    }

    /// The element of a number modulo p, whatever the number. For secret numbers.
    pub fn from_bytes_reduced(bytes: &[u8; 32]) -> Self {
        Self(reduce_once(&limbs::from_bytes(bytes), 0)).mul(&Self(RR))
    }

    /// The element of a number known at build time, which must be below p.
    pub const fn constant(value: Limbs) -> Self {
        Self(montgomery(&value, &RR))
    }

    /// The number itself, out of Montgomery form.
    pub fn to_limbs(self) -> Limbs {
        self.mul(&Self([1, 0, 0, 0])).0
    }

    pub fn to_bytes(self) -> [u8; 32] {
        limbs::to_bytes(&self.to_limbs())
    }

    /// All ones when zero, else zero.
    #[inline(always)]
    pub fn is_zero(&self) -> u64 {
        ct::all_zero(&self.0)
    }

    #[inline(always)]
    pub fn select(mask: u64, yes: &Self, no: &Self) -> Self {
        Self(ct::select(mask, &yes.0, &no.0))
    }

    #[inline(always)]
    pub fn add(&self, other: &Self) -> Self {
        #[cfg(target_arch = "x86_64")]
        return Self(super::x86_64::add(&self.0, &other.0));
        #[cfg(not(target_arch = "x86_64"))]
        {
            let (sum, carry) = limbs::add(&self.0, &other.0);
            Self(reduce_once(&sum, carry))
        }
    }

    #[inline(always)]
    pub fn sub(&self, other: &Self) -> Self {
        #[cfg(target_arch = "x86_64")]
        return Self(super::x86_64::sub(&self.0, &other.0));
        #[cfg(not(target_arch = "x86_64"))]
        {
            let (difference, borrow) = limbs::sub(&self.0, &other.0);
            let mask = ct::barrier(borrow.wrapping_neg());
            let masked = core::array::from_fn(|i| P[i] & mask);
            Self(limbs::add(&difference, &masked).0)
        }
    }

    #[inline(always)]
    pub fn double(&self) -> Self {
        self.add(self)
    }

    #[inline(always)]
    pub fn triple(&self) -> Self {
        self.double().add(self)
    }

    /// Half of the value: (v + p·(v mod 2)) / 2.
    #[inline(always)]
    pub fn half(&self) -> Self {
        let mask = ct::barrier((self.0[0] & 1).wrapping_neg());
        let masked = core::array::from_fn(|i| P[i] & mask);
        let (sum, carry) = limbs::add(&self.0, &masked);
        Self([
            sum[0] >> 1 | sum[1] << 63,
            sum[1] >> 1 | sum[2] << 63,
            sum[2] >> 1 | sum[3] << 63,
            sum[3] >> 1 | carry << 63,
        ])
    }

    #[inline(always)]
    pub fn negate(&self) -> Self {
        Self::ZERO.sub(self)
    }

    /// Changes the sign under a mask of all ones.
    #[inline(always)]
    pub fn negate_if(&self, mask: u64) -> Self {
        Self::select(mask, &self.negate(), self)
    }

    #[inline(always)]
    pub fn mul(&self, other: &Self) -> Self {
        #[cfg(target_arch = "x86_64")]
        if super::x86_64::has(super::x86_64::MULX) {
            // SAFETY: the processor has the instructions.
            return Self(unsafe { super::x86_64::mul(&self.0, &other.0) });
        }
        portable_multiply(self, other)
    }

    #[inline(always)]
    pub fn square(&self) -> Self {
        #[cfg(target_arch = "x86_64")]
        if super::x86_64::has(super::x86_64::MULX) {
            // SAFETY: the processor has the instructions.
            return Self(unsafe { super::x86_64::square(&self.0) });
        }
        portable_multiply(self, self)
    }

    /// 1/v, and 0 for 0.
    pub fn invert(&self) -> Self {
        // (v·R)⁻¹ = v⁻¹·R⁻¹; two factors of R bring it back into Montgomery form.
        const RRR: Fe = Fe(montgomery(&RR, &RR));
        Self(invert(&self.0, &MODULUS)).mul(&RRR)
    }

    /// Inverts every element in place with one inversion; none may be zero.
    pub fn invert_all(values: &mut [Self]) {
        // Four running products, since one alone would keep the multiplier waiting.
        const CHAINS: usize = 4;
        let mut running = [Self::ONE; CHAINS];
        let mut before = Vec::with_capacity(values.len());
        for (i, value) in values.iter().enumerate() {
            let product = &mut running[i % CHAINS];
            before.push(*product);
            *product = product.mul(value);
        }
        let [a, b, c, d] = running;
        let (ab, cd) = (a.mul(&b), c.mul(&d));
        let inverse = ab.mul(&cd).invert();
        let (of_ab, of_cd) = (inverse.mul(&cd), inverse.mul(&ab));
        running = [of_ab.mul(&b), of_ab.mul(&a), of_cd.mul(&d), of_cd.mul(&c)];
        for (i, value) in values.iter_mut().enumerate().rev() {
            let inverse = &mut running[i % CHAINS];
            let this = inverse.mul(&before[i]);
            *inverse = inverse.mul(value);
            *value = this;
        }
        before.zeroize();
        running.zeroize();
    }
}

/// value mod p for value + carry·2²⁵⁶ < 2p.
#[inline(always)]
const fn reduce_once(value: &Limbs, carry: u64) -> Limbs {
    let (reduced, borrow) = limbs::sub(value, &P);
    // The reduced value counts when there was a carry or no borrow.
    let keep = (carry ^ 1) & borrow;
    let mask = keep.wrapping_neg();
    [
        reduced[0] ^ (mask & (value[0] ^ reduced[0])),
        reduced[1] ^ (mask & (value[1] ^ reduced[1])),
        reduced[2] ^ (mask & (value[2] ^ reduced[2])),
        reduced[3] ^ (mask & (value[3] ^ reduced[3])),
    ]
}

/// The product where the processor has no better way.
#[inline(never)]
pub fn portable_multiply(a: &Fe, b: &Fe) -> Fe {
    Fe(montgomery(&a.0, &b.0))
}

/// a·b / 2²⁵⁶ mod p, the plain way.
#[inline(always)]
const fn montgomery(a: &Limbs, b: &Limbs) -> Limbs {
    let mut product = [0u64; 8];
    let mut i = 0;
    while i < 4 {
        let mut carry = 0;
        let mut j = 0;
        while j < 4 {
            (product[i + j], carry) = multiply_add(a[i], b[j], product[i + j], carry);
            j += 1;
        }
        product[i + 4] = carry;
        i += 1;
    }
    // The low half becomes low / 2²⁵⁶ mod p, at most p, four limbs at every step.
    let mut low = [product[0], product[1], product[2], product[3]];
    let mut step = 0;
    while step < 4 {
        let m = low[0];
        let (l, h) = (m << 32, m >> 32);
        let (t0, c) = carrying_add(low[1], m, 0);
        let (t1, c) = carrying_add(low[2], 0, c);
        let (t2, c) = carrying_add(low[3], 0, c);
        let t3 = m.wrapping_add(c);
        let carried_out = (m as u128 + c as u128) >> 64;
        let (t0, c) = limbs::borrowing_sub(t0, l, 0);
        let (t1, c) = limbs::borrowing_sub(t1, h, c);
        let (t2, c) = limbs::borrowing_sub(t2, l, c);
        let (t3, c) = limbs::borrowing_sub(t3, h, c);
        // A carry of m + c is always taken back by the borrow: the step's value fits four limbs.
        debug_assert!(carried_out as u64 == c);
        low = [t0, t1, t2, t3];
        step += 1;
    }
    let high = [product[4], product[5], product[6], product[7]];
    let (sum, carry) = limbs::add(&low, &high);
    reduce_once(&sum, carry)
}
