//! What SM2 must refuse, and what it must do with everything else.

use fengsui_native::sm2::internals::{N, P, to_bytes};
use fengsui_native::sm2::{
    Error, PLAINTEXT_BYTES_MAX, PrivateKey, PublicKey, encrypt_with_nonce, sign_with_nonce,
    verify_many,
};
use num_bigint::BigUint;

fn n() -> BigUint {
    BigUint::from_bytes_be(&to_bytes(&N))
}

fn number(value: &BigUint) -> [u8; 32] {
    let bytes = value.to_bytes_be();
    let mut padded = [0; 32];
    padded[32 - bytes.len()..].copy_from_slice(&bytes);
    padded
}

fn small(value: u32) -> [u8; 32] {
    number(&BigUint::from(value))
}

fn key() -> PrivateKey {
    PrivateKey::from_scalar(&small(0x1234_5678)).unwrap()
}

fn public(key: &PrivateKey) -> PublicKey {
    PublicKey::from_point(&key.point()).unwrap()
}

fn digests(count: u32) -> Vec<[u8; 32]> {
    (0..count)
        .map(|i| number(&(n() * 977u32 / (i + 978))))
        .collect()
}

#[test]
fn keys_are_scalars_from_one_to_n_minus_two() {
    for good in [
        small(1),
        small(2),
        number(&(n() - 3u32)),
        number(&(n() - 2u32)),
    ] {
        let key = PrivateKey::from_scalar(&good).unwrap();
        assert_eq!(*key.scalar(), good);
        let e = [0xa5; 32];
        assert!(public(&key).verify(&e, &key.sign(&e).unwrap()));
    }
    for bad in [
        small(0),
        number(&(n() - 1u32)),
        number(&n()),
        number(&(n() + 1u32)),
        [0xff; 32],
    ] {
        assert!(matches!(PrivateKey::from_scalar(&bad), Err(Error::Refused)));
    }
}

#[test]
fn new_keys_differ_and_sign() {
    let (one, two) = (
        PrivateKey::generate().unwrap(),
        PrivateKey::generate().unwrap(),
    );
    assert_ne!(one.point(), two.point());
    let e = [7; 32];
    let signature = one.sign(&e).unwrap();
    assert!(public(&one).verify(&e, &signature));
    assert!(!public(&two).verify(&e, &signature));
}

#[test]
fn batches_of_any_size_give_valid_different_signatures_in_order() {
    let key = key();
    let public = public(&key);
    for size in 0..=130 {
        let es = digests(size);
        let signatures = key.sign_many(&es).unwrap();
        assert_eq!(signatures.len(), es.len());
        assert!(
            es.iter()
                .zip(&signatures)
                .all(|(e, signature)| public.verify(e, signature))
        );
    }
    let mut repeated = key.sign_many(&[[1; 32]; 130]).unwrap();
    repeated.push(key.sign(&[1; 32]).unwrap());
    repeated.sort_unstable();
    repeated.dedup();
    assert_eq!(repeated.len(), 131, "a nonce came twice");
}

#[test]
fn every_digest_can_be_signed() {
    let key = key();
    for e in [
        [0; 32],
        [0xff; 32],
        number(&n()),
        number(&(n() - 1u32)),
        to_bytes(&P),
        small(1),
    ] {
        assert!(public(&key).verify(&e, &key.sign(&e).unwrap()));
        assert!(public(&key).verify(&e, &key.sign_many(&[e]).unwrap()[0]));
    }
}

#[test]
fn given_nonces_are_checked() {
    let (d, e) = (small(77), [3; 32]);
    for good in [small(1), small(2), number(&(n() - 1u32))] {
        let signature = sign_with_nonce(&d, &e, &good).unwrap();
        let key = PrivateKey::from_scalar(&d).unwrap();
        assert!(public(&key).verify(&e, &signature));
    }
    for bad in [small(0), number(&n()), [0xff; 32]] {
        assert_eq!(sign_with_nonce(&d, &e, &bad), Err(Error::Refused));
        assert!(encrypt_with_nonce(&key().point(), b"m", &bad).is_err());
    }
}

