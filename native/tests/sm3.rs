//! SM3 against the standard's examples, public vectors and itself in every width.

use fengsui_native::sm3::{
    self, Digest, Hmac, Sm3, Width, digest, digest_many_at, hmac, hmac_many, kdf, leaves_at,
    merkle_root,
};

mod common;
use common::{Random, bytes, hex};

#[test]
fn the_standards_examples_hold() {
    // GB/T 32905-2016, annex A.
    assert_eq!(
        hex(&digest(b"abc")),
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    );
    assert_eq!(
        hex(&digest(&b"abcd".repeat(16))),
        "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    );
}

#[test]
fn published_digests_hold() {
    for (input, output) in VECTORS {
        assert_eq!(hex(&digest(&bytes(input))), *output);
    }
}

#[test]
fn published_macs_hold() {
    for (key, input, output) in MACS {
        assert_eq!(hex(&hmac(key, input)), *output);
        let mut mac = Hmac::new(key);
        for piece in input.chunks(7) {
            mac.update(piece);
        }
        assert_eq!(hex(&mac.finalize()), *output);
        assert_eq!(hex(&hmac_many(key, &[*input; 5])[4]), *output);
    }
}

#[test]
fn a_long_key_stands_for_its_digest() {
    let key = Random::new(1).bytes(65);
    assert_eq!(hmac(&key, b"x"), hmac(&digest(&key), b"x"));
    assert_ne!(hmac(&key[..64], b"x"), hmac(&digest(&key[..64]), b"x"));
}

#[test]
fn every_compression_function_agrees() {
    let mut random = Random::new(9);
    for blocks in 0..20 {
        let data = random.bytes(64 * blocks);
        let start: [u32; 8] = std::array::from_fn(|_| random.next() as u32);
        let mut results = sm3::internals::compressions()
            .into_iter()
            .map(|(name, compress)| {
                let mut state = start;
                compress(&mut state, &data);
                (name, state)
            });
        let (_, wanted) = results.next().unwrap();
        assert!(results.all(|(_, state)| state == wanted), "{blocks} blocks");
    }
}

#[test]
fn pieces_make_the_same_digest_as_the_whole() {
    let mut random = Random::new(2);
    let data = random.bytes(2000);
    for length in 0..=400 {
        let mut hash = Sm3::new();
        let mut rest = &data[..length];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(random.below(rest.len()) + 1);
            hash.update(piece);
            rest = after;
        }
        let copy = hash.clone();
        assert_eq!(hash.finalize(), digest(&data[..length]), "{length} bytes");
        assert_eq!(copy.finalize(), digest(&data[..length]));
    }
}

#[test]
fn every_width_gives_the_digests_of_one_by_one() {
    let mut random = Random::new(3);
    for width in Width::available() {
        for count in [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 300] {
            for prefix in [0, 1, 17, 55, 56, 63, 64, 65, 130] {
                let prefix = random.bytes(prefix);
                let chunks: Vec<Vec<u8>> = (0..count)
                    .map(|_| {
                        let most = if random.below(20) == 0 { 20_000 } else { 200 };
                        let length = random.below(most);
                        random.bytes(length)
                    })
                    .collect();
                let parts: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
                let wanted: Vec<Digest> = chunks
                    .iter()
                    .map(|chunk| digest(&[&prefix[..], chunk].concat()))
                    .collect();
                assert_eq!(
                    digest_many_at(width, &prefix, &parts),
                    wanted,
                    "{width:?} {count}"
                );
            }
        }
    }
}

#[test]
fn every_width_agrees_at_every_length_around_the_block_edges() {
    let data = Random::new(4).bytes(700);
    let chunks: Vec<&[u8]> = (0..700).map(|length| &data[..length]).collect();
    let wanted: Vec<Digest> = chunks.iter().map(|chunk| digest(chunk)).collect();
    for width in Width::available() {
        assert_eq!(digest_many_at(width, b"", &chunks), wanted, "{width:?}");
    }
}

#[test]
fn leaves_are_salted_and_marked() {
    let mut random = Random::new(5);
    let salts: Vec<[u8; 16]> = (0..500).map(|_| random.array()).collect();
    let payloads: Vec<Vec<u8>> = (0..500)
        .map(|_| {
            let length = random.below(1000);
            random.bytes(length)
        })
        .collect();
    let parts: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
    let wanted: Vec<Digest> = salts
        .iter()
        .zip(&payloads)
        .map(|(salt, payload)| digest(&[&[0], &salt[..], payload].concat()))
        .collect();
    for width in Width::available() {
        assert_eq!(leaves_at(width, &salts, &parts), wanted, "{width:?}");
    }
}

#[test]
fn a_root_promotes_the_odd_node() {
    let mut random = Random::new(6);
    let leaves: Vec<Digest> = (0..70).map(|_| random.array()).collect();
    assert_eq!(merkle_root(&[]), None);
    for count in 1..=leaves.len() {
        let mut level = leaves[..count].to_vec();
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => digest(&[&[1], &left[..], right].concat()),
                    [odd] => *odd,
                    _ => unreachable!(),
                })
                .collect();
        }
        assert_eq!(
            merkle_root(&leaves[..count]),
            Some(level[0]),
            "{count} leaves"
        );
    }
}

