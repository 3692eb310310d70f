//! SM4 in bit slices: plane b holds bit b of every byte, and the S-box is a circuit over planes.
//!
//! The inversion in the middle is the circuit of Boyar and Peralta ("A depth-16 circuit for the
//! AES S-box", 2011); the linear layers around it carry the field of SM4 over to that of AES and
//! were searched for this file. Constants of the affine maps are kept in the round keys, where
//! they cost nothing: inside the S-box, a byte sum with [`INNER`] before it; behind it, a word
//! sum with [`OUTER`] that every new word of the state carries and every fourth round takes off.

use super::{BLOCK, Counter, FAMILY, fixed, wipe, word};
use std::ops::{BitAnd, BitXor};

type RoundKeys = [u32; 32];

/// A^-1(0xd3): the constant before the inversion, moved in front of the linear map.
const INNER: u32 = 0x7575_7575;
/// L of the constant behind the inversion: 0xd3 <<< 2 in every byte.
const OUTER: u32 = 0x4f4f_4f4f;
/// The constant behind the inversion, where there is no round key to take it.
const BEHIND: u32 = 0xd3d3_d3d3;

/// S(x ^ INNER) ^ 0xd3 on planes.
#[inline(always)]
fn sbox<T: Copy + BitXor<Output = T> + BitAnd<Output = T>>(x: [T; 8]) -> [T; 8] {
    let a0 = x[2] ^ x[4];
    let a1 = x[0] ^ x[3];
    let a2 = x[1] ^ a1;
    let a3 = x[5] ^ a0;
    let a4 = x[6] ^ x[7];
    let a5 = x[2] ^ x[6];
    let a6 = x[5] ^ a2;
    let a7 = x[1] ^ a3;
    let a8 = x[4] ^ a4;
    let a9 = x[7] ^ a2;
    let a10 = x[7] ^ a0;
    let a11 = x[3] ^ x[7];
    let a12 = a0 ^ a1;
    let a13 = a0 ^ a2;
    let a14 = x[4] ^ a9;
    let a15 = a1 ^ a3;
    let a16 = x[0] ^ a8;
    let a17 = x[2] ^ x[7];
    let a18 = x[3] ^ a3;
    let a19 = a5 ^ a6;
    let a20 = a2 ^ a3;
    let a21 = x[1] ^ a16;
    let a22 = x[1] ^ a5;
    let a23 = a4 ^ a12;
    let a24 = a3 ^ a4;
    let a25 = a6 ^ a8;
    let a26 = x[0] ^ a10;
    let a27 = x[5] ^ a11;
    let a28 = x[1] ^ a11;
    let a29 = a4 ^ a7;
    let a30 = x[7] ^ a7;
    let t2 = a29 & a30;
    let t3 = a6 & a18;
    let t4 = t3 ^ t2;
    let t5 = a23 & a28;
    let t6 = t5 ^ t2;
    let t7 = x[1] & a15;
    let t8 = a5 & a27;
    let t9 = t8 ^ t7;
    let t10 = a22 & a26;
    let t11 = t10 ^ t7;
    let t12 = a14 & a13;
    let t13 = a24 & a9;
    let t14 = t13 ^ t12;
    let t15 = a19 & a10;
    let t16 = t15 ^ t12;
    let t17 = t4 ^ t14;
    let t18 = t6 ^ t16;
    let t19 = t9 ^ t14;
    let t20 = t11 ^ t16;
    let t21 = t17 ^ a17;
    let t22 = t18 ^ a25;
    let t23 = t19 ^ a20;
    let t24 = t20 ^ a21;
    let t25 = t21 ^ t22;
    let t26 = t21 & t23;
    let t27 = t24 ^ t26;
    let t28 = t25 & t27;
    let t29 = t28 ^ t22;
    let t30 = t23 ^ t24;
    let t31 = t22 ^ t26;
    let t32 = t31 & t30;
    let t33 = t32 ^ t24;
    let t34 = t23 ^ t33;
    let t35 = t27 ^ t33;
    let t36 = t24 & t35;
    let t37 = t36 ^ t34;
    let t38 = t27 ^ t36;
    let t39 = t29 & t38;
    let t40 = t25 ^ t39;
    let t41 = t40 ^ t37;
    let t42 = t29 ^ t33;
    let t43 = t29 ^ t40;
    let t44 = t33 ^ t37;
    let t45 = t42 ^ t41;
    let z0 = t44 & a30;
    let z1 = t37 & a18;
    let z2 = t33 & a28;
    let z3 = t43 & a15;
    let z4 = t40 & a27;
    let z5 = t29 & a26;
    let z6 = t42 & a13;
    let z7 = t45 & a9;
    let z8 = t41 & a10;
    let z9 = t44 & a29;
    let z10 = t37 & a6;
    let z11 = t33 & a23;
    let z12 = t43 & x[1];
    let z13 = t40 & a5;
    let z14 = t29 & a22;
    let z15 = t42 & a14;
    let z16 = t45 & a24;
    let z17 = t41 & a19;
    let b0 = z0 ^ z10;
    let b1 = z9 ^ z15;
    let b2 = z4 ^ z6;
    let b3 = z13 ^ z14;
    let b4 = z5 ^ b0;
    let b5 = z8 ^ b4;
    let b6 = z17 ^ b1;
    let b7 = z1 ^ b5;
    let b8 = z7 ^ b3;
    let b9 = b1 ^ b7;
    let b10 = b6 ^ b8;
    let b11 = z11 ^ b2;
    let b12 = z16 ^ b9;
    let b13 = z3 ^ b2;
    let b14 = b10 ^ b13;
    let b15 = z11 ^ b6;
    let b16 = z1 ^ b10;
    let b17 = z2 ^ b4;
    let b18 = z6 ^ b0;
    let b19 = b11 ^ b17;
    let b20 = b3 ^ b11;
    let b21 = z7 ^ b12;
    let b22 = z12 ^ z16;
    let b23 = b16 ^ b18;
    let b24 = z10 ^ b14;
    let b25 = z3 ^ b21;
    let b26 = z15 ^ b22;
    let b27 = b7 ^ b20;
    let b28 = b2 ^ b12;
    let b29 = z13 ^ b26;
    let b30 = b8 ^ b19;
    [b25, b27, b24, b15, b28, b23, b30, b29]
}

