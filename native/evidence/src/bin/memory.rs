//! Runs every case on marked secrets; valgrind decides.
//!
//! `memory portable` and `memory fast` run all cases without and with what the processor has beyond
//! plain x86-64, `memory leak NAME` a planted leak. Exits 2 when no valgrind watches.

use fengsui_evidence::{cases, leak, secret, sm2, sm3, sm4};
use std::process::ExitCode;

const USAGE: u8 = 2;

fn main() -> ExitCode {
    if !secret::is_watched() {
        eprintln!("memory: run this under valgrind (native/evidence/run.sh)");
        return ExitCode::from(USAGE);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["portable"] => run(false),
        ["fast"] => run(true),
        ["leak", name] => match leak::LEAKS.iter().find(|leak| leak.0 == name) {
            Some((_, run)) => run(),
            None => return ExitCode::from(USAGE),
        },
        _ => return ExitCode::from(USAGE),
    }
    ExitCode::SUCCESS
}

fn run(fast: bool) {
    sm2::choose(fast);
    sm3::choose(fast);
    sm4::choose(fast);
    for case in cases() {
        println!("{}", case.name);
        (case.run)();
    }
}
