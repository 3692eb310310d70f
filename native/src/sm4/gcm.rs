//! SM4-GCM (NIST SP 800-38D; RFC 8998, 2.1) with 12-byte nonces and 16-byte tags.

use super::ghash::Ghash;
use super::{BLOCK, Refused, Sm4, same, wipe, xor};

/// Bytes of a nonce.
pub const GCM_NONCE: usize = 12;
/// Bytes of a tag.
pub const GCM_TAG: usize = 16;
/// Longest text: the block counter has 32 bits and two of its values are taken (5.2.1.1).
pub const GCM_MOST: u64 = ((1 << 32) - 2) * BLOCK as u64;

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
        let (mut counter, mut tag, mut ghash) = self.gcm_start(nonce, aad, from.len());
        for (from, to) in from.chunks(PIECE).zip(to.chunks_mut(PIECE)) {
            self.ctr32(&counter, from, to);
            advance(&mut counter, PIECE / BLOCK);
            ghash.update(to);
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
        let (mut counter, mut wanted, mut ghash) = self.gcm_start(nonce, aad, from.len());
        for (from, to) in from.chunks(PIECE).zip(to.chunks_mut(PIECE)) {
            ghash.update(from);
            self.ctr32(&counter, from, to);
            advance(&mut counter, PIECE / BLOCK);
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

    /// The first counter of the text, the mask of the tag, and the sum over `aad`.
    fn gcm_start(
        &self,
        nonce: &[u8; GCM_NONCE],
        aad: &[u8],
        text: usize,
    ) -> ([u8; BLOCK], [u8; BLOCK], Ghash) {
        let mut counter = [0; BLOCK];
        counter[..GCM_NONCE].copy_from_slice(nonce);
        counter[BLOCK - 1] = 1;
        // H and the mask in one go.
        let mut from = [0; 2 * BLOCK];
        from[BLOCK..].copy_from_slice(&counter);
        let mut both = [0; 2 * BLOCK];
        self.ecb_encrypt(&from, &mut both);
        let (h, mask) = both
            .as_chunks::<BLOCK>()
            .0
            .split_first()
            .expect("two blocks");
        let blocks = aad.len().div_ceil(BLOCK).max(text.div_ceil(BLOCK));
        let mut ghash = Ghash::new(self.path, h, blocks);
        let mask = mask[0];
        wipe(&mut both);
        ghash.update(aad);
        counter[BLOCK - 1] = 2;
        (counter, mask, ghash)
    }
}

/// inc32 of 6.2, by as many blocks.
fn advance(counter: &mut [u8; BLOCK], blocks: usize) {
    let low = super::word(counter, 3).wrapping_add(blocks as u32);
    counter[BLOCK - 4..].copy_from_slice(&low.to_be_bytes());
}
