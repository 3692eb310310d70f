//! Sigma rules evaluated by the crate `rsigma-eval`, in the line protocol of the peers.
//!
//! One thread; JSON read with `serde_json` and handed over as the crate's own `JsonEvent`, batches
//! by its own `evaluate_batch`. See ../README.md for the verbs.

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use rsigma_eval::{Engine, EvaluationResult, JsonEvent};
use rsigma_parser::parse_sigma_file;
use serde_json::Value;

// A few per cent faster here than the system's; building for this very processor gained nothing.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Events given to one call: the best of 1 to 2000 over these rules, by a tenth; see ../README.md.
const BATCH: usize = 16;

type Answer = Result<Vec<String>, String>;

struct Peer {
    engine: Engine,
    lines: String,
    batch: usize,
}

fn cpu_seconds() -> f64 {
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// Resident bytes of this process now, from /proc.
fn resident() -> Result<u64, String> {
    let text = fs::read_to_string("/proc/self/statm").map_err(|error| error.to_string())?;
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse::<u64>().ok());
    Ok(pages.ok_or("statm has another form")? * 4096)
}

impl Peer {
    /// Compile the rule files a list names, one path a line; what is refused is counted and told.
    fn rules(&mut self, list: &str) -> Answer {
        let begun = Instant::now();
        let text = fs::read_to_string(list).map_err(|error| format!("{list}: {error}"))?;
        let mut rules = Vec::new();
        let mut refused = Vec::new();
        for path in text.lines() {
            match parse_sigma_file(Path::new(path)) {
                Ok(found) if found.errors.is_empty() => rules.extend(found.rules),
                Ok(found) => refused.push(format!("{path}: {}", found.errors.join("; "))),
                Err(error) => refused.push(format!("{path}: {error}")),
            }
        }
        let mut engine = Engine::new();
        for (place, error) in engine.add_rules(&rules) {
            refused.push(format!("{}: {error}", rules[place].title));
        }
        self.engine = engine;
        let seconds = begun.elapsed().as_secs_f64();
        let told = refused.join("\n");
        Ok(vec![
            self.engine.rule_count().to_string(),
            format!("{seconds:.6}"),
            told,
        ])
    }

    fn set(&mut self, name: &str, on: &str) -> Answer {
        match name {
            "batch" => self.batch = on.parse().map_err(|_| format!("no batch of {on}"))?,
            "bloom" => self.engine.set_bloom_prefilter(on == "1"),
            "cross_rule_ac" => self.engine.set_cross_rule_ac(on == "1"),
            _ => return Err(format!("no setting {name}")),
        }
        Ok(Vec::new())
    }

    fn events(&mut self, path: &str) -> Answer {
        self.lines = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        Ok(vec![self.lines.lines().count().to_string()])
    }

    /// Evaluate all events held, batch by batch.
    fn pass(&self, mut take: impl FnMut(Vec<Vec<EvaluationResult>>)) -> Result<(), String> {
        let mut lines = self.lines.lines();
        loop {
            let events = lines
                .by_ref()
                .take(self.batch)
                .map(|line| serde_json::from_str(line).map(JsonEvent::owned))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| error.to_string())?;
            if events.is_empty() {
                return Ok(());
            }
            let borrowed: Vec<&JsonEvent> = events.iter().collect();
            take(self.engine.evaluate_batch(&borrowed));
        }
    }

    /// Write a line for each event, in order: the ids of the rules it fires, separated by blanks.
    fn hits(&self, path: &str) -> Answer {
        let mut text = String::new();
        self.pass(|found| {
            for results in found {
                for result in results {
                    let id = result.header.rule_id.unwrap_or(result.header.rule_title);
                    let _ = write!(text, "{id} ");
                }
                text.push('\n');
            }
        })?;
        fs::write(path, text).map_err(|error| format!("{path}: {error}"))?;
        Ok(Vec::new())
    }

    /// CPU seconds of `count` passes over all events held.
    fn time(&self, what: &str, count: u64) -> Result<f64, String> {
        let parsed: Vec<Value> = match what {
            "evaluate" => self
                .lines
                .lines()
                .map(|line| serde_json::from_str(line).unwrap_or_default())
                .collect(),
            "parse_and_evaluate" | "parse" => Vec::new(),
            _ => return Err(format!("no operation {what}")),
        };
        let events: Vec<JsonEvent> = parsed.iter().map(JsonEvent::borrow).collect();
        let borrowed: Vec<&JsonEvent> = events.iter().collect();
        let begun = cpu_seconds();
        for _ in 0..count {
            match what {
                "evaluate" => {
                    for batch in borrowed.chunks(self.batch) {
                        black_box(self.engine.evaluate_batch(black_box(batch)));
                    }
                }
                "parse" => {
                    for line in self.lines.lines() {
                        black_box(serde_json::from_str::<Value>(line).ok());
                    }
                }
                _ => self.pass(|found| {
                    black_box(found);
                })?,
            }
        }
        Ok(cpu_seconds() - begun)
    }
}

fn hexadecimal(text: &str) -> String {
    if text.is_empty() {
        return "-".into();
    }
    text.bytes().fold(String::new(), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    })
}

fn plain(word: &str) -> Result<String, String> {
    let digits = word.as_bytes();
    let bytes: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    String::from_utf8(bytes.ok_or("not hexadecimal")?).map_err(|error| error.to_string())
}

fn answer(peer: &mut Peer, words: &[&str]) -> String {
    let given = match words {
        ["hello"] => return "ok rsigma-eval 0.23.0".into(),
        ["time", what, count] => {
            return match peer.time(what, count.parse().unwrap_or(1)) {
                Ok(seconds) => format!("ok {seconds:.6}"),
                Err(reason) => format!("missing {reason}"),
            };
        }
        ["set", name, on] => peer.set(name, on),
        ["rules", list] => plain(list).and_then(|list| peer.rules(&list)),
        ["events", path] => plain(path).and_then(|path| peer.events(&path)),
        ["hits", path] => plain(path).and_then(|path| peer.hits(&path)),
        ["memory"] => resident().map(|bytes| vec![bytes.to_string()]),
        _ => return "missing no such verb".into(),
    };
    match given {
        Ok(values) => {
            let values: Vec<String> = values.iter().map(|value| hexadecimal(value)).collect();
            format!("ok {}", values.join(" "))
        }
        Err(reason) => format!("refused {}", reason.replace('\n', " ")),
    }
}

fn main() {
    let mut peer = Peer {
        engine: Engine::new(),
        lines: String::new(),
        batch: BATCH,
    };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        let said = answer(&mut peer, &words);
        if writeln!(out, "{said}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}
