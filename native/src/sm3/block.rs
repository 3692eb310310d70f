//! The compression function, one message at a time (clause 5.3).

use super::BLOCK_BYTES;

#[cfg(target_arch = "x86_64")]
mod x86;

/// T_j <<< j (clause 4.2, 5.3.3), so that a round adds one constant.
pub(super) const CONSTANTS: [u32; 64] = {
    let mut out = [0; 64];
    let mut round = 0;
    while round < 64 {
        let base: u32 = if round < 16 { 0x79cc_4519 } else { 0x7a87_9d8a };
        out[round] = base.rotate_left(round as u32 % 32);
        round += 1;
    }
    out
};

#[cfg(target_arch = "x86_64")]
enum Level {
    Portable,
    /// AVX2, BMI1 and BMI2.
    Shifting,
    /// AVX-512 for its rotations.
    Rotating,
}

#[cfg(target_arch = "x86_64")]
fn level() -> Level {
    use std::arch::is_x86_feature_detected as has;
    if !(has!("bmi1") && has!("bmi2") && has!("avx2")) {
        Level::Portable
    } else if !(has!("avx512f") && has!("avx512vl")) {
        Level::Shifting
    } else {
        Level::Rotating
    }
}

/// Take whole blocks into the state.
pub(super) fn compress(state: &mut [u32; 8], blocks: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the level was just found on this processor.
    match level() {
        Level::Portable => {}
        Level::Shifting => return unsafe { x86::compress_shifting(state, blocks) },
        Level::Rotating => return unsafe { x86::compress_rotating(state, blocks) },
    }
    compress_portable(state, blocks);
}

/// Every compression function this processor has, by name.
pub(super) fn all() -> Vec<(&'static str, super::internals::Compress)> {
    let portable: (_, super::internals::Compress) = ("portable", compress_portable);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the level was just found on this processor.
    match level() {
        Level::Portable => {}
        Level::Shifting => {
            return vec![
                portable,
                ("shifting", |s, b| unsafe { x86::compress_shifting(s, b) }),
            ];
        }
        Level::Rotating => {
            return vec![
                portable,
                ("shifting", |s, b| unsafe { x86::compress_shifting(s, b) }),
                ("rotating", |s, b| unsafe { x86::compress_rotating(s, b) }),
            ];
        }
    }
    vec![portable]
}

#[inline(always)]
fn p0(x: u32) -> u32 {
    x ^ x.rotate_left(9) ^ x.rotate_left(17)
}

#[inline(always)]
fn p1(x: u32) -> u32 {
    x ^ x.rotate_left(15) ^ x.rotate_left(23)
}

/// Boolean functions of rounds 0 to 15 (clause 4.3).
#[inline(always)]
fn parity(x: u32, y: u32, z: u32) -> u32 {
    x ^ y ^ z
}

#[inline(always)]
fn majority(x: u32, y: u32, z: u32) -> u32 {
    (x & y) | (z & (x | y))
}

#[inline(always)]
fn choose(x: u32, y: u32, z: u32) -> u32 {
    (x & y) | (!x & z)
}

/// One round; the caller renames the registers instead of moving them.
macro_rules! round {
    ($a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident,
     $ff:ident, $gg:ident, $j:expr, $w:expr, $w4:expr) => {
        let turned = $a.rotate_left(12);
        let ss1 = turned
            .wrapping_add($e.wrapping_add(CONSTANTS[$j]))
            .rotate_left(7);
        let ss2 = ss1 ^ turned;
        let word = $w;
        $d = $d
            .wrapping_add(word ^ $w4)
            .wrapping_add($ff($a, $b, $c))
            .wrapping_add(ss2);
        $h = $h
            .wrapping_add(word)
            .wrapping_add($gg($e, $f, $g))
            .wrapping_add(ss1);
        $b = $b.rotate_left(9);
        $f = $f.rotate_left(19);
        $h = p0($h);
    };
}

fn compress_portable(state: &mut [u32; 8], blocks: &[u8]) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for block in blocks.chunks_exact(BLOCK_BYTES) {
        let mut w = [0u32; 16];
        for (word, bytes) in w.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        macro_rules! expanded {
            ($j:expr) => {{
                let word = p1(w[$j % 16] ^ w[($j + 7) % 16] ^ w[($j + 13) % 16].rotate_left(15))
                    ^ w[($j + 3) % 16].rotate_left(7)
                    ^ w[($j + 10) % 16];
                w[$j % 16] = word;
                word
            }};
        }
        macro_rules! four {
            ($ff:ident, $gg:ident, $j:expr, $k:expr, $next:ident) => {
                round!(a b c d e f g h, $ff, $gg, $j, w[$k], $next!($k + 4));
                round!(d a b c h e f g, $ff, $gg, $j + 1, w[$k + 1], $next!($k + 5));
                round!(c d a b g h e f, $ff, $gg, $j + 2, w[$k + 2], $next!($k + 6));
                round!(b c d a f g h e, $ff, $gg, $j + 3, w[$k + 3], $next!($k + 7));
            };
        }
        macro_rules! given {
            ($j:expr) => {
                w[$j]
            };
        }
        four!(parity, parity, 0, 0, given);
        four!(parity, parity, 4, 4, given);
        four!(parity, parity, 8, 8, given);
        four!(parity, parity, 12, 12, expanded);
        let mut j = 16;
        while j < 64 {
            four!(majority, choose, j, 0, expanded);
            four!(majority, choose, j + 4, 4, expanded);
            four!(majority, choose, j + 8, 8, expanded);
            four!(majority, choose, j + 12, 12, expanded);
            j += 16;
        }
        for (word, new) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *word ^= new;
        }
        [a, b, c, d, e, f, g, h] = *state;
    }
}
