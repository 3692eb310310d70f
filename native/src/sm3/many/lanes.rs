//! One message in each lane of a vector.
//!
//! A lane that has finished its message takes the next one, the longest first, so that lanes stay
//! busy whatever the lengths. Lengths are public, contents are not looked at.

use super::super::{BLOCK_BYTES, Digest, Sm3, block, to_bytes, wipe};

mod x86;

/// [`run`] with sixteen lanes; the caller has asked the processor for them.
pub(super) fn run16<'a, F>(start: &Sm3, part: F, out: &mut [Digest])
where
    F: Fn(usize, &mut [u8; 32]) -> (usize, &'a [u8]),
{
    // SAFETY: the processor has AVX-512; the lanes point to whole blocks.
    run::<16, F>(start, part, out, |states, at, blocks| unsafe {
        x86::compress16(states, at, blocks);
    });
}

/// [`run`] with eight lanes; the caller has asked the processor for them.
pub(super) fn run8<'a, F>(start: &Sm3, part: F, out: &mut [Digest])
where
    F: Fn(usize, &mut [u8; 32]) -> (usize, &'a [u8]),
{
    // SAFETY: the processor has AVX2; the lanes point to whole blocks.
    run::<8, F>(start, part, out, |states, at, blocks| unsafe {
        x86::compress8(states, at, blocks);
    });
}

/// The state of N messages: word by word, a lane a message.
#[repr(C, align(64))]
struct States<const N: usize>([[u32; N]; 8]);

/// A stretch of whole blocks that lie one after another in memory.
#[derive(Clone, Copy)]
struct Stretch {
    at: *const u8,
    blocks: usize,
}

const NOTHING: Stretch = Stretch {
    at: std::ptr::null(),
    blocks: 0,
};

/// One message on its way: its first block (when it does not lie in memory as one piece), what
/// lies in memory, and its padded end.
struct Lane {
    first: [u8; BLOCK_BYTES],
    last: [u8; 2 * BLOCK_BYTES],
    message: usize,
    /// The message's stretches, the one under work in front.
    ahead: [Stretch; 3],
}

/// How many blocks a message takes with its padding.
fn blocks_of(before: usize, body: usize) -> usize {
    (before + body + 9).div_ceil(BLOCK_BYTES)
}

impl Lane {
    const IDLE: Self = Self {
        first: [0; BLOCK_BYTES],
        last: [0; 2 * BLOCK_BYTES],
        message: usize::MAX,
        ahead: [NOTHING; 3],
    };

    fn idle(&self) -> bool {
        self.message == usize::MAX
    }

    /// Begin a message: `pending` (less than two blocks), then `body`; `hashed` bytes went before.
    fn begin(&mut self, message: usize, hashed: u64, pending: &[u8], body: &[u8]) {
        let length = pending.len() + body.len();
        let whole = length / BLOCK_BYTES;
        let bits = hashed.wrapping_add(length as u64).wrapping_mul(8);
        let rest = length % BLOCK_BYTES;
        let end = if rest + 9 > BLOCK_BYTES { 2 } else { 1 };
        self.message = message;
        self.last.fill(0);
        let mut in_body = 0;
        let mut front = NOTHING;
        if whole == 0 {
            self.last[..pending.len()].copy_from_slice(pending);
            self.last[pending.len()..rest].copy_from_slice(body);
        } else {
            if !pending.is_empty() {
                in_body = BLOCK_BYTES - pending.len();
                self.first[..pending.len()].copy_from_slice(pending);
                self.first[pending.len()..].copy_from_slice(&body[..in_body]);
                front = Stretch {
                    at: self.first.as_ptr(),
                    blocks: 1,
                };
            }
            self.last[..rest].copy_from_slice(&body[body.len() - rest..]);
        }
        self.last[rest] = 0x80;
        self.last[end * BLOCK_BYTES - 8..end * BLOCK_BYTES].copy_from_slice(&bits.to_be_bytes());
        let middle = Stretch {
            at: body[in_body.min(body.len())..].as_ptr(),
            blocks: whole - front.blocks,
        };
        self.ahead = [
            front,
            middle,
            Stretch {
                at: self.last.as_ptr(),
                blocks: end,
            },
        ];
        self.skip_empty();
    }

    fn skip_empty(&mut self) {
        for _ in 0..self.ahead.len() {
            if self.ahead[0].blocks == 0 {
                self.ahead = [self.ahead[1], self.ahead[2], NOTHING];
            }
        }
    }

    fn advance(&mut self, blocks: usize) {
        let now = &mut self.ahead[0];
        now.blocks -= blocks;
        if now.blocks == 0 {
            self.skip_empty();
        } else {
            now.at = now.at.wrapping_add(blocks * BLOCK_BYTES);
        }
    }
}

/// Messages by block count, the longest first; a counting sort, since block counts are small.
/// Counts over the cap share one place: order is only for speed.
fn longest_first(counts: &[u32]) -> Vec<u32> {
    const CAP: usize = 255;
    let place = |blocks: u32| CAP - (blocks as usize).min(CAP);
    let mut starts = [0u32; CAP + 2];
    for &blocks in counts {
        starts[place(blocks) + 1] += 1;
    }
    for index in 0..=CAP {
        starts[index + 1] += starts[index];
    }
    let mut order = vec![0; counts.len()];
    for (index, &blocks) in counts.iter().enumerate() {
        let next = &mut starts[place(blocks)];
        order[*next as usize] = index as u32;
        *next += 1;
    }
    order
}

fn run<'a, const N: usize, F>(
    start: &Sm3,
    part: F,
    out: &mut [Digest],
    compress: impl Fn(&mut States<N>, &mut [*const u8; N], usize),
) where
    F: Fn(usize, &mut [u8; 32]) -> (usize, &'a [u8]),
{
    let before = start.filled();
    let hashed = start.length - before as u64;
    let mut pending = [0; BLOCK_BYTES + 32];
    pending[..before].copy_from_slice(&start.buffer[..before]);
    let mut head = [0; 32];
    let counts: Vec<u32> = (0..out.len())
        .map(|index| {
            let (taken, body) = part(index, &mut head);
            u32::try_from(blocks_of(before + taken, body.len())).unwrap_or(u32::MAX)
        })
        .collect();
    let order = longest_first(&counts);
    let mut waiting = order.iter().map(|&index| index as usize);
    let mut states = States([[0; N]; 8]);
    let mut lanes = [Lane::IDLE; N];
    let mut active = 0;
    let mut refill = true;
    loop {
        if refill {
            for (column, lane) in lanes.iter_mut().enumerate() {
                if !lane.idle() {
                    continue;
                }
                let Some(message) = waiting.next() else { break };
                let (taken, body) = part(message, &mut head);
                pending[before..before + taken].copy_from_slice(&head[..taken]);
                for (row, word) in states.0.iter_mut().zip(start.state) {
                    row[column] = word;
                }
                let mut hashed = hashed;
                let mut ready = &pending[..before + taken];
                if let Some((whole, rest)) = ready.split_at_checked(BLOCK_BYTES) {
                    // The head went over a block's edge: that block is this message's own.
                    let mut state = start.state;
                    block::compress(&mut state, whole);
                    for (row, word) in states.0.iter_mut().zip(state) {
                        row[column] = word;
                    }
                    hashed += BLOCK_BYTES as u64;
                    ready = rest;
                }
                lane.begin(message, hashed, ready, body);
                active += 1;
            }
            refill = false;
        }
        if active == 0 {
            break;
        }
        let mut blocks = usize::MAX;
        let mut at = [std::ptr::null(); N];
        let mut any = std::ptr::null();
        for (pointer, lane) in at.iter_mut().zip(&lanes) {
            if !lane.idle() {
                blocks = blocks.min(lane.ahead[0].blocks);
                *pointer = lane.ahead[0].at;
                any = lane.ahead[0].at;
            }
        }
        // Idle lanes read what an active one reads; their result is dropped.
        for pointer in &mut at {
            if pointer.is_null() {
                *pointer = any;
            }
        }
        compress(&mut states, &mut at, blocks);
        for (column, lane) in lanes.iter_mut().enumerate() {
            if lane.idle() {
                continue;
            }
            lane.advance(blocks);
            if lane.ahead[0].blocks == 0 {
                let mut state = [0; 8];
                for (word, row) in state.iter_mut().zip(&states.0) {
                    *word = row[column];
                }
                out[lane.message] = to_bytes(&state);
                lane.message = usize::MAX;
                active -= 1;
                refill = true;
            }
        }
    }
    for lane in &mut lanes {
        wipe(&mut lane.first);
        wipe(&mut lane.last);
    }
    wipe(&mut states.0);
    wipe(&mut pending);
    wipe(&mut head);
}