#[test]
fn nonces_that_give_no_signature_are_refused() {
    // With k = 1 the point is G: e = −x gives r = 0, and e = −x − 1 gives r + k = n.
    let one = PrivateKey::from_scalar(&small(1)).unwrap();
    let x = BigUint::from_bytes_be(&one.point()[1..33]);
    let minus_x = (n() * 2u32 - x) % n();
    let d = small(5);
    assert_eq!(
        sign_with_nonce(&d, &number(&minus_x), &small(1)),
        Err(Error::Refused)
    );
    let next = (&minus_x + n() - 1u32) % n();
    assert_eq!(
        sign_with_nonce(&d, &number(&next), &small(1)),
        Err(Error::Refused)
    );
    // s = 0 needs k = r·d: with d = 1, r = 1.
    let zero_s = (&minus_x + 1u32) % n();
    assert_eq!(
        sign_with_nonce(&small(1), &number(&zero_s), &small(1)),
        Err(Error::Refused)
    );
}

#[test]
fn signatures_with_parts_out_of_range_are_refused() {
    let key = key();
    let public = public(&key);
    let e = [9; 32];
    let good = key.sign(&e).unwrap();
    assert!(public.verify(&e, &good));
    let bad_parts = [small(0), number(&n()), number(&(n() + 1u32)), [0xff; 32]];
    // Before and after the key has its own table.
    for _ in 0..40 {
        for part in &bad_parts {
            let (mut r, mut s) = (good, good);
            r[..32].copy_from_slice(part);
            s[32..].copy_from_slice(part);
            assert!(!public.verify(&e, &r));
            assert!(!public.verify(&e, &s));
        }
        // r + s = n, and s replaced by n − s.
        let mut sum = good;
        sum[32..].copy_from_slice(&number(&(n() - BigUint::from_bytes_be(&good[..32]))));
        assert!(!public.verify(&e, &sum));
        let mut negative = good;
        negative[32..].copy_from_slice(&number(&(n() - BigUint::from_bytes_be(&good[32..]))));
        assert!(!public.verify(&e, &negative));
        assert!(public.verify(&e, &good));
    }
    for length in [0, 63, 65] {
        assert!(!public.verify(&e, &vec![1; length]));
    }
}

#[test]
fn a_changed_bit_anywhere_is_refused() {
    let key = key();
    let public = public(&key);
    let e = [0x5a; 32];
    let good = key.sign(&e).unwrap();
    for bit in 0..512 {
        let mut bad = good;
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(!public.verify(&e, &bad));
    }
    for bit in 0..256 {
        let mut bad = e;
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(!public.verify(&bad, &good));
    }
}

#[test]
fn a_signature_whose_point_is_infinity_is_refused() {
    // s·G + (r + s)·P = 0 for P = d·G when s = −r·d / (1 + d).
    let d = BigUint::from(0x1234_5678u32);
    let r = BigUint::from(99u32);
    let inverse = (&d + 1u32).modpow(&(n() - 2u32), &n());
    let s = (n() - (&r * &d % n()) * inverse % n()) % n();
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&number(&r));
    signature[32..].copy_from_slice(&number(&s));
    let public = public(&key());
    for _ in 0..20 {
        assert!(!public.verify(&number(&r), &signature));
    }
}

#[test]
fn many_verdicts_come_in_order() {
    let key = key();
    let (first, second) = (
        public(&key),
        public(&PrivateKey::from_scalar(&small(2)).unwrap()),
    );
    let es = digests(130);
    let signatures = key.sign_many(&es).unwrap();
    let keys: Vec<&PublicKey> = (0..130)
        .map(|i| if i % 3 == 1 { &second } else { &first })
        .collect();
    let slices: Vec<&[u8]> = signatures.iter().map(|signature| &signature[..]).collect();
    let verdicts = verify_many(&keys, &es, &slices);
    assert!((0..130).all(|i| verdicts[i] == (i % 3 != 1)));
}

