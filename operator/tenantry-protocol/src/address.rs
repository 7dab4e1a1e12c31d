//! Which addresses may be asked. Judges an address that a name has already been resolved to; never resolves one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::opening::Opening;

/// Where AWS serves metadata over IPv6.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// What the caller adds to the rules that hold for everybody.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// The machine's own addresses may be asked: for the command line and for tests, never in the operator.
    pub is_loopback_allowed: bool,
    /// Addresses that may not be asked whatever they serve: those of the API server.
    pub forbidden: Vec<IpAddr>,
    /// Where alone one may ask, if that is bounded: where those on whose behalf it is asked may go themselves. Else the asker would
    /// be a way around their own walls.
    pub openings: Option<Vec<Opening>>,
}

/// Why an address is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 169.254.0.0/16, fe80::/10, fd00:ec2::254: clouds serve credentials there to whoever asks.
    #[error("it is link-local, where clouds serve credentials")]
    LinkLocal,
    /// 127.0.0.0/8, ::1.
    #[error("it is the prober's own machine")]
    Loopback,
    /// 0.0.0.0/8, ::.
    #[error("it is no host's address")]
    Unspecified,
    /// 224.0.0.0/4, ff00::/8, 255.255.255.255.
    #[error("it is no single host's address")]
    Multicast,
    /// 240.0.0.0/4.
    #[error("it is reserved")]
    Reserved,
    /// One of [`Bounds::forbidden`].
    #[error("it is the API server's")]
    Forbidden,
    /// In none of [`Bounds::openings`].
    #[error("no egress of the Tenant opens that address and port: have it opened there")]
    NotOpened,
}

/// Whether this address and port may be connected to.
pub fn admit(place: SocketAddr, bounds: &Bounds) -> Result<(), Refusal> {
    judge(place.ip(), bounds)?;
    // One's own machine is allowed to the command line and to tests, whatever else is.
    let is_opened = place.ip().to_canonical().is_loopback()
        || bounds.openings.iter().all(|openings| openings.iter().any(|opening| opening.leads_to(place)));
    if is_opened { Ok(()) } else { Err(Refusal::NotOpened) }
}

/// Whether this address may be connected to, at whichever port.
pub fn judge(address: IpAddr, bounds: &Bounds) -> Result<(), Refusal> {
    let (outer, inner) = (address.to_canonical(), embedded(address));
    for address in [Some(outer), inner].into_iter().flatten() {
        if bounds.forbidden.iter().any(|forbidden| forbidden.to_canonical() == address) {
            return Err(Refusal::Forbidden);
        }
        match address {
            IpAddr::V4(address) => judge_v4(address, bounds)?,
            IpAddr::V6(address) => judge_v6(address, bounds)?,
        }
    }
    Ok(())
}

fn judge_v4(address: Ipv4Addr, bounds: &Bounds) -> Result<(), Refusal> {
    match address {
        _ if address.is_loopback() => loopback(bounds),
        _ if address.is_link_local() => Err(Refusal::LinkLocal),
        _ if address.octets()[0] == 0 => Err(Refusal::Unspecified),
        _ if address.is_multicast() || address.is_broadcast() => Err(Refusal::Multicast),
        _ if address.octets()[0] >= 240 => Err(Refusal::Reserved),
        _ => Ok(()),
    }
}

fn judge_v6(address: Ipv6Addr, bounds: &Bounds) -> Result<(), Refusal> {
    match address {
        _ if address.is_loopback() => loopback(bounds),
        _ if address.is_unicast_link_local() || address == METADATA_V6 => Err(Refusal::LinkLocal),
        _ if address.is_unspecified() => Err(Refusal::Unspecified),
        _ if address.is_multicast() => Err(Refusal::Multicast),
        _ => Ok(()),
    }
}

fn loopback(bounds: &Bounds) -> Result<(), Refusal> {
    if bounds.is_loopback_allowed { Ok(()) } else { Err(Refusal::Loopback) }
}

