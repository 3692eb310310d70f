//! GHASH with carry-less multiplication, sixteen blocks for one reduction.
//!
//! Blocks are read with their bytes reversed; in that order GHASH is POLYVAL (RFC 8452,
//! appendix A) under the key x·H, whose product needs no shift: a·b·x^-128, reduced by
//! multiplying twice with the constant of x^128 + x^127 + x^126 + x^121 + 1.

use super::super::{BLOCK, wipe};
use std::arch::x86_64::*;

/// Blocks that share a reduction.
const POWERS: usize = 16;

/// Falling powers of x·H, the first one in the last place but four; four empty places behind, so
/// that a short run can be multiplied in whole vectors.
#[repr(align(64))]
pub(in super::super) struct Powers {
    table: [[u64; 2]; POWERS + 4],
    /// How many are there.
    count: usize,
}

impl Drop for Powers {
    fn drop(&mut self) {
        wipe(&mut self.table);
    }
}

/// The three parts of a product before reduction.
#[derive(Clone, Copy)]
struct Product {
    low: __m128i,
    middle: __m128i,
    high: __m128i,
}

#[inline]
#[target_feature(enable = "avx2,pclmulqdq")]
fn product(a: __m128i, b: __m128i) -> Product {
    Product {
        low: _mm_clmulepi64_si128::<0x00>(a, b),
        middle: _mm_xor_si128(
            _mm_clmulepi64_si128::<0x01>(a, b),
            _mm_clmulepi64_si128::<0x10>(a, b),
        ),
        high: _mm_clmulepi64_si128::<0x11>(a, b),
    }
}

#[inline]
#[target_feature(enable = "avx2,pclmulqdq")]
fn add(a: Product, b: Product) -> Product {
    Product {
        low: _mm_xor_si128(a.low, b.low),
        middle: _mm_xor_si128(a.middle, b.middle),
        high: _mm_xor_si128(a.high, b.high),
    }
}

#[inline]
#[target_feature(enable = "avx2,pclmulqdq")]
fn reduce(p: Product) -> __m128i {
    let modulus = _mm_set_epi64x(0, 0xc200_0000_0000_0000u64 as i64);
    let low = _mm_xor_si128(p.low, _mm_slli_si128::<8>(p.middle));
    let high = _mm_xor_si128(p.high, _mm_srli_si128::<8>(p.middle));
    let fold = _mm_clmulepi64_si128::<0x00>(low, modulus);
    let low = _mm_xor_si128(_mm_shuffle_epi32::<0x4e>(low), fold);
    let fold = _mm_clmulepi64_si128::<0x00>(low, modulus);
    _mm_xor_si128(high, _mm_xor_si128(_mm_shuffle_epi32::<0x4e>(low), fold))
}

#[inline]
#[target_feature(enable = "avx2,pclmulqdq")]
fn backwards(x: __m128i) -> __m128i {
    _mm_shuffle_epi8(
        x,
        _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    )
}

#[inline]
#[target_feature(enable = "avx2,pclmulqdq")]
fn read(block: &[u8; BLOCK]) -> __m128i {
    // SAFETY: a block is 16 bytes.
    backwards(unsafe { _mm_loadu_si128(block.as_ptr().cast()) })
}

#[inline]
#[target_feature(enable = "avx2,pclmulqdq")]
fn write(sum: &mut [u8; BLOCK], x: __m128i) {
    // SAFETY: a block is 16 bytes.
    unsafe { _mm_storeu_si128(sum.as_mut_ptr().cast(), backwards(x)) };
}

impl Powers {
    /// # Safety
    /// The processor has AVX2 and PCLMULQDQ.
    #[target_feature(enable = "avx2,pclmulqdq")]
    pub(in super::super) unsafe fn new(h: &[u8; BLOCK], blocks: usize) -> Self {
        let h = u128::from_be_bytes(*h);
        let over = (h >> 127).wrapping_neg();
        let h = h << 1 ^ 0xc200_0000_0000_0000_0000_0000_0000_0001 & over;
        let mut powers = Self {
            table: [[0; 2]; POWERS + 4],
            count: blocks.clamp(1, POWERS),
        };
        let first = _mm_set_epi64x((h >> 64) as i64, h as i64);
        let mut made = [first; POWERS];
        for n in 2..=powers.count {
            // Halves keep the chain of products short.
            made[n - 1] = reduce(product(made[n / 2 - 1], made[n - n / 2 - 1]));
        }
        for (n, power) in made[..powers.count].iter().enumerate() {
            let place = &mut powers.table[POWERS - 1 - n];
            // SAFETY: a place is 16 bytes.
            unsafe { _mm_storeu_si128(place.as_mut_ptr().cast(), *power) };
        }
        powers
    }

    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq")]
    fn power(&self, n: usize) -> __m128i {
        let place = &self.table[POWERS - n];
        // SAFETY: a place is 16 bytes.
        unsafe { _mm_loadu_si128(place.as_ptr().cast()) }
    }

