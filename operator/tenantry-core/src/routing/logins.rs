//! Logins of people, who are sent to a provider and come back to the gateway: where to, and on which hosts that is safe.

use super::gateways::Seat;
use crate::kinds::service_route::types::Oidc;
use crate::names::is_host_within;

/// Where people come back to, if the spec does not say. The words between per cent signs are the proxy's, of the request.
pub(super) fn callback(path: &str) -> String {
    format!("%REQ(x-forwarded-proto)%://%REQ(:authority)%{}/oauth2/callback", path.trim_end_matches('/'))
}

/// Where they log out.
pub(super) fn logout(path: &str) -> String {
    format!("{}/logout", path.trim_end_matches('/'))
}

/// Why nobody can log in there, or should: the field and what to do.
pub(crate) fn unreachable_login(oidc: &Oidc, seat: &Seat) -> Option<(&'static str, String)> {
    // Browsers send cookies to all of a host, so each tenant's backend there would be sent the sessions of the others.
    let is_ours = |shared: &&String| seat.hosts.iter().any(|host| is_host_within(shared, host));
    if let Some(shared) = seat.profile.hosts.iter().find(is_ours) {
        let text = format!(
            "tenants share the host {shared}, and browsers send a login's cookies to all of them: name hostnames of the tenant's"
        );
        return Some(("spec.hostnames", text));
    }
    let url = oidc.redirect_url.as_deref()?;
    let (host, path) = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).unwrap_or((url, ""));
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let base = seat.path.trim_start_matches('/');
    let is_beneath = base.is_empty() || path.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
    let is_on_a_host = seat.hosts.iter().any(|one| is_host_within(host, one));
    (!is_beneath || !is_on_a_host).then(|| {
        let text = format!(
            "does not lead back to this route: use a host of {} and a path beneath {}",
            seat.hosts.join(", "),
            seat.path
        );
        ("spec.policies.auth.oidc.redirectUrl", text)
    })
}
