//! The table of `docs/route-policies.md`: what becomes of each policy of a route. On Traefik a policy counts as enforced only if a request
//! has shown it; on a gateway whose class supports nothing beyond the core of the Gateway API it is refused, told, or part of that core.
//! Nothing may be passed over: a field of the schema that has no line fails.
//!
//! `UPDATE_GENERATED=1` writes the table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tenantry_e2e::gateway::NAMESPACE;
use tenantry_e2e::{eventually, objects};

use super::scene::{Scene, route};
use crate::stage::SOON;

/// The Gateway whose controller this test plays. No request is answered there.
pub const BARE: &str = "bare";
/// A Service whose pods speak TLS, that no other route leads to.
pub const SECURE: &str = "secure-truth";
const BARE_CONTROLLER: &str = "example.com/bare";
const PAGE: &str = "docs/route-policies.md";

/// What requests have shown, by field.
#[derive(Default)]
pub struct Truth {
    seen: BTreeMap<&'static str, &'static str>,
}

/// A policy by itself, the fields that it shows, and as what a status names it.
struct Asked {
    named: &'static str,
    fields: &'static [&'static str],
    spec: Value,
}

/// What a status says of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Enforced,
    Told,
    Refused,
}

fn all() -> Vec<Asked> {
    let policy = |named, fields, policies: Value| Asked { named, fields, spec: json!({ "policies": policies }) };
    let auth =
        |field: &'static [&'static str], auth: Value| policy("spec.policies.auth", field, json!({ "auth": auth }));
    let guard = json!({
        "applicationRef": { "name": "guard" }, "path": "/check", "requestHeaders": ["X-Group"], "responseHeaders": ["X-User"],
    });
    let cors = json!({
        "allowOrigins": ["https://desk.example"], "allowMethods": ["PUT"], "allowHeaders": ["X-Desk"], "allowCredentials": true,
    });
    let secret = json!({ "name": "callers" });
    let oidc = json!({ "issuer": "https://id.example", "clientId": "shop", "clientSecretRef": secret });
    let jwt = json!({ "issuer": "https://id.example", "jwksUri": "https://id.example/keys" });
    let tls = json!({ "hostname": "shop.internal", "caConfigMapRef": { "name": "backends" } });
    vec![
        Asked { named: "spec.prefix", fields: &["prefix: Strip"], spec: json!({ "prefix": "Strip" }) },
        Asked {
            named: "spec.docs.deprecated",
            fields: &["docs.deprecated"],
            spec: json!({ "docs": { "deprecated": { "since": "2026-01-01T00:00:00Z" } } }),
        },
        policy("spec.policies.timeouts.request", &["timeouts.request"], json!({ "timeouts": { "request": "5s" } })),
        policy(
            "spec.policies.timeouts.backendRequest",
            &["timeouts.backendRequest"],
            json!({ "timeouts": { "backendRequest": "5s" } }),
        ),
        policy("spec.policies.retry", &["retry.attempts"], json!({ "retry": { "attempts": 2 } })),
        policy(
            "spec.policies.cors",
            &["cors.allowOrigins", "cors.allowMethods", "cors.allowHeaders", "cors.allowCredentials"],
            json!({ "cors": cors }),
        ),
        auth(&["auth.type: None"], json!({ "type": "None" })),
        auth(
            &[
                "auth.type: External",
                "auth.external.applicationRef",
                "auth.external.path",
                "auth.external.requestHeaders",
                "auth.external.responseHeaders",
            ],
            json!({ "type": "External", "external": guard }),
        ),
        auth(&["auth.type: Basic"], json!({ "type": "Basic", "secretRef": secret })),
        auth(&["auth.type: APIKey"], json!({ "type": "APIKey", "secretRef": secret })),
        auth(&["auth.type: JWT"], json!({ "type": "JWT", "jwt": jwt })),
        auth(&["auth.type: OIDC"], json!({ "type": "OIDC", "oidc": oidc })),
        auth(&["auth.type: MTLS"], json!({ "type": "MTLS", "mtls": { "caConfigMapRef": { "name": "callers" } } })),
        policy(
            "spec.policies.rateLimit",
            &["rateLimit.requests", "rateLimit.per", "rateLimit.by"],
            json!({ "rateLimit": { "requests": 5, "per": "Hour", "by": "All" } }),
        ),
        policy("spec.policies.maxBody", &["maxBody"], json!({ "maxBody": 10 })),
        policy("spec.policies.allowedNetworks", &["allowedNetworks"], json!({ "allowedNetworks": ["10.200.9.0/24"] })),
        policy("spec.policies.allowedTenants", &["allowedTenants"], json!({ "allowedTenants": ["globex"] })),
        policy(
            "spec.policies.circuitBreaker",
            &["circuitBreaker.errorPercent"],
            json!({ "circuitBreaker": { "errorPercent": 50 } }),
        ),
        Asked {
            named: "spec.policies.backendTls",
            fields: &["backendTls.hostname", "backendTls.caConfigMapRef"],
            // One for this alone: a gateway takes one such policy of a Service.
            spec: json!({ "policies": { "backendTls": tls }, "backend": { "serviceRef": { "name": SECURE, "port": 443 } } }),
        },
        policy(
            "spec.policies.requestHeaders",
            &["requestHeaders.set", "requestHeaders.remove"],
            json!({ "requestHeaders": { "set": { "X-Route": "here" }, "remove": ["X-Internal"] } }),
        ),
        policy(
            "spec.policies.responseHeaders",
            &["responseHeaders.set", "responseHeaders.remove"],
            json!({ "responseHeaders": { "set": { "X-Served": "here" }, "remove": ["X-Internal"] } }),
        ),
    ]
}

