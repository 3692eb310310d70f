//! Masks in place of branches: a secret decides values here, never addresses or jumps.

/// A mask the optimiser cannot see through, so that it cannot turn a selection into a branch.
#[inline(always)]
pub fn barrier(value: u64) -> u64 {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        let mut opaque = value;
        // SAFETY: empty; it only hides where the value came from.
        unsafe {
            core::arch::asm!("/* {0} */", inout(reg) opaque, options(pure, nomem, nostack, preserves_flags));
        }
        opaque
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    core::hint::black_box(value)
}

/// All ones when `value` is zero, else zero.
#[inline(always)]
pub fn is_zero(value: u64) -> u64 {
    let folded = (value | value.wrapping_neg()) >> 63;
    barrier(folded.wrapping_sub(1))
}

/// All ones when the two are equal, else zero.
#[inline(always)]
pub fn is_equal(left: u64, right: u64) -> u64 {
    is_zero(left ^ right)
}

/// All ones when every limb is zero, else zero.
#[inline(always)]
pub fn all_zero(limbs: &[u64; 4]) -> u64 {
    is_zero(limbs[0] | limbs[1] | limbs[2] | limbs[3])
}

/// `yes` under a mask of all ones, `no` under zero.
#[inline(always)]
pub fn select(mask: u64, yes: &[u64; 4], no: &[u64; 4]) -> [u64; 4] {
    let mask = barrier(mask);
    core::array::from_fn(|i| no[i] ^ (mask & (yes[i] ^ no[i])))
}

/// Compares in time that depends on the length only; the lengths are public.
pub fn equal_bytes(left: &[u8], right: &[u8]) -> u64 {
    if left.len() != right.len() {
        return 0;
    }
    let difference = left
        .iter()
        .zip(right)
        .fold(0u8, |sum, (a, b)| sum | (a ^ b));
    is_zero(u64::from(difference))
}
