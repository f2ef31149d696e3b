use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    Config::read(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// Reads a file, and variables beside it.
fn read_file(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("minos.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    read(&[variables, &[("MINOS_CONFIG", path)]].concat())
}

#[test]
fn every_mistake_is_told_at_once() {
    let errors =
        read(&[("MINOS_LISTEN", "here"), ("MINOS_BODY_LIMIT", "0"), ("MINOS_LOG_FORMAT", "xml"), ("MINOS_LISTN", "x")]);
    let text = errors.unwrap_err().to_string();
    for name in ["`MINOS_LISTEN`", "`MINOS_BODY_LIMIT`", "`MINOS_LOG_FORMAT`", "`MINOS_LISTN`"] {
        assert!(text.contains(name), "{name} in {text}");
    }
}

#[test]
fn development_is_for_loopback_without_keys() {
    assert!(read(&[]).unwrap().is_development());
    assert!(!read(&[("MINOS_LISTEN", "0.0.0.0:80")]).unwrap().is_development());
    assert!(!read(&[("MINOS_KEYS", "/keys.json")]).unwrap().is_development());
    assert!(!read(&[("MINOS_DEVELOPMENT", "off")]).unwrap().is_development());
}

#[test]
fn a_file_says_what_the_environment_does_not() {
    let file = "
        listen = '127.0.0.1:1'
        request_seconds = 7
        probe_networks = ['10.0.0.0/8', '127.0.0.0/8']
        development = true
        [services]
        orders = 'a:1, b:2'
        [environment]
        ISSUER = 'file'
        AUDIENCE = 'shop'
    ";
    let config = read_file(file, &[("MINOS_LISTEN", "127.0.0.1:2"), ("ISSUER", "environment")]).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.request_time, Duration::from_secs(7));
    assert_eq!(config.probe_networks.len(), 2);
    assert!(config.is_development());
    assert_eq!(config.services["orders"].iter().map(HostPort::as_str).collect::<Vec<_>>(), ["a:1", "b:2"]);
    assert_eq!(config.environment.get("ISSUER").unwrap(), "environment");
    assert_eq!(config.environment.get("AUDIENCE").unwrap(), "shop");
}

#[test]
fn mistakes_of_a_file_name_the_file_and_the_setting() {
    let file = "listn = 'x'\nlisten = 'here'\ndata = 1.5\n[kafka]\npartitions = 0\n[services]\norders = 'nowhere'\n";
    let text = read_file(file, &[]).unwrap_err().to_string();
    for part in ["`listn` in `", "`listen` in `", "`data` in `", "`kafka.partitions` in `", "`orders`", "minos.toml`"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let text = read_file("listen =", &[]).unwrap_err().to_string();
    assert!(text.contains("is not TOML"), "{text}");
    let text = read(&[("MINOS_CONFIG", "/nowhere.toml")]).unwrap_err().to_string();
    assert!(text.contains("cannot be read"), "{text}");
}

#[test]
fn no_secret_is_shown() {
    let variables = [
        ("MINOS_POSTGRES_URL", "mysql://orders:hush@db/orders"),
        ("MINOS_KAFKA_BROKERS", "kafka:9092"),
        ("MINOS_KAFKA_CLIENT", "sasl.password,hush"),
    ];
    let text = read(&variables).unwrap_err().to_string();
    assert!(text.contains("MINOS_POSTGRES_URL") && text.contains("MINOS_KAFKA_CLIENT"), "{text}");
    assert!(!text.contains("hush"), "{text}");
    let config = Config {
        postgres: PostgresConfig::parse("postgres://orders:hush@db/orders"),
        kafka: Some(KafkaConfig {
            brokers: "kafka:9092".to_owned(),
            client: BTreeMap::from([("sasl.password".to_owned(), "hush".to_owned())]),
            ..KafkaConfig::default()
        }),
        environment: Environment(BTreeMap::from([("TOKEN".to_owned(), "hush".to_owned())])),
        ..Config::default()
    };
    let text = format!("{config:?}");
    assert!(text.contains("sasl.password") && text.contains("TOKEN") && !text.contains("hush"), "{text}");
}

#[test]
fn what_is_not_built_in_cannot_be_configured() {
    let config =
        read(&[("MINOS_KAFKA_BROKERS", "a:1,b:2"), ("MINOS_POSTGRES_URL", "postgres://{service}@db/{service}")]);
    if cfg!(all(feature = "postgres", feature = "kafka")) {
        let config = config.unwrap();
        assert_eq!(config.postgres.unwrap().url("orders").reveal(), "postgres://orders@db/orders");
        assert_eq!(config.kafka.unwrap().brokers, "a:1,b:2");
    } else {
        let text = config.unwrap_err().to_string();
        assert!(text.contains("built without"), "{text}");
    }
    let text = read(&[("MINOS_KAFKA_PARTITIONS", "3")]).unwrap_err().to_string();
    assert!(text.contains("where is Kafka?"), "{text}");
}
