//! Stand-in for `crate::sm3` with the same names, until that is there. To be removed then.

use zeroize::{Zeroize, Zeroizing};

#[derive(Clone)]
pub struct Sm3 {
    state: [u32; 8],
    buffer: [u8; 64],
    length: u64,
}

impl Sm3 {
    pub fn new() -> Self {
        Self {
            state: [
                0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d,
                0xb0fb0e4e,
            ],
            buffer: [0; 64],
            length: 0,
        }
    }

    pub fn update(&mut self, data: &[u8]) {
        for &byte in data {
            self.buffer[(self.length % 64) as usize] = byte;
            self.length += 1;
            if self.length % 64 == 0 {
                compress(&mut self.state, &self.buffer);
            }
        }
    }

    pub fn finalize(mut self) -> [u8; 32] {
        let bits = self.length * 8;
        self.update(&[0x80]);
        while self.length % 64 != 56 {
            self.update(&[0]);
        }
        self.update(&bits.to_be_bytes());
        let mut out = [0; 32];
        for (bytes, word) in out.chunks_exact_mut(4).zip(self.state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        out
    }
}

impl Drop for Sm3 {
    fn drop(&mut self) {
        self.state.zeroize();
        self.buffer.zeroize();
    }
}

fn compress(state: &mut [u32; 8], block: &[u8; 64]) {
    let mut w = [0u32; 68];
    for (word, bytes) in w.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    for j in 16..68 {
        let x = w[j - 16] ^ w[j - 9] ^ w[j - 3].rotate_left(15);
        let x = x ^ x.rotate_left(15) ^ x.rotate_left(23);
        w[j] = x ^ w[j - 13].rotate_left(7) ^ w[j - 6];
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for j in 0..64 {
        let t: u32 = if j < 16 { 0x79cc4519 } else { 0x7a879d8a };
        let a12 = a.rotate_left(12);
        let ss1 = a12
            .wrapping_add(e)
            .wrapping_add(t.rotate_left(j as u32 % 32))
            .rotate_left(7);
        let ff = if j < 16 {
            a ^ b ^ c
        } else {
            (a & b) | (a & c) | (b & c)
        };
        let gg = if j < 16 {
            e ^ f ^ g
        } else {
            (e & f) | (!e & g)
        };
        let tt1 = ff
            .wrapping_add(d)
            .wrapping_add(ss1 ^ a12)
            .wrapping_add(w[j] ^ w[j + 4]);
        let tt2 = gg.wrapping_add(h).wrapping_add(ss1).wrapping_add(w[j]);
        d = c;
        c = b.rotate_left(9);
        b = a;
        a = tt1;
        h = g;
        g = f.rotate_left(19);
        f = e;
        e = tt2 ^ tt2.rotate_left(9) ^ tt2.rotate_left(17);
    }
    for (s, v) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *s ^= v;
    }
    w.zeroize();
}

#[derive(Clone)]
pub struct Hmac {
    inner: Sm3,
    outer: Sm3,
}

impl Hmac {
    pub fn new(key: &[u8]) -> Self {
        assert!(key.len() <= 64);
        let mut pad = [0; 64];
        pad[..key.len()].copy_from_slice(key);
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

    pub fn finalize(self) -> [u8; 32] {
        let Self { inner, mut outer } = self;
        outer.update(&inner.finalize());
        outer.finalize()
    }
}

pub fn kdf(z: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    let mut start = Sm3::new();
    start.update(z);
    for counter in 1u32.. {
        if out.len() == length {
            break;
        }
        let mut hash = start.clone();
        hash.update(&counter.to_be_bytes());
        let take = (length - out.len()).min(32);
        out.extend_from_slice(&hash.finalize()[..take]);
    }
    out
}
