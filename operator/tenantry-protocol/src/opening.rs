//! What of the network somebody may reach, as network policies say it: networks without parts of them, at some ports.
//! Judges addresses that are already known; never resolves one.

use std::net::{IpAddr, SocketAddr};

/// All addresses that agree with this one in so many first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    /// Any address of it.
    pub address: IpAddr,
    /// How many bits count.
    pub prefix: u8,
}

/// A network, without parts of it, at some ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opening {
    /// What may be reached.
    pub network: Network,
    /// What of it may not.
    pub except: Vec<Network>,
    /// First and last of each range of ports; none means all.
    pub ports: Vec<(u16, u16)>,
}

impl Network {
    /// Whether the address is in it. An IPv4 address in the clothes of an IPv6 address is an IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differ = u128::from(own.to_bits() ^ other.to_bits());
                agree(differ, self.prefix, 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => agree(own.to_bits() ^ other.to_bits(), self.prefix, 128),
            _ => false,
        }
    }
}

fn agree(differ: u128, prefix: u8, bits: u32) -> bool {
    bits.checked_sub(prefix.into()).is_some_and(|rest| differ.checked_shr(rest).unwrap_or(0) == 0)
}

impl Opening {
    /// Whether it leads there.
    pub fn leads_to(&self, place: SocketAddr) -> bool {
        let is_port = |(first, last): &(u16, u16)| (*first..=*last).contains(&place.port());
        self.network.contains(place.ip())
            && !self.except.iter().any(|part| part.contains(place.ip()))
            && (self.ports.is_empty() || self.ports.iter().any(is_port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        let (address, prefix) = text.split_once('/').expect("a slash");
        Network { address: address.parse().expect("an address"), prefix: prefix.parse().expect("a number") }
    }

    #[test]
    fn a_network_ends_where_its_bits_do() {
        for (whole, address, is_inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "203.0.113.7", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("203.0.113.7/32", "203.0.113.7", true),
            ("203.0.113.7/32", "203.0.113.6", false),
            ("203.0.113.0/24", "::ffff:203.0.113.9", true),
            ("::/0", "2001:db8::1", true),
            ("::/0", "::ffff:203.0.113.9", false),
            ("fd00::/8", "fdff::1", true),
            ("fd00::1/128", "fd00::2", false),
            ("10.0.0.0/33", "10.0.0.0", false),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(network(whole).contains(address), is_inside, "{whole} {address}");
        }
    }

    #[test]
    fn exceptions_and_ports_close() {
        let opening = Opening {
            network: network("10.0.0.0/8"),
            except: vec![network("10.96.0.0/12")],
            ports: vec![(443, 443), (8000, 8100)],
        };
        for (place, leads) in [
            ("10.0.0.1:443", true),
            ("10.0.0.1:8100", true),
            ("10.0.0.1:8101", false),
            ("10.96.0.1:443", false),
            ("203.0.113.7:443", false),
        ] {
            assert_eq!(opening.leads_to(place.parse().expect("a place")), leads, "{place}");
        }
        let everywhere = Opening { ports: Vec::new(), ..opening };
        assert!(everywhere.leads_to("10.0.0.1:1".parse().expect("a place")));
    }
}
