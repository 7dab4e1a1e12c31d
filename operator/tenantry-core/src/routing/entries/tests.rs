use serde_json::{Value, json};

use super::*;
use crate::kinds::tenantry_platform::types::{Https, OwnListeners};

fn listener(name: &str, port: i32, protocol: &str, host: &Value) -> Value {
    json!({ "name": name, "port": port, "protocol": protocol, "hostname": host })
}

fn owned(text: &[&str]) -> Vec<String> {
    text.iter().map(|one| (*one).to_owned()).collect()
}

#[test]
fn a_listener_is_whose_its_name_says() {
    let whose = |name: &str| tenant_of(&json!({ "name": name })).map(str::to_owned);
    let made = name("acme", &GatewayProfile::default().listened()[0], "*.acme.example");
    assert_eq!(made, "tenantry.acme.http-80-any.acme.example");
    assert_eq!(whose(&made).as_deref(), Some("acme"));
    assert_eq!(whose("tenantry.acme-dev.http-80.a.example").as_deref(), Some("acme-dev"), "another tenant");
    for theirs in ["web", "tenantry", "tenantry.acme", "tenantry-acme.http", "xtenantry.acme.http"] {
        assert_eq!(whose(theirs), None, "{theirs}");
    }
}

#[test]
fn a_route_is_on_the_nearest_listeners_of_its_hosts_and_on_those_beneath() {
    let https = Https { port: 443, ..Https::default() };
    let listeners = OwnListeners { https: Some(https), tls_passthrough: Some(9443), ..OwnListeners::default() };
    let profile = GatewayProfile { listeners: Some(listeners), ..GatewayProfile::default() };
    let granted = owned(&["*.acme.example", "a.acme.example", "*.b.acme.example", "other.example"]);
    let on = |protocol: Protocol, hosts: &[&str]| reached(&profile, "acme", &granted, protocol, &owned(hosts));
    let both = |host: &str| [format!("tenantry.acme.http-80{host}"), format!("tenantry.acme.https-443{host}")];
    assert_eq!(on(Protocol::Http, &["shop.acme.example"]), both("-any.acme.example"));
    assert_eq!(on(Protocol::Grpc, &["a.acme.example"]), both(".a.acme.example"));
    assert_eq!(on(Protocol::Http, &["c.b.acme.example"]), both("-any.b.acme.example"));
    let beneath = [both("-any.acme.example"), both("-any.b.acme.example"), both(".a.acme.example")].concat();
    assert_eq!(on(Protocol::Sse, &["*.acme.example"]), beneath);
    assert_eq!(on(Protocol::TlsPassthrough, &["other.example"]), ["tenantry.acme.tls-9443.other.example"]);
    assert!(on(Protocol::Tcp, &["other.example"]).is_empty());
}

#[test]
fn at_one_port_each_host_is_heard_once_and_in_one_way() {
    let mine = |protocol: &str, port: i32| listener("mine", port, protocol, &json!("a.example"));
    let (web, secure) =
        (listener("web", 80, "HTTP", &Value::Null), listener("secure", 443, "HTTPS", &json!("*.example")));
    let taken = listener("taken", 443, "TLS", &json!("a.example"));
    let packets = listener("packets", 443, "UDP", &Value::Null);
    let rival = |one: &Value, others: &[&Value]| rival(one, others.iter().copied()).map(|it| it["name"].clone());
    assert_eq!(rival(&mine("HTTP", 80), &[&web, &secure]), None);
    assert_eq!(rival(&mine("HTTPS", 443), &[&web, &secure, &packets]), None);
    assert_eq!(rival(&mine("HTTPS", 443), &[&secure, &taken]), Some(json!("taken")));
    assert_eq!(rival(&mine("HTTPS", 80), &[&web]), Some(json!("web")), "spoken in another way");
}

#[test]
fn of_a_gateway_only_one_tenants_listeners_are_changed() {
    let named = |name: &str| json!({ "name": name });
    let (web, old, kept, other) =
        (named("web"), named("tenantry.acme.old"), named("tenantry.acme.kept"), named("tenantry.globex.one"));
    let changed = json!({ "name": "tenantry.acme.kept", "port": 81 });
    let before = vec![old.clone(), web.clone(), kept.clone(), other.clone()];
    let new = named("tenantry.acme.new");
    let after = with(&before, "acme", &[new.clone(), changed.clone()]);
    assert_eq!(after, [web.clone(), changed, new.clone(), other.clone()]);
    let seen = |consents: bool| json!({ "consents": consents, "listeners": before });
    assert_eq!(fault(&seen(true), &after), None);
    assert_eq!(fault(&seen(false), &after), Some("listeners are added without its owner's consent"));
    assert_eq!(fault(&seen(false), &[web.clone(), kept.clone(), other.clone()]), None, "what goes needs no consent");
    assert!(fault(&seen(true), &[old.clone(), kept.clone(), other.clone()]).is_some(), "theirs is gone");
    let mut harmed = before.clone();
    harmed[1]["port"] = json!(81);
    assert!(fault(&seen(true), &harmed).is_some(), "theirs is changed");
    assert!(fault(&seen(true), &[web, new]).is_some(), "another tenant's is gone as well");
    assert!(fault(&json!({ "listeners": [old] }), &[]).is_some(), "none is left");
}