#[test]
fn the_key_derivation_counts_from_one() {
    let data = Random::new(7).bytes(200);
    for secret in [0, 1, 55, 59, 60, 63, 64, 65, 96, 128, 200] {
        for length in [0usize, 1, 31, 32, 33, 64, 65, 100, 600, 3000] {
            let z = &data[..secret];
            let wanted: Vec<u8> = (1u32..=length.div_ceil(32) as u32)
                .flat_map(|counter| digest(&[z, &counter.to_be_bytes()].concat()))
                .take(length)
                .collect();
            assert_eq!(*kdf(z, length), wanted, "{secret} {length}");
        }
    }
}

#[test]
fn a_mebibyte_hashes_the_same_whole_and_in_pieces() {
    let data = Random::new(8).bytes(1 << 20);
    let mut hash = Sm3::new();
    for piece in data.chunks(999) {
        hash.update(piece);
    }
    let whole = digest(&data);
    assert_eq!(hash.finalize(), whole);
    for width in Width::available() {
        assert_eq!(
            sm3::digest_many_at(width, b"", &[&data[..]; 4]),
            vec![whole; 4]
        );
    }
}

/// From OpenSSL 3.0.20, `evpmd_sm3.txt` (Apache-2.0), its first, fifth, sixth and seventh.
const VECTORS: &[(&str, &str)] = &[
    (
        "0090414c494345313233405941484f4f2e434f4d787968b4fa32c3fd2417842e73bbfeff2f3c848b6831d7\
         e0ec65228b3937e49863e4c6d3b23b0c849cf84241484bfe48f61d59a5b16ba06e6e12d1da27c5249a421d\
         ebd61b62eab6746434ebc3cc315e32220b3badd50bdc4c4e6c147fedd43d0680512bcbb42c07d47349d215\
         3b70c4e5d7fdfcbfa36ea1a85841b9e46e09a20ae4c7798aa0f119471bee11825be46202bb79e2a5844495\
         e97c04ff4df2548a7c0240f88f1cd4e16352a73c17b7f16f07353e53a176d684a9fe0c6bb798e857",
        "f4a38489e32b45b6f876e3ac2168ca392362dc8f23459c1d1146fc3dbfb7bc9a",
    ),
    (
        "0090414c494345313233405941484f4f2e434f4d0000000000000000000000000000000000000000000000\
         0000000000000000000000e78bcd09746c202378a7e72b12bce00266b9627ecb0b5a25367ad1ad4cc6242b\
         00cdb9ca7f1e6b0441f658343f4b10297c0ef9b6491082400a62e7a7485735fadd013de74da65951c4d76d\
         c89220d5f7777a611b1c38bae260b175951dc8060c2b3e0165961645281a8626607b917f657d7e9382f1ea\
         5cd931f40f6627f357542653b201686522130d590fb8de635d8fca715cc6bf3d05bef3f75da5d543454448\
         166612",
        "26352af82ec19f207bbc6f9474e11e90ce0f7ddace03b27f801817e897a81fd5",
    ),
    (
        "0090414c494345313233405941484f4f2e434f4d787968b4fa32c3fd2417842e73bbfeff2f3c848b6831d7\
         e0ec65228b3937e49863e4c6d3b23b0c849cf84241484bfe48f61d59a5b16ba06e6e12d1da27c5249a421d\
         ebd61b62eab6746434ebc3cc315e32220b3badd50bdc4c4e6c147fedd43d0680512bcbb42c07d47349d215\
         3b70c4e5d7fdfcbfa36ea1a85841b9e46e09a23099093bf3c137d8fcbbcdf4a2ae50f3b0f216c3122d7942\
         5fe03a45dbfe16553df79e8dac1cf0ecbaa2f2b49d51a4b387f2efaf482339086a27a8e05baed98b",
        "e4d1d0c3ca4c7f11bc8ff8cb3f4c02a78f108fa098e51a668487240f75e20f31",
    ),
    (
        "008842494c4c343536405941484f4f2e434f4d787968b4fa32c3fd2417842e73bbfeff2f3c848b6831d7e0\
         ec65228b3937e49863e4c6d3b23b0c849cf84241484bfe48f61d59a5b16ba06e6e12d1da27c5249a421deb\
         d61b62eab6746434ebc3cc315e32220b3badd50bdc4c4e6c147fedd43d0680512bcbb42c07d47349d2153b\
         70c4e5d7fdfcbfa36ea1a85841b9e46e09a2245493d446c38d8cc0f118374690e7df633a8a4bfb3329b5ec\
         e604b2b4f37f4353c0869f4b9e17773de68fec45e14904e0dea45bf6cecf9918c85ea047c60a4c",
        "6b4b6d0e276691bd4a11bf72f4fb501ae309fdacb72fa6cc336e6656119abd67",
    ),
];

/// From GM/T 0042-2015, D.3, by way of OpenSSL 3.0.20, `evpmac_sm3.txt` (Apache-2.0).
const MACS: &[(&[u8], &[u8], &str)] = &[
    (
        &[
            1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
            25, 26, 27, 28, 29, 30, 31, 32,
        ],
        b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq\
          abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a",
    ),
    (
        &[
            1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
            25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37,
        ],
        &[0xcd; 50],
        "220bf579ded555393f0159f66c99877822a3ecf610d1552154b41d44b94db3ae",
    ),
    (
        &[0x0b; 32],
        b"Hi There",
        "c0ba18c68b90c88bc07de794bfc7d2c8d19ec31ed8773bc2b390c9604e0be11e",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882",
    ),
];
