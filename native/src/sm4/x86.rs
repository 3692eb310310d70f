//! SM4 with vector instructions: the S-box through the inverse in the field of AES.
//!
//! Both S-boxes are one inversion in GF(2^8) between two affine maps, so an isomorphism φ of the
//! fields carries one over to the other. The state is kept under φ∘A (A the linear map of the
//! standard's S-box), so that a round needs no map before the inversion; the map behind it is
//! merged with the linear map L of the round. On bytes, with a byte step k as a rotation of the
//! word by 8k,
//!
//! L(s) = near(s) ^ (near ^ far)(s) <<< 8 ^ (near ^ far)(s) <<< 16 ^ far(s) <<< 24,
//! near(s) = s ^ (s << 2), far(s) = s ^ (s >> 6),
//!
//! which is the standard's s ^ s<<<2 ^ s<<<10 ^ s<<<18 ^ s<<<24 with the bits that leave a byte
//! written out. Words lie in memory order, so no byte swap is needed and rotations go right.
//!
//! Where the time goes is the same for every key and text: no branch, no table in memory.
//! The constants come from the standard's polynomial 0x1f5 and affine map (row 0xcb, 0xd3), and
//! are checked by the tests against the standard's examples.

use super::{BLOCK, Counter};
use std::arch::x86_64::*;

pub(super) type RoundKeys = [u32; 32];

/// φ∘A and its inverse, half a byte at a time: (low half, high half).
const ENTER: (u128, u128) = (
    0xa62a961a_23af139f_39b50985_bc308c00,
    0x3fe311cd_fa26d408_37eb19c5_f22edc00,
);
const LEAVE: (u128, u128) = (
    0xf2772bae_dc590580_72f7ab2e_5cd98500,
    0xe9bcbeeb_adf8faaf_46131144_02575500,
);
/// near and far behind the S-box of AES, constants included.
const NEAR: (u128, u128) = (
    0x47c19412_3fb9ec6a_5bdd880e_23a5f076,
    0x0ae1d63d_fa1126cd_c72c1bf0_37dceb00,
);
const FAR: (u128, u128) = (
    0x0d58d386_d5800b5e_53068dd8_8bde5500,
    0xc9965c03_bbe42e71_b8e72d72_ca955f00,
);
/// The constant under the inversion; it is kept in the round keys.
const INNER: u32 = 0x3e3e_3e3e;

/// Undo ShiftRows and turn every word right by 0, 8, 16 and 24 bits.
const TURNS: [u128; 4] = [
    0x0306090c_0f020508_0b0e0104_070a0d00,
    0x0c030609_080f0205_040b0e01_00070a0d,
    0x090c0306_05080f02_01040b0e_0d00070a,
    0x06090c03_0205080f_0e01040b_0a0d0007,
];
/// Turn every word right by 8, 16 and 24 bits.
const RIGHT: [u128; 3] = [
    0x0c0f0e0d_080b0a09_04070605_00030201,
    0x0d0c0f0e_09080b0a_05040706_01000302,
    0x0e0d0c0f_0a09080b_06050407_02010003,
];
/// The same maps as bit matrices for GFNI, which inverts in the field of AES.
const ENTER_MATRIX: i64 = 0x4c28_7db9_1a22_505d;
const LEAVE_MATRIX: i64 = 0xb3a4_f586_3284_728bu64 as i64;
const NEAR_MATRIX: i64 = 0x040d_b891_e9a4_81b7;
const BOTH_MATRIX: i64 = 0x2c02_0425_1620_40ad;
const FAR_MATRIX: i64 = 0x280f_bcb4_ff84_c11a;
const OUTER: i32 = 0x63;

#[inline]
#[target_feature(enable = "avx")]
fn constant(value: u128) -> __m128i {
    _mm_set_epi64x((value >> 64) as i64, value as i64)
}

/// Map bytes by two tables of half a byte, held in registers.
#[inline]
#[target_feature(enable = "avx2,aes")]
fn halves(x: __m128i, (low, high): (u128, u128)) -> __m128i {
    let mask = _mm_set1_epi8(0x0f);
    _mm_xor_si128(
        _mm_shuffle_epi8(constant(low), _mm_and_si128(x, mask)),
        _mm_shuffle_epi8(constant(high), _mm_and_si128(_mm_srli_epi16::<4>(x), mask)),
    )
}

