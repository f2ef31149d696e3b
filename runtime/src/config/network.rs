//! Where others are: networks, and addresses by name.

use std::fmt;
use std::net::IpAddr;

/// A network: an address and how many of its first bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Whether it holds `address`.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(it)) => {
                mask(u32::from(net).into(), self.bits, 32) == mask(u32::from(it).into(), self.bits, 32)
            }
            (IpAddr::V6(net), IpAddr::V6(it)) => mask(net.into(), self.bits, 128) == mask(it.into(), self.bits, 128),
            _ => false,
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(all), |bits| bits.trim().parse().ok())?;
        (bits <= all).then_some(Self { address, bits })
    }

    /// Where a machine talks to itself.
    pub fn loopback() -> Vec<Self> {
        let v6 = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);
        vec![Self { address: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), bits: 8 }, Self { address: v6, bits: 128 }]
    }
}

/// The first `bits` of an address of `width` bits.
fn mask(address: u128, bits: u32, width: u32) -> u128 {
    address.checked_shr(width - bits).unwrap_or(0)
}

/// A host (a name or an address) and a port: `registry.internal:8500`, `127.0.0.1:8500`, `[::1]:8500`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort(String);

impl HostPort {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port: u16 = port.parse().ok()?;
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let fits = match bare {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-')),
        };
        (fits && port != 0).then(|| Self(text.to_owned()))
    }

    /// As it stands in a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::net::SocketAddr> for HostPort {
    fn from(address: std::net::SocketAddr) -> Self {
        Self(address.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_other() {
        let network = Network::parse("10.1.0.0/16").unwrap();
        assert!(network.contains("10.1.2.3".parse().unwrap()));
        assert!(network.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!network.contains("10.2.0.1".parse().unwrap()));
        assert!(Network::loopback().iter().any(|it| it.contains("127.9.9.9".parse().unwrap())));
        assert!(Network::parse("0.0.0.0/0").unwrap().contains("8.8.8.8".parse().unwrap()));
        assert!(Network::parse("10.0.0.0/33").is_none());
    }

    #[test]
    fn a_host_and_port_is_both() {
        for good in ["db:5432", "10.0.0.1:80", "[::1]:80", "a-b.c:65535"] {
            assert!(HostPort::parse(good).is_some(), "{good}");
        }
        for bad in ["db", "db:", "db:0", "db:65536", ":80", "a b:80", "http://db:80", "[::1:80", "u@h:80"] {
            assert!(HostPort::parse(bad).is_none(), "{bad}");
        }
    }
}
