//! Generates this crate's source from the spec.

fn main() -> std::process::ExitCode {
    minos_compiler::build_script::gateway("../spec")
}