/// φ∘A of one byte, for constants.
const fn enter_byte(byte: u8) -> u8 {
    let low = ENTER.0 >> (8 * (byte & 15));
    let high = ENTER.1 >> (8 * (byte >> 4));
    (low ^ high) as u8
}

/// φ∘A of the key schedule's constants in memory order, and [`INNER`].
const FIXED: [u32; 32] = {
    let mut out = [0; 32];
    let mut round = 0;
    while round < 32 {
        let bytes = super::fixed(round).to_be_bytes();
        let mut entered = [0; 4];
        let mut i = 0;
        while i < 4 {
            entered[i] = enter_byte(bytes[i]);
            i += 1;
        }
        out[round] = u32::from_le_bytes(entered) ^ INNER;
        round += 1;
    }
    out
};

/// The key schedule (clause 7.3) on words that each fill all columns of a vector, as in the chain
/// of single blocks; the round keys come out under φ∘A and with [`INNER`] in them. With the bits
/// that leave a byte written out, L'(s) = s ^ s<<<13 ^ s<<<23 is s ^ (s << 5) <<< 8 ^
/// (s >> 3 ^ s << 7) <<< 16 ^ (s >> 1) <<< 24; `$parts` gives the four behind the inversion.
macro_rules! schedule {
    ($name:ident, $features:literal, $enter:ident, $parts:ident) => {
        /// # Safety
        /// The processor has the features.
        #[target_feature(enable = $features)]
        pub(super) unsafe fn $name(key: &[u8; 16]) -> RoundKeys {
            let right = RIGHT.map(|turn| constant(turn));
            let family = super::FAMILY.map(|word| word.swap_bytes() as i32);
            let family = _mm_set_epi32(family[3], family[2], family[1], family[0]);
            // SAFETY: a key is 16 bytes.
            let key = unsafe { _mm_loadu_si128(key.as_ptr().cast()) };
            let k = $enter(_mm_xor_si128(key, family));
            let mut k = [
                _mm_shuffle_epi32::<0x00>(k),
                _mm_shuffle_epi32::<0x55>(k),
                _mm_shuffle_epi32::<0xaa>(k),
                _mm_shuffle_epi32::<0xff>(k),
            ];
            let mut keys = [0; 32];
            for (key, fixed) in keys.iter_mut().zip(FIXED) {
                let known = _mm_xor_si128(_mm_xor_si128(k[1], k[2]), _mm_set1_epi32(fixed as i32));
                let parts = $parts(_mm_xor_si128(known, k[3]));
                let near = _mm_xor_si128(k[0], parts[0]);
                let far = _mm_xor_si128(
                    _mm_shuffle_epi8(parts[2], right[1]),
                    _mm_shuffle_epi8(parts[3], right[2]),
                );
                let near = late(near, _mm_shuffle_epi8(parts[1], right[0]));
                k = [k[1], k[2], k[3], late(near, far)];
                *key = _mm_cvtsi128_si32(k[3]) as u32 ^ INNER;
            }
            keys
        }
    };
}

/// The parts of L' behind the S-box of AES and behind the inversion.
const SCHEDULE: [(u128, u128); 4] = [
    (
        0x25404722_fd989ffa_f79295f0_2f4a4d28,
        0x75966c8f_37d42ecd_b85ba142_fa19e300,
    ),
    (
        0xebeb2e2e_2626e3e3_0808cdcd_c5c50000,
        0x26262626_00000000_26262626_00000000,
    ),
    (
        0x01e4ce2b_38ddf712_13f6dc39_2acfe500,
        0x4284ed2b_2aec8543_01c7ae68_69afc600,
    ),
    (
        0xd5d63734_afac4d4e_9b98797a_e1e20300,
        0x82b53304_6d5adceb_695ed8ef_86b13700,
    ),
];
const SCHEDULE_MATRICES: [i64; 4] = [
    0x280f_0901_760d_c1af,
    0xabf3_58c7_00f3_ababu64 as i64,
    0x13b5_3366_4874_8933,
    0x54c1_eccc_e681_2f59,
];
const SCHEDULE_OUTER: i32 = 0xc5;

#[inline]
#[target_feature(enable = "avx2,aes")]
fn schedule_halves(sum: __m128i) -> [__m128i; 4] {
    let s = sbox128(sum);
    SCHEDULE.map(|by| halves(s, by))
}