#[test]
fn points_that_are_not_of_the_curve_are_refused() {
    let key = key();
    // (0, 1) is on y² = x³ − 3x + 1, another curve; x = 1 with y = 0 is on none near.
    let mut other = [0; 65];
    other[0] = 4;
    other[64] = 1;
    let mut changed = key.point();
    changed[64] ^= 1;
    let mut above = key.point();
    above[1..33].copy_from_slice(&[0xff; 32]);
    for bad in [other, changed, above, [0; 65]] {
        assert!(PublicKey::from_point(&bad).is_err());
        assert!(key.shared_point(&bad).is_err());
        assert!(key.exchange(&key, &bad, &key.point()).is_err());
        assert!(key.exchange(&key, &key.point(), &bad).is_err());
        assert!(key.decrypt(&bad, &[0; 32], b"x").is_err());
        assert!(encrypt_with_nonce(&bad, b"x", &small(3)).is_err());
    }
}

#[test]
fn messages_of_all_sizes_come_back() {
    let key = key();
    let public = public(&key);
    for size in [1, 31, 32, 33, 64, 255, 4096, PLAINTEXT_BYTES_MAX] {
        let message: Vec<u8> = (0..size).map(|i| (i * 7) as u8).collect();
        let sealed = public.encrypt(&message).unwrap();
        assert_eq!(
            &key.decrypt(&sealed.c1, &sealed.c3, &sealed.c2).unwrap()[..],
            message
        );
        let mut c3 = sealed.c3;
        c3[31] ^= 1;
        assert!(key.decrypt(&sealed.c1, &c3, &sealed.c2).is_err());
        let mut c2 = sealed.c2.clone();
        c2[size / 2] ^= 0x80;
        assert!(key.decrypt(&sealed.c1, &sealed.c3, &c2).is_err());
        assert!(
            key.decrypt(&sealed.c1, &sealed.c3[..31], &sealed.c2)
                .is_err()
        );
        assert!(
            key.decrypt(&sealed.c1[..64], &sealed.c3, &sealed.c2)
                .is_err()
        );
    }
    assert!(public.encrypt(&[]).is_err());
    assert!(public.encrypt(&vec![0; PLAINTEXT_BYTES_MAX + 1]).is_err());
    assert!(key.decrypt(&key.point(), &[0; 32], &[]).is_err());
    assert!(
        key.decrypt(&key.point(), &[0; 32], &vec![0; PLAINTEXT_BYTES_MAX + 1])
            .is_err()
    );
}

#[test]
fn encryption_is_the_same_with_and_without_the_keys_table() {
    let key = key();
    let public = public(&key);
    for _ in 0..40 {
        let sealed = public.encrypt(b"again").unwrap();
        assert_eq!(
            &key.decrypt(&sealed.c1, &sealed.c3, &sealed.c2).unwrap()[..],
            b"again"
        );
    }
}

#[test]
fn both_sides_share_a_point() {
    let (a, b) = (key(), PrivateKey::generate().unwrap());
    assert_eq!(
        *a.shared_point(&b.point()).unwrap(),
        *b.shared_point(&a.point()).unwrap()
    );
    let two = PrivateKey::from_scalar(&small(2)).unwrap();
    let one = PrivateKey::from_scalar(&small(1)).unwrap();
    assert_eq!(
        two.shared_point(&one.point()).unwrap()[..],
        two.point()[1..]
    );
}

#[test]
fn an_exchange_that_ends_at_infinity_is_refused() {
    // d chosen so that t = d + x̄·r = 0 for r = 1.
    let one = PrivateKey::from_scalar(&small(1)).unwrap();
    let x = BigUint::from_bytes_be(&one.point()[1..33]);
    let half = BigUint::from(1u32) << 127;
    let weight = &half + x % &half;
    let d = PrivateKey::from_scalar(&number(&(n() - weight))).unwrap();
    assert!(d.exchange(&one, &key().point(), &key().point()).is_err());
    // P + x̄·R at infinity: the same pair seen from the other side.
    assert!(key().exchange(&key(), &d.point(), &one.point()).is_err());
}
