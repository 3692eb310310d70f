//! HMAC-SM3 (GM/T 0042-2015; RFC 2104).

use super::{BLOCK_BYTES, Digest, Sm3, digest, many};
use zeroize::Zeroize;

/// A running HMAC-SM3; dropping it wipes the key's states.
#[derive(Clone)]
pub struct Hmac {
    inner: Sm3,
    outer: Sm3,
}

impl Hmac {
    pub fn new(key: &[u8]) -> Self {
        let mut pad = [0; BLOCK_BYTES];
        if key.len() > BLOCK_BYTES {
            let mut short = digest(key);
            pad[..short.len()].copy_from_slice(&short);
            short.zeroize();
        } else {
            pad[..key.len()].copy_from_slice(key);
        }
        let (mut inner, mut outer) = (Sm3::new(), Sm3::new());
        pad.iter_mut().for_each(|byte| *byte ^= 0x36);
        inner.update(&pad);
        pad.iter_mut().for_each(|byte| *byte ^= 0x36 ^ 0x5c);
        outer.update(&pad);
        pad.zeroize();
        Self { inner, outer }
    }

    pub fn update(&mut self, data: &[u8]) {
        self.inner.update(data);
    }

    /// What [`Hmac::finalize`] would give after each chunk, many at a time.
    pub fn many(&self, chunks: &[&[u8]]) -> Vec<Digest> {
        let width = many::Width::best();
        let mut within = many::after(width, &self.inner, chunks.len(), |i, _| (0, chunks[i]));
        let out = many::after(width, &self.outer, within.len(), |i, _| (0, &within[i][..]));
        within.zeroize();
        out
    }

    pub fn finalize(self) -> Digest {
        let Self { inner, mut outer } = self;
        let mut within = inner.finalize();
        outer.update(&within);
        within.zeroize();
        outer.finalize()
    }
}

/// HMAC-SM3(key, data).
pub fn hmac(key: &[u8], data: &[u8]) -> Digest {
    let mut mac = Hmac::new(key);
    mac.update(data);
    mac.finalize()
}

/// HMAC-SM3(key, chunk) for every chunk, in order, many at a time.
pub fn hmac_many(key: &[u8], chunks: &[&[u8]]) -> Vec<Digest> {
    Hmac::new(key).many(chunks)
}