/// The S-box on the four bytes of a word.
fn sbox_word(x: u32) -> u32 {
    const LANES: u32 = 0x0101_0101;
    let x = x ^ INNER;
    let planes = sbox(std::array::from_fn(|bit| x >> bit & LANES));
    planes
        .iter()
        .enumerate()
        .fold(BEHIND, |s, (bit, plane)| s ^ plane << bit)
}

/// The round keys of the encryption (clause 7.3).
pub(super) fn expand(key: &[u8; BLOCK]) -> RoundKeys {
    let mut keys = [0; 32];
    let mut k: [u32; 4] = std::array::from_fn(|i| word(key, i) ^ FAMILY[i]);
    for (round, out) in keys.iter_mut().enumerate() {
        let s = sbox_word(k[1] ^ k[2] ^ k[3] ^ fixed(round));
        *out = k[0] ^ s ^ s.rotate_left(13) ^ s.rotate_left(23);
        k = [k[1], k[2], k[3], *out];
    }
    wipe(&mut k);
    keys
}

/// Blocks in one state: 16 in each 64-bit plane.
const GROUP: usize = 16;

/// Words of the state, each as planes. Byte j of block n is bit 16j + n, counted from the last
/// byte of a word, so that turning a plane left by 16 turns every word left by a byte.
type State = [[u64; 8]; 4];

/// Round keys as planes, and the constants of the rounds in them.
struct Planes([[u64; 8]; 32]);

