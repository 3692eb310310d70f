//! Measures each operation on one fixed secret against random ones, after dudect (Reparaz,
//! Balasch and Verbauwhede, "Dude, is my code constant time?", 2016): cycles by `rdtsc`, the
//! slowest tenth cut off, Welch's t, the median of five runs. |t| above 10 would be a sign of a
//! leak; a busy machine can cause as much, so this figure decides nothing.

use fengsui_native::sm2::internals::{G, Scalar, generator, multiply};
use fengsui_native::sm2::{PrivateKey, sign_with_nonce};
use std::hint::black_box;

const RUNS: usize = 5;
const SAMPLES: usize = 3000;

type Operation = Box<dyn Fn(&[u8; 32])>;

fn main() {
    println!(
        "{:<28} {:>9} {:>7}",
        "fixed against random secret", "cycles", "|t|"
    );
    for (name, operation) in operations() {
        let mut runs: Vec<(f64, f64)> = (0..RUNS).map(|run| measure(&operation, run)).collect();
        runs.sort_by(|left, right| left.1.total_cmp(&right.1));
        let (cycles, t) = runs[RUNS / 2];
        println!("{name:<28} {cycles:>9.0} {t:>7.1}");
    }
}

fn operations() -> Vec<(&'static str, Operation)> {
    let peer = PrivateKey::from_scalar(&[0x17; 32]).expect("a valid scalar");
    let sealed = fengsui_native::sm2::PublicKey::from_point(&peer.point())
        .and_then(|key| key.encrypt(&[0; 32]))
        .expect("a healthy source");
    vec![
        (
            "multiple of G",
            Box::new(|s| {
                black_box(generator().multiply(&Scalar::from_bytes(s).0));
            }),
        ),
        (
            "multiple of a point",
            Box::new(|s| {
                black_box(multiply(&Scalar::from_bytes(s).0, &G));
            }),
        ),
        (
            "inversion",
            Box::new(|s| {
                black_box(Scalar::from_bytes(s).0.invert());
            }),
        ),
        (
            "signature, secret nonce",
            Box::new(|s| {
                let _ = black_box(sign_with_nonce(&[0x17; 32], &[1; 32], s));
            }),
        ),
        (
            "opening, secret key",
            Box::new(move |s| {
                let key = PrivateKey::from_scalar(s).expect("a valid scalar");
                let _ = black_box(key.decrypt(&sealed.c1, &sealed.c3, &sealed.c2));
            }),
        ),
        (
            "planted leak",
            Box::new(|s| {
                black_box(
                    (0..64 + u32::from(s[31]) % 8)
                        .fold(1u64, |x, i| black_box(x * 3 + u64::from(i))),
                );
            }),
        ),
    ]
}

/// Mean cycles of the fixed class and |t|, from classes in random order.
fn measure(operation: &Operation, run: usize) -> (f64, f64) {
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ (run as u64 + 1);
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    // The fixed secret is the one with the most regular digits.
    let mut fixed = [0; 32];
    fixed[31] = 1;
    let inputs: Vec<(bool, [u8; 32])> = (0..SAMPLES)
        .map(|_| {
            let mut random = [0; 32];
            random
                .chunks_exact_mut(8)
                .for_each(|part| part.copy_from_slice(&word().to_le_bytes()));
            random[0] &= 0x7f;
            let is_fixed = word() >> 40 & 1 == 1;
            (is_fixed, if is_fixed { fixed } else { random })
        })
        .collect();
    let mut samples: Vec<(bool, f64)> = Vec::with_capacity(SAMPLES);
    for (is_fixed, input) in &inputs {
        let start = cycles();
        operation(input);
        samples.push((*is_fixed, (cycles() - start) as f64));
    }
    samples.drain(..SAMPLES / 20);
    let mut sorted: Vec<f64> = samples.iter().map(|sample| sample.1).collect();
    sorted.sort_by(f64::total_cmp);
    let limit = sorted[sorted.len() * 9 / 10];
    samples.retain(|sample| sample.1 <= limit);
    let (fixed, random) = (moments(&samples, true), moments(&samples, false));
    let t = (fixed.mean - random.mean) / (fixed.error + random.error).sqrt();
    (fixed.mean, t.abs())
}

struct Moments {
    mean: f64,
    /// Variance of the mean.
    error: f64,
}

fn moments(samples: &[(bool, f64)], class: bool) -> Moments {
    let values: Vec<f64> = samples
        .iter()
        .filter(|s| s.0 == class)
        .map(|s| s.1)
        .collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / (count - 1.0);
    Moments {
        mean,
        error: variance / count,
    }
}

#[cfg(target_arch = "x86_64")]
fn cycles() -> u64 {
    let mut core = 0;
    // SAFETY: reads a counter; `rdtscp` waits for what came before.
    unsafe { core::arch::x86_64::__rdtscp(&mut core) }
}