impl Truth {
    /// Notes what a request through Traefik has shown of a field. After the assertion, not before.
    pub fn seen(&mut self, field: &'static str, what: &'static str) {
        assert!(self.seen.insert(field, what).is_none(), "{field} has been shown before");
    }

    /// Asks for each policy alone on both gateways, and holds the table to what came of it.
    pub async fn hold(&self, scene: &Scene) {
        no_field_is_left_out();
        play_a_bare_gateway(scene).await;
        let mut rows = String::new();
        for asked in all() {
            let (traefik, bare) = (verdict(scene, &asked, "Internal").await, verdict(scene, &asked, "Public").await);
            for field in asked.fields {
                let shown = self.seen.get(field);
                assert_eq!(
                    traefik == Verdict::Enforced,
                    shown.is_some(),
                    "{field}: {traefik:?}, and requests showed {shown:?}"
                );
                let traefik = match (traefik, shown) {
                    (Verdict::Enforced, Some(what)) => format!("enforced: {what}"),
                    (other, _) => other.in_words().to_owned(),
                };
                let bare = match bare {
                    Verdict::Enforced if asked.named == "spec.policies.auth" => "nothing to enforce",
                    Verdict::Enforced => "in the route itself: core of the Gateway API",
                    other => other.in_words(),
                };
                let _ = writeln!(rows, "| `{field}` | {traefik} | {bare} |");
            }
        }
        let shown: BTreeSet<&str> = self.seen.keys().copied().collect();
        let asked: BTreeSet<&str> = all().iter().flat_map(|one| one.fields).copied().collect();
        assert!(shown.is_subset(&asked), "shown, and not in the table: {:?}", shown.difference(&asked));
        compare(&page(&rows));
    }
}

impl Verdict {
    fn in_words(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Told => "told: the route serves without",
            Self::Refused => "refused: the route does not serve",
        }
    }
}

/// What the status says of a route with this policy alone.
async fn verdict(scene: &Scene, asked: &Asked, exposure: &str) -> Verdict {
    let field =
        asked.fields[0].to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-").replace("--", "-");
    let name = format!("truth-{}-{field}", exposure.to_lowercase());
    let spec = json!({ "backend": { "applicationRef": { "name": "shop" } }, "basePath": format!("/{name}"), "exposure": exposure });
    let mut object = route("acme-dev", &name, spec);
    // A bare gateway can take nothing off.
    object["spec"]["prefix"] = "Keep".into();
    for (field, value) in asked.spec.as_object().expect("fields") {
        object["spec"][field] = value.clone();
    }
    scene.apply(&object).await;
    let what = format!("{name} says what becomes of {}", asked.fields[0]);
    let found = eventually(SOON, &what, async || {
        let found = objects::collection(&scene.client, &object).get(&name).await.map_err(|error| error.to_string())?;
        let found = serde_json::to_value(found).map_err(|error| error.to_string())?;
        let said = |type_: &str, status: &str| {
            objects::condition(&found, type_).is_some_and(|one| {
                one["status"] == status && one["observedGeneration"] == found["metadata"]["generation"]
            })
        };
        let names_it = |type_: &str| {
            let message = objects::condition(&found, type_).map(|one| one["message"].to_string()).unwrap_or_default();
            message.contains(asked.named)
        };
        if said("Accepted", "False") && names_it("Accepted") {
            return Ok(Verdict::Refused);
        }
        if said("PoliciesEnforced", "False") && names_it("PoliciesEnforced") {
            return Ok(Verdict::Told);
        }
        // Where there is nothing to enforce but what the route itself says, nothing is told.
        let is_enforced = said("PoliciesEnforced", "True") || objects::condition(&found, "PoliciesEnforced").is_none();
        if said("Accepted", "True") && said("Applied", "True") && is_enforced {
            return Ok(Verdict::Enforced);
        }
        Err(format!("{:#}", found["status"]))
    });
    found.await.unwrap_or_else(|late| panic!("{late}"))
}