impl Drop for Planes {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl Planes {
    fn new(keys: &RoundKeys) -> Self {
        let mut planes = [[0; 8]; 32];
        for (round, (key, planes)) in keys.iter().zip(&mut planes).enumerate() {
            // How often the three summed words have taken OUTER in, all but the last bit.
            let carried = (round + 1) / 4 + (round + 2) / 4 + round.div_ceil(4);
            let key = key ^ INNER ^ (OUTER * (carried as u32 & 1));
            for (bit, plane) in planes.iter_mut().enumerate() {
                for byte in 0..4 {
                    let set = u64::from(key >> (8 * byte + bit) & 1);
                    *plane |= (0xffff * set) << (16 * byte);
                }
            }
        }
        Self(planes)
    }
}

/// Swap the bits of `y` under the mask with the bits of `x` that lie `shift` higher.
#[inline(always)]
fn swap(x: &mut u64, y: &mut u64, mask: u64, shift: u32) {
    let differing = ((*x >> shift) ^ *y) & mask;
    *y ^= differing;
    *x ^= differing << shift;
}

/// Between eight vectors of bytes and the eight planes of their bits; its own inverse.
#[inline(always)]
fn transpose(v: &mut [u64; 8]) {
    for (step, mask) in [
        (1, 0x5555_5555_5555_5555),
        (2, 0x3333_3333_3333_3333),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
    ] {
        for low in 0..8 {
            if low & step == 0 {
                let (head, tail) = v.split_at_mut(low + step);
                swap(&mut head[low], &mut tail[0], mask, step as u32);
            }
        }
    }
}

/// Two words as bytes in turn: a3 b3 a2 b2 a1 b1 a0 b0 from the top; and back.
#[inline(always)]
fn mix(a: u32, b: u32) -> u64 {
    let mut x = u64::from(a) << 32 | u64::from(b);
    let t = (x ^ x >> 16) & 0xffff_0000;
    x ^= t ^ t << 16;
    let t = (x ^ x >> 8) & 0x0000_ff00_0000_ff00;
    x ^ t ^ t << 8
}

#[inline(always)]
fn unmix(x: u64) -> (u32, u32) {
    let t = (x ^ x >> 8) & 0x0000_ff00_0000_ff00;
    let mut x = x ^ t ^ t << 8;
    let t = (x ^ x >> 16) & 0xffff_0000;
    x ^= t ^ t << 16;
    ((x >> 32) as u32, x as u32)
}

fn enter(blocks: &[[u8; BLOCK]; GROUP]) -> State {
    std::array::from_fn(|i| {
        let mut planes: [u64; 8] = std::array::from_fn(|pair| {
            mix(word(&blocks[2 * pair], i), word(&blocks[2 * pair + 1], i))
        });
        transpose(&mut planes);
        planes
    })
}

fn leave(mut state: State, blocks: &mut [[u8; BLOCK]; GROUP]) {
    state.reverse();
    for (i, planes) in state.iter_mut().enumerate() {
        transpose(planes);
        for (pair, both) in planes.iter().enumerate() {
            let (a, b) = unmix(*both);
            blocks[2 * pair][4 * i..4 * i + 4].copy_from_slice(&a.to_be_bytes());
            blocks[2 * pair + 1][4 * i..4 * i + 4].copy_from_slice(&b.to_be_bytes());
        }
    }
}

/// x0 ^ L(S(x1 ^ x2 ^ x3 ^ key)) without the constant; turning left by two is renaming planes,
/// with a byte step for those that go over the edge.
#[inline(always)]
fn round(x0: &mut [u64; 8], x1: &[u64; 8], x2: &[u64; 8], x3: &[u64; 8], key: &[u64; 8]) {
    let s = sbox(std::array::from_fn(|b| x1[b] ^ x2[b] ^ x3[b] ^ key[b]));
    let u: [u64; 8] = std::array::from_fn(|b| s[b] ^ s[b].rotate_left(16) ^ s[b].rotate_left(32));
    for b in 0..8 {
        let by_two = if b < 2 {
            u[b + 6].rotate_left(16)
        } else {
            u[b - 2]
        };
        x0[b] ^= s[b] ^ s[b].rotate_left(48) ^ by_two;
    }
}

fn crypt(keys: &Planes, blocks: &mut [[u8; BLOCK]; GROUP]) {
    let [mut a, mut b, mut c, mut d] = enter(blocks);
    for keys in keys.0.as_chunks::<4>().0 {
        round(&mut a, &b, &c, &d, &keys[0]);
        round(&mut b, &c, &d, &a, &keys[1]);
        round(&mut c, &d, &a, &b, &keys[2]);
        round(&mut d, &a, &b, &c, &keys[3]);
    }
    leave([a, b, c, d], blocks);
}

/// Each block by itself.
pub(super) fn ecb(keys: &RoundKeys, from: &[u8], to: &mut [u8]) {
    let planes = Planes::new(keys);
    let mut blocks = [[0; BLOCK]; GROUP];
    for (from, to) in from.chunks(GROUP * BLOCK).zip(to.chunks_mut(GROUP * BLOCK)) {
        blocks.as_flattened_mut()[..from.len()].copy_from_slice(from);
        crypt(&planes, &mut blocks);
        to.copy_from_slice(&blocks.as_flattened()[..to.len()]);
    }
    wipe(&mut blocks);
}

/// Text under the keystream from `counter` on; its last 32 bits wrap by themselves.
pub(super) fn ctr(keys: &RoundKeys, counter: &Counter, from: &[u8], to: &mut [u8]) {
    let planes = Planes::new(keys);
    let mut low = word(counter, 3);
    let mut blocks = [[0; BLOCK]; GROUP];
    for (from, to) in from.chunks(GROUP * BLOCK).zip(to.chunks_mut(GROUP * BLOCK)) {
        for block in &mut blocks {
            *block = *counter;
            block[12..].copy_from_slice(&low.to_be_bytes());
            low = low.wrapping_add(1);
        }
        crypt(&planes, &mut blocks);
        for ((to, from), stream) in to.iter_mut().zip(from).zip(blocks.as_flattened()) {
            *to = from ^ stream;
        }
    }
    wipe(&mut blocks);
}

/// Blocks one after another: each is summed with `last`, encrypted into `last` and `to`.
pub(super) fn chain(
    keys: &RoundKeys,
    last: &mut [u8; BLOCK],
    from: &[u8],
    mut to: Option<&mut [u8]>,
) {
    for (index, block) in from.as_chunks::<BLOCK>().0.iter().enumerate() {
        let mut x: [u32; 4] = std::array::from_fn(|i| word(block, i) ^ word(last, i));
        for key in keys {
            let s = sbox_word(x[1] ^ x[2] ^ x[3] ^ key);
            let u = s ^ s.rotate_left(8) ^ s.rotate_left(16);
            x = [
                x[1],
                x[2],
                x[3],
                x[0] ^ s ^ s.rotate_left(24) ^ u.rotate_left(2),
            ];
        }
        for (bytes, word) in last.as_chunks_mut::<4>().0.iter_mut().zip(x.iter().rev()) {
            *bytes = word.to_be_bytes();
        }
        if let Some(to) = to.as_deref_mut() {
            to[BLOCK * index..][..BLOCK].copy_from_slice(last);
        }
        wipe(&mut x);
    }
}
