//! The private Postgres is as services need it, and goes with the test.

use servers::Postgres;

#[test]
fn a_role_opens_its_own_database_only() {
    let Some(server) = Postgres::shared() else { return };
    let (orders, catalog) = (server.provision("orders"), server.provision("catalog"));
    let opens = |url: &str| {
        let psql =
            std::process::Command::new(server.binaries().join("psql")).args(["-X", "-c", "SELECT 1", url]).output();
        let psql = psql.unwrap();
        (psql.status.success(), String::from_utf8_lossy(&psql.stderr).into_owned())
    };
    assert!(opens(&orders.url).0 && opens(&catalog.url).0);
    for other in [catalog.name.as_str(), "postgres", "template1"] {
        let (server_url, _) = orders.url.rsplit_once('/').unwrap();
        let (opened, why) = opens(&format!("{server_url}/{other}"));
        assert!(!opened && why.contains("permission denied"), "{why}");
    }
    let (opened, why) = opens(&orders.url.replace(&orders.password, "guessed"));
    assert!(!opened && why.contains("password authentication failed"), "{why}");
}

#[test]
fn what_is_committed_outlives_kill_9_and_a_restart() {
    let Ok(mut server) = Postgres::start() else { return };
    let database = server.provision("orders");
    server.administer(&database.name, "CREATE TABLE t AS SELECT 7 AS seven");
    server.kill();
    server.start_again();
    assert_eq!(server.administer(&database.name, "SELECT seven FROM t"), "7");
    server.stop();
    server.start_again();
    assert_eq!(server.administer(&database.name, "SHOW fsync"), "on");
}
