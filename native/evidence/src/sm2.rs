//! SM2: scalars, nonces, keystreams and plaintexts are secret.

use fengsui_native::sm2::internals::{
    AVX2, Fe, G, MULX, Scalar, assume, from_bytes, generator, multiply,
};
use fengsui_native::sm2::{
    PrivateKey, PublicKey, encrypt_with_nonce, message_digest, sign_with_nonce,
};
use std::hint::black_box;

use crate::secret::{reveal, secret};

pub const CASES: &[(&str, fn())] = &[
    ("sm2 keygen", keygen),
    ("sm2 key from scalar", key_from_scalar),
    ("sm2 sign", sign),
    ("sm2 sign_many", sign_many),
    ("sm2 sign with nonce", sign_nonce),
    ("sm2 encrypt", encrypt),
    ("sm2 encrypt with nonce", encrypt_nonce),
    ("sm2 decrypt", decrypt),
    ("sm2 shared_point", shared_point),
    ("sm2 exchange", exchange),
    ("sm2 inversion of scalars", invert_scalar),
    ("sm2 inversion of coordinates", invert_coordinate),
    ("sm2 multiples of G", multiply_generator),
    ("sm2 multiples of a point", multiply_point),
];

/// Takes the plain instructions, or all that valgrind can follow: it carries out `adcx` and `adox`
/// though it does not announce them, so the caller has asked the processor.
pub fn choose(fast: bool) {
    // SAFETY: run.sh runs the fast path only where /proc/cpuinfo lists bmi2, adx and avx2.
    unsafe { assume(if fast { MULX | AVX2 } else { 0 }) };
}

/// Scalars with long runs of equal digits as well as mixed ones.
const SCALARS: [[u8; 32]; 4] = [[0x11; 32], [0x80; 32], [0xa7; 32], {
    let mut one = [0; 32];
    one[31] = 1;
    one
}];

fn key() -> PrivateKey {
    PrivateKey::from_scalar(&secret(&SCALARS[0])).expect("a valid scalar")
}

fn keygen() {
    // The library marks what the system's source gives.
    let key = PrivateKey::generate().expect("a healthy source");
    black_box(key.scalar());
}

fn key_from_scalar() {
    for scalar in &SCALARS {
        let key = PrivateKey::from_scalar(&secret(scalar)).expect("a valid scalar");
        // The public point carries no mark any more: it can be looked at.
        assert_eq!(key.point()[0], 4);
    }
}

fn sign() {
    let key = key();
    let e = message_digest(&[1; 32], b"message");
    let signature = key.sign(&e).expect("a healthy source");
    assert!(public(&key).verify(&e, &signature));
}

fn sign_many() {
    let key = key();
    let public = public(&key);
    // Few and many go different ways.
    for size in [5, 25] {
        let es: Vec<[u8; 32]> = (0..size).map(|i| [i; 32]).collect();
        let signatures = key.sign_many(&es).expect("a healthy source");
        let mut pairs = es.iter().zip(&signatures);
        assert!(pairs.all(|(e, signature)| public.verify(e, signature)));
    }
}

fn sign_nonce() {
    for (d, k) in SCALARS.iter().zip(SCALARS.iter().rev()) {
        black_box(sign_with_nonce(&secret(d), &[7; 32], &secret(k)).expect("a usable nonce"));
    }
}

fn public(key: &PrivateKey) -> PublicKey {
    PublicKey::from_point(&key.point()).expect("a point of the curve")
}

fn encrypt() {
    let public = public(&key());
    // Often enough that the key gets its own table on the way.
    for _ in 0..18 {
        let sealed = public
            .encrypt(&secret(&[0x33; 40]))
            .expect("a healthy source");
        assert_eq!(sealed.c2.len(), 40);
    }
}

fn encrypt_nonce() {
    for k in &SCALARS {
        let sealed = encrypt_with_nonce(&G.to_bytes(), &secret(&[0x33; 40]), &secret(k));
        assert_eq!(sealed.expect("a usable nonce").c1[0], 4);
    }
}

fn decrypt() {
    let key = key();
    let sealed = public(&key)
        .encrypt(b"plaintext of more than one block of keystream")
        .unwrap();
    let mut plaintext = key
        .decrypt(&sealed.c1, &sealed.c3, &sealed.c2)
        .expect("a true ciphertext");
    // The caller may look at what was meant for it.
    reveal(&mut plaintext);
    assert_eq!(&plaintext[..9], b"plaintext");
    let mut c3 = sealed.c3;
    c3[5] ^= 1;
    assert!(key.decrypt(&sealed.c1, &c3, &sealed.c2).is_err());
}

fn shared_point() {
    let peer = PrivateKey::from_scalar(&SCALARS[2]).expect("a valid scalar");
    black_box(
        key()
            .shared_point(&peer.point())
            .expect("a point of the curve"),
    );
}

fn exchange() {
    let peer = PrivateKey::from_scalar(&SCALARS[2]).expect("a valid scalar");
    let ephemeral = PrivateKey::generate().expect("a healthy source");
    black_box(
        key()
            .exchange(&ephemeral, &peer.point(), &G.to_bytes())
            .expect("no infinity"),
    );
}

fn invert_scalar() {
    for scalar in &SCALARS {
        black_box(Scalar::from_bytes(&secret(scalar)).0.invert());
    }
}

fn invert_coordinate() {
    for number in &SCALARS {
        let coordinate = Fe::from_limbs(&from_bytes(number)).expect("below p");
        let mut bytes = coordinate.to_bytes();
        crate::secret::hide(&mut bytes);
        black_box(Fe::from_bytes_reduced(&bytes).invert());
    }
}

fn multiply_generator() {
    for scalar in &SCALARS {
        black_box(generator().multiply(&Scalar::from_bytes(&secret(scalar)).0));
    }
}

fn multiply_point() {
    for scalar in &SCALARS {
        black_box(multiply(&Scalar::from_bytes(&secret(scalar)).0, &G));
    }
}
