//! Evidence that the native ciphers take the same time for all secrets.
//!
//! `memory` runs every case under valgrind, which follows secrets through every instruction;
//! `timing` measures. Each cipher has one module of cases, listed in [`cases`].

pub mod leak;
pub mod secret;
pub mod sm2;
pub mod sm3;
pub mod sm4;

/// One operation on marked secrets, by name.
pub struct Case {
    pub name: &'static str,
    pub run: fn(),
}

/// All cases of all ciphers.
pub fn cases() -> Vec<Case> {
    [sm2::CASES, sm3::CASES, sm4::CASES]
        .into_iter()
        .flatten()
        .map(|&(name, run)| Case { name, run })
        .collect()
}