#[inline]
#[target_feature(enable = "gfni,avx2")]
fn schedule_matrices(sum: __m128i) -> [__m128i; 4] {
    let by = SCHEDULE_MATRICES.map(|matrix| _mm_set1_epi64x(matrix));
    [
        _mm_gf2p8affineinv_epi64_epi8::<SCHEDULE_OUTER>(sum, by[0]),
        _mm_gf2p8affineinv_epi64_epi8::<0>(sum, by[1]),
        _mm_gf2p8affineinv_epi64_epi8::<0>(sum, by[2]),
        _mm_gf2p8affineinv_epi64_epi8::<0>(sum, by[3]),
    ]
}

schedule!(expand_aes, "avx2,aes", enter_halves128, schedule_halves);
schedule!(
    expand_gfni,
    "gfni,avx2",
    enter_matrices128,
    schedule_matrices
);

/// One width and one way to the S-box. `$step` gives x0 ^ L(S(x)) for the sum x.
macro_rules! path {
    ($name:ident, $v:ty, $parts:literal, $wide:literal, $features:literal,
     $zero:expr, $xor:ident, $splat:ident, $load:ident, $store:ident,
     $unpacklo32:ident, $unpackhi32:ident, $unpacklo64:ident, $unpackhi64:ident, $add:ident,
     $bytes:ident, $tables:ident, $three:ident, $enter:ident, $leave:ident, $step:ident) => {
        pub(super) mod $name {
            use super::*;

            /// Blocks in one group of four vectors.
            const GROUP: usize = 4 * $parts;
            /// Groups in flight: enough to hide the latency of a round.
            const WIDE: usize = $wide;

            type Group = [$v; 4];

            #[inline]
            #[target_feature(enable = $features)]
            fn turn(g: Group) -> Group {
                let (a, b) = ($unpacklo32(g[0], g[1]), $unpackhi32(g[0], g[1]));
                let (c, d) = ($unpacklo32(g[2], g[3]), $unpackhi32(g[2], g[3]));
                [
                    $unpacklo64(a, c),
                    $unpackhi64(a, c),
                    $unpacklo64(b, d),
                    $unpackhi64(b, d),
                ]
            }

            /// Blocks as they lie in memory; `from` has the bytes of a group.
            #[inline]
            #[target_feature(enable = $features)]
            fn read(from: &[u8]) -> Group {
                let from = &from[..16 * GROUP];
                let mut group = [$zero; 4];
                for (i, vector) in group.iter_mut().enumerate() {
                    // SAFETY: the slice was cut to four vectors.
                    *vector = unsafe { $load(from.as_ptr().add(16 * $parts * i).cast()) };
                }
                group
            }

            #[inline]
            #[target_feature(enable = $features)]
            fn write(group: Group, to: &mut [u8]) {
                let to = &mut to[..16 * GROUP];
                for (i, vector) in group.into_iter().enumerate() {
                    // SAFETY: the slice was cut to four vectors.
                    unsafe { $store(to.as_mut_ptr().add(16 * $parts * i).cast(), vector) };
                }
            }

            #[inline]
            #[target_feature(enable = $features)]
            fn rounds<const N: usize>(x: &mut [Group; N], keys: &RoundKeys, tables: &$tables) {
                macro_rules! round {
                    ($key:expr, $a:literal, $b:literal, $c:literal, $d:literal) => {
                        let key = $splat($key as i32);
                        for x in x.iter_mut() {
                            let sum = $xor($three(x[$b], x[$c], x[$d]), key);
                            x[$a] = $step(x[$a], sum, tables);
                        }
                    };
                }
                for keys in keys.as_chunks::<4>().0 {
                    round!(keys[0], 0, 1, 2, 3);
                    round!(keys[1], 1, 2, 3, 0);
                    round!(keys[2], 2, 3, 0, 1);
                    round!(keys[3], 3, 0, 1, 2);
                }
            }

            /// Words under φ∘A in, blocks as in memory out.
            #[inline]
            #[target_feature(enable = $features)]
            fn crypt<const N: usize>(x: &mut [Group; N], keys: &RoundKeys, tables: &$tables) {
                rounds(x, keys, tables);
                for x in x.iter_mut() {
                    *x = turn([
                        $leave(x[3], tables),
                        $leave(x[2], tables),
                        $leave(x[1], tables),
                        $leave(x[0], tables),
                    ]);
                }
            }

            #[inline]
            #[target_feature(enable = $features)]
            fn ecb_groups<const N: usize>(
                keys: &RoundKeys,
                tables: &$tables,
                from: &[u8],
                to: &mut [u8],
            ) {
                let mut x = [[$zero; 4]; N];
                for (group, from) in x.iter_mut().zip(from.chunks_exact(16 * GROUP)) {
                    *group = turn(read(from)).map(|v| $enter(v, tables));
                }
                crypt(&mut x, keys, tables);
                for (group, to) in x.into_iter().zip(to.chunks_exact_mut(16 * GROUP)) {
                    write(group, to);
                }
            }

            /// Each block by itself; both slices have the same whole number of blocks.
            ///
            /// # Safety
            /// The processor has the features of this path.
            #[target_feature(enable = $features)]
            pub unsafe fn ecb(keys: &RoundKeys, from: &[u8], to: &mut [u8]) {
                let tables = $tables::new();
                let mut from_wide = from.chunks_exact(16 * GROUP * WIDE);
                let mut to_wide = to.chunks_exact_mut(16 * GROUP * WIDE);
                for (from, to) in from_wide.by_ref().zip(to_wide.by_ref()) {
                    ecb_groups::<WIDE>(keys, &tables, from, to);
                }
                let from = from_wide.remainder().chunks(16 * GROUP);
                for (from, to) in from.zip(to_wide.into_remainder().chunks_mut(16 * GROUP)) {
                    if from.len() == 16 * GROUP {
                        ecb_groups::<1>(keys, &tables, from, to);
                    } else {
                        let mut edge = [0; 16 * GROUP];
                        edge[..from.len()].copy_from_slice(from);
                        let mut out = [0; 16 * GROUP];
                        ecb_groups::<1>(keys, &tables, &edge, &mut out);
                        to.copy_from_slice(&out[..to.len()]);
                        super::super::wipe(&mut edge);
                        super::super::wipe(&mut out);
                    }
                }
            }

            /// The words of N groups of counter blocks, from `low` on in the last word.
            #[inline]
            #[target_feature(enable = $features)]
            fn counters<const N: usize>(high: &[$v; 3], low: u32, tables: &$tables) -> [Group; N] {
                let mut x = [[$zero; 4]; N];
                for (n, group) in x.iter_mut().enumerate() {
                    let first = low.wrapping_add((n * GROUP) as u32);
                    let last = $bytes($add($splat(first as i32), tables.order));
                    *group = [high[0], high[1], high[2], $enter(last, tables)];
                }
                x
            }

            #[inline]
            #[target_feature(enable = $features)]
            pub fn counter_words(counter: &Counter, tables: &$tables) -> [$v; 3] {
                std::array::from_fn(|i| {
                    let word = super::super::word(counter, i).swap_bytes();
                    $enter($splat(word as i32), tables)
                })
            }

            #[inline]
            #[target_feature(enable = $features)]
            fn ctr_groups<const N: usize>(
                keys: &RoundKeys,
                tables: &$tables,
                high: &[$v; 3],
                low: u32,
                from: &[u8],
                to: &mut [u8],
            ) {
                let mut x = counters::<N>(high, low, tables);
                crypt(&mut x, keys, tables);
                let both = from
                    .chunks_exact(16 * GROUP)
                    .zip(to.chunks_exact_mut(16 * GROUP));
                for (group, (from, to)) in x.into_iter().zip(both) {
                    let text = read(from);
                    write(std::array::from_fn(|i| $xor(group[i], text[i])), to);
                }
            }

            /// Text under the keystream from `counter` on; its last 32 bits wrap by themselves.
            ///
            /// # Safety
            /// The processor has the features of this path.
            #[target_feature(enable = $features)]
            pub unsafe fn ctr(keys: &RoundKeys, counter: &Counter, from: &[u8], to: &mut [u8]) {
                let tables = $tables::new();
                let high = counter_words(counter, &tables);
                let mut low = super::super::word(counter, 3);
                let mut from_wide = from.chunks_exact(16 * GROUP * WIDE);
                let mut to_wide = to.chunks_exact_mut(16 * GROUP * WIDE);
                for (from, to) in from_wide.by_ref().zip(to_wide.by_ref()) {
                    ctr_groups::<WIDE>(keys, &tables, &high, low, from, to);
                    low = low.wrapping_add((GROUP * WIDE) as u32);
                }
                let from = from_wide.remainder().chunks(16 * GROUP);
                for (from, to) in from.zip(to_wide.into_remainder().chunks_mut(16 * GROUP)) {
                    if from.len() == 16 * GROUP {
                        ctr_groups::<1>(keys, &tables, &high, low, from, to);
                    } else {
                        let mut edge = [0; 16 * GROUP];
                        edge[..from.len()].copy_from_slice(from);
                        let mut out = [0; 16 * GROUP];
                        ctr_groups::<1>(keys, &tables, &high, low, &edge, &mut out);
                        to.copy_from_slice(&out[..to.len()]);
                        super::super::wipe(&mut edge);
                        super::super::wipe(&mut out);
                    }
                    low = low.wrapping_add(GROUP as u32);
                }
            }
        }
    };
}

