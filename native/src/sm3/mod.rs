//! SM3 (GB/T 32905-2016): digest, HMAC (RFC 2104), key derivation (GB/T 32918.4-2016, 5.4.3) and
//! many messages at once.
//!
//! The time taken depends on lengths only: no branch and no index depends on the data.

mod block;
mod hmac;
mod kdf;
mod many;

pub use hmac::{Hmac, hmac, hmac_many};
pub use kdf::{KDF_MOST, kdf};
pub use many::{Width, digest_many, digest_many_at, leaves, leaves_at, merkle_root, nodes};

use zeroize::Zeroize;

/// Bytes of a digest.
pub const DIGEST_BYTES: usize = 32;
/// Bytes of a block.
pub const BLOCK_BYTES: usize = 64;

/// A digest.
pub type Digest = [u8; DIGEST_BYTES];

/// Initial value (clause 4.1).
const INITIAL: [u32; 8] = [
    0x7380_166f,
    0x4914_b2b9,
    0x1724_42d7,
    0xda8a_0600,
    0xa96f_30bc,
    0x1631_38aa,
    0xe38d_ee4d,
    0xb0fb_0e4e,
];

/// A running SM3; dropping it wipes what it has taken in.
#[derive(Clone)]
pub struct Sm3 {
    state: [u32; 8],
    buffer: [u8; BLOCK_BYTES],
    /// Bytes taken in; the standard allows 2^64 - 1 bits, so this cannot overflow in practice.
    length: u64,
}

impl Default for Sm3 {
    fn default() -> Self {
        Self::new()
    }
}

impl Sm3 {
    pub fn new() -> Self {
        Self {
            state: INITIAL,
            buffer: [0; BLOCK_BYTES],
            length: 0,
        }
    }

    pub fn update(&mut self, mut data: &[u8]) {
        let filled = self.filled();
        self.length = self.length.wrapping_add(data.len() as u64);
        if filled > 0 {
            let take = data.len().min(BLOCK_BYTES - filled);
            self.buffer[filled..filled + take].copy_from_slice(&data[..take]);
            data = &data[take..];
            if filled + take < BLOCK_BYTES {
                return;
            }
            block::compress(&mut self.state, &self.buffer);
        }
        let (whole, rest) = data.split_at(data.len() - data.len() % BLOCK_BYTES);
        if !whole.is_empty() {
            block::compress(&mut self.state, whole);
        }
        self.buffer[..rest.len()].copy_from_slice(rest);
    }

    /// The digest of what was taken in.
    pub fn finalize(mut self) -> Digest {
        let filled = self.filled();
        let bits = self.length.wrapping_mul(8);
        self.buffer[filled] = 0x80;
        self.buffer[filled + 1..].fill(0);
        if filled + 9 > BLOCK_BYTES {
            block::compress(&mut self.state, &self.buffer);
            self.buffer.fill(0);
        }
        self.buffer[BLOCK_BYTES - 8..].copy_from_slice(&bits.to_be_bytes());
        block::compress(&mut self.state, &self.buffer);
        to_bytes(&self.state)
    }

    fn filled(&self) -> usize {
        (self.length % BLOCK_BYTES as u64) as usize
    }
}

impl Zeroize for Sm3 {
    fn zeroize(&mut self) {
        wipe(&mut self.state);
        wipe(&mut self.buffer);
        wipe(&mut self.length);
    }
}

impl Drop for Sm3 {
    fn drop(&mut self) {
        self.zeroize();
    }
}

/// SM3(data).
pub fn digest(data: &[u8]) -> Digest {
    let mut hash = Sm3::new();
    hash.update(data);
    hash.finalize()
}

fn to_bytes(state: &[u32; 8]) -> Digest {
    let mut out = [0; DIGEST_BYTES];
    for (bytes, word) in out.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    out
}

/// The compression functions one by one, for tests and evidence.
pub mod internals {
    /// Takes whole blocks into a state.
    pub type Compress = fn(&mut [u32; 8], &[u8]);

    /// Every compression function this processor has, by name.
    pub fn compressions() -> Vec<(&'static str, Compress)> {
        super::block::all()
    }
}

/// Values that are all zeros when wiped.
pub(crate) trait Plain: Copy {
    const ZERO: Self;
}

impl Plain for u8 {
    const ZERO: Self = 0;
}

impl Plain for u32 {
    const ZERO: Self = 0;
}

impl Plain for u64 {
    const ZERO: Self = 0;
}

impl<T: Plain, const N: usize> Plain for [T; N] {
    const ZERO: Self = [T::ZERO; N];
}

/// Overwrite with zeros; unlike `zeroize` in one wide write, which counts for short messages.
pub(crate) fn wipe<T: Plain>(secret: &mut T) {
    // SAFETY: a mutable reference may be written to.
    unsafe { std::ptr::write_volatile(secret, T::ZERO) };
    std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
}
