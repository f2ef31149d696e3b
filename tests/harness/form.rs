//! Which form a long trial has, and by which seed: what its environment says.

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