    /// Take whole blocks into the sum.
    ///
    /// # Safety
    /// The processor has AVX2 and PCLMULQDQ.
    #[target_feature(enable = "avx2,pclmulqdq")]
    pub(in super::super) unsafe fn update(&self, sum: &mut [u8; BLOCK], data: &[u8]) {
        let mut y = read(sum);
        for run in data.as_chunks::<BLOCK>().0.chunks(self.count.min(8)) {
            let mut total = product(_mm_xor_si128(y, read(&run[0])), self.power(run.len()));
            for (index, block) in run.iter().enumerate().skip(1) {
                total = add(total, product(read(block), self.power(run.len() - index)));
            }
            y = reduce(total);
        }
        write(sum, y);
    }

    /// [`Powers::update`] with four products at once.
    ///
    /// # Safety
    /// The processor has AVX-512 and VPCLMULQDQ.
    #[target_feature(enable = "avx2,pclmulqdq,avx512f,avx512bw,vpclmulqdq")]
    pub(in super::super) unsafe fn update512(&self, sum: &mut [u8; BLOCK], data: &[u8]) {
        let mut y = read(sum);
        let mut runs = data.chunks_exact(BLOCK * POWERS);
        if self.count == POWERS {
            for run in runs.by_ref() {
                let mut wide = Wide::new(y);
                for (index, part) in run.chunks_exact(64).enumerate() {
                    // SAFETY: four blocks are 64 bytes.
                    wide.add(unsafe { read4(part) }, self.powers4(4 * index));
                }
                y = reduce(wide.sum());
            }
            let rest = runs.remainder();
            if !rest.is_empty() {
                y = self.short(y, rest);
            }
        } else {
            for run in data.chunks(BLOCK * self.count) {
                y = self.short(y, run);
            }
        }
        write(sum, y);
    }

    /// At most as many blocks as there are powers.
    #[inline]
    #[target_feature(enable = "avx2,pclmulqdq,avx512f,avx512bw,vpclmulqdq")]
    fn short(&self, y: __m128i, run: &[u8]) -> __m128i {
        let blocks = run.len() / BLOCK;
        let mut wide = Wide::new(y);
        for (index, part) in run.chunks(64).enumerate() {
            let mask = u64::MAX >> (64 - part.len());
            // SAFETY: the mask reads no further than the part.
            let x = unsafe { _mm512_maskz_loadu_epi8(mask, part.as_ptr().cast()) };
            wide.add(backwards4(x), self.powers4(POWERS - blocks + 4 * index));
        }
        reduce(wide.sum())
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn powers4(&self, at: usize) -> __m512i {
        let places = &self.table[at..at + 4];
        // SAFETY: four places are 64 bytes.
        unsafe { _mm512_loadu_si512(places.as_ptr().cast()) }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn backwards4(x: __m512i) -> __m512i {
    let order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(order))
}

/// # Safety
/// The slice has 64 bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn read4(part: &[u8]) -> __m512i {
    // SAFETY: the caller's promise.
    backwards4(unsafe { _mm512_loadu_si512(part.as_ptr().cast()) })
}

/// Products of four blocks side by side, not yet added up nor reduced.
struct Wide {
    /// The sum so far, to be added to the first block.
    before: __m512i,
    low: __m512i,
    middle: __m512i,
    high: __m512i,
}

impl Wide {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(y: __m128i) -> Self {
        let zero = _mm512_setzero_si512();
        Self {
            before: _mm512_zextsi128_si512(y),
            low: zero,
            middle: zero,
            high: zero,
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,vpclmulqdq")]
    fn add(&mut self, x: __m512i, power: __m512i) {
        let x = _mm512_xor_si512(x, self.before);
        self.before = _mm512_setzero_si512();
        self.low = _mm512_xor_si512(self.low, _mm512_clmulepi64_epi128::<0x00>(x, power));
        self.high = _mm512_xor_si512(self.high, _mm512_clmulepi64_epi128::<0x11>(x, power));
        self.middle = _mm512_ternarylogic_epi64::<0x96>(
            self.middle,
            _mm512_clmulepi64_epi128::<0x01>(x, power),
            _mm512_clmulepi64_epi128::<0x10>(x, power),
        );
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx2,pclmulqdq")]
    fn sum(&self) -> Product {
        Product {
            low: sum4(self.low),
            middle: sum4(self.middle),
            high: sum4(self.high),
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx2")]
fn sum4(x: __m512i) -> __m128i {
    let two = _mm256_xor_si256(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64::<1>(x));
    _mm_xor_si128(
        _mm256_castsi256_si128(two),
        _mm256_extracti128_si256::<1>(two),
    )
}
