//! SM4: keys and texts are secret; nonces, counters, lengths and tags are not.

use fengsui_native::sm4::{Path, Sm4};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::secret::{reveal, secret};

pub const CASES: &[(&str, fn())] = &[
    ("sm4 key schedule", schedule),
    ("sm4 ecb", ecb),
    ("sm4 cbc", cbc),
    ("sm4 ctr", ctr),
    ("sm4 gcm seal", gcm_seal),
    ("sm4 gcm open", gcm_open),
    ("sm4 ccm seal", ccm_seal),
    ("sm4 ccm open", ccm_open),
];

static FAST: AtomicBool = AtomicBool::new(false);

/// Takes the portable path, or the fastest that valgrind can follow: it knows AES-NI and AVX2 but
/// neither GFNI nor AVX-512. Those paths have the same shape, with other instructions of fixed time.
pub fn choose(fast: bool) {
    FAST.store(fast, Ordering::Relaxed);
    assert_eq!(
        sm4().path() == Path::Portable,
        !fast,
        "valgrind lacks AES-NI"
    );
}

fn sm4() -> Sm4 {
    let path = if FAST.load(Ordering::Relaxed) {
        Path::best()
    } else {
        Path::Portable
    };
    Sm4::with_path(path, &secret(&[0x42; 16]))
}

/// Part of a block, some blocks, more than all paths keep in flight at once.
const LENGTHS: [usize; 5] = [0, 5, 64, 250, 1333];
const TEXT: [u8; 1536] = [0x5a; 1536];

fn schedule() {
    black_box(&sm4());
}

fn ecb() {
    let mut out = TEXT;
    sm4().ecb_encrypt(&secret(&TEXT), &mut out);
    sm4().ecb_decrypt(&secret(&TEXT), &mut out);
    black_box(out);
}

fn cbc() {
    let mut out = TEXT;
    sm4().cbc_encrypt(&[1; 16], &secret(&TEXT), &mut out);
    sm4().cbc_decrypt(&[1; 16], &secret(&TEXT), &mut out);
    black_box(out);
}

fn ctr() {
    for length in LENGTHS {
        let mut out = TEXT;
        sm4().ctr(&[0xff; 16], &secret(&TEXT)[..length], &mut out[..length]);
        black_box(out);
    }
}

fn gcm_seal() {
    for length in LENGTHS {
        let mut out = TEXT;
        let text = &secret(&TEXT)[..length];
        black_box(sm4().gcm_seal(&[1; 12], b"header", text, &mut out[..length]));
        black_box(out);
    }
}

/// A ciphertext and its tag come over the wire: they are public, the verdict on them too.
fn gcm_open() {
    for length in LENGTHS {
        let mut sealed = TEXT;
        let (text, sealed) = (&TEXT[..length], &mut sealed[..length]);
        let mut tag = sm4().gcm_seal(&[1; 12], b"header", text, sealed);
        reveal(sealed);
        reveal(&mut tag);
        let mut out = TEXT;
        let out = &mut out[..length];
        assert!(
            sm4()
                .gcm_open(&[1; 12], b"header", sealed, &tag, out)
                .is_ok()
        );
        tag[7] ^= 4;
        assert!(
            sm4()
                .gcm_open(&[1; 12], b"header", sealed, &tag, out)
                .is_err()
        );
    }
}

fn ccm_seal() {
    for length in LENGTHS {
        let (mut out, mut tag) = (TEXT, [0; 8]);
        let text = &secret(&TEXT)[..length];
        let sealed = sm4().ccm_seal(&[1; 12], b"header", text, &mut out[..length], &mut tag);
        assert!(sealed.is_ok());
        black_box((out, tag));
    }
}

fn ccm_open() {
    for length in LENGTHS {
        let (mut sealed, mut tag) = (TEXT, [0; 16]);
        let (text, sealed) = (&TEXT[..length], &mut sealed[..length]);
        assert!(
            sm4()
                .ccm_seal(&[1; 12], b"header", text, sealed, &mut tag)
                .is_ok()
        );
        reveal(sealed);
        reveal(&mut tag);
        let mut out = TEXT;
        let out = &mut out[..length];
        assert!(
            sm4()
                .ccm_open(&[1; 12], b"header", sealed, &tag, out)
                .is_ok()
        );
        tag[7] ^= 4;
        assert!(
            sm4()
                .ccm_open(&[1; 12], b"header", sealed, &tag, out)
                .is_err()
        );
    }
}
