//! The compression function over 8 lanes (AVX2) and 16 lanes (AVX-512).

use super::super::super::BLOCK_BYTES;
use super::super::super::block::CONSTANTS;
use super::States;
use std::arch::x86_64::*;

/// The rounds over vectors; the two instruction sets differ in their primitives only.
macro_rules! rounds {
    ($v:ty, $lanes:literal, $features:literal, $compress:ident, $transposed:ident,
     $add:ident, $xor:ident, $rol:ident, $xor3:ident, $majority:ident, $choose:ident,
     $splat:ident, $get:ident, $put:ident) => {
        /// Take `blocks` blocks of each lane into its state; the pointers move behind them.
        ///
        /// # Safety
        /// The processor has the features; every pointer is readable for `blocks` blocks.
        #[target_feature(enable = $features)]
        pub(super) unsafe fn $compress(
            states: &mut States<$lanes>,
            at: &mut [*const u8; $lanes],
            blocks: usize,
        ) {
            let mut s: [$v; 8] = [$splat(0); 8];
            for (vector, row) in s.iter_mut().zip(&states.0) {
                *vector = $get(row);
            }
            for _ in 0..blocks {
                // SAFETY: the caller's promise.
                let mut w = unsafe { $transposed(at) };
                for pointer in at.iter_mut() {
                    *pointer = pointer.wrapping_add(BLOCK_BYTES);
                }
                let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = s;
                macro_rules! round {
                    ($a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident,
                     $ff:ident, $gg:ident, $j:expr, $w:expr, $w4:expr) => {
                        let turned = $rol::<12>($a);
                        let ss1 = $rol::<7>($add($add(turned, $e), $splat(CONSTANTS[$j] as i32)));
                        let ss2 = $xor(ss1, turned);
                        let word = $w;
                        let next = $w4;
                        $d = $add($add($d, $xor(word, next)), $add($ff($a, $b, $c), ss2));
                        $h = $add($add($h, word), $add($gg($e, $f, $g), ss1));
                        $b = $rol::<9>($b);
                        $f = $rol::<19>($f);
                        $h = $xor3($h, $rol::<9>($h), $rol::<17>($h));
                    };
                }
                macro_rules! expanded {
                    ($j:expr) => {{
                        let x = $xor3(
                            w[$j % 16],
                            w[($j + 7) % 16],
                            $rol::<15>(w[($j + 13) % 16]),
                        );
                        let x = $xor3(x, $rol::<15>(x), $rol::<23>(x));
                        let x = $xor3(x, $rol::<7>(w[($j + 3) % 16]), w[($j + 10) % 16]);
                        w[$j % 16] = x;
                        x
                    }};
                }
                macro_rules! given {
                    ($j:expr) => {
                        w[$j]
                    };
                }
                macro_rules! four {
                    ($ff:ident, $gg:ident, $j:expr, $k:expr, $next:ident) => {
                        round!(a b c d e f g h, $ff, $gg, $j, w[$k], $next!($k + 4));
                        round!(d a b c h e f g, $ff, $gg, $j + 1, w[$k + 1], $next!($k + 5));
                        round!(c d a b g h e f, $ff, $gg, $j + 2, w[$k + 2], $next!($k + 6));
                        round!(b c d a f g h e, $ff, $gg, $j + 3, w[$k + 3], $next!($k + 7));
                    };
                }
                four!($xor3, $xor3, 0, 0, given);
                four!($xor3, $xor3, 4, 4, given);
                four!($xor3, $xor3, 8, 8, given);
                four!($xor3, $xor3, 12, 12, expanded);
                let mut j = 16;
                while j < 64 {
                    four!($majority, $choose, j, 0, expanded);
                    four!($majority, $choose, j + 4, 4, expanded);
                    four!($majority, $choose, j + 8, 8, expanded);
                    four!($majority, $choose, j + 12, 12, expanded);
                    j += 16;
                }
                for (old, new) in s.iter_mut().zip([a, b, c, d, e, f, g, h]) {
                    *old = $xor(*old, new);
                }
            }
            for (row, vector) in states.0.iter_mut().zip(s) {
                $put(row, vector);
            }
        }
    };
}

rounds!(
    __m512i,
    16,
    "avx512f,avx512bw",
    compress16,
    transposed16,
    _mm512_add_epi32,
    _mm512_xor_si512,
    _mm512_rol_epi32,
    xor3_16,
    majority16,
    choose16,
    _mm512_set1_epi32,
    get16,
    put16
);
rounds!(
    __m256i,
    8,
    "avx2",
    compress8,
    transposed8,
    _mm256_add_epi32,
    _mm256_xor_si256,
    rol8,
    xor3_8,
    majority8,
    choose8,
    _mm256_set1_epi32,
    get8,
    put8
);

// Truth tables of the ternary instruction, first operand as the high bit of the index.
const XOR3: i32 = 0x96;
const MAJORITY: i32 = 0xe8;
const CHOOSE: i32 = 0xca;

