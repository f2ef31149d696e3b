use super::*;
use crate::testing::log::conformance;

#[tokio::test]
async fn it_passes_the_conformance_suite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.db");
    conformance(&|| {
        let file = file.clone();
        Box::pin(async move { Ok(Box::new(EmbeddedLog::open(&file).await?) as Box<dyn Log>) })
    })
    .await;
}

#[tokio::test]
async fn a_file_of_another_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.db");
    let mut connection = connect(&options(&file)).await.unwrap();
    connection.execute("PRAGMA user_version = 99").await.unwrap();
    connection.close().await.unwrap();
    assert!(matches!(EmbeddedLog::open(&file).await, Err(LogError::Refused(_))));
}

#[tokio::test]
async fn another_process_sees_what_is_appended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.db");
    let (ours, theirs) = (EmbeddedLog::open(&file).await.unwrap(), EmbeddedLog::open(&file).await.unwrap());
    ours.create_topic("a.events").await.unwrap();
    let wait = theirs.read("a.events", 0, 0, 10, Duration::from_secs(10));
    let append = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        ours.publish(&[crate::testing::log::message("a.events", "a", 1, 0)]).await.unwrap();
    };
    let (read, ()) = tokio::join!(wait, append);
    assert_eq!(read.unwrap().len(), 1);
}
