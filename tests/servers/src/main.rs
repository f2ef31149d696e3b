//! `servers NAME…`: a private Postgres with a database and a role for each name, and a private Kafka, for as long as its stdin is open.
//!
//! Says on stdout what a process is to be told of them, and then `ready`.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use servers::{Kafka, Missing, Postgres};

fn main() -> ExitCode {
    match serve(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Missing(why)) => {
            let _ = writeln!(std::io::stderr(), "error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn serve(names: impl Iterator<Item = String>) -> Result<(), Missing> {
    let postgres = Postgres::start()?;
    let kafka = Kafka::start()?;
    for name in names {
        postgres.provision_as(&name);
    }
    let said = writeln!(
        std::io::stdout(),
        "MINOS_POSTGRES_URL=postgres://{{service}}:of-{{service}}@127.0.0.1:{}/{{service}}\nMINOS_KAFKA_BROKERS={}\nMINOS_KAFKA_REPLICATION=1\nready",
        postgres.port(),
        kafka.brokers(),
    );
    // Whoever asked for them has gone: so do they.
    if said.is_ok() {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
    }
    Ok(())
}
