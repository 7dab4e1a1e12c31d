//! What routes share: which gateway serves whom, who has which path, what a gateway can do, and where requests end. The kinds that
//! routes are made for add nothing to this and repeat nothing of it.

mod adapters;
mod backends;
pub mod claims;
pub(crate) mod entries;
mod features;
mod gateways;
mod known;
mod logins;
mod wish;

pub(crate) use adapters::{
    Authorizer, Demands, Enforcing, Missing, Names, POLICY_KINDS, Standing, enforce, is_to_be_had, standing_of,
};
pub(crate) use backends::{Answer, Resolution, Served, backends};
pub(crate) use claims::{Claimant, Ruling, heirs, rule, served_routes};
pub(crate) use features::{Controller, Feature, Listener, controller, is_known_of_any, no_consent};
pub(crate) use gateways::{MOST_LISTENERS, Manner, Seat, Unseated, manner, parents, seat};
pub(crate) use logins::unreachable_login;
