//! Checks the `.minos` files of a folder and prints what is to be said about them, with the time it took.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example, run by hand")]

use minos_dsl::source::Sources;

fn main() {
    let mut sources = Sources::new();
    for folder in std::env::args().skip(1) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|it| it == "minos") {
                sources.add(path.display().to_string(), std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let start = std::time::Instant::now();
    let (model, diagnostics) = minos_dsl::check(&sources);
    let took = start.elapsed();
    print!("{}", minos_dsl::render::text(&sources, &diagnostics.into_sorted(), false));
    println!("{} in {took:?}", if model.is_some() { "clean" } else { "errors" });
}
