//! Whether what was asked for is done, seen from outside.

use std::time::Duration;

use http::Method;
use tenantry_e2e::eventually;
use tenantry_e2e::gateway::{Answer, CallError};

use crate::asked::MORE;
use crate::facts::Does;
use crate::stage::{HOST, RPC_HOST, Stage};

/// Long enough that a time limit of a tenth of a second has passed, whatever else the machine does.
const NO_ANSWER: Duration = Duration::from_secs(3);

/// Looks at the fact of this name.
pub async fn judge(stage: &Stage, name: &str) -> Does {
    let own = format!("/{name}");
    let judge = Judge { stage, path: &own };
    if let Some(does) = judge.condition(name).await {
        return does;
    }
    if let Some(does) = judge.filter(name).await {
        return does;
    }
    if let Some(does) = judge.backend(name).await {
        return does;
    }
    if let Some(does) = judge.middleware(name).await {
        return does;
    }
    // Whatever is answered is the fact.
    let answer = judge.get(&own, &[]).await;
    shown(&answer, answer.status == 200)
}

/// From an answer that should show it.
fn shown(answer: &Answer, is_honoured: bool) -> Does {
    match answer.status {
        _ if is_honoured => Does::Honoured,
        status if status >= 400 => Does::Fails(status),
        _ => Does::Ignored,
    }
}

struct Judge<'a> {
    stage: &'a Stage,
    path: &'a str,
}