#[inline]
#[target_feature(enable = "avx512f")]
fn xor3_16(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<XOR3>(x, y, z)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn majority16(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<MAJORITY>(x, y, z)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn choose16(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<CHOOSE>(x, y, z)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn get16(row: &[u32; 16]) -> __m512i {
    // SAFETY: the row has 64 bytes.
    unsafe { _mm512_loadu_si512(row.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn put16(row: &mut [u32; 16], vector: __m512i) {
    // SAFETY: the row has 64 bytes.
    unsafe { _mm512_storeu_si512(row.as_mut_ptr().cast(), vector) }
}

/// Word i of all lanes as vector i, in the processor's byte order.
///
/// # Safety
/// Every pointer is readable for one block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn transposed16(at: &[*const u8; 16]) -> [__m512i; 16] {
    let swap = _mm512_broadcast_i32x4(_mm_set_epi8(
        12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3,
    ));
    let mut r = [_mm512_setzero_si512(); 16];
    for (vector, &pointer) in r.iter_mut().zip(at) {
        // SAFETY: the caller's promise.
        *vector = unsafe { _mm512_shuffle_epi8(_mm512_loadu_si512(pointer.cast()), swap) };
    }
    // 4x4 words inside each 128-bit part, for each four lanes.
    for i in (0..16).step_by(4) {
        let (x, y) = (
            _mm512_unpacklo_epi32(r[i], r[i + 1]),
            _mm512_unpackhi_epi32(r[i], r[i + 1]),
        );
        let (z, t) = (
            _mm512_unpacklo_epi32(r[i + 2], r[i + 3]),
            _mm512_unpackhi_epi32(r[i + 2], r[i + 3]),
        );
        r[i] = _mm512_unpacklo_epi64(x, z);
        r[i + 1] = _mm512_unpackhi_epi64(x, z);
        r[i + 2] = _mm512_unpacklo_epi64(y, t);
        r[i + 3] = _mm512_unpackhi_epi64(y, t);
    }
    // r[4q + k] now holds, in part p, word 4p + k of lanes 4q to 4q + 3.
    let mut w = [_mm512_setzero_si512(); 16];
    for k in 0..4 {
        let (x, y) = (
            _mm512_shuffle_i32x4::<0x44>(r[k], r[4 + k]),
            _mm512_shuffle_i32x4::<0xee>(r[k], r[4 + k]),
        );
        let (z, t) = (
            _mm512_shuffle_i32x4::<0x44>(r[8 + k], r[12 + k]),
            _mm512_shuffle_i32x4::<0xee>(r[8 + k], r[12 + k]),
        );
        w[k] = _mm512_shuffle_i32x4::<0x88>(x, z);
        w[4 + k] = _mm512_shuffle_i32x4::<0xdd>(x, z);
        w[8 + k] = _mm512_shuffle_i32x4::<0x88>(y, t);
        w[12 + k] = _mm512_shuffle_i32x4::<0xdd>(y, t);
    }
    w
}

#[inline]
#[target_feature(enable = "avx2")]
fn rol8<const BITS: i32>(x: __m256i) -> __m256i {
    // The right shift by 32 - BITS takes its count from a register: constants cannot be computed
    // from parameters yet.
    _mm256_or_si256(
        _mm256_slli_epi32::<BITS>(x),
        _mm256_srl_epi32(x, _mm_cvtsi32_si128(32 - BITS)),
    )
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor3_8(x: __m256i, y: __m256i, z: __m256i) -> __m256i {
    _mm256_xor_si256(_mm256_xor_si256(x, y), z)
}

#[inline]
#[target_feature(enable = "avx2")]
fn majority8(x: __m256i, y: __m256i, z: __m256i) -> __m256i {
    let either = _mm256_or_si256(x, y);
    _mm256_or_si256(_mm256_and_si256(x, y), _mm256_and_si256(z, either))
}

#[inline]
#[target_feature(enable = "avx2")]
fn choose8(x: __m256i, y: __m256i, z: __m256i) -> __m256i {
    _mm256_xor_si256(_mm256_and_si256(x, _mm256_xor_si256(y, z)), z)
}

#[inline]
#[target_feature(enable = "avx2")]
fn get8(row: &[u32; 8]) -> __m256i {
    // SAFETY: the row has 32 bytes.
    unsafe { _mm256_loadu_si256(row.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn put8(row: &mut [u32; 8], vector: __m256i) {
    // SAFETY: the row has 32 bytes.
    unsafe { _mm256_storeu_si256(row.as_mut_ptr().cast(), vector) }
}

/// Word i of all lanes as vector i, in the processor's byte order.
///
/// # Safety
/// Every pointer is readable for one block.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn transposed8(at: &[*const u8; 8]) -> [__m256i; 16] {
    let swap = _mm256_broadcastsi128_si256(_mm_set_epi8(
        12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3,
    ));
    let mut w = [_mm256_setzero_si256(); 16];
    for half in 0..2 {
        let mut r = [_mm256_setzero_si256(); 8];
        for (vector, &pointer) in r.iter_mut().zip(at) {
            // SAFETY: the caller's promise; a half is 32 bytes.
            let loaded = unsafe { _mm256_loadu_si256(pointer.add(32 * half).cast()) };
            *vector = _mm256_shuffle_epi8(loaded, swap);
        }
        for i in (0..8).step_by(4) {
            let (x, y) = (
                _mm256_unpacklo_epi32(r[i], r[i + 1]),
                _mm256_unpackhi_epi32(r[i], r[i + 1]),
            );
            let (z, t) = (
                _mm256_unpacklo_epi32(r[i + 2], r[i + 3]),
                _mm256_unpackhi_epi32(r[i + 2], r[i + 3]),
            );
            r[i] = _mm256_unpacklo_epi64(x, z);
            r[i + 1] = _mm256_unpackhi_epi64(x, z);
            r[i + 2] = _mm256_unpacklo_epi64(y, t);
            r[i + 3] = _mm256_unpackhi_epi64(y, t);
        }
        for k in 0..4 {
            w[8 * half + k] = _mm256_permute2x128_si256::<0x20>(r[k], r[4 + k]);
            w[8 * half + 4 + k] = _mm256_permute2x128_si256::<0x31>(r[k], r[4 + k]);
        }
    }
    w
}
