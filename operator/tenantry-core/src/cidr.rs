//! Networks in CIDR notation, as values that can be compared. They never resolve names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use tenantry_protocol::opening::Network;

/// Link-local ranges, where clouds serve metadata and credentials to whoever asks. No policy of ours ever opens them.
pub const METADATA_RANGES: [&str; 3] = ["169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128"];

/// What `internet: Allow` opens for IPv4, and what of it stays closed: private, shared, loopback, link-local,
/// protocol-assignment, benchmarking, multicast and reserved ranges (RFC 6890).
pub const INTERNET_V4: (&str, &[&str]) = (
    "0.0.0.0/0",
    &[
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
    ],
);

/// The same for IPv6. `::/8` (loopback, mapped, NAT64) and 6to4 embed IPv4 addresses and would lead back to private ones.
pub const INTERNET_V6: (&str, &[&str]) = ("::/0", &["::/8", "2002::/16", "fc00::/7", "fe80::/10", "ff00::/8"]);

/// A network: an address with no host bits set, and a prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is not a network; the words say how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotANetwork {
    /// Not address, slash and length.
    #[error("{0:?} is not a network in CIDR notation: write it as 203.0.113.0/24, one address as 203.0.113.7/32")]
    Malformed(String),
    /// Bits behind the prefix are set.
    #[error("{0} has bits set behind its prefix: write {1}")]
    HostBits(String, Cidr),
}

impl Cidr {
    /// Whether every address of `other` is in this network.
    pub fn contains(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && other.truncated(self.prefix).is_some_and(|truncated| truncated == *self)
    }

    /// Whether they have an address in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// The network of `prefix` bits that this one's address is in; `None` when the prefix is too long.
    fn truncated(&self, prefix: u8) -> Option<Self> {
        let address = match self.address {
            IpAddr::V4(address) => {
                let host_bits = 32_u32.checked_sub(prefix.into())?;
                let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V6(address) => {
                let host_bits = 128_u32.checked_sub(prefix.into())?;
                let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        };
        Some(Self { address, prefix })
    }

    /// The ranges of [`METADATA_RANGES`].
    pub fn metadata_ranges() -> impl Iterator<Item = Self> {
        METADATA_RANGES.iter().filter_map(|range| range.parse().ok())
    }
}

impl From<Cidr> for Network {
    fn from(cidr: Cidr) -> Self {
        Self { address: cidr.address, prefix: cidr.prefix }
    }
}

impl FromStr for Cidr {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let malformed = || NotANetwork::Malformed(text.to_owned());
        let (address, prefix) = text.split_once('/').ok_or_else(malformed)?;
        let plain_number = prefix == "0" || (!prefix.starts_with(['0', '+']) && prefix.len() <= 3);
        let address: IpAddr = address.parse().map_err(|_| malformed())?;
        let prefix: u8 = prefix.parse().ok().filter(|_| plain_number).ok_or_else(malformed)?;
        if matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
            return Err(malformed());
        }
        let written = Self { address, prefix };
        let network = written.truncated(prefix).ok_or_else(malformed)?;
        if network == written { Ok(network) } else { Err(NotANetwork::HostBits(text.to_owned(), network)) }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Cidr {
        text.parse().expect("a network")
    }

    #[test]
    fn only_networks_are_networks() {
        for wrong in [
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/08",
            "::/129",
            "010.0.0.0/8",
            "a/8",
            "::ffff:10.0.0.0/104",
        ] {
            assert!(matches!(wrong.parse::<Cidr>(), Err(NotANetwork::Malformed(_))), "{wrong}");
        }
        let error = "203.0.113.7/24".parse::<Cidr>().expect_err("host bits");
        assert_eq!(error.to_string(), "203.0.113.7/24 has bits set behind its prefix: write 203.0.113.0/24");
    }

    #[test]
    fn containment_knows_families() {
        assert!(network("0.0.0.0/0").contains(&network("10.0.0.0/8")));
        assert!(!network("10.0.0.0/8").contains(&network("0.0.0.0/0")));
        assert!(!network("0.0.0.0/0").overlaps(&network("fe80::/10")));
        assert!(network("169.254.169.254/32").overlaps(&network("169.254.0.0/16")));
        assert!(network("::/0").contains(&network("::1/128")));
    }

    #[test]
    fn the_tables_are_networks_and_lie_inside() {
        for (whole, parts) in [INTERNET_V4, INTERNET_V6] {
            assert!(
                parts.iter().all(|part| network(whole).contains(&network(part)) && network(part) != network(whole))
            );
        }
        assert_eq!(Cidr::metadata_ranges().count(), METADATA_RANGES.len());
    }
}