/// A class that supports nothing but what every class must, and a Gateway of it that works.
async fn play_a_bare_gateway(scene: &Scene) {
    let class = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": { "name": BARE },
        "spec": { "controllerName": BARE_CONTROLLER },
    });
    let listener =
        json!({ "name": "web", "port": 80, "protocol": "HTTP", "allowedRoutes": { "namespaces": { "from": "All" } } });
    let gateway = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": { "namespace": NAMESPACE, "name": BARE },
        "spec": { "gatewayClassName": BARE, "listeners": [listener] },
    });
    let is_so = |type_: &str| {
        json!({
            "type": type_, "status": "True", "reason": type_, "message": "", "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        })
    };
    let features = json!([{ "name": "Gateway" }, { "name": "HTTPRoute" }]);
    scene.apply(&class).await;
    scene.say(&class, &json!({ "conditions": [is_so("Accepted")], "supportedFeatures": features })).await;
    scene.apply(&gateway).await;
    scene.say(&gateway, &json!({ "conditions": [is_so("Accepted"), is_so("Programmed")] })).await;
}

/// Each field of the schema has a line. What belongs to one type of auth alone is in the line of that type.
fn no_field_is_left_out() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/serviceroutes.tenantry.dev.yaml");
    let text = fs::read_to_string(path).expect("the definition");
    let definition: Value = serde_saphyr::from_str(&text).expect("YAML");
    let policies =
        &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["policies"];
    let mut leaves = BTreeSet::new();
    collect("", policies, &mut leaves);
    let types =
        leaves.iter().find_map(|(field, values)| (field == "auth.type").then(|| values.clone())).expect("types");
    let of_a_type = ["auth.type", "auth.secretRef", "auth.apiKey", "auth.jwt", "auth.oidc", "auth.mtls"];
    let mut wanted: BTreeSet<String> = leaves.into_iter().map(|(field, _)| field).collect();
    wanted.retain(|field| !of_a_type.iter().any(|one| field == one || field.starts_with(&format!("{one}."))));
    wanted.extend(types.iter().map(|one| format!("auth.type: {one}")));
    let has: BTreeSet<String> = all().iter().flat_map(|one| one.fields).map(|field| (*field).to_owned()).collect();
    let missing: Vec<&String> = wanted
        .iter()
        .filter(|field| !has.iter().any(|one| one == *field || field.starts_with(&format!("{one}."))))
        .collect();
    assert!(missing.is_empty(), "of these nobody knows what becomes: {missing:?}");
}

/// Fields that hold no others, each with the values that it may have, if they are listed.
fn collect(prefix: &str, schema: &Value, leaves: &mut BTreeSet<(String, Vec<String>)>) {
    let Some(properties) = schema["properties"].as_object() else {
        let values = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        leaves.insert((prefix.to_owned(), values.collect()));
        return;
    };
    // A reference is one thing.
    if properties.len() == 1 && properties.contains_key("name") {
        leaves.insert((prefix.to_owned(), Vec::new()));
        return;
    }
    for (name, property) in properties {
        let field = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        collect(&field, property, leaves);
    }
}

fn page(rows: &str) -> String {
    format!(
        "<!-- Written by `UPDATE_GENERATED=1 cargo xtask e2e gateway`, from what that test sees; not edited by hand. -->
# What becomes of each policy of a route

*Enforced*: a request through Traefik has shown it, as the words say. *Told*: `PoliciesEnforced` is False and names the field. *Refused*: `Accepted` is False and names the field.
`onUnsupported` makes the one of the other. [routing.md](routing.md) has what enforces it, and Envoy Gateway, through which this test sends nothing.

| `spec.policies` | Traefik | a class without features |
|---|---|---|
{rows}"
    )
}

fn compare(wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PAGE);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&path, wanted).expect("written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, wanted, "{PAGE} is not what was seen: UPDATE_GENERATED=1 writes it");
}
