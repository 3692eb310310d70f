//! SM4 (GB/T 32907-2016) and its modes.
//!
//! Nothing here branches on or indexes by a key or a text: the S-box is computed, never looked up.
//! Which instructions compute it is chosen once for each key ([`Path`]); all give the same bytes.

mod ccm;
mod gcm;
mod ghash;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::secret::reveal;
use crate::sm3::wipe;

pub use ccm::ccm_fits;
pub use gcm::{GCM_MOST, GCM_NONCE, GCM_TAG};

/// Bytes of a block and of a key.
pub const BLOCK: usize = 16;

type Counter = [u8; BLOCK];

/// The input was not accepted; carries no detail, since detail may be secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// FK of the key schedule (clause 7.3.2).
const FAMILY: [u32; 4] = [0xa3b1_bac6, 0x56aa_3350, 0x677d_9197, 0xb270_22dc];

/// CK of the key schedule: byte j of word i is 7(4i + j) mod 256 (clause 7.3.3).
const fn fixed(round: usize) -> u32 {
    let first = 28 * round as u32;
    (first & 0xff) << 24
        | ((first + 7) & 0xff) << 16
        | ((first + 14) & 0xff) << 8
        | (first + 21) & 0xff
}

fn word(block: &[u8; BLOCK], index: usize) -> u32 {
    let at = 4 * index;
    u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}

/// One way to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Bit slices in 64-bit words; every processor.
    Portable,
    /// AES-NI and AVX2, with PCLMULQDQ for GCM.
    AesNi,
    /// AES-NI on 256 bits.
    Vaes,
    /// GFNI on 256 bits.
    Gfni,
    /// GFNI on 512 bits, with VPCLMULQDQ for GCM.
    Gfni512,
}

impl Path {
    /// Every path, the slowest first.
    pub const ALL: [Self; 5] = [
        Self::Portable,
        Self::AesNi,
        Self::Vaes,
        Self::Gfni,
        Self::Gfni512,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "sm4-portable",
            Self::AesNi => "sm4-aesni",
            Self::Vaes => "sm4-vaes",
            Self::Gfni => "sm4-gfni",
            Self::Gfni512 => "sm4-gfni512",
        }
    }

    /// Whether this processor has what the path needs.
    #[cfg(target_arch = "x86_64")]
    pub fn is_available(self) -> bool {
        use std::arch::is_x86_feature_detected as has;
        let vectors = has!("avx2") && has!("aes") && has!("pclmulqdq");
        match self {
            Self::Portable => true,
            Self::AesNi => vectors,
            Self::Vaes => vectors && has!("vaes"),
            Self::Gfni => vectors && has!("gfni"),
            Self::Gfni512 => {
                vectors && has!("gfni") && has!("avx512f") && has!("avx512bw") && has!("vpclmulqdq")
            }
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub fn is_available(self) -> bool {
        self == Self::Portable
    }

    /// The fastest this processor has.
    pub fn best() -> Self {
        Self::ALL
            .into_iter()
            .rev()
            .find(|path| path.is_available())
            .unwrap_or(Self::Portable)
    }
}

/// A key made ready; dropping it wipes the round keys.
pub struct Sm4 {
    path: Path,
    /// Round keys in the form of the path.
    keys: [u32; 32],
}

impl Drop for Sm4 {
    fn drop(&mut self) {
        wipe(&mut self.keys);
    }
}

/// The way through the rounds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Encrypt,
    Decrypt,
}

impl Sm4 {
    pub fn new(key: &[u8; BLOCK]) -> Self {
        Self::at(Path::best(), key)
    }

    /// A key on a given path, for tests and evidence.
    ///
    /// # Panics
    /// When the processor lacks the path.
    pub fn with_path(path: Path, key: &[u8; BLOCK]) -> Self {
        assert!(path.is_available(), "this processor lacks {}", path.name());
        Self::at(path, key)
    }

