//! Which form a long trial has, and by which seed: what its environment says; and where it says what it was.

use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;

/// `MINOS_TRIAL_SEED`, or else the seed of the short form, which is the same every time.
pub fn seed(otherwise: u64) -> u64 {
    let text = std::env::var("MINOS_TRIAL_SEED").ok();
    text.map_or(otherwise, |text| text.parse().expect("MINOS_TRIAL_SEED is a number"))
}

/// Whether `MINOS_TRIALS` asks for the full form.
pub fn is_full() -> bool {
    match std::env::var("MINOS_TRIALS").as_deref() {
        Ok("full") => true,
        Ok("short") | Err(_) => false,
        Ok(other) => panic!("MINOS_TRIALS is `{other}`; it is `full` or `short`"),
    }
}

/// Says what a trial was: on stderr, and as a line of `target/trials.txt`, which `tests/run` shows at its end.
pub fn publish(trial: &str, figures: &impl Display) {
    let running = std::env::current_exe().expect("a running test has a path");
    let target = running.ancestors().nth(3).unwrap_or(Path::new("."));
    let mut file = std::fs::File::options().create(true).append(true).open(target.join("trials.txt")).expect("a file");
    // In one piece: trials run side by side.
    file.write_all(format!("{trial}: {figures}\n").as_bytes()).expect("the target folder can be written");
    eprintln!("{trial}: {figures}");
}