/// The IPv4 address that an IPv6 address leads to by translation: NAT64 (64:ff9b::/96), 6to4 (2002::/16), and the old
/// IPv4-compatible form (::/96).
fn embedded(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address else { return None };
    let segments = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([one, two], [three, four]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(IpAddr::V4(Ipv4Addr::new(one, two, three, four)))
    };
    match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4(high, low),
        // :: and ::1 are what they are.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => v4(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opening::Network;

    fn refusal(address: &str) -> Option<Refusal> {
        let bounds = Bounds {
            is_loopback_allowed: false,
            forbidden: vec!["10.96.0.1".parse().expect("an address"), "fd00::1".parse().expect("an address")],
            openings: None,
        };
        judge(address.parse().expect("an address"), &bounds).err()
    }

    #[test]
    fn every_range_is_refused_in_every_disguise() {
        let cases: [(&str, Option<Refusal>); 28] = [
            ("10.0.0.1", None),
            ("203.0.113.7", None),
            ("2001:db8::1", None),
            ("fd00::2", None),
            ("64:ff9b::a00:1", None),
            ("169.254.169.254", Some(Refusal::LinkLocal)),
            ("169.254.0.1", Some(Refusal::LinkLocal)),
            ("::ffff:169.254.169.254", Some(Refusal::LinkLocal)),
            ("64:ff9b::a9fe:a9fe", Some(Refusal::LinkLocal)),
            ("2002:a9fe:a9fe::1", Some(Refusal::LinkLocal)),
            ("::169.254.169.254", Some(Refusal::LinkLocal)),
            ("fe80::1", Some(Refusal::LinkLocal)),
            ("febf::1", Some(Refusal::LinkLocal)),
            ("fd00:ec2::254", Some(Refusal::LinkLocal)),
            ("127.0.0.1", Some(Refusal::Loopback)),
            ("127.8.8.8", Some(Refusal::Loopback)),
            ("::1", Some(Refusal::Loopback)),
            ("::ffff:127.0.0.1", Some(Refusal::Loopback)),
            ("0.0.0.0", Some(Refusal::Unspecified)),
            ("0.1.2.3", Some(Refusal::Unspecified)),
            ("::", Some(Refusal::Unspecified)),
            ("224.0.0.1", Some(Refusal::Multicast)),
            ("255.255.255.255", Some(Refusal::Multicast)),
            ("ff02::1", Some(Refusal::Multicast)),
            ("240.0.0.1", Some(Refusal::Reserved)),
            ("10.96.0.1", Some(Refusal::Forbidden)),
            ("::ffff:10.96.0.1", Some(Refusal::Forbidden)),
            ("fd00::1", Some(Refusal::Forbidden)),
        ];
        for (address, expected) in cases {
            assert_eq!(refusal(address), expected, "{address}");
        }
    }

    #[test]
    fn loopback_can_be_allowed_and_nothing_else_with_it() {
        let bounds = Bounds { is_loopback_allowed: true, ..Bounds::default() };
        for (address, is_allowed) in
            [("127.0.0.1", true), ("::1", true), ("::ffff:127.0.0.1", true), ("0.0.0.0", false)]
        {
            assert_eq!(judge(address.parse().expect("an address"), &bounds).is_ok(), is_allowed, "{address}");
        }
    }
    #[test]
    fn behind_the_walls_of_others_nothing_is_asked_but_what_they_open() {
        let network = |address: &str, prefix| Network { address: address.parse().expect("an address"), prefix };
        let everywhere =
            Opening { network: network("0.0.0.0", 0), except: vec![network("10.0.0.0", 8)], ports: vec![] };
        let bounds = Bounds {
            is_loopback_allowed: false,
            forbidden: vec!["203.0.113.1".parse().expect("an address")],
            openings: Some(vec![everywhere]),
        };
        for (place, refusal) in [
            ("203.0.113.7:443", None),
            ("10.96.0.10:443", Some(Refusal::NotOpened)),
            ("[2001:db8::1]:443", Some(Refusal::NotOpened)),
            // What is forbidden to all no egress opens.
            ("203.0.113.1:443", Some(Refusal::Forbidden)),
            ("169.254.169.254:80", Some(Refusal::LinkLocal)),
            ("127.0.0.1:80", Some(Refusal::Loopback)),
        ] {
            assert_eq!(admit(place.parse().expect("a place"), &bounds).err(), refusal, "{place}");
        }
        let none = Bounds { openings: Some(Vec::new()), ..bounds };
        assert_eq!(admit("203.0.113.7:443".parse().expect("a place"), &none), Err(Refusal::NotOpened));
    }
}
