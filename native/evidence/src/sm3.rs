//! SM3: keys and messages are secret, their lengths are not.

use fengsui_native::sm3::internals::compressions;
use fengsui_native::sm3::{Width, digest, digest_many_at, hmac, hmac_many, kdf, leaves_at};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::secret::secret;

pub const CASES: &[(&str, fn())] = &[
    ("sm3 compression", compression),
    ("sm3 digest", one),
    ("sm3 many digests", many),
    ("sm3 salted leaves", salted),
    ("sm3 hmac", mac),
    ("sm3 many hmacs", macs),
    ("sm3 kdf", derive),
];

static FAST: AtomicBool = AtomicBool::new(false);

/// Takes the portable code, or all that valgrind can follow. Digests and macs have no such choice
/// outside their compression function and run as the processor lets them.
pub fn choose(fast: bool) {
    FAST.store(fast, Ordering::Relaxed);
}

fn compression() {
    let fast = FAST.load(Ordering::Relaxed);
    for (name, compress) in compressions() {
        if fast != (name == "portable") {
            let mut state = [0x0123_4567; 8];
            compress(&mut state, &secret(&[0x5a; 64 * 5]));
            black_box(state);
        }
    }
}

fn width() -> Width {
    if FAST.load(Ordering::Relaxed) {
        Width::best()
    } else {
        Width::One
    }
}

fn one() {
    black_box(digest(&secret(&[0x5a; 200])));
}

fn many() {
    let data = secret(&[0x5a; 300]);
    let chunks: Vec<&[u8]> = (0..20).map(|i| &data[..15 * i]).collect();
    black_box(digest_many_at(width(), &data[..70], &chunks));
}

fn salted() {
    let data = secret(&[0x5a; 300]);
    let payloads: Vec<&[u8]> = (0..20).map(|i| &data[..15 * i]).collect();
    black_box(leaves_at(width(), &[secret(&[7; 16]); 20], &payloads));
}

fn mac() {
    for length in [0, 16, 64, 65, 100] {
        black_box(hmac(&secret(&[0x42; 100])[..length], &secret(&[0x5a; 200])));
    }
}

fn macs() {
    let data = secret(&[0x5a; 300]);
    let chunks: Vec<&[u8]> = (0..20).map(|i| &data[..15 * i]).collect();
    black_box(hmac_many(&secret(&[0x42; 32]), &chunks));
}

fn derive() {
    black_box(kdf(&secret(&[0x42; 64]), 19));
    black_box(kdf(&secret(&[0x42; 70]), 1000));
}
