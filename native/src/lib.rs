//! Native parts of Fengsui. Each has a fallback in Python that gives the same answers under the
//! same tests; `FENGSUI_NATIVE=0` turns all of them off.

pub mod rules;
pub mod scan;
pub mod secret;
pub mod sm2;
pub mod sm3;
pub mod sm4;

#[cfg(feature = "python")]
mod python;
