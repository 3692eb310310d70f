//! SM4 and its modes: the standards' examples, and every path against a textbook reference.

use fengsui_native::sm4::{Path, Refused, Sm4, ccm_fits};

mod common;
use common::sm4::Reference;
use common::{Random, bytes, hex};

const KEY: &str = "0123456789abcdeffedcba9876543210";

fn paths() -> impl Iterator<Item = Path> {
    Path::ALL.into_iter().filter(|path| path.is_available())
}

fn key(text: &str) -> [u8; 16] {
    bytes(text).try_into().unwrap()
}

fn made<const N: usize>(length: usize, work: impl Fn(&mut [u8]) -> [u8; N]) -> (Vec<u8>, [u8; N]) {
    let mut out = vec![0xaa; length];
    let tag = work(&mut out);
    (out, tag)
}

fn filled(length: usize, work: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut out = vec![0xaa; length];
    work(&mut out);
    out
}

/// Lengths around the edges of blocks, groups and pieces, and some between.
fn lengths(random: &mut Random) -> Vec<usize> {
    let mut lengths: Vec<usize> = (0..=70).collect();
    for edge in [128, 256, 512, 1024, 2048, 4096, 8192] {
        lengths.extend([
            edge - 17,
            edge - 16,
            edge - 1,
            edge,
            edge + 1,
            edge + 16,
            edge + 31,
        ]);
    }
    lengths.extend((0..100).map(|_| random.below(2000)));
    lengths
}

#[test]
fn the_standards_example_holds_on_every_path() {
    // GB/T 32907-2016, A.1.
    for path in paths() {
        let sm4 = Sm4::with_path(path, &key(KEY));
        let sealed = filled(16, |to| sm4.ecb_encrypt(&key(KEY), to));
        assert_eq!(hex(&sealed), "681edf34d206965e86b3e94f536e4246", "{path:?}");
        assert_eq!(filled(16, |to| sm4.ecb_decrypt(&sealed, to)), key(KEY));
    }
}

#[test]
fn a_million_rounds_hold_on_every_path() {
    // GB/T 32907-2016, A.2. The chain of CBC over zeros encrypts each block's result again.
    const ROUNDS: usize = 1_000_000;
    const AT_ONCE: usize = 1000;
    for path in paths() {
        let sm4 = Sm4::with_path(path, &key(KEY));
        let mut last = key(KEY);
        let mut out = vec![0; 16 * AT_ONCE];
        for _ in 0..ROUNDS / AT_ONCE {
            sm4.cbc_encrypt(&last, &[0; 16 * AT_ONCE], &mut out);
            last = *out.last_chunk().unwrap();
        }
        assert_eq!(hex(&last), "595298c7c6fd271f0402f804c33d3f66", "{path:?}");
    }
}

#[test]
fn published_cbc_and_ctr_hold_on_every_path() {
    // OpenSSL 3.0.20, evpciph_sm4.txt (Apache-2.0), after draft-ribose-cfrg-sm4.
    let text = bytes(KEY).repeat(2);
    for path in paths() {
        let sm4 = Sm4::with_path(path, &key(KEY));
        let sealed = filled(32, |to| sm4.cbc_encrypt(&key(KEY), &text, to));
        assert_eq!(
            hex(&sealed),
            "2677f46b09c122cc975533105bd4a22af6125f7275ce552c3a2bbcf533de8a3b"
        );
        assert_eq!(
            filled(32, |to| sm4.cbc_decrypt(&key(KEY), &sealed, to)),
            text
        );
        let sealed = filled(64, |to| sm4.ctr(&key(KEY), &bytes(RFC_TEXT), to));
        assert_eq!(
            hex(&sealed),
            "c2b4759e78ac3cf43d0852f4e8d5f9fd7256e8a5fcb65a350ee00630912e4449\
             2a0b17e1b85b060d0fba612d8a95831638b361fd5ffacd942f081485a83ca35d"
        );
    }
}

const RFC_TEXT: &str = "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd\
                        eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa";
