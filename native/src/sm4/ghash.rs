//! GHASH (NIST SP 800-38D, 6.4): a polynomial over GF(2^128) in the tag's key H.

use super::{BLOCK, Path, wipe};

mod portable;
#[cfg(target_arch = "x86_64")]
pub(super) mod x86;

/// A running GHASH; dropping it wipes the key and the sum.
pub(super) struct Ghash {
    path: Path,
    key: Key,
    sum: [u8; BLOCK],
}

#[allow(
    clippy::large_enum_variant,
    reason = "one lives at a time, on the stack"
)]
enum Key {
    Portable(portable::Key),
    #[cfg(target_arch = "x86_64")]
    Powers(x86::Powers),
}

impl Drop for Ghash {
    fn drop(&mut self) {
        wipe(&mut self.sum);
    }
}

impl Ghash {
    /// `blocks` is about how many will come: powers of H that would not be used are not made.
    pub(super) fn new(path: Path, h: &[u8; BLOCK], blocks: usize) -> Self {
        let key = match path {
            Path::Portable => Key::Portable(portable::Key::new(h)),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: every other path has PCLMULQDQ.
            _ => Key::Powers(unsafe { x86::Powers::new(h, blocks) }),
            #[cfg(not(target_arch = "x86_64"))]
            _ => unreachable!("only the portable path is available"),
        };
        let _ = blocks;
        Self {
            path,
            key,
            sum: [0; BLOCK],
        }
    }

    /// Take in data, filled up with zeros to whole blocks.
    pub(super) fn update(&mut self, data: &[u8]) {
        let (whole, rest) = data.split_at(data.len() - data.len() % BLOCK);
        self.blocks(whole);
        if !rest.is_empty() {
            let mut block = [0; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            self.blocks(&block);
            wipe(&mut block);
        }
    }

    fn blocks(&mut self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        match &self.key {
            Key::Portable(key) => key.update(&mut self.sum, data),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the path was available when the key was made.
            Key::Powers(powers) => unsafe {
                if self.path == Path::Gfni512 {
                    powers.update512(&mut self.sum, data);
                } else {
                    powers.update(&mut self.sum, data);
                }
            },
        }
        let _ = self.path;
    }

    /// The lengths in bits of what was authenticated only and of what was encrypted, and the sum.
    pub(super) fn finish(mut self, aad: usize, text: usize) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        block[..8].copy_from_slice(&(aad as u64 * 8).to_be_bytes());
        block[8..].copy_from_slice(&(text as u64 * 8).to_be_bytes());
        self.blocks(&block);
        self.sum
    }
}
