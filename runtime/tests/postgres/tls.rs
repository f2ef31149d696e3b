//! TLS to the database, as the URL asks for it: who the server is, is checked where that is wanted, and never left out silently.

use std::path::{Path, PathBuf};
use std::process::Command;

use minos_runtime::context::Context;
use minos_runtime::store::postgres::{PostgresSettings, PostgresStore};
use minos_runtime::store::{Store as _, StoreError};
use servers::Postgres;

/// An authority made for a test, in a folder of its own.
struct Authority(tempfile::TempDir);

impl Authority {
    fn new() -> Self {
        let authority = Self(tempfile::tempdir().unwrap());
        let of = |name| authority.file(name).to_string_lossy().into_owned();
        let made = ["-keyout", &of("ca.key"), "-out", &of("ca.pem"), "-days", "2", "-subj", "/CN=An authority"];
        openssl(&[&["req", "-x509", "-nodes"][..], &KEY, &made].concat());
        authority
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A server's certificate for those names, and its key.
    fn certify(&self, names: &str) -> (String, String) {
        let of = |name| self.file(name).to_string_lossy().into_owned();
        std::fs::write(self.file("names"), format!("subjectAltName={names}\n")).unwrap();
        let asked = ["-keyout", &of("server.key"), "-out", &of("server.csr"), "-subj", "/CN=A database"];
        openssl(&[&["req", "-nodes"][..], &KEY, &asked].concat());
        let signed = ["-CA", &of("ca.pem"), "-CAkey", &of("ca.key"), "-CAcreateserial", "-extfile", &of("names")];
        let (request, certificate) = (of("server.csr"), of("server.pem"));
        openssl(&[&["x509", "-req", "-days", "2", "-in", &request, "-out", &certificate][..], &signed].concat());
        (read(&self.file("server.pem")), read(&self.file("server.key")))
    }
}

const KEY: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

async fn open(url: &str) -> Result<PostgresStore, StoreError> {
    PostgresStore::open(&PostgresSettings::new(url, "test"), &Context::system()).await
}

async fn refused(url: &str) -> String {
    match open(url).await {
        Ok(_) => panic!("it opened: {url}"),
        Err(StoreError::Refused(why)) => why,
        Err(other) => panic!("{other:?} of {url}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_authority_is_believed_and_no_other() {
    let mut server = match Postgres::start() {
        Ok(server) if Command::new("openssl").arg("version").output().is_ok() => server,
        // Whether that is allowed here, the shared server's absence says.
        _ => {
            Postgres::shared();
            return;
        }
    };
    let (own, foreign) = (Authority::new(), Authority::new());
    let (ca, wrong) = (own.file("ca.pem"), foreign.file("ca.pem"));
    let url = server.provision("test").url;
    let no_tls = refused(&format!("{url}?sslmode=require")).await;
    assert!(no_tls.contains("TLS"), "a server without TLS, where TLS is required: {no_tls}");

    let (certificate, key) = own.certify("IP:127.0.0.1");
    server.speak_tls(&certificate, &key);
    let checked = |ca: &Path| format!("{url}?sslmode=verify-full&sslrootcert={}", ca.display());
    let store = open(&checked(&ca)).await.unwrap();
    store.health().await.unwrap();
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name LIKE 'minos test %'";
    assert_eq!(server.administer("postgres", encrypted), "t", "each of the store's connections");
    store.close().await;

    let unknown = refused(&checked(&wrong)).await;
    assert!(unknown.contains("certificate") && unknown.contains("sslrootcert"), "{unknown}");
    let another_name = refused(&checked(&ca).replace("@127.0.0.1:", "@localhost:")).await;
    assert!(another_name.contains("certificate"), "a certificate of another name: {another_name}");
    let absent = refused(&checked(Path::new("/nowhere/ca.pem"))).await;
    assert!(absent.contains("/nowhere/ca.pem"), "{absent}");
}
