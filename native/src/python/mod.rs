//! The Python module `fengsui_native`; each part registers its own submodule.

use pyo3::prelude::*;

mod conditions;
mod input;
mod rules;
mod scan;
mod sm2;
mod sm3;
mod sm4;
mod texts;

#[pymodule]
fn fengsui_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let sm = PyModule::new(module.py(), "sm")?;
    sm2::register(&sm)?;
    sm3::register(&sm)?;
    sm4::register(&sm)?;
    sm.add_function(wrap_pyfunction!(version, &sm)?)?;
    module.add_submodule(&sm)?;
    let scan = PyModule::new(module.py(), "scan")?;
    scan::register(&scan)?;
    module.add_submodule(&scan)?;
    let rules = PyModule::new(module.py(), "rules")?;
    rules::register(&rules)?;
    module.add_submodule(&rules)
}

/// The version of this module; the Python side shows it in status.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