/// A sum that the compiler does not move, for operands that come last in a chain.
#[inline]
#[target_feature(enable = "avx2")]
fn late(x: __m128i, y: __m128i) -> __m128i {
    let sum;
    // SAFETY: a sum in registers.
    unsafe {
        std::arch::asm!(
            "vpxor {sum}, {x}, {y}",
            sum = lateout(xmm_reg) sum,
            x = in(xmm_reg) x,
            y = in(xmm_reg) y,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// The chain of single blocks, where only the latency of a round counts: each word of the one
/// block fills all columns of a vector, so ShiftRows changes nothing. `$parts` gives near, near ^
/// far and far of the inversion.
macro_rules! chain {
    ($name:ident, $features:literal, $enter:ident, $leave:ident, $parts:ident) => {
        /// CBC: each block of `from` is summed with the one before, beginning with `last`, and
        /// encrypted into `last` and, when given, `to`.
        ///
        /// # Safety
        /// The processor has the features of this path.
        #[target_feature(enable = $features)]
        pub(super) unsafe fn $name(
            keys: &RoundKeys,
            last: &mut [u8; BLOCK],
            from: &[u8],
            mut to: Option<&mut [u8]>,
        ) {
            let right = RIGHT.map(|turn| constant(turn));
            // SAFETY: a block is 16 bytes.
            let mut chained = unsafe { _mm_loadu_si128(last.as_ptr().cast()) };
            for (index, block) in from.as_chunks::<BLOCK>().0.iter().enumerate() {
                // SAFETY: a block is 16 bytes.
                let text = unsafe { _mm_loadu_si128(block.as_ptr().cast()) };
                let x = $enter(_mm_xor_si128(text, chained));
                let mut x = [
                    _mm_shuffle_epi32::<0x00>(x),
                    _mm_shuffle_epi32::<0x55>(x),
                    _mm_shuffle_epi32::<0xaa>(x),
                    _mm_shuffle_epi32::<0xff>(x),
                ];
                let first = _mm_xor_si128(x[1], _mm_set1_epi32(keys[0] as i32));
                let mut sum = _mm_xor_si128(first, _mm_xor_si128(x[2], x[3]));
                macro_rules! round {
                    ($next_key:expr, $a:literal, $b:literal, $c:literal, $d:literal) => {
                        // What the next sum needs beside the word made here.
                        let other = _mm_xor_si128(
                            _mm_xor_si128(x[$c], x[$d]),
                            _mm_set1_epi32($next_key as i32),
                        );
                        let (near, both, far) = $parts(sum);
                        let far = _mm_shuffle_epi8(far, right[2]);
                        let both = late(
                            _mm_shuffle_epi8(both, right[0]),
                            _mm_shuffle_epi8(both, right[1]),
                        );
                        let word = late(x[$a], near);
                        sum = late(late(late(other, word), far), both);
                        x[$a] = late(late(word, far), both);
                    };
                }
                for at in (0..32).step_by(4) {
                    round!(keys[at + 1], 0, 1, 2, 3);
                    round!(keys[at + 2], 1, 2, 3, 0);
                    round!(keys[at + 3], 2, 3, 0, 1);
                    // Behind the last round the next sum is dropped, whatever its key.
                    round!(keys[(at + 4) % 32], 3, 0, 1, 2);
                }
                let x = _mm_unpacklo_epi64(
                    _mm_unpacklo_epi32(x[3], x[2]),
                    _mm_unpacklo_epi32(x[1], x[0]),
                );
                chained = $leave(x);
                if let Some(to) = to.as_deref_mut() {
                    let to = &mut to[BLOCK * index..][..BLOCK];
                    // SAFETY: a block is 16 bytes.
                    unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), chained) };
                }
            }
            // SAFETY: a block is 16 bytes.
            unsafe { _mm_storeu_si128(last.as_mut_ptr().cast(), chained) };
        }
    };
}

