//! SM4 and its modes as the standards write them: by table, block by block, bit by bit. Slow and
//! not in constant time on purpose; shares nothing with the code under test.

/// The S-box (GB/T 32907-2016, table A.1).
const SBOX: [u8; 256] = [
    0xd6, 0x90, 0xe9, 0xfe, 0xcc, 0xe1, 0x3d, 0xb7, 0x16, 0xb6, 0x14, 0xc2, 0x28, 0xfb, 0x2c, 0x05,
    0x2b, 0x67, 0x9a, 0x76, 0x2a, 0xbe, 0x04, 0xc3, 0xaa, 0x44, 0x13, 0x26, 0x49, 0x86, 0x06, 0x99,
    0x9c, 0x42, 0x50, 0xf4, 0x91, 0xef, 0x98, 0x7a, 0x33, 0x54, 0x0b, 0x43, 0xed, 0xcf, 0xac, 0x62,
    0xe4, 0xb3, 0x1c, 0xa9, 0xc9, 0x08, 0xe8, 0x95, 0x80, 0xdf, 0x94, 0xfa, 0x75, 0x8f, 0x3f, 0xa6,
    0x47, 0x07, 0xa7, 0xfc, 0xf3, 0x73, 0x17, 0xba, 0x83, 0x59, 0x3c, 0x19, 0xe6, 0x85, 0x4f, 0xa8,
    0x68, 0x6b, 0x81, 0xb2, 0x71, 0x64, 0xda, 0x8b, 0xf8, 0xeb, 0x0f, 0x4b, 0x70, 0x56, 0x9d, 0x35,
    0x1e, 0x24, 0x0e, 0x5e, 0x63, 0x58, 0xd1, 0xa2, 0x25, 0x22, 0x7c, 0x3b, 0x01, 0x21, 0x78, 0x87,
    0xd4, 0x00, 0x46, 0x57, 0x9f, 0xd3, 0x27, 0x52, 0x4c, 0x36, 0x02, 0xe7, 0xa0, 0xc4, 0xc8, 0x9e,
    0xea, 0xbf, 0x8a, 0xd2, 0x40, 0xc7, 0x38, 0xb5, 0xa3, 0xf7, 0xf2, 0xce, 0xf9, 0x61, 0x15, 0xa1,
    0xe0, 0xae, 0x5d, 0xa4, 0x9b, 0x34, 0x1a, 0x55, 0xad, 0x93, 0x32, 0x30, 0xf5, 0x8c, 0xb1, 0xe3,
    0x1d, 0xf6, 0xe2, 0x2e, 0x82, 0x66, 0xca, 0x60, 0xc0, 0x29, 0x23, 0xab, 0x0d, 0x53, 0x4e, 0x6f,
    0xd5, 0xdb, 0x37, 0x45, 0xde, 0xfd, 0x8e, 0x2f, 0x03, 0xff, 0x6a, 0x72, 0x6d, 0x6c, 0x5b, 0x51,
    0x8d, 0x1b, 0xaf, 0x92, 0xbb, 0xdd, 0xbc, 0x7f, 0x11, 0xd9, 0x5c, 0x41, 0x1f, 0x10, 0x5a, 0xd8,
    0x0a, 0xc1, 0x31, 0x88, 0xa5, 0xcd, 0x7b, 0xbd, 0x2d, 0x74, 0xd0, 0x12, 0xb8, 0xe5, 0xb4, 0xb0,
    0x89, 0x69, 0x97, 0x4a, 0x0c, 0x96, 0x77, 0x7e, 0x65, 0xb9, 0xf1, 0x09, 0xc5, 0x6e, 0xc6, 0x84,
    0x18, 0xf0, 0x7d, 0xec, 0x3a, 0xdc, 0x4d, 0x20, 0x79, 0xee, 0x5f, 0x3e, 0xd7, 0xcb, 0x39, 0x48,
];

fn tau(x: u32) -> u32 {
    u32::from_be_bytes(x.to_be_bytes().map(|byte| SBOX[byte as usize]))
}

fn words(block: &[u8]) -> [u32; 4] {
    std::array::from_fn(|i| u32::from_be_bytes(block[4 * i..4 * i + 4].try_into().unwrap()))
}

fn round_keys(key: &[u8; 16]) -> [u32; 32] {
    let family = [0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc];
    let mut k: Vec<u32> = words(key)
        .iter()
        .zip(family)
        .map(|(word, fixed)| word ^ fixed)
        .collect();
    for i in 0..32u32 {
        let fixed = u32::from_be_bytes(std::array::from_fn(|j| ((4 * i + j as u32) * 7) as u8));
        let n = i as usize;
        let s = tau(k[n + 1] ^ k[n + 2] ^ k[n + 3] ^ fixed);
        k.push(k[n] ^ s ^ s.rotate_left(13) ^ s.rotate_left(23));
    }
    k[4..].try_into().unwrap()
}

