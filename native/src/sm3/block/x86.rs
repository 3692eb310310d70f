//! The compression function with the message expansion in vectors: the rounds keep the integer
//! units busy, so four words at a time are expanded beside them, three steps ahead.

use super::{BLOCK_BYTES, CONSTANTS, choose, majority, p0, parity};
use std::arch::asm;
use std::arch::x86_64::*;

/// W_j and W_j ^ W_j+4 of four rounds.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
struct Words {
    w: [u32; 4],
    x: [u32; 4],
}

macro_rules! compress {
    ($name:ident, $features:literal, $rol:ident) => {
        /// # Safety
        /// The processor has the features.
        #[target_feature(enable = $features)]
        pub(super) unsafe fn $name(state: &mut [u32; 8], blocks: &[u8]) {
            /// W_j to W_j+3 from the sixteen before (clause 5.3.2).
            #[inline]
            #[target_feature(enable = $features)]
            fn expand(y0: __m128i, y1: __m128i, y2: __m128i, y3: __m128i) -> __m128i {
                let back9 = _mm_alignr_epi8::<12>(y2, y1);
                let back13 = _mm_alignr_epi8::<12>(y1, y0);
                let back6 = _mm_alignr_epi8::<8>(y3, y2);
                // The fourth word needs the first of this step: it is added when that is there.
                let back3 = _mm_srli_si128::<4>(y3);
                let known = _mm_xor_si128(back6, $rol::<7>(back13));
                let t = _mm_xor_si128(_mm_xor_si128(y0, back9), $rol::<15>(back3));
                let p = _mm_xor_si128(t, _mm_xor_si128($rol::<15>(t), $rol::<23>(t)));
                let w = _mm_xor_si128(p, known);
                let t = $rol::<15>(_mm_slli_si128::<12>(w));
                let p = _mm_xor_si128(t, _mm_xor_si128($rol::<15>(t), $rol::<23>(t)));
                _mm_xor_si128(w, p)
            }

            #[inline]
            #[target_feature(enable = $features)]
            fn put(words: &mut Words, y: __m128i, next: __m128i) {
                let x = _mm_xor_si128(y, next);
                // Hidden from the compiler, so that the rounds read the words from memory: taking
                // them out of a vector one by one costs more.
                // SAFETY: the place has 32 aligned bytes.
                unsafe {
                    asm!(
                        "vmovdqa [{to}], {y}",
                        "vmovdqa [{to} + 16], {x}",
                        to = in(reg) words,
                        y = in(xmm_reg) y,
                        x = in(xmm_reg) x,
                        options(nostack, preserves_flags),
                    );
                }
            }

            let swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
            let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
            let mut words = [Words { w: [0; 4], x: [0; 4] }; 2];
            for block in blocks.as_chunks::<BLOCK_BYTES>().0 {
                let mut y = [_mm_setzero_si128(); 4];
                for (y, part) in y.iter_mut().zip(block.as_chunks::<16>().0) {
                    // SAFETY: a part is 16 bytes.
                    *y = unsafe {
                        _mm_shuffle_epi8(_mm_loadu_si128(part.as_ptr().cast()), swap)
                    };
                }
                macro_rules! round {
                    ($a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident,
                     $ff:ident, $gg:ident, $j:expr, $words:expr, $i:literal) => {
                        let turned = $a.rotate_left(12);
                        // Added here and not to $e, which comes last in the chain of a round; the
                        // compiler would turn this around.
                        let constant: u32;
                        // SAFETY: an addition in registers.
                        unsafe {
                            asm!(
                                "lea {sum:e}, [{turned:r} + {constant}]",
                                sum = lateout(reg) constant,
                                turned = in(reg) turned,
                                constant = const CONSTANTS[$j] as i32,
                                options(pure, nomem, nostack, preserves_flags),
                            );
                        }
                        let ss1 = $e.wrapping_add(constant).rotate_left(7);
                        let ss2 = ss1 ^ turned;
                        $d = $d
                            .wrapping_add($words.x[$i])
                            .wrapping_add($ff($a, $b, $c))
                            .wrapping_add(ss2);
                        $h = $h
                            .wrapping_add($words.w[$i])
                            .wrapping_add($gg($e, $f, $g))
                            .wrapping_add(ss1);
                        $b = $b.rotate_left(9);
                        $f = $f.rotate_left(19);
                        $h = p0($h);
                    };
                }
                macro_rules! expanded {
                    ($y:ident, $y0:literal, $y1:literal, $y2:literal, $y3:literal) => {
                        $y[$y0] = expand($y[$y0], $y[$y1], $y[$y2], $y[$y3]);
                    };
                }
                // Behind W_67 nothing is needed.
                macro_rules! done {
                    ($y:ident, $y0:literal, $y1:literal, $y2:literal, $y3:literal) => {};
                }
                macro_rules! four {
                    ($expand:ident, $ff:ident, $gg:ident, $j:expr, $y0:literal, $y1:literal, $y2:literal,
                     $y3:literal) => {
                        let words = &mut words[$y0 % 2];
                        put(words, y[$y0], y[$y1]);
                        $expand!(y, $y0, $y1, $y2, $y3);
                        round!(a b c d e f g h, $ff, $gg, $j, words, 0);
                        round!(d a b c h e f g, $ff, $gg, $j + 1, words, 1);
                        round!(c d a b g h e f, $ff, $gg, $j + 2, words, 2);
                        round!(b c d a f g h e, $ff, $gg, $j + 3, words, 3);
                    };
                }
                macro_rules! sixteen {
                    ($expand:ident, $ff:ident, $gg:ident, $j:literal) => {
                        four!(expanded, $ff, $gg, $j, 0, 1, 2, 3);
                        four!($expand, $ff, $gg, $j + 4, 1, 2, 3, 0);
                        four!($expand, $ff, $gg, $j + 8, 2, 3, 0, 1);
                        four!($expand, $ff, $gg, $j + 12, 3, 0, 1, 2);
                    };
                }
                sixteen!(expanded, parity, parity, 0);
                sixteen!(expanded, majority, choose, 16);
                sixteen!(expanded, majority, choose, 32);
                sixteen!(done, majority, choose, 48);
                for (word, new) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
                    *word ^= new;
                }
                [a, b, c, d, e, f, g, h] = *state;
            }
            for words in &mut words {
                super::super::wipe(&mut words.w);
                super::super::wipe(&mut words.x);
            }
        }
    };
}

compress!(compress_shifting, "bmi1,bmi2,avx2", rol_by_shifts);
compress!(compress_rotating, "bmi1,bmi2,avx2,avx512f,avx512vl", rol);

#[inline]
#[target_feature(enable = "avx2")]
fn rol_by_shifts<const BITS: i32>(x: __m128i) -> __m128i {
    _mm_or_si128(
        _mm_slli_epi32::<BITS>(x),
        _mm_srl_epi32(x, _mm_cvtsi32_si128(32 - BITS)),
    )
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn rol<const BITS: i32>(x: __m128i) -> __m128i {
    _mm_rol_epi32::<BITS>(x)
}