#[inline]
#[target_feature(enable = "avx2,aes")]
fn enter_halves128(x: __m128i) -> __m128i {
    halves(x, ENTER)
}

#[inline]
#[target_feature(enable = "avx2,aes")]
fn leave_halves128(x: __m128i) -> __m128i {
    halves(x, LEAVE)
}

#[inline]
#[target_feature(enable = "gfni,avx2")]
fn enter_matrices128(x: __m128i) -> __m128i {
    _mm_gf2p8affine_epi64_epi8::<0>(x, _mm_set1_epi64x(ENTER_MATRIX))
}

#[inline]
#[target_feature(enable = "gfni,avx2")]
fn leave_matrices128(x: __m128i) -> __m128i {
    _mm_gf2p8affine_epi64_epi8::<0>(x, _mm_set1_epi64x(LEAVE_MATRIX))
}

#[inline]
#[target_feature(enable = "avx2,aes")]
fn parts_halves(sum: __m128i) -> (__m128i, __m128i, __m128i) {
    let s = sbox128(sum);
    let mask = _mm_set1_epi8(0x0f);
    let low = _mm_and_si128(s, mask);
    let high = _mm_and_si128(_mm_srli_epi16::<4>(s), mask);
    let map = |by: (u128, u128)| {
        late(
            _mm_shuffle_epi8(constant(by.0), low),
            _mm_shuffle_epi8(constant(by.1), high),
        )
    };
    // The constants of near and far cancel, since the middle comes twice.
    (map(NEAR), map((NEAR.0 ^ FAR.0, NEAR.1 ^ FAR.1)), map(FAR))
}