fn crypt(keys: impl Iterator<Item = u32>, block: &[u8]) -> [u8; 16] {
    let mut x = words(block).to_vec();
    for (i, key) in keys.enumerate() {
        let s = tau(x[i + 1] ^ x[i + 2] ^ x[i + 3] ^ key);
        let turned = [2, 10, 18, 24].map(|bits| s.rotate_left(bits));
        x.push(x[i] ^ s ^ turned[0] ^ turned[1] ^ turned[2] ^ turned[3]);
    }
    let out: Vec<u8> = x[32..]
        .iter()
        .rev()
        .flat_map(|word| word.to_be_bytes())
        .collect();
    out.try_into().unwrap()
}

pub struct Reference([u32; 32]);

impl Reference {
    pub fn new(key: &[u8; 16]) -> Self {
        Self(round_keys(key))
    }

    pub fn encrypt(&self, block: &[u8]) -> [u8; 16] {
        crypt(self.0.iter().copied(), block)
    }

    pub fn decrypt(&self, block: &[u8]) -> [u8; 16] {
        crypt(self.0.iter().rev().copied(), block)
    }

    pub fn ecb(&self, data: &[u8]) -> Vec<u8> {
        data.chunks(16)
            .flat_map(|block| self.encrypt(block))
            .collect()
    }

    pub fn cbc(&self, iv: &[u8; 16], data: &[u8]) -> Vec<u8> {
        let mut last = *iv;
        let mut out = Vec::new();
        for block in data.chunks(16) {
            let sum: Vec<u8> = block.iter().zip(last).map(|(x, y)| x ^ y).collect();
            last = self.encrypt(&sum);
            out.extend(last);
        }
        out
    }

    pub fn ctr(&self, counter: &[u8; 16], data: &[u8]) -> Vec<u8> {
        self.stream(u128::from_be_bytes(*counter), data, |n| n.wrapping_add(1))
    }

    fn stream(&self, mut n: u128, data: &[u8], next: impl Fn(u128) -> u128) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in data.chunks(16) {
            out.extend(
                piece
                    .iter()
                    .zip(self.encrypt(&n.to_be_bytes()))
                    .map(|(x, y)| x ^ y),
            );
            n = next(n);
        }
        out
    }

    /// Ciphertext and tag (NIST SP 800-38D, algorithm 4).
    pub fn gcm(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8]) -> (Vec<u8>, [u8; 16]) {
        let mut first = [0; 16];
        first[..12].copy_from_slice(nonce);
        first[15] = 1;
        let first = u128::from_be_bytes(first);
        let inc32 = |n: u128| n >> 32 << 32 | u128::from((n as u32).wrapping_add(1));
        let out = self.stream(inc32(first), text, inc32);
        let h = u128::from_be_bytes(self.encrypt(&[0; 16]));
        let mut sum = 0;
        for part in [aad, &out] {
            for piece in part.chunks(16) {
                let mut block = [0; 16];
                block[..piece.len()].copy_from_slice(piece);
                sum = multiply(sum ^ u128::from_be_bytes(block), h);
            }
        }
        let lengths = ((aad.len() as u128 * 8) << 64) | (text.len() as u128 * 8);
        sum = multiply(sum ^ lengths, h);
        let mask = u128::from_be_bytes(self.encrypt(&first.to_be_bytes()));
        (out, (sum ^ mask).to_be_bytes())
    }

    /// Ciphertext and tag (RFC 3610, 2.2 and 2.3).
    pub fn ccm(&self, nonce: &[u8], aad: &[u8], text: &[u8], tag: usize) -> (Vec<u8>, Vec<u8>) {
        let size = 15 - nonce.len();
        let block = |flags: usize, number: usize| {
            let number = (number as u128).to_be_bytes();
            [&[flags as u8], nonce, &number[16 - size..]].concat()
        };
        let fill = |data: &mut Vec<u8>| data.resize(data.len().next_multiple_of(16), 0);
        let flags = if aad.is_empty() { 0 } else { 64 } + (tag - 2) / 2 * 8 + size - 1;
        let mut data = block(flags, text.len());
        if !aad.is_empty() {
            if aad.len() < 0xff00 {
                data.extend((aad.len() as u16).to_be_bytes());
            } else {
                data.extend([0xff, 0xfe]);
                data.extend((aad.len() as u32).to_be_bytes());
            }
            data.extend(aad);
            fill(&mut data);
        }
        data.extend(text);
        fill(&mut data);
        let sum = self.cbc(&[0; 16], &data)[data.len() - 16..].to_vec();
        let key = |n| u128::from_be_bytes(block(size - 1, n).try_into().unwrap());
        let out = self.stream(key(1), text, |n| n + 1);
        let mask = self.encrypt(&key(0).to_be_bytes());
        (
            out,
            sum.iter().zip(mask).take(tag).map(|(x, y)| x ^ y).collect(),
        )
    }
}

/// The product in GF(2^128), a bit at a time (NIST SP 800-38D, algorithm 1).
pub fn multiply(x: u128, y: u128) -> u128 {
    let (mut z, mut v) = (0, y);
    for i in (0..128).rev() {
        if x >> i & 1 == 1 {
            z ^= v;
        }
        v = if v & 1 == 1 {
            v >> 1 ^ 0xe1 << 120
        } else {
            v >> 1
        };
    }
    z
}
