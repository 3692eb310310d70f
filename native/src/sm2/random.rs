//! Random bytes from the operating system, tested for health before anything uses them.
//!
//! Every call asks the kernel anew: no state of a generator is kept, so a forked process shares
//! none with its parent. The tests are those of NIST SP 800-90B, 4.4: repetition count and adaptive
//! proportion, on the bytes as they come, at start over 1024 bytes and then over every byte. They
//! assume four bits of entropy in a byte and raise a false alarm once in 2⁴⁰ samples; a generator
//! that is stuck or heavily biased trips them. After one alarm the process gets no more random
//! bytes: it fails closed.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Error, ct};
use crate::secret::{hide, reveal_word};
use zeroize::Zeroize;

/// 1 + 40 / 4 (SP 800-90B, 4.4.1).
const REPETITION_LIMIT: u64 = 11;
/// Bytes of a window (4.4.2, for more than two symbols).
const WINDOW: u32 = 512;
/// The first byte of a window may not come this often in it: 1 + the 1 − 2⁻⁴⁰ quantile of the
/// binomial distribution of 512 draws with probability 2⁻⁴.
const PROPORTION_LIMIT: u64 = 79;
const STARTUP_BYTES: usize = 1024;

static FAILED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// One set of tests for each thread: no lock that a fork could leave closed.
    static HEALTH: RefCell<Health> = const { RefCell::new(Health::new()) };
}

/// The running state of both tests.
pub struct Health {
    last: u64,
    repetitions: u64,
    first: u64,
    seen: u32,
    matches: u64,
}

impl Health {
    pub const fn new() -> Self {
        Self {
            last: 0,
            repetitions: 0,
            first: 0,
            seen: 0,
            matches: 0,
        }
    }

    /// Takes in bytes; all ones while healthy, zero when a limit is reached. Does not branch on
    /// them: they become secrets.
    pub fn accepts(&mut self, bytes: &[u8]) -> u64 {
        let mut tripped = 0;
        for &byte in bytes {
            let byte = u64::from(byte);
            self.repetitions = 1 + (self.repetitions & ct::is_equal(byte, self.last));
            self.last = byte;
            tripped |= reached(self.repetitions, REPETITION_LIMIT);
            if self.seen == 0 {
                self.first = byte;
                self.matches = 0;
            }
            self.matches += ct::is_equal(byte, self.first) & 1;
            tripped |= reached(self.matches, PROPORTION_LIMIT);
            self.seen = (self.seen + 1) % WINDOW;
        }
        !tripped
    }
}

/// All ones from the limit on, else zero; both below 2⁶³.
fn reached(count: u64, limit: u64) -> u64 {
    ct::barrier((count.wrapping_sub(limit) >> 63).wrapping_sub(1))
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

/// Fills the buffer with random bytes that have passed the tests.
pub fn fill(buffer: &mut [u8]) -> Result<(), Error> {
    start()?;
    draw(buffer)
}

fn start() -> Result<(), Error> {
    static STARTED: OnceLock<()> = OnceLock::new();
    if STARTED.get().is_none() {
        test_sample()?;
        let _ = STARTED.set(());
    }
    if FAILED.load(Ordering::Relaxed) {
        Err(Error::Random)
    } else {
        Ok(())
    }
}

fn test_sample() -> Result<(), Error> {
    let mut sample = [0; STARTUP_BYTES];
    let result = draw(&mut sample);
    sample.zeroize();
    result
}

fn draw(buffer: &mut [u8]) -> Result<(), Error> {
    let filled = getrandom::fill(buffer).is_ok();
    // Secrets from here on; that they passed the tests is known to all.
    hide(buffer);
    let healthy = HEALTH.with_borrow_mut(|health| reveal_word(health.accepts(buffer)) != 0);
    if filled && healthy && !FAILED.load(Ordering::Relaxed) {
        return Ok(());
    }
    FAILED.store(true, Ordering::Relaxed);
    buffer.zeroize();
    Err(Error::Random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stuck_source_is_refused_at_the_eleventh_byte() {
        let mut health = Health::new();
        assert_ne!(health.accepts(&[7; 10]), 0);
        assert_eq!(health.accepts(&[7]), 0);
    }

    #[test]
    fn a_source_that_prefers_one_byte_is_refused_within_a_window() {
        let mut health = Health::new();
        let biased: Vec<u8> = (0..512u32)
            .map(|i| if i % 6 == 0 { 9 } else { i as u8 })
            .collect();
        assert_eq!(health.accepts(&biased), 0);
    }

    #[test]
    fn an_even_source_is_accepted() {
        let mut health = Health::new();
        let even: Vec<u8> = (0..4096u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        assert_ne!(health.accepts(&even), 0);
    }

    #[test]
    fn the_systems_source_is_healthy() {
        assert!(start().is_ok());
    }
}