#[inline]
#[target_feature(enable = "gfni,avx2")]
fn parts_matrices(sum: __m128i) -> (__m128i, __m128i, __m128i) {
    (
        _mm_gf2p8affineinv_epi64_epi8::<OUTER>(sum, _mm_set1_epi64x(NEAR_MATRIX)),
        _mm_gf2p8affineinv_epi64_epi8::<0>(sum, _mm_set1_epi64x(BOTH_MATRIX)),
        _mm_gf2p8affineinv_epi64_epi8::<0>(sum, _mm_set1_epi64x(FAR_MATRIX)),
    )
}

/// Constants of a path in vectors, and its map in, map out and step.
macro_rules! by_halves {
    ($tables:ident, $v:ty, $features:literal, $three:ident, $enter:ident, $leave:ident,
     $step:ident, $map:ident, $order:expr, $wide:expr, $splat8:ident, $and:ident, $srl:ident,
     $shuffle:ident, $xor:ident, $sbox:ident) => {
        #[derive(Clone, Copy)]
        pub(super) struct $tables {
            enter: [$v; 2],
            leave: [$v; 2],
            near: [$v; 2],
            far: [$v; 2],
            turns: [$v; 4],
            order: $v,
        }

        impl $tables {
            #[inline]
            #[target_feature(enable = $features)]
            fn new() -> Self {
                let wide = $wide;
                let pair = |(low, high): (u128, u128)| [wide(constant(low)), wide(constant(high))];
                Self {
                    enter: pair(ENTER),
                    leave: pair(LEAVE),
                    near: pair(NEAR),
                    far: pair(FAR),
                    turns: TURNS.map(|turn| wide(constant(turn))),
                    order: $order,
                }
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn $map(x: $v, by: &[$v; 2]) -> $v {
            let mask = $splat8(0x0f);
            $xor(
                $shuffle(by[0], $and(x, mask)),
                $shuffle(by[1], $and($srl::<4>(x), mask)),
            )
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn $three(x: $v, y: $v, z: $v) -> $v {
            $xor($xor(x, y), z)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn $enter(x: $v, tables: &$tables) -> $v {
            $map(x, &tables.enter)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn $leave(x: $v, tables: &$tables) -> $v {
            $map(x, &tables.leave)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn $step(x: $v, sum: $v, tables: &$tables) -> $v {
            let s = $sbox(sum);
            let mask = $splat8(0x0f);
            let low = $and(s, mask);
            let high = $and($srl::<4>(s), mask);
            let near = $xor(
                $shuffle(tables.near[0], low),
                $shuffle(tables.near[1], high),
            );
            let far = $xor($shuffle(tables.far[0], low), $shuffle(tables.far[1], high));
            let both = $xor(near, far);
            let x = $xor(x, $shuffle(near, tables.turns[0]));
            let y = $xor(
                $shuffle(both, tables.turns[1]),
                $shuffle(both, tables.turns[2]),
            );
            $xor($xor(x, $shuffle(far, tables.turns[3])), y)
        }
    };
}

macro_rules! by_matrices {
    ($tables:ident, $v:ty, $features:literal, $three:ident, $enter:ident, $leave:ident,
     $step:ident, $order:expr, $splat64:ident, $affine:ident, $inverse:ident,
     $xor:ident, $right:ident) => {
        #[derive(Clone, Copy)]
        pub(super) struct $tables {
            enter: $v,
            leave: $v,
            near: $v,
            both: $v,
            far: $v,
            order: $v,
        }

        impl $tables {
            #[inline]
            #[target_feature(enable = $features)]
            fn new() -> Self {
                Self {
                    enter: $splat64(ENTER_MATRIX),
                    leave: $splat64(LEAVE_MATRIX),
                    near: $splat64(NEAR_MATRIX),
                    both: $splat64(BOTH_MATRIX),
                    far: $splat64(FAR_MATRIX),
                    order: $order,
                }
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn $enter(x: $v, tables: &$tables) -> $v {
            $affine::<0>(x, tables.enter)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn $leave(x: $v, tables: &$tables) -> $v {
            $affine::<0>(x, tables.leave)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn $step(x: $v, sum: $v, tables: &$tables) -> $v {
            let near = $inverse::<OUTER>(sum, tables.near);
            let both = $inverse::<0>(sum, tables.both);
            let far = $inverse::<0>(sum, tables.far);
            let x = $three(x, near, $right::<0>(both));
            $three(x, $right::<1>(both), $right::<2>(far))
        }
    };
}

#[inline]
#[target_feature(enable = "avx2,aes")]
fn sbox128(x: __m128i) -> __m128i {
    _mm_aesenclast_si128(x, _mm_setzero_si128())
}

#[inline]
#[target_feature(enable = "avx2,aes")]
fn sbox256_halves(x: __m256i) -> __m256i {
    let low = _mm_aesenclast_si128(_mm256_castsi256_si128(x), _mm_setzero_si128());
    let high = _mm_aesenclast_si128(_mm256_extracti128_si256::<1>(x), _mm_setzero_si128());
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
}

#[inline]
#[target_feature(enable = "avx2,aes,vaes")]
fn sbox256(x: __m256i) -> __m256i {
    _mm256_aesenclast_epi128(x, _mm256_setzero_si256())
}

#[inline]
#[target_feature(enable = "avx2")]
fn swap256(x: __m256i) -> __m256i {
    let order = constant(0x0c0d0e0f_08090a0b_04050607_00010203);
    _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(order))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn swap512(x: __m512i) -> __m512i {
    let order = constant(0x0c0d0e0f_08090a0b_04050607_00010203);
    _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(order))
}

#[inline]
#[target_feature(enable = "gfni,avx512f,avx512bw")]
fn three512(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0x96>(x, y, z)
}

#[inline]
#[target_feature(enable = "gfni,avx512f,avx512bw")]
fn right512<const BYTES: usize>(x: __m512i) -> __m512i {
    match BYTES {
        0 => _mm512_ror_epi32::<8>(x),
        1 => _mm512_ror_epi32::<16>(x),
        _ => _mm512_ror_epi32::<24>(x),
    }
}

#[inline]
#[target_feature(enable = "gfni,avx2")]
fn three256(x: __m256i, y: __m256i, z: __m256i) -> __m256i {
    _mm256_xor_si256(x, _mm256_xor_si256(y, z))
}

#[inline]
#[target_feature(enable = "gfni,avx2")]
fn right256<const BYTES: usize>(x: __m256i) -> __m256i {
    _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(constant(RIGHT[BYTES])))
}

// In vector j of a group, part p is block parts·j + p: word j of part p counts so.
by_halves!(
    Halves256,
    __m256i,
    "avx2,aes",
    three_halves256,
    enter_halves256,
    leave_halves256,
    step_halves256,
    map256,
    _mm256_set_epi32(7, 5, 3, 1, 6, 4, 2, 0),
    |x: __m128i| _mm256_broadcastsi128_si256(x),
    _mm256_set1_epi8,
    _mm256_and_si256,
    _mm256_srli_epi16,
    _mm256_shuffle_epi8,
    _mm256_xor_si256,
    sbox256_halves
);
by_halves!(
    Vaes256,
    __m256i,
    "avx2,aes,vaes",
    three_vaes256,
    enter_vaes256,
    leave_vaes256,
    step_vaes256,
    map_vaes256,
    _mm256_set_epi32(7, 5, 3, 1, 6, 4, 2, 0),
    |x: __m128i| _mm256_broadcastsi128_si256(x),
    _mm256_set1_epi8,
    _mm256_and_si256,
    _mm256_srli_epi16,
    _mm256_shuffle_epi8,
    _mm256_xor_si256,
    sbox256
);
by_matrices!(
    Matrices256,
    __m256i,
    "gfni,avx2",
    three256,
    enter_matrices256,
    leave_matrices256,
    step_matrices256,
    _mm256_set_epi32(7, 5, 3, 1, 6, 4, 2, 0),
    _mm256_set1_epi64x,
    _mm256_gf2p8affine_epi64_epi8,
    _mm256_gf2p8affineinv_epi64_epi8,
    _mm256_xor_si256,
    right256
);
by_matrices!(
    Matrices512,
    __m512i,
    "gfni,avx512f,avx512bw",
    three512,
    enter_matrices512,
    leave_matrices512,
    step_matrices512,
    _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0),
    _mm512_set1_epi64,
    _mm512_gf2p8affine_epi64_epi8,
    _mm512_gf2p8affineinv_epi64_epi8,
    _mm512_xor_si512,
    right512
);

path!(
    aesni,
    __m256i,
    2,
    4,
    "avx2,aes",
    _mm256_setzero_si256(),
    _mm256_xor_si256,
    _mm256_set1_epi32,
    _mm256_loadu_si256,
    _mm256_storeu_si256,
    _mm256_unpacklo_epi32,
    _mm256_unpackhi_epi32,
    _mm256_unpacklo_epi64,
    _mm256_unpackhi_epi64,
    _mm256_add_epi32,
    swap256,
    Halves256,
    three_halves256,
    enter_halves256,
    leave_halves256,
    step_halves256
);
path!(
    vaes,
    __m256i,
    2,
    4,
    "avx2,aes,vaes",
    _mm256_setzero_si256(),
    _mm256_xor_si256,
    _mm256_set1_epi32,
    _mm256_loadu_si256,
    _mm256_storeu_si256,
    _mm256_unpacklo_epi32,
    _mm256_unpackhi_epi32,
    _mm256_unpacklo_epi64,
    _mm256_unpackhi_epi64,
    _mm256_add_epi32,
    swap256,
    Vaes256,
    three_vaes256,
    enter_vaes256,
    leave_vaes256,
    step_vaes256
);
path!(
    gfni256,
    __m256i,
    2,
    4,
    "gfni,avx2",
    _mm256_setzero_si256(),
    _mm256_xor_si256,
    _mm256_set1_epi32,
    _mm256_loadu_si256,
    _mm256_storeu_si256,
    _mm256_unpacklo_epi32,
    _mm256_unpackhi_epi32,
    _mm256_unpacklo_epi64,
    _mm256_unpackhi_epi64,
    _mm256_add_epi32,
    swap256,
    Matrices256,
    three256,
    enter_matrices256,
    leave_matrices256,
    step_matrices256
);
path!(
    gfni512,
    __m512i,
    4,
    4,
    "gfni,avx512f,avx512bw",
    _mm512_setzero_si512(),
    _mm512_xor_si512,
    _mm512_set1_epi32,
    _mm512_loadu_si512,
    _mm512_storeu_si512,
    _mm512_unpacklo_epi32,
    _mm512_unpackhi_epi32,
    _mm512_unpacklo_epi64,
    _mm512_unpackhi_epi64,
    _mm512_add_epi32,
    swap512,
    Matrices512,
    three512,
    enter_matrices512,
    leave_matrices512,
    step_matrices512
);

chain!(
    chain_aes,
    "avx2,aes",
    enter_halves128,
    leave_halves128,
    parts_halves
);
chain!(
    chain_gfni,
    "gfni,avx2",
    enter_matrices128,
    leave_matrices128,
    parts_matrices
);
