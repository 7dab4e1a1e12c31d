//! How Envoy Gateway knows callers. What a policy of the platform's could relax by being merged with ours is said outright, and so is
//! what the server would fill in: a field that comes by itself looks like drift.

use serde_json::{Map, Value, json};

use super::super::{Demands, Enforcing};
use crate::kinds::service_route::types::{ApiKey, Auth, AuthType, ExternalAuth, Jwt, LocalRef, Oidc};
use crate::routing::logins::{callback, logout};

/// Adds to the spec of a SecurityPolicy how callers are known.
pub(super) fn auth(demands: &Demands, spec: &mut Map<String, Value>, enforcing: &mut Enforcing) {
    let Some(auth) = demands.policies.auth.as_ref().filter(|auth| auth.is_asked_for()) else { return };
    match known(auth, demands, enforcing) {
        Ok((field, value)) => {
            spec.insert(field.into(), value);
        }
        Err(feature) => enforcing.lacks(demands, "spec.policies.auth", true, feature),
    }
}

/// The field and its value, or what would be needed.
fn known(auth: &Auth, demands: &Demands, enforcing: &mut Enforcing) -> Result<(&'static str, Value), String> {
    match auth.type_ {
        AuthType::Basic => {
            let users = auth.secret_ref.as_ref().ok_or("a Secret")?;
            enforcing.notes.push("the backend is sent the password, too".to_owned());
            Ok(("basicAuth", json!({ "users": secret(users) })))
        }
        AuthType::ApiKey => {
            let keys = auth.secret_ref.as_ref().ok_or("a Secret")?;
            Ok(("apiKeyAuth", api_key(keys, auth.api_key.as_ref())))
        }
        AuthType::Jwt => Ok(("jwt", jwt(auth.jwt.as_ref().ok_or("an issuer")?))),
        AuthType::Oidc if demands.grpc => {
            Err("a protocol that browsers speak: people log in by being sent elsewhere and back".into())
        }
        AuthType::Oidc => Ok(("oidc", oidc(auth.oidc.as_ref().ok_or("a provider")?, demands.path))),
        AuthType::External => {
            let external = auth.external.as_ref().ok_or("a service that decides")?;
            Ok(("extAuth", ext_auth(external, demands).ok_or("a service that decides")?))
        }
        AuthType::Mtls => Err(
            "a gateway that asks for certificates on single routes: Envoy Gateway does on whole listeners alone (ClientTrafficPolicy, which is the platform's)"
                .into(),
        ),
        AuthType::None => Err("no auth".into()),
    }
}

fn secret(reference: &LocalRef) -> Value {
    json!({ "group": "", "kind": "Secret", "name": reference.name })
}

fn api_key(keys: &LocalRef, places: Option<&ApiKey>) -> Value {
    let default = ApiKey::default();
    let places = places.unwrap_or(&default);
    let named = [("headers", &places.headers), ("params", &places.query_parameters), ("cookies", &places.cookies)];
    let mut from: Vec<Value> = named
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(place, names)| json!({ place: names }))
        .collect();
    if from.is_empty() {
        from.push(json!({ "headers": ["X-Api-Key"] }));
    }
    let mut spec = json!({ "credentialRefs": [secret(keys)], "extractFrom": from, "sanitize": true });
    if let Some(header) = &places.caller_header {
        spec["forwardClientIDHeader"] = header.as_str().into();
    }
    spec
}

fn jwt(wanted: &Jwt) -> Value {
    let mut provider = json!({ "name": "issuer", "issuer": wanted.issuer });
    if !wanted.audiences.is_empty() {
        provider["audiences"] = json!(wanted.audiences);
    }
    if let Some(uri) = &wanted.jwks_uri {
        provider["remoteJWKS"] = json!({ "uri": uri, "cacheDuration": "300s" });
    }
    if let Some(reference) = &wanted.jwks_config_map_ref {
        let reference = json!({ "group": "", "kind": "ConfigMap", "name": reference.name });
        provider["localJWKS"] = json!({ "type": "ValueRef", "valueRef": reference });
    }
    if !wanted.claim_to_headers.is_empty() {
        provider["claimToHeaders"] = json!(wanted.claim_to_headers);
    }
    json!({ "optional": false, "providers": [provider] })
}

fn oidc(wanted: &Oidc, path: &str) -> Value {
    let mut oidc = json!({
        "provider": { "issuer": wanted.issuer },
        "clientID": wanted.client_id,
        "clientSecret": secret(&wanted.client_secret_ref),
        "redirectURL": wanted.redirect_url.clone().unwrap_or_else(|| callback(path)),
        "logoutPath": logout(path),
        "passThroughAuthHeader": false,
        "refreshToken": true,
    });
    if !wanted.scopes.is_empty() {
        oidc["scopes"] = json!(wanted.scopes);
    }
    oidc
}

fn ext_auth(external: &ExternalAuth, demands: &Demands) -> Option<Value> {
    let authorizer = demands.authorizer.as_ref()?;
    let backend =
        json!({ "group": "", "kind": "Service", "name": authorizer.service, "port": authorizer.port, "weight": 1 });
    // The path of the request is appended to `path`; we ask at one.
    let mut http = json!({ "backendRefs": [backend], "pathOverride": external.path });
    if !external.response_headers.is_empty() {
        http["headersToBackend"] = json!(external.response_headers);
    }
    let mut spec = json!({ "failOpen": false, "http": http });
    if !external.request_headers.is_empty() {
        spec["headersToExtAuth"] = json!(external.request_headers);
    }
    Some(spec)
}
