use proptest::prelude::*;

use super::*;

fn rules() -> Rules {
    Rules {
        grant: "globex-dev/tickets".into(),
        tools: ["search".into(), "=?odd?".into()].into(),
        path: Some("/mcp".into()),
        ..Rules::default()
    }
}

fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in all {
        headers.append(*name, value.parse().expect("a value"));
    }
    headers
}

fn body(text: &str) -> Result<Answer, Refusal> {
    rules().judge_body(&HeaderMap::new(), text.as_bytes())
}

fn code(verdict: Result<Answer, Refusal>) -> Option<(u16, Option<i64>)> {
    verdict.err().map(|refusal| (refusal.status.as_u16(), refusal.rpc.map(|(code, _)| code)))
}

#[test]
fn granted_tools_are_called_and_what_a_client_needs_for_it_passes() {
    for (text, answer) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"name":"delete"}}}"#,
            Answer::Any,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}"#, Answer::TellsWhatThereIs),
        (r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#, Answer::TellsWhatThereIs),
        (r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#, Answer::Any),
        (r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#, Answer::TellsWhatThereIs),
        (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, Answer::Any),
        (r#"{"jsonrpc":"2.0","id":1,"result":{"roots":[]}}"#, Answer::Any),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no"}}"#, Answer::Any),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true}}}"#,
            Answer::Any,
        ),
        (
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"tools/list"}]"#,
            Answer::TellsWhatThereIs,
        ),
    ] {
        assert_eq!(body(text), Ok(answer), "{text}");
    }
}