const RFC_NONCE: &str = "00001234567800000000abcd";
const RFC_AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";

#[test]
fn rfc_8998_gcm_holds_on_every_path() {
    let nonce: [u8; 12] = bytes(RFC_NONCE).try_into().unwrap();
    for path in paths() {
        let sm4 = Sm4::with_path(path, &key(KEY));
        let (out, tag) = made(64, |to| {
            sm4.gcm_seal(&nonce, &bytes(RFC_AAD), &bytes(RFC_TEXT), to)
        });
        assert_eq!(
            hex(&out),
            "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735\
             d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d",
            "{path:?}"
        );
        assert_eq!(hex(&tag), "83de3541e4c2b58177e065a9bf7b62ec");
    }
}

#[test]
fn rfc_8998_ccm_holds_on_every_path() {
    for path in paths() {
        let sm4 = Sm4::with_path(path, &key(KEY));
        let (out, tag) = made(64, |to| {
            let mut tag = [0; 16];
            sm4.ccm_seal(
                &bytes(RFC_NONCE),
                &bytes(RFC_AAD),
                &bytes(RFC_TEXT),
                to,
                &mut tag,
            )
            .unwrap();
            tag
        });
        assert_eq!(
            hex(&out),
            "48af93501fa62adbcd414cce6034d895dda1bf8f132f042098661572e7483094\
             fd12e518ce062c98acee28d95df4416bed31a2f04476c18bb40c84a74b97dc5b",
            "{path:?}"
        );
        assert_eq!(hex(&tag), "16842d4fa186f56ab33256971fa110f4");
    }
}

#[test]
fn every_byte_goes_through_the_s_box_as_the_standard_has_it() {
    let mut random = Random::new(1);
    for path in paths() {
        for _ in 0..64 {
            let key = random.array();
            let data = random.bytes(16 * 300);
            let wanted = Reference::new(&key).ecb(&data);
            let sm4 = Sm4::with_path(path, &key);
            let sealed = filled(data.len(), |to| sm4.ecb_encrypt(&data, to));
            assert_eq!(sealed, wanted, "{path:?}");
            assert_eq!(
                filled(data.len(), |to| sm4.ecb_decrypt(&sealed, to)),
                data,
                "{path:?}"
            );
        }
    }
}

#[test]
fn the_reference_decrypts_what_it_encrypts() {
    let mut random = Random::new(2);
    let reference = Reference::new(&random.array());
    let block: [u8; 16] = random.array();
    assert_eq!(reference.decrypt(&reference.encrypt(&block)), block);
}

#[test]
fn block_modes_agree_on_every_path_at_every_length() {
    let mut random = Random::new(3);
    let (key, iv) = (random.array(), random.array());
    let reference = Reference::new(&key);
    let data = random.bytes(16 * 600);
    let ecb = reference.ecb(&data);
    let cbc = reference.cbc(&iv, &data);
    for path in paths() {
        let sm4 = Sm4::with_path(path, &key);
        for blocks in (0..140).chain([255, 256, 257, 511, 512, 513, 600]) {
            let text = &data[..16 * blocks];
            let made = filled(text.len(), |to| sm4.ecb_encrypt(text, to));
            assert_eq!(made, ecb[..text.len()], "{path:?} {blocks}");
            assert_eq!(filled(text.len(), |to| sm4.ecb_decrypt(&made, to)), text);
            let made = filled(text.len(), |to| sm4.cbc_encrypt(&iv, text, to));
            assert_eq!(made, cbc[..text.len()], "{path:?} {blocks}");
            assert_eq!(
                filled(text.len(), |to| sm4.cbc_decrypt(&iv, &made, to)),
                text
            );
        }
    }
}

#[test]
fn the_keystream_agrees_on_every_path_at_every_length() {
    let mut random = Random::new(4);
    let key = random.array();
    let reference = Reference::new(&key);
    for length in lengths(&mut random) {
        let (counter, data) = (random.array(), random.bytes(length));
        let wanted = reference.ctr(&counter, &data);
        for path in paths() {
            let sm4 = Sm4::with_path(path, &key);
            let made = filled(length, |to| sm4.ctr(&counter, &data, to));
            assert_eq!(made, wanted, "{path:?} {length}");
        }
    }
}