impl Judge<'_> {
    async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, CallError> {
        self.stage.gateway.caller().within(NO_ANSWER).request(Method::GET, HOST, path, headers).await
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(path, headers).await.expect("an answer")
    }

    /// With what is asked for it is routed, and without it is not.
    async fn only(&self, with: (&str, &[(&str, &str)]), without: (&str, &[(&str, &str)])) -> Does {
        let with = self.get(with.0, with.1).await;
        if with.status != 200 {
            return Does::Fails(with.status);
        }
        if self.get(without.0, without.1).await.status == 404 { Does::Honoured } else { Does::Ignored }
    }

    async fn sees_more(&self) -> Does {
        let answer = self.get(self.path, &[]).await;
        shown(&answer, answer.json()["headers"][MORE] == "set")
    }

    async fn location(&self, wanted: &str, status: u16) -> Does {
        let answer = self.get(self.path, &[]).await;
        let is = answer.header("location") == wanted && answer.status == status;
        if is || answer.status >= 400 { shown(&answer, is) } else { panic!("{answer:?}") }
    }

    async fn condition(&self, name: &str) -> Option<Does> {
        let path = self.path;
        let does = match name {
            "path-exact" => self.only((path, &[]), ("/path-exact/more", &[])).await,
            "path-regular-expression" => self.only((path, &[]), ("/path-regular-1", &[])).await,
            "header-exact" | "header-regular-expression" => {
                self.only((path, &[("x-plan", "gold")]), (path, &[("x-plan", "silver")])).await
            }
            "query" => self.only((&format!("{path}?plan=gold"), &[]), (&format!("{path}?plan=silver"), &[])).await,
            "method" => {
                let put = self.stage.gateway.caller().request(Method::PUT, HOST, path, &[]).await.expect("an answer");
                if put.status != 200 {
                    return Some(Does::Fails(put.status));
                }
                if self.get(path, &[]).await.status == 404 { Does::Honoured } else { Does::Ignored }
            }
            _ => return None,
        };
        Some(does)
    }

    async fn filter(&self, name: &str) -> Option<Does> {
        let path = self.path;
        let does = match name {
            "request-header" | "backend-request-header" => {
                let answer = self.get(path, &[("x-less", "sent")]).await;
                let headers = &answer.json()["headers"];
                shown(&answer, headers[MORE] == "set" && headers["x-less"].is_null())
            }
            "response-header" => {
                let answer = self.get(path, &[("x-answer-header", "x-less=answered")]).await;
                shown(&answer, answer.header(MORE) == "set" && answer.header("x-less").is_empty())
            }
            "redirect-host" => self.location(&format!("http://shop.example{path}"), 302).await,
            "redirect-308" => self.location(&format!("http://shop.example{path}"), 308).await,
            "redirect-scheme" => self.location(&format!("https://{HOST}{path}"), 301).await,
            "redirect-port" => self.location(&format!("http://{HOST}:8443{path}"), 302).await,
            "redirect-path" => self.location(&format!("http://{HOST}/new"), 302).await,
            "rewrite-prefix" => {
                let answer = self.get(&format!("{path}/more"), &[]).await;
                shown(&answer, answer.json()["path"] == "/new/more")
            }
            "rewrite-full-path" => {
                let answer = self.get(&format!("{path}/more"), &[]).await;
                shown(&answer, answer.json()["path"] == "/new")
            }
            "rewrite-host" => {
                let answer = self.get(path, &[]).await;
                shown(&answer, answer.json()["host"] == "shop.example")
            }
            "mirror" => {
                let answer = self.get(path, &[]).await;
                let copied = eventually(Duration::from_secs(3), "the copy arrives", async || {
                    self.stage
                        .pods
                        .seen()
                        .iter()
                        .any(|seen| {
                            seen["path"] == path
                                && seen["backend"].as_str().is_some_and(|name| name.starts_with("team/canary-"))
                        })
                        .then_some(())
                });
                shown(&answer, answer.status == 200 && copied.await.is_ok())
            }
            "cors" | "cors-by-middleware" => self.cors(path).await,
            "timeout-request" | "timeout-backend-request" => match self.ask(path, &[("x-answer-hold", "yes")]).await {
                Ok(answer) => shown(&answer, answer.status == 504),
                Err(CallError::Silent { .. }) => Does::Ignored,
                Err(error) => panic!("{error}"),
            },
            _ => return None,
        };
        Some(does)
    }

    async fn backend(&self, name: &str) -> Option<Does> {
        let path = self.path;
        let does = match name {
            "websocket-backend" => match self.stage.gateway.caller().websocket(HOST, path, "hello").await {
                Ok(heard) if heard.ends_with(": hello") => Does::Honoured,
                other => panic!("{other:?}"),
            },
            "h2c-backend" => {
                let answer = self.get(path, &[]).await;
                shown(&answer, answer.json()["version"] == "2")
            }
            "backend-tls" => {
                let answer = self.get(path, &[]).await;
                shown(&answer, answer.json()["secure"] == true)
            }
            "grpc-method-and-header" => {
                let call = async |plan| {
                    self.stage
                        .gateway
                        .caller()
                        .grpc(RPC_HOST, "shop.Orders/List", &[("x-plan", plan)], b"all")
                        .await
                        .expect("an answer")
                };
                let gold = call("gold").await;
                if gold.status != Some(0) {
                    return Some(Does::Fails(gold.answer.status));
                }
                if call("silver").await.status == Some(0) { Does::Ignored } else { Does::Honoured }
            }
            "own-api-of-traefik" => {
                let answer = self.get(&format!("{path}/overview"), &[]).await;
                shown(&answer, answer.json()["http"].is_object())
            }
            _ => return None,
        };
        Some(does)
    }

    async fn middleware(&self, name: &str) -> Option<Does> {
        let path = self.path;
        let does = match name {
            "retry-status" => {
                let answer = self.get(path, &[("x-answer-refuse", "retry-status/2")]).await;
                shown(&answer, answer.status == 200)
            }
            "retry-network" => {
                // A status is an answer: only a broken connection is tried again.
                let answer = self.get(path, &[("x-answer-refuse", "retry-network/2")]).await;
                if answer.status == 503 { Does::Ignored } else { shown(&answer, answer.status == 200) }
            }
            "headers" | "chain" | "chain-other-namespace" => self.sees_more().await,
            "filters-in-order" => {
                let answer = self.get(path, &[]).await;
                shown(&answer, answer.json()["headers"][MORE].is_null())
            }
            "rate-limit" => {
                let first = self.get(path, &[]).await;
                let second = self.get(path, &[]).await;
                shown(&first, first.status == 200 && second.status == 429)
            }
            "in-flight" => self.in_flight(path).await,
            "ip-allow-list" => {
                let from = async |source: &str| {
                    let caller = self.stage.gateway.caller().from(source.parse().expect("an address"));
                    caller.get(HOST, path).await.expect("an answer")
                };
                let inside = from("10.200.9.9").await;
                shown(&inside, inside.status == 200 && from("10.200.10.9").await.status == 403)
            }
            "basic-auth" => {
                let nobody = self.get(path, &[]).await;
                let gold = self.get(path, &[("authorization", "Basic Z29sZDpnb2xk")]).await;
                shown(&gold, gold.status == 200 && nobody.status == 401)
            }
            "forward-auth" => {
                let refused = self.get(path, &[("x-answer-status", "403")]).await;
                let let_in = self.get(path, &[("x-answer-header", "x-more=from-the-judge")]).await;
                shown(&let_in, refused.status == 403 && let_in.json()["headers"][MORE] == "from-the-judge")
            }
            "buffering-limit" => {
                let post = async |body: &str| {
                    self.stage.gateway.caller().send(Method::POST, HOST, path, &[], body).await.expect("an answer")
                };
                let small = post("1234").await;
                shown(&small, small.status == 200 && post("123456789").await.status == 413)
            }
            "circuit-breaker" => self.circuit_breaker(path).await,
            _ => return None,
        };
        Some(does)
    }

    async fn cors(&self, path: &str) -> Does {
        let origin = ("origin", "https://shop.example");
        let answer = self.ask(path, &[origin]).await.expect("an answer");
        let asking = [origin, ("access-control-request-method", "PUT")];
        let preflight =
            self.stage.gateway.caller().request(Method::OPTIONS, HOST, path, &asking).await.expect("an answer");
        let allowed = "access-control-allow-origin";
        let is_answered = preflight.backend().is_empty() && preflight.header(allowed) == origin.1;
        let strangers = self.ask(path, &[("origin", "https://evil.example")]).await.expect("an answer");
        let is_closed = strangers.header(allowed).is_empty();
        shown(&answer, answer.header(allowed) == origin.1 && is_answered && is_closed)
    }

    async fn in_flight(&self, path: &str) -> Does {
        let caller = self.stage.gateway.caller();
        let headers = [("x-answer-hold", "yes"), ("x-held", path)];
        let held = caller.request(Method::GET, HOST, path, &headers);
        let second = async {
            eventually(Duration::from_secs(10), "the first is under way", async || {
                self.stage.pods.seen().iter().any(|seen| seen["headers"]["x-held"] == path).then_some(())
            })
            .await
            .unwrap_or_else(|late| panic!("{late}"));
            self.ask(path, &[]).await.expect("an answer")
        };
        tokio::select! {
            answer = held => panic!("it is held: {answer:?}"),
            second = second => if second.status == 429 { Does::Honoured } else { shown(&second, false) },
        }
    }

    async fn circuit_breaker(&self, path: &str) -> Does {
        let opened = eventually(Duration::from_secs(10), "the circuit opens", async || {
            let answer = self.ask(path, &[("x-answer-status", "500")]).await.map_err(|error| error.to_string())?;
            // What it answers by itself does not come from a pod.
            if answer.status == 503 && answer.backend().is_empty() { Ok(()) } else { Err(answer.status.to_string()) }
        });
        if opened.await.is_ok() { Does::Honoured } else { Does::Ignored }
    }
}
