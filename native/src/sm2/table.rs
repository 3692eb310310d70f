//! Small tables of points, read by scanning all of them.

use super::ct;
use super::field::Fe;
use super::limbs::Limbs;
use super::point::Affine;

/// A digit of Booth's recoding: between −2^(w−1) and 2^(w−1), as amount and sign.
pub struct Digit {
    pub amount: u64,
    /// All ones when negative, else zero.
    pub sign: u64,
}

/// Digit `index` of a scalar in windows of `width` bits: the sum of digit·2^(width·index) is the
/// scalar. Touches the same bits whatever they hold.
#[inline(always)]
pub fn digit(scalar: &Limbs, width: usize, index: usize) -> Digit {
    // The window and the bit below it, so that a set top bit can borrow from the next window.
    let mask = (2u64 << width) - 1;
    let raw = if index == 0 {
        scalar[0] << 1 & mask
    } else {
        let start = width * index - 1;
        let (limb, shift) = (start / 64, start % 64);
        let low = scalar[limb] >> shift;
        let high = if limb < 3 && shift > 0 {
            scalar[limb + 1] << (64 - shift)
        } else {
            0
        };
        (low | high) & mask
    };
    let sign = ct::barrier((raw >> width).wrapping_neg());
    let value = (raw >> 1)
        .wrapping_add(raw & 1)
        .wrapping_sub((sign & 1) << width);
    Digit {
        amount: (value ^ sign).wrapping_sub(sign),
        sign,
    }
}

/// Entry `index − 1` of a table, and zeroes for index 0. Reads every entry.
#[inline(always)]
pub fn select(table: &[Affine], index: u64) -> Affine {
    #[cfg(target_arch = "x86_64")]
    {
        if super::x86_64::has(super::x86_64::AVX2) {
            // SAFETY: the processor has AVX2.
            return unsafe { select_avx2(table, index) };
        }
    }
    portable_select(table, index)
}

/// The same where the processor has no better way.
pub fn portable_select(table: &[Affine], index: u64) -> Affine {
    let (mut x, mut y) = ([0; 4], [0; 4]);
    for (position, entry) in (1..).zip(table) {
        let mask = ct::is_equal(position, index);
        for i in 0..4 {
            x[i] |= entry.x.0[i] & mask;
            y[i] |= entry.y.0[i] & mask;
        }
    }
    Affine { x: Fe(x), y: Fe(y) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn select_avx2(table: &[Affine], index: u64) -> Affine {
    use core::arch::x86_64::{
        __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_cmpeq_epi64, _mm256_load_si256,
        _mm256_or_si256, _mm256_set1_epi64x, _mm256_setzero_si256, _mm256_store_si256,
    };
    let wanted = _mm256_set1_epi64x(ct::barrier(index) as i64);
    let one = _mm256_set1_epi64x(1);
    let mut position = one;
    let mut x = _mm256_setzero_si256();
    let mut y = x;
    for entry in table {
        let halves = (&raw const *entry).cast::<__m256i>();
        let mask = _mm256_cmpeq_epi64(position, wanted);
        // SAFETY: an entry is 64 bytes, aligned to 64.
        unsafe {
            x = _mm256_or_si256(x, _mm256_and_si256(mask, _mm256_load_si256(halves)));
            y = _mm256_or_si256(y, _mm256_and_si256(mask, _mm256_load_si256(halves.add(1))));
        }
        position = _mm256_add_epi64(position, one);
    }
    let mut entry = Affine::NOTHING;
    let halves = (&raw mut entry).cast::<__m256i>();
    // SAFETY: as above.
    unsafe {
        _mm256_store_si256(halves, x);
        _mm256_store_si256(halves.add(1), y);
    }
    entry
}
