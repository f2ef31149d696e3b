//! Whose database it is.

use minos_runtime::context::Context;
use minos_runtime::store::postgres::{PostgresSettings, PostgresStore};
use minos_runtime::store::{Store, StoreError};
use servers::Postgres;

use super::support::{commit, instance, write};

async fn refused(url: &str, service: &str) -> StoreError {
    match PostgresStore::open(&PostgresSettings::new(url, service), &Context::system()).await {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_database_that_is_not_this_services_is_refused_and_says_whose_it_is() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.provision("test");
    instance(&database.url).await.close().await;
    let other = refused(&database.url, "orders").await.to_string();
    assert_eq!(other, "the database belongs to service `test`, not to `orders`");
    server.administer(&database.name, "INSERT INTO schema_versions (version) VALUES (99)");
    let newer = refused(&database.url, "test").await.to_string();
    assert!(newer.contains("engine schema `99`") && newer.contains("newer"), "{newer}");
    let foreign = server.provision("foreign");
    server.administer(&foreign.name, "CREATE TABLE songs (title text)");
    assert!(refused(&foreign.url, "test").await.to_string().contains("something else than Minos"));
}

#[tokio::test]
async fn who_may_not_open_it_is_told_so_and_a_server_that_is_away_is_waited_for() {
    let Some(server) = Postgres::shared() else { return };
    let (own, other) = (server.provision("test"), server.provision("test"));
    let wrong = refused(&own.url.replace(&own.password, "guessed"), "test").await;
    assert!(matches!(&wrong, StoreError::Refused(why) if why.contains("password")), "{wrong}");
    let shut_out = refused(
        &own.url.replace(&format!("/{}", own.name), &format!("/{}", other.name)).replacen(
            &format!("//{}", other.name),
            &format!("//{}", own.name),
            1,
        ),
        "test",
    )
    .await;
    assert!(matches!(shut_out, StoreError::Refused(_)), "{shut_out}");
    let away = format!("postgres://a:b@127.0.0.1:{}/c", servers::free_port());
    assert!(matches!(refused(&away, "test").await, StoreError::Unavailable(_)));
    assert!(matches!(refused("no URL at all", "test").await, StoreError::Refused(_)));
    let shown = format!("{:?}", PostgresSettings::new(&*own.url, "test"));
    assert!(!shown.contains(&own.password), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_open_an_empty_database_at_once_share_it() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.provision("test");
    let opening = (0..4).map(|_| instance(&database.url));
    let instances = futures_util::future::join_all(opening).await;
    let epoch = instances[0].epoch().await.unwrap();
    let context = Context::system();
    for (version, instance) in (0..).zip(&instances) {
        assert_eq!(instance.epoch().await.unwrap(), epoch);
        write(&**instance, commit(&context, "a", version)).await.unwrap();
    }
    assert_eq!(server.administer(&database.name, "SELECT count(*) FROM schema_versions"), "1");
    let clock = instances[0].now().await.unwrap();
    assert!(clock.duration_since(context.now()).abs().as_secs() < 60, "the database's clock");
}
