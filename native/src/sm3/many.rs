//! Many messages at once, each in a lane of its own where the processor has vectors.

use super::{DIGEST_BYTES, Digest, Sm3};

#[cfg(target_arch = "x86_64")]
mod lanes;

/// How many messages are hashed side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One after another; every processor.
    One,
    /// Eight lanes (AVX2).
    Eight,
    /// Sixteen lanes (AVX-512).
    Sixteen,
}

impl Width {
    /// Every width this processor has, the widest first.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            if has!("avx512f") && has!("avx512bw") {
                found.push(Self::Sixteen);
            }
            if has!("avx2") {
                found.push(Self::Eight);
            }
        }
        found.push(Self::One);
        found
    }

    /// The widest this processor has.
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            if has!("avx512f") && has!("avx512bw") {
                return Self::Sixteen;
            }
            if has!("avx2") {
                return Self::Eight;
            }
        }
        Self::One
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::One => "sm3-1",
            Self::Eight => "sm3-avx2-8",
            Self::Sixteen => "sm3-avx512-16",
        }
    }
}

/// SM3(prefix ‖ chunk) for every chunk, in order.
pub fn digest_many(prefix: &[u8], chunks: &[&[u8]]) -> Vec<Digest> {
    digest_many_at(Width::best(), prefix, chunks)
}

/// [`digest_many`] at a given width; panics when the processor lacks it.
pub fn digest_many_at(width: Width, prefix: &[u8], chunks: &[&[u8]]) -> Vec<Digest> {
    let mut start = Sm3::new();
    start.update(prefix);
    after(width, &start, chunks.len(), |index, _| (0, chunks[index]))
}

/// SM3(0x00 ‖ salt ‖ payload) for every pair, in order: the leaves of a Merkle tree.
///
/// # Panics
/// When there are not as many salts as payloads.
pub fn leaves(salts: &[[u8; 16]], payloads: &[&[u8]]) -> Vec<Digest> {
    leaves_at(Width::best(), salts, payloads)
}

/// [`leaves`] at a given width; panics when the processor lacks it.
pub fn leaves_at(width: Width, salts: &[[u8; 16]], payloads: &[&[u8]]) -> Vec<Digest> {
    assert_eq!(salts.len(), payloads.len(), "every payload has one salt");
    let mut start = Sm3::new();
    start.update(&[0]);
    after(width, &start, payloads.len(), |index, head| {
        head[..16].copy_from_slice(&salts[index]);
        (16, payloads[index])
    })
}

/// SM3(0x01 ‖ left ‖ right) for each two neighbours; an odd last one is promoted.
pub fn nodes(level: &[Digest]) -> Vec<Digest> {
    let mut start = Sm3::new();
    start.update(&[1]);
    let (pairs, rest) = level.as_chunks::<2>();
    let mut above = after(Width::best(), &start, pairs.len(), |index, _| {
        (0, pairs[index].as_flattened())
    });
    above.extend_from_slice(rest);
    above
}

/// The root over leaf hashes, or nothing when there are none.
pub fn merkle_root(leaves: &[Digest]) -> Option<Digest> {
    let (&first, rest) = leaves.split_first()?;
    if rest.is_empty() {
        return Some(first);
    }
    let mut level = nodes(leaves);
    while level.len() > 1 {
        level = nodes(&level);
    }
    level.pop()
}

/// Digests of messages that all go on from `start`.
///
/// `part(index, head)` may write up to 32 bytes of the message into `head` and returns how many,
/// and the rest of the message.
pub(super) fn after<'a, F>(width: Width, start: &Sm3, count: usize, part: F) -> Vec<Digest>
where
    F: Fn(usize, &mut [u8; 32]) -> (usize, &'a [u8]),
{
    let mut out = vec![[0; DIGEST_BYTES]; count];
    match width {
        #[cfg(target_arch = "x86_64")]
        Width::Sixteen if count > 2 => {
            require(width);
            lanes::run16(start, part, &mut out);
        }
        #[cfg(target_arch = "x86_64")]
        Width::Eight if count > 2 => {
            require(width);
            lanes::run8(start, part, &mut out);
        }
        _ => one_by_one(start, part, &mut out),
    }
    out
}

#[cfg(target_arch = "x86_64")]
fn require(width: Width) {
    assert!(
        Width::available().contains(&width),
        "this processor lacks {}",
        width.name()
    );
}

fn one_by_one<'a, F>(start: &Sm3, part: F, out: &mut [Digest])
where
    F: Fn(usize, &mut [u8; 32]) -> (usize, &'a [u8]),
{
    for (index, digest) in out.iter_mut().enumerate() {
        let mut head = [0; 32];
        let (taken, body) = part(index, &mut head);
        let mut hash = start.clone();
        hash.update(&head[..taken]);
        hash.update(body);
        *digest = hash.finalize();
    }
}
