//! SM4-GCM (NIST SP 800-38D; RFC 8998, 2.1) with 12-byte nonces and 16-byte tags.

use super::ghash::Ghash;
use super::{BLOCK, Refused, Sm4, same, wipe, xor};

/// Bytes of a nonce.
pub const GCM_NONCE: usize = 12;
/// Bytes of a tag.
pub const GCM_TAG: usize = 16;
/// Longest text: the block counter has 32 bits and two of its values are taken (5.2.1.1).
pub const GCM_MOST: u64 = ((1 << 32) - 2) * BLOCK as u64;

/// A text this short is encrypted together with H and the mask: one group of the widest path.
const SHORT: usize = 14 * BLOCK;

/// What is encrypted and authenticated in one go stays in the first cache.
const PIECE: usize = 8 << 10;

impl Sm4 {
    /// Encrypt `from` into `to` and return the tag over `aad` and the ciphertext.
    ///
    /// # Panics
    /// When the lengths differ or exceed [`GCM_MOST`].
    pub fn gcm_seal(
        &self,
        nonce: &[u8; GCM_NONCE],
        aad: &[u8],
        from: &[u8],
        to: &mut [u8],
    ) -> [u8; GCM_TAG] {
        assert_eq!(from.len(), to.len(), "both sides have one length");
        assert!(
            from.len() as u64 <= GCM_MOST,
            "the block counter has 32 bits"
        );
        let Start {
            mut counter,
            mask: mut tag,
            mut stream,
            mut ghash,
        } = self.gcm_start(nonce, aad, from.len());
        if from.len() <= SHORT {
            to.copy_from_slice(from);
            xor(to, &stream);
            wipe(&mut stream);
            ghash.update(to);
        } else {
            for (from, to) in from.chunks(PIECE).zip(to.chunks_mut(PIECE)) {
                self.ctr32(&counter, from, to);
                advance(&mut counter, PIECE / BLOCK);
                ghash.update(to);
            }
        }
        xor(&mut tag, &ghash.finish(aad.len(), from.len()));
        tag
    }

    /// Decrypt `from` into `to`, if the tag over `aad` and `from` is `tag`; else `to` is wiped.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn gcm_open(
        &self,
        nonce: &[u8; GCM_NONCE],
        aad: &[u8],
        from: &[u8],
        tag: &[u8; GCM_TAG],
        to: &mut [u8],
    ) -> Result<(), Refused> {
        assert_eq!(from.len(), to.len(), "both sides have one length");
        if from.len() as u64 > GCM_MOST {
            return Err(Refused);
        }
        let Start {
            mut counter,
            mask: mut wanted,
            mut stream,
            mut ghash,
        } = self.gcm_start(nonce, aad, from.len());
        if from.len() <= SHORT {
            ghash.update(from);
            to.copy_from_slice(from);
            xor(to, &stream);
            wipe(&mut stream);
        } else {
            for (from, to) in from.chunks(PIECE).zip(to.chunks_mut(PIECE)) {
                ghash.update(from);
                self.ctr32(&counter, from, to);
                advance(&mut counter, PIECE / BLOCK);
            }
        }
        xor(&mut wanted, &ghash.finish(aad.len(), from.len()));
        let verdict = same(&wanted, tag);
        wipe(&mut wanted);
        if verdict {
            Ok(())
        } else {
            zeroize::Zeroize::zeroize(to);
            Err(Refused)
        }
    }

    /// What both ways begin with.
    fn gcm_start(&self, nonce: &[u8; GCM_NONCE], aad: &[u8], text: usize) -> Start {
        let mut counter = [0; BLOCK];
        counter[..GCM_NONCE].copy_from_slice(nonce);
        // H, the mask and the keystream of a short text in one go: the zero block, then counters.
        let mut blocks = [[0; BLOCK]; SHORT / BLOCK + 2];
        let used = 2 + if text <= SHORT {
            text.div_ceil(BLOCK)
        } else {
            0
        };
        for (number, block) in blocks[..used].iter_mut().enumerate().skip(1) {
            *block = counter;
            block[BLOCK - 1] = number as u8;
        }
        let mut out = [0; SHORT + 2 * BLOCK];
        self.ecb_encrypt(blocks[..used].as_flattened(), &mut out[..BLOCK * used]);
        let (h, rest) = out.split_first_chunk().expect("more than two blocks");
        let (mask, stream) = rest.split_first_chunk().expect("more than two blocks");
        let powers = aad.len().div_ceil(BLOCK).max(text.div_ceil(BLOCK));
        let mut ghash = Ghash::new(self.path, h, powers);
        ghash.update(aad);
        counter[BLOCK - 1] = 2;
        let stream = *stream.first_chunk().expect("the rest");
        let start = Start {
            counter,
            mask: *mask,
            stream,
            ghash,
        };
        wipe(&mut out);
        start
    }
}

struct Start {
    /// The first counter of the text.
    counter: [u8; BLOCK],
    /// The mask of the tag.
    mask: [u8; BLOCK],
    /// The keystream of a text of at most [`SHORT`] bytes.
    stream: [u8; SHORT],
    /// The sum over the data authenticated only.
    ghash: Ghash,
}

/// inc32 of 6.2, by as many blocks.
fn advance(counter: &mut [u8; BLOCK], blocks: usize) {
    let low = super::word(counter, 3).wrapping_add(blocks as u32);
    counter[BLOCK - 4..].copy_from_slice(&low.to_be_bytes());
}
