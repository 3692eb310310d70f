//! GHASH with the multiplication of integers, whose time does not depend on the operands on the
//! processors we know. Bits of an operand are spread three apart, so that carries of their product
//! fall into the gaps and are masked away.

use super::super::{BLOCK, wipe};

pub(super) struct Key {
    high: u64,
    low: u64,
}

impl Drop for Key {
    fn drop(&mut self) {
        wipe(&mut self.high);
        wipe(&mut self.low);
    }
}

/// The low 64 bits of the product without carries.
#[inline(always)]
fn low(x: u64, y: u64) -> u64 {
    const EVERY_FOURTH: u64 = 0x1111_1111_1111_1111;
    let split = |v: u64| -> [u64; 4] { std::array::from_fn(|k| v & EVERY_FOURTH << k) };
    let (x, y) = (split(x), split(y));
    let mut out = 0;
    for k in 0..4 {
        let mut part = 0;
        for (i, x) in x.iter().enumerate() {
            part ^= x.wrapping_mul(y[(k + 4 - i) % 4]);
        }
        out |= part & EVERY_FOURTH << k;
    }
    out
}

/// The product without carries: (high, low), the high half by the product of the mirror images.
#[inline(always)]
fn product(x: u64, y: u64) -> (u64, u64) {
    let high = low(x.reverse_bits(), y.reverse_bits()).reverse_bits() >> 1;
    (high, low(x, y))
}

impl Key {
    pub(super) fn new(h: &[u8; BLOCK]) -> Self {
        let h = u128::from_be_bytes(*h);
        Self {
            high: (h >> 64) as u64,
            low: h as u64,
        }
    }

    pub(super) fn update(&self, sum: &mut [u8; BLOCK], data: &[u8]) {
        let mut y = u128::from_be_bytes(*sum);
        for block in data.as_chunks::<BLOCK>().0 {
            y = self.times(y ^ u128::from_be_bytes(*block));
        }
        *sum = y.to_be_bytes();
    }

    fn times(&self, x: u128) -> u128 {
        let (x1, x0) = ((x >> 64) as u64, x as u64);
        let (hh, hl) = product(x1, self.high);
        let (lh, ll) = product(x0, self.low);
        let (mh, ml) = product(x1 ^ x0, self.high ^ self.low);
        let (mh, ml) = (mh ^ hh ^ lh, ml ^ hl ^ ll);
        // 255 bits, the first being x^0: one place to the left makes 256.
        let (v3, v2, v1, v0) = (hh, hl ^ mh, lh ^ ml, ll);
        let (v3, v2, v1, v0) = (
            v3 << 1 | v2 >> 63,
            v2 << 1 | v1 >> 63,
            v1 << 1 | v0 >> 63,
            v0 << 1,
        );
        // x^128 = 1 + x + x^2 + x^7; a higher power lies further right.
        let fold = |v: u64| (v ^ v >> 1 ^ v >> 2 ^ v >> 7, v << 63 ^ v << 62 ^ v << 57);
        let (here, over) = fold(v0);
        let (v2, v1) = (v2 ^ here, v1 ^ over);
        let (here, over) = fold(v1);
        let (v3, v2) = (v3 ^ here, v2 ^ over);
        u128::from(v3) << 64 | u128::from(v2)
    }
}
