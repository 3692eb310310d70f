//! RustCrypto's `sm2`, `sm3` and `sm4` in the line protocol of the peers (see ../README.md).

use std::io::{BufRead, Write};

use cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, StreamCipher, block_padding::Pkcs7};
use hmac::{KeyInit, Mac};
use sm2::dsa::signature::{Signer, Verifier};
use sm2::dsa::{Signature, SigningKey, VerifyingKey};
use sm2::elliptic_curve::{Generate, common::getrandom::SysRng};
use sm2::pke::{DecryptingKey, EncryptingKey, Mode};
use sm2::{PublicKey, SecretKey};
use sm3::Digest;

type Answer = Option<Vec<u8>>;

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn sign(g: &[Vec<u8>]) -> Answer {
    let key = SigningKey::from_slice(text(&g[1])?, &g[0]).ok()?;
    let signature: Signature = key.sign(&g[2]);
    Some(signature.to_der().as_bytes().to_vec())
}

fn verify(g: &[Vec<u8>]) -> Answer {
    let key = VerifyingKey::from_sec1_bytes(text(&g[1])?, &g[0]).ok()?;
    let signature = Signature::from_der(&g[3]).ok()?;
    key.verify(&g[2], &signature).ok()?;
    Some(Vec::new())
}

fn encrypt(g: &[Vec<u8>]) -> Answer {
    let public = PublicKey::from_sec1_bytes(&g[0]).ok()?;
    let key = EncryptingKey::new_with_mode(public, Mode::C1C3C2);
    key.encrypt_der(&mut SysRng, &g[1]).ok()
}

fn decrypt(g: &[Vec<u8>]) -> Answer {
    let secret = SecretKey::from_slice(&g[0]).ok()?;
    let key = DecryptingKey::new_with_mode(secret.to_nonzero_scalar(), Mode::C1C3C2);
    key.decrypt_der(&g[1]).ok()
}

fn hmac(g: &[Vec<u8>]) -> Answer {
    let mut mac = hmac::Hmac::<sm3::Sm3>::new_from_slice(&g[0]).ok()?;
    mac.update(&g[1]);
    Some(mac.finalize().into_bytes().to_vec())
}

fn cbc_encrypt(g: &[Vec<u8>]) -> Answer {
    let mode = cbc::Encryptor::<sm4::Sm4>::new_from_slices(&g[0], &g[1]).ok()?;
    Some(mode.encrypt_padded_vec::<Pkcs7>(&g[2]))
}

fn cbc_decrypt(g: &[Vec<u8>]) -> Answer {
    let mode = cbc::Decryptor::<sm4::Sm4>::new_from_slices(&g[0], &g[1]).ok()?;
    mode.decrypt_padded_vec::<Pkcs7>(&g[2]).ok()
}

fn ctr(g: &[Vec<u8>]) -> Answer {
    let mut data = g[2].clone();
    ctr::Ctr128BE::<sm4::Sm4>::new_from_slices(&g[0], &g[1])
        .ok()?
        .apply_keystream(&mut data);
    Some(data)
}

fn cpu_seconds() -> f64 {
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

fn operation(what: &str) -> Option<Box<dyn FnMut()>> {
    const ID: &str = "1234567812345678";
    let secret = SecretKey::generate();
    let key = SigningKey::new(ID, &secret).ok()?;
    let verifying = *key.verifying_key().as_affine();
    let verifying = VerifyingKey::from_affine(ID, verifying).ok()?;
    let message = [0u8; 32];
    let signature: Signature = key.sign(&message);
    let opener = DecryptingKey::new_with_mode(secret.to_nonzero_scalar(), Mode::C1C3C2);
    let sealer = EncryptingKey::new_with_mode(secret.public_key(), Mode::C1C3C2);
    let sealed = sealer.encrypt_der(&mut SysRng, &message).ok()?;
    let mut data = vec![0u8; 1 << 20];
    let key_iv = [0u8; 16];
    Some(match what {
        "sm2_keygen" => Box::new(|| {
            std::hint::black_box(SecretKey::generate().public_key());
        }),
        "sm2_sign" => Box::new(move || {
            let signature: Signature = key.sign(&message);
            std::hint::black_box(signature.to_der());
        }),
        "sm2_verify" => Box::new(move || verifying.verify(&message, &signature).unwrap()),
        "sm2_encrypt" => Box::new(move || {
            std::hint::black_box(sealer.encrypt_der(&mut SysRng, &message).unwrap());
        }),
        "sm2_decrypt" => Box::new(move || {
            std::hint::black_box(opener.decrypt_der(&sealed).unwrap());
        }),
        "sm3_1048576" => Box::new(move || {
            std::hint::black_box(sm3::Sm3::digest(&data));
        }),
        "sm4_ctr_1048576" => Box::new(move || {
            ctr::Ctr128BE::<sm4::Sm4>::new(&key_iv.into(), &key_iv.into()).apply_keystream(&mut data);
        }),
        "sm4_cbc_1048576" => Box::new(move || {
            let mode = cbc::Encryptor::<sm4::Sm4>::new(&key_iv.into(), &key_iv.into());
            std::hint::black_box(mode.encrypt_padded_vec::<Pkcs7>(&data));
        }),
        _ => return None,
    })
}

fn timed(what: &str, count: u64) -> String {
    let Some(mut call) = operation(what) else {
        return "missing no such operation".into();
    };
    let begun = cpu_seconds();
    for _ in 0..count {
        call();
    }
    format!("ok {:.6}", cpu_seconds() - begun)
}

fn answer(words: &[&str]) -> String {
    let verb: fn(&[Vec<u8>]) -> Answer = match words[0] {
        "hello" => return "ok RustCrypto sm2 0.14, sm3 0.5, sm4 0.6".into(),
        "time" => return timed(words[1], words[2].parse().unwrap_or(1)),
        "sign" => sign,
        "verify" => verify,
        "encrypt" => encrypt,
        "decrypt" => decrypt,
        "sm3" => |g| Some(sm3::Sm3::digest(&g[0]).to_vec()),
        "hmac" => hmac,
        "sm4_cbc_encrypt" => cbc_encrypt,
        "sm4_cbc_decrypt" => cbc_decrypt,
        "sm4_ctr" => ctr,
        _ => return "missing no such verb".into(),
    };
    let given: Vec<Vec<u8>> = words[1..]
        .iter()
        .map(|word| hex::decode(word.trim_start_matches('-')).unwrap_or_default())
        .collect();
    // A library that panics at bad input has refused it, in its way.
    match std::panic::catch_unwind(|| verb(&given)) {
        Ok(Some(value)) if value.is_empty() => "ok -".into(),
        Ok(Some(value)) => format!("ok {}", hex::encode(value)),
        Ok(None) => "refused".into(),
        Err(_) => "refused panic".into(),
    }
}

fn main() {
    let mut output = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        let words: Vec<&str> = line.split_whitespace().collect();
        if writeln!(output, "{}", answer(&words)).and_then(|()| output.flush()).is_err() {
            return;
        }
    }
}