#[test]
fn the_counter_carries_over_all_its_bits() {
    let mut random = Random::new(5);
    let key = random.array();
    let reference = Reference::new(&key);
    let data = random.bytes(3000);
    for counter in [
        u128::MAX,
        u128::MAX - 1,
        u128::MAX - 70,
        (1 << 32) - 1,
        (1 << 32) - 64,
        (5 << 64) - 3,
        (7 << 96) - 20,
    ] {
        let counter = counter.to_be_bytes();
        let wanted = reference.ctr(&counter, &data);
        for path in paths() {
            let sm4 = Sm4::with_path(path, &key);
            assert_eq!(
                filled(data.len(), |to| sm4.ctr(&counter, &data, to)),
                wanted,
                "{path:?}"
            );
        }
    }
}

#[test]
fn gcm_agrees_with_the_bit_by_bit_reference_at_every_length() {
    let mut random = Random::new(6);
    let key = random.array();
    let reference = Reference::new(&key);
    for length in lengths(&mut random) {
        let nonce = random.array();
        let aad = random.below(400);
        let (aad, data) = (random.bytes(aad), random.bytes(length));
        let (wanted, wanted_tag) = reference.gcm(&nonce, &aad, &data);
        for path in paths() {
            let sm4 = Sm4::with_path(path, &key);
            let (out, tag) = made(length, |to| sm4.gcm_seal(&nonce, &aad, &data, to));
            assert!(out == wanted && tag == wanted_tag, "{path:?} {length}");
            let mut back = vec![0; length];
            sm4.gcm_open(&nonce, &aad, &out, &tag, &mut back).unwrap();
            assert_eq!(back, data);
        }
    }
}

#[test]
fn a_mebibyte_agrees_on_every_path() {
    let mut random = Random::new(7);
    let (key, iv, nonce) = (random.array(), random.array(), random.array());
    let data = random.bytes(1 << 20);
    let reference = Reference::new(&key);
    let ctr = reference.ctr(&iv, &data);
    let cbc = reference.cbc(&iv, &data);
    let portable = Sm4::with_path(Path::Portable, &key);
    let gcm = made(data.len(), |to| portable.gcm_seal(&nonce, b"", &data, to));
    for path in paths() {
        let sm4 = Sm4::with_path(path, &key);
        assert!(
            filled(data.len(), |to| sm4.ctr(&iv, &data, to)) == ctr,
            "{path:?}"
        );
        assert!(
            filled(data.len(), |to| sm4.cbc_encrypt(&iv, &data, to)) == cbc,
            "{path:?}"
        );
        assert!(
            filled(data.len(), |to| sm4.cbc_decrypt(&iv, &cbc, to)) == data,
            "{path:?}"
        );
        assert!(
            made(data.len(), |to| sm4.gcm_seal(&nonce, b"", &data, to)) == gcm,
            "{path:?}"
        );
        let mut back = vec![0; data.len()];
        sm4.gcm_open(&nonce, b"", &gcm.0, &gcm.1, &mut back)
            .unwrap();
        assert!(back == data, "{path:?}");
    }
}

