//! Many conditions asked of many events: each distinct value of a field is looked at once, and only
//! conditions that may hold are evaluated. Every answer is the one `analytics.matching` gives in
//! Python, and no expression costs more than time linear in the value.

pub mod condition;
pub mod dialect;
pub mod field;
pub mod grams;
pub mod interned;
pub mod memory;
pub mod number;
pub mod plan;
pub mod shorts;
pub mod trie;
pub mod wildcard;