#[test]
fn nothing_else_does() {
    let call = |rest: &str| format!(r#"{{"jsonrpc":"2.0","id":1,{rest}}}"#);
    for (text, expected) in [
        (call(r#""method":"tools/call","params":{"name":"delete"}"#), (200, Some(INVALID_PARAMS))),
        (call(r#""method":"tools/call","params":{"name":"Search"}"#), (200, Some(INVALID_PARAMS))),
        (call(r#""method":"tools/call","params":{"name":["search"]}"#), (200, Some(INVALID_PARAMS))),
        (call(r#""method":"tools/call","params":["search"]"#), (200, Some(INVALID_PARAMS))),
        (call(r#""method":"tools/call""#), (200, Some(INVALID_PARAMS))),
        (call(r#""method":"resources/read","params":{"uri":"file:///"}"#), (200, Some(METHOD_NOT_FOUND))),
        (call(r#""method":"prompts/get","params":{"name":"search"}"#), (200, Some(METHOD_NOT_FOUND))),
        (call(r#""method":"completion/complete""#), (200, Some(METHOD_NOT_FOUND))),
        (call(r#""method":"tasks/result""#), (200, Some(METHOD_NOT_FOUND))),
        (
            call(r#""method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["x"]}}"#),
            (200, Some(METHOD_NOT_FOUND)),
        ),
        (call(r#""method":"tools/call ","params":{"name":"search"}"#), (200, Some(METHOD_NOT_FOUND))),
        (r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"delete"}}"#.into(), (403, Some(INVALID_PARAMS))),
        // What some readers take for something else.
        (call(r#""method":"ping","method":"tools/call""#), (400, Some(INVALID_REQUEST))),
        (call(r#""method":"tools/call","params":{"name":"search","name":"delete"}"#), (400, Some(INVALID_REQUEST))),
        (call(r#""method":"ping","Method":"tools/call""#), (400, Some(INVALID_REQUEST))),
        (call(r#""method":"tools/call","params":{"name":"search","NAME":"delete"}"#), (400, Some(INVALID_REQUEST))),
        (call(r#""method":"ping","param\u017f":{}"#), (400, Some(INVALID_REQUEST))),
        (call(r#""method":"tools/call","params":{"name":"delete"},"result":{}"#), (400, Some(INVALID_REQUEST))),
        (call(r#""method":5"#), (400, Some(INVALID_REQUEST))),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#.into(), (400, Some(INVALID_REQUEST))),
        ("{}".into(), (400, Some(INVALID_REQUEST))),
        ("[]".into(), (400, Some(INVALID_REQUEST))),
        ("[[]]".into(), (400, Some(INVALID_REQUEST))),
        ("nonsense".into(), (400, Some(INVALID_REQUEST))),
        (format!("[{}]", vec![call(r#""method":"ping""#); MOST_MESSAGES + 1].join(",")), (400, Some(INVALID_REQUEST))),
        (
            format!("[{},{}]", call(r#""method":"ping""#), call(r#""method":"tools/call","params":{"name":"delete"}"#)),
            (400, Some(INVALID_REQUEST)),
        ),
    ] {
        assert_eq!(code(body(&text)), Some(expected), "{text}");
    }
}

#[test]
fn a_refusal_names_the_tool_and_the_grant() {
    let refusal =
        body(r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"delete"}}"#).expect_err("refused");
    let words = "tool \"delete\" is not granted: ServiceGrant globex-dev/tickets says so";
    let error = json!({ "code": INVALID_PARAMS, "message": words });
    assert_eq!(refusal.body("globex-dev/tickets"), json!({ "jsonrpc": "2.0", "id": "x", "error": error }));
}

#[test]
fn where_there_are_no_sessions_an_unknown_method_is_not_found() {
    let modern = headers(&[("mcp-protocol-version", MODERN)]);
    let refused = rules().judge_body(&modern, br#"{"jsonrpc":"2.0","id":1,"method":"resources/list"}"#);
    assert_eq!(code(refused), Some((404, Some(METHOD_NOT_FOUND))));
}

#[test]
fn a_header_must_say_what_the_body_says() {
    let call = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}"#;
    let judge = |all: &[(&'static str, &str)]| code(rules().judge_body(&headers(all), call));
    assert_eq!(judge(&[("mcp-method", "tools/call"), ("mcp-name", "search")]), None);
    assert_eq!(judge(&[("mcp-name", "=?base64?c2VhcmNo?=")]), None);
    for wrong in [
        ("mcp-method", "ping"),
        ("mcp-method", "tools/Call"),
        ("mcp-name", "delete"),
        ("mcp-name", "=?base64?*?="),
        ("mcp-name", ""),
    ] {
        assert_eq!(judge(&[wrong]), Some((400, Some(HEADER_MISMATCH))), "{wrong:?}");
    }
    for (header, text) in [
        ("mcp-name", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#),
        ("mcp-method", r#"{"jsonrpc":"2.0","id":1,"result":{}}"#),
        ("mcp-method", r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#),
    ] {
        let refused = code(rules().judge_body(&headers(&[(header, "ping")]), text.as_bytes()));
        assert_eq!(refused.map(|(status, _)| status), Some(400), "{text}");
    }
}

#[test]
fn heads_are_judged_before_bodies() {
    let json = ("content-type", "application/json; charset=UTF-8");
    let judge = |method: Method, path: &str, all: &[(&'static str, &str)]| {
        rules()
            .judge_head(&method, &path.parse().expect("a URI"), &headers(all))
            .err()
            .map(|refusal| refusal.status.as_u16())
    };
    assert_eq!(judge(Method::POST, "/mcp", &[json]), None);
    assert_eq!(judge(Method::GET, "/mcp", &[("accept", "text/event-stream")]), None);
    assert_eq!(judge(Method::DELETE, "/mcp", &[("mcp-session-id", "a")]), None);
    for method in [Method::PUT, Method::HEAD, Method::OPTIONS, Method::PATCH, Method::CONNECT] {
        assert_eq!(judge(method, "/mcp", &[json]), Some(405));
    }
    for path in ["/", "/mcp/", "//mcp", "/%6dcp", "/admin", "/MCP", "/mcp/../admin", "http://elsewhere/admin"] {
        assert_eq!(judge(Method::POST, path, &[json]), Some(404), "{path}");
    }
    assert_eq!(judge(Method::POST, "/mcp", &[]), Some(415));
    for wrong in
        ["text/plain", "application/json; charset=utf-7", "application/x-www-form-urlencoded", "application/json-rpc"]
    {
        assert_eq!(judge(Method::POST, "/mcp", &[("content-type", wrong)]), Some(415), "{wrong}");
    }
    assert_eq!(judge(Method::POST, "/mcp", &[json, ("content-encoding", "gzip")]), Some(415));
    assert_eq!(judge(Method::GET, "/mcp", &[("upgrade", "websocket")]), Some(400));
    for twice in ["mcp-name", "mcp-method", "mcp-protocol-version", "mcp-session-id"] {
        assert_eq!(judge(Method::POST, "/mcp", &[json, (twice, "a"), (twice, "b")]), Some(400), "{twice}");
    }
}

#[test]
fn methods_bound_what_tools_would_let_through() {
    let only = |methods: &[Method], tools: bool| Rules {
        methods: methods.to_vec(),
        tools: if tools { rules().tools } else { BTreeSet::new() },
        ..Rules::default()
    };
    let refused = |rules: &Rules, method: Method| {
        rules.judge_head(&method, &Uri::from_static("/any"), &headers(&[("content-type", "application/json")])).is_err()
    };
    let (get, post) = (only(&[Method::GET], false), only(&[Method::POST, Method::PUT], true));
    assert!(!refused(&get, Method::GET) && refused(&get, Method::POST) && refused(&get, Method::CONNECT));
    assert!(!refused(&post, Method::POST) && refused(&post, Method::GET) && refused(&post, Method::PUT));
    let never = only(&[Method::PUT], true);
    assert!(refused(&never, Method::POST) && refused(&never, Method::GET) && refused(&never, Method::PUT));
    let all = only(&[], false);
    assert!(!refused(&all, Method::PATCH) && refused(&all, Method::CONNECT), "no tunnels, whatever is granted");
}

/// JSON of any shape that has members by which messages are judged.
fn messages() -> impl Strategy<Value = Value> {
    let word =
        prop::sample::select(vec!["tools/call", "tools/list", "ping", "search", "delete", "resources/read", "x"]);
    let leaf = prop_oneof![word.prop_map(Value::from), any::<i32>().prop_map(Value::from), Just(Value::Null)];
    let name = prop::sample::select(vec![
        "method",
        "params",
        "name",
        "id",
        "jsonrpc",
        "result",
        "Method",
        "Name",
        "arguments",
    ]);
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|all| all
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<Map<_, _>>()
                .into()),
        ]
    })
}

/// A careless server: it takes the last of two members, and upper and lower case for the same.
fn calls(message: &Value, out: &mut Vec<String>) {
    let lenient = |value: &Value, name: &str| -> Vec<Value> {
        let members = value.as_object().into_iter().flatten();
        members.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone()).collect()
    };
    for one in message.as_array().unwrap_or(&vec![message.clone()]) {
        if !lenient(one, "method").iter().any(|method| method == "tools/call") {
            continue;
        }
        let names = lenient(one, "params").iter().flat_map(|params| lenient(params, "name")).collect::<Vec<_>>();
        out.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Whatever is let through, no server finds a call in it of a tool that is not granted.
    #[test]
    fn what_passes_calls_only_what_is_granted(message in messages()) {
        if body(&message.to_string()).is_ok() {
            let mut called = Vec::new();
            calls(&message, &mut called);
            prop_assert!(called.iter().all(|tool| tool == "search"), "{message}");
        }
    }

    #[test]
    fn no_bytes_bring_it_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = rules().judge_body(&HeaderMap::new(), &bytes);
    }
}