    fn at(path: Path, key: &[u8; BLOCK]) -> Self {
        let keys = match path {
            Path::Portable => portable::expand(key),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the path is available.
            Path::AesNi | Path::Vaes => unsafe { x86::expand_aes(key) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Path::Gfni | Path::Gfni512 => unsafe { x86::expand_gfni(key) },
            #[cfg(not(target_arch = "x86_64"))]
            _ => unreachable!("only the portable path is available"),
        };
        Self { path, keys }
    }

    pub fn path(&self) -> Path {
        self.path
    }

    /// Each block by itself, encrypted: for key wrap, never for messages.
    ///
    /// # Panics
    /// When the lengths differ or are no whole number of blocks; so do the other block modes.
    pub fn ecb_encrypt(&self, from: &[u8], to: &mut [u8]) {
        whole(from, to);
        self.blocks(Way::Encrypt, from, to);
    }

    /// Each block by itself, decrypted.
    pub fn ecb_decrypt(&self, from: &[u8], to: &mut [u8]) {
        whole(from, to);
        self.blocks(Way::Decrypt, from, to);
    }

    /// CBC (GB/T 17964-2021) of whole blocks, without padding.
    pub fn cbc_encrypt(&self, iv: &[u8; BLOCK], from: &[u8], to: &mut [u8]) {
        whole(from, to);
        let mut last = *iv;
        self.chain(&mut last, from, Some(to));
    }

    /// The blocks of CBC, padding left on.
    pub fn cbc_decrypt(&self, iv: &[u8; BLOCK], from: &[u8], to: &mut [u8]) {
        whole(from, to);
        let mut before = iv;
        // Small enough to stay in the first cache between the two passes.
        const PIECE: usize = 256 * BLOCK;
        for (from, to) in from.chunks(PIECE).zip(to.chunks_mut(PIECE)) {
            self.blocks(Way::Decrypt, from, to);
            xor(&mut to[..BLOCK], before);
            xor(&mut to[BLOCK..], &from[..from.len() - BLOCK]);
            before = from.last_chunk().expect("a piece has a block");
        }
    }

    /// Text under the keystream from a counter block on, counted mod 2^128.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn ctr(&self, counter: &[u8; BLOCK], from: &[u8], to: &mut [u8]) {
        assert_eq!(from.len(), to.len(), "both sides have one length");
        let mut counter = *counter;
        let (mut from, mut to) = (from, to);
        while !from.is_empty() {
            // The paths count in the last word only.
            let until_wrap = (1u64 << 32) - u64::from(word(&counter, 3));
            let bytes = usize::try_from(until_wrap * BLOCK as u64).unwrap_or(usize::MAX);
            let take = from.len().min(bytes);
            let (to_now, to_after) = to.split_at_mut(take);
            self.ctr32(&counter, &from[..take], to_now);
            (from, to) = (&from[take..], to_after);
            let next = u128::from_be_bytes(counter).wrapping_add(u128::from(until_wrap));
            counter = next.to_be_bytes();
        }
    }

    fn block(&self, block: &[u8; BLOCK]) -> [u8; BLOCK] {
        let mut out = [0; BLOCK];
        self.chain(&mut out, block, None);
        out
    }

    fn blocks(&self, way: Way, from: &[u8], to: &mut [u8]) {
        let mut turned = self.keys;
        if way == Way::Decrypt {
            turned.reverse();
        }
        let keys = &turned;
        match self.path {
            Path::Portable => portable::ecb(keys, from, to),
            // SAFETY: the path was available when the key was made.
            #[cfg(target_arch = "x86_64")]
            Path::AesNi => unsafe { x86::aesni::ecb(keys, from, to) },
            #[cfg(target_arch = "x86_64")]
            Path::Vaes => unsafe { x86::vaes::ecb(keys, from, to) },
            #[cfg(target_arch = "x86_64")]
            Path::Gfni => unsafe { x86::gfni256::ecb(keys, from, to) },
            #[cfg(target_arch = "x86_64")]
            Path::Gfni512 => unsafe { x86::gfni512::ecb(keys, from, to) },
            #[cfg(not(target_arch = "x86_64"))]
            _ => unreachable!("only the portable path is available"),
        }
        wipe(&mut turned);
    }

    /// CTR whose last 32 bits wrap by themselves, as GCM's do.
    fn ctr32(&self, counter: &Counter, from: &[u8], to: &mut [u8]) {
        match self.path {
            Path::Portable => portable::ctr(&self.keys, counter, from, to),
            // SAFETY: the path was available when the key was made.
            #[cfg(target_arch = "x86_64")]
            Path::AesNi => unsafe { x86::aesni::ctr(&self.keys, counter, from, to) },
            #[cfg(target_arch = "x86_64")]
            Path::Vaes => unsafe { x86::vaes::ctr(&self.keys, counter, from, to) },
            #[cfg(target_arch = "x86_64")]
            Path::Gfni => unsafe { x86::gfni256::ctr(&self.keys, counter, from, to) },
            #[cfg(target_arch = "x86_64")]
            Path::Gfni512 => unsafe { x86::gfni512::ctr(&self.keys, counter, from, to) },
            #[cfg(not(target_arch = "x86_64"))]
            _ => unreachable!("only the portable path is available"),
        }
    }

    /// Blocks one after another: each is summed with `last`, encrypted into `last` and `to`.
    fn chain(&self, last: &mut [u8; BLOCK], from: &[u8], to: Option<&mut [u8]>) {
        match self.path {
            Path::Portable => portable::chain(&self.keys, last, from, to),
            // SAFETY: the path was available when the key was made.
            #[cfg(target_arch = "x86_64")]
            Path::AesNi | Path::Vaes => unsafe { x86::chain_aes(&self.keys, last, from, to) },
            #[cfg(target_arch = "x86_64")]
            Path::Gfni | Path::Gfni512 => unsafe { x86::chain_gfni(&self.keys, last, from, to) },
            #[cfg(not(target_arch = "x86_64"))]
            _ => unreachable!("only the portable path is available"),
        }
    }
}

fn whole(from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len(), "both sides have one length");
    assert_eq!(
        from.len() % BLOCK,
        0,
        "the length is a whole number of blocks"
    );
}

fn xor(to: &mut [u8], with: &[u8]) {
    for (byte, other) in to.iter_mut().zip(with) {
        *byte ^= other;
    }
}

/// Whether two tags are equal, in time that depends on their length only.
fn same(left: &[u8], right: &[u8]) -> bool {
    let mut differing = u8::from(left.len() != right.len());
    for (x, y) in left.iter().zip(right) {
        differing |= x ^ y;
    }
    // The caller tells the world whether it accepted: one bit, of all differences together.
    let mut refused = [u8::from(std::hint::black_box(differing) != 0)];
    reveal(&mut refused);
    refused == [0]
}
