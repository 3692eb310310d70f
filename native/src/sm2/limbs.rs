//! Numbers below 2²⁵⁶ as four 64-bit limbs, least first, and their carries.

pub type Limbs = [u64; 4];

#[inline(always)]
pub const fn carrying_add(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let sum = a as u128 + b as u128 + carry as u128;
    (sum as u64, (sum >> 64) as u64)
}

#[inline(always)]
pub const fn borrowing_sub(a: u64, b: u64, borrow: u64) -> (u64, u64) {
    let difference = (a as u128).wrapping_sub(b as u128 + borrow as u128);
    (difference as u64, (difference >> 64) as u64 & 1)
}

/// a·b + c + carry, which never exceeds 128 bits.
#[inline(always)]
pub const fn multiply_add(a: u64, b: u64, c: u64, carry: u64) -> (u64, u64) {
    let sum = a as u128 * b as u128 + c as u128 + carry as u128;
    (sum as u64, (sum >> 64) as u64)
}

/// a + b and its carry.
#[inline(always)]
pub const fn add(a: &Limbs, b: &Limbs) -> (Limbs, u64) {
    let (r0, c) = carrying_add(a[0], b[0], 0);
    let (r1, c) = carrying_add(a[1], b[1], c);
    let (r2, c) = carrying_add(a[2], b[2], c);
    let (r3, c) = carrying_add(a[3], b[3], c);
    ([r0, r1, r2, r3], c)
}

/// a − b and its borrow.
#[inline(always)]
pub const fn sub(a: &Limbs, b: &Limbs) -> (Limbs, u64) {
    let (r0, c) = borrowing_sub(a[0], b[0], 0);
    let (r1, c) = borrowing_sub(a[1], b[1], c);
    let (r2, c) = borrowing_sub(a[2], b[2], c);
    let (r3, c) = borrowing_sub(a[3], b[3], c);
    ([r0, r1, r2, r3], c)
}

pub fn from_bytes(bytes: &[u8; 32]) -> Limbs {
    core::array::from_fn(|i| {
        let start = 24 - 8 * i;
        let mut word = 0;
        for &byte in &bytes[start..start + 8] {
            word = word << 8 | u64::from(byte);
        }
        word
    })
}

pub fn to_bytes(limbs: &Limbs) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (i, limb) in limbs.iter().enumerate() {
        bytes[24 - 8 * i..32 - 8 * i].copy_from_slice(&limb.to_be_bytes());
    }
    bytes
}