#[test]
fn gcm_refuses_every_flipped_bit_and_gives_nothing_out() {
    let mut random = Random::new(8);
    let (key, nonce) = (random.array(), random.array());
    for path in paths() {
        let sm4 = Sm4::with_path(path, &key);
        for length in [0, 33, 300] {
            let (aad, data) = (random.bytes(20), random.bytes(length));
            let (out, tag) = made(length, |to| sm4.gcm_seal(&nonce, &aad, &data, to));
            let refused = |nonce: &[u8; 12], aad: &[u8], out: &[u8], tag: &[u8; 16]| {
                let mut back = vec![0xaa; length];
                let verdict = sm4.gcm_open(nonce, aad, out, tag, &mut back);
                verdict == Err(Refused) && back.iter().all(|byte| *byte == 0)
            };
            for bit in 0..128 {
                let mut tag = tag;
                tag[bit / 8] ^= 1 << (bit % 8);
                assert!(refused(&nonce, &aad, &out, &tag), "{path:?} tag bit {bit}");
            }
            for bit in 0..8 * length {
                let mut out = out.clone();
                out[bit / 8] ^= 1 << (bit % 8);
                assert!(refused(&nonce, &aad, &out, &tag), "{path:?} text bit {bit}");
            }
            for bit in 0..8 * aad.len() {
                let mut aad = aad.clone();
                aad[bit / 8] ^= 1 << (bit % 8);
                assert!(refused(&nonce, &aad, &out, &tag), "{path:?} aad bit {bit}");
            }
            let mut other = nonce;
            other[11] ^= 1;
            assert!(refused(&other, &aad, &out, &tag));
            assert!(refused(&nonce, &aad[..19], &out, &tag));
        }
    }
}

#[test]
fn ccm_agrees_with_the_reference_in_every_form() {
    let mut random = Random::new(9);
    let key = random.array();
    let reference = Reference::new(&key);
    for nonce in 7..=13 {
        for size in [4, 6, 8, 10, 12, 14, 16] {
            let nonce = random.bytes(nonce);
            let (aad, length) = (random.below(60), random.below(200));
            let (aad, data) = (random.bytes(aad), random.bytes(length));
            let (wanted, wanted_tag) = reference.ccm(&nonce, &aad, &data, size);
            for path in paths() {
                let sm4 = Sm4::with_path(path, &key);
                let mut tag = vec![0; size];
                let mut out = vec![0; length];
                sm4.ccm_seal(&nonce, &aad, &data, &mut out, &mut tag)
                    .unwrap();
                assert_eq!((&out, &tag), (&wanted, &wanted_tag), "{path:?}");
                let mut back = vec![0; length];
                sm4.ccm_open(&nonce, &aad, &out, &tag, &mut back).unwrap();
                assert_eq!(back, data);
                for bit in 0..8 * size {
                    tag[bit / 8] ^= 1 << (bit % 8);
                    let verdict = sm4.ccm_open(&nonce, &aad, &out, &tag, &mut back);
                    assert_eq!(verdict, Err(Refused));
                    assert!(back.iter().all(|byte| *byte == 0));
                    tag[bit / 8] ^= 1 << (bit % 8);
                }
            }
        }
    }
}

#[test]
fn ccm_writes_a_long_aad_in_the_long_form() {
    let mut random = Random::new(10);
    let key = random.array();
    for length in [0xfeff, 0xff00, 0xff01, 70_000] {
        let aad = random.bytes(length);
        let (_, wanted) = Reference::new(&key).ccm(&[7; 12], &aad, b"text", 16);
        for path in paths() {
            let (mut out, mut tag) = ([0; 4], [0; 16]);
            Sm4::with_path(path, &key)
                .ccm_seal(&[7; 12], &aad, b"text", &mut out, &mut tag)
                .unwrap();
            assert_eq!(tag[..], wanted, "{path:?} {length}");
        }
    }
}

#[test]
fn ccm_refuses_sizes_it_does_not_have() {
    assert!(ccm_fits(13, 16, 65_535) && ccm_fits(12, 4, 65_536) && ccm_fits(7, 16, usize::MAX));
    assert!(!ccm_fits(13, 16, 65_536));
    for (nonce, tag) in [(6, 16), (14, 16), (12, 2), (12, 5), (12, 18), (12, 0)] {
        assert!(!ccm_fits(nonce, tag, 1), "{nonce} {tag}");
        let (mut out, mut made) = ([0; 1], vec![0; tag]);
        let sealed = Sm4::new(&[0; 16]).ccm_seal(&vec![0; nonce], b"", b"x", &mut out, &mut made);
        assert_eq!(sealed, Err(Refused));
    }
}
