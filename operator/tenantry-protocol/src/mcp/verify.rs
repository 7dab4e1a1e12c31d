//! The whole verification of an MCP server, as a list of steps. Asks through a [`Wire`]; never calls a tool.

use http::Uri;
use serde_json::Value;

use super::checks::{self, Check, in_session};
use super::context::Context;
use super::list::{Listing, NoList, list, result_issues};
use super::message::{bare, legacy, notification};
use super::open::{self, Opened};
use super::tools::hash_all;
use super::verdict::{Auth, Era, ServerInfo, Verdict};
use super::{LEGACY, MODERN, SSE, protected};
use crate::check::{Issue, quote, shorten};
use crate::verdict::{Standing, State, retry_after, standing, troubled};
use crate::wire::{Answer, Patience, Trouble, Wire};

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Era, identity and tools: about five requests.
    Tools,
    /// Every check, too: about forty.
    Full,
}

/// Verifies the server at `target`, as `wire` reaches it.
pub async fn verify(wire: &mut impl Wire, target: &Uri, depth: Depth) -> Verdict {
    let modern = open::discovered(wire.send(open::discover()).await);
    if let Some(verdict) = end(wire, target, "server/discover", &modern, false).await {
        return verdict;
    }
    let legacy = open::initialized(wire.send(open::handshake()).await);
    let is_modern = matches!(modern, Opened::Hello(..));
    if !is_modern && let Some(verdict) = end(wire, target, "initialize", &legacy, true).await {
        return verdict;
    }
    let is_legacy_known = !matches!(legacy, Opened::Trouble(_) | Opened::Ends(_));
    match (modern, legacy) {
        (Opened::Hello(hello, session), Opened::Hello(old, old_session)) => {
            let modern = context(hello, MODERN, None, true);
            let legacy = old_context(old, old_session, true);
            speaks(wire, Era::Dual, Some((modern, session)), Some(legacy), depth, is_legacy_known).await
        }
        (Opened::Hello(hello, session), _) => {
            let modern = context(hello, MODERN, None, false);
            speaks(wire, Era::Modern, Some((modern, session)), None, depth, is_legacy_known).await
        }
        (_, Opened::Hello(old, old_session)) => {
            speaks(wire, Era::Legacy, None, Some(old_context(old, old_session, false)), depth, true).await
        }
        (modern, legacy) => neither(wire, target, modern, legacy).await,
    }
}

fn context(hello: Value, version: &str, session: Option<String>, is_dual: bool) -> Context {
    Context { hello, version: version.into(), session, is_dual }
}

fn old_context(hello: Value, session: Option<String>, is_dual: bool) -> Context {
    let version = hello["protocolVersion"].as_str().unwrap_or(LEGACY).to_owned();
    context(hello, &version, session, is_dual)
}

/// The verdict, if this opening leaves nothing to be asked.
async fn end(wire: &mut impl Wire, target: &Uri, asked: &str, opened: &Opened, is_last: bool) -> Option<Verdict> {
    match opened {
        Opened::Ends(answer) => Some(ended(wire, target, asked, answer).await),
        // Silence may mean that it does not know the question.
        Opened::Trouble(Trouble::Silent { .. } | Trouble::Closed) if !is_last => None,
        Opened::Trouble(trouble) => Some(failed(asked, trouble)),
        Opened::Fault(check, message) if check.rule.code == checks::REDIRECT.rule.code => {
            Some(broken(check, message.clone()))
        }
        _ => None,
    }
}

async fn ended(wire: &mut impl Wire, target: &Uri, asked: &str, answer: &Answer) -> Verdict {
    let Standing::Ends(state, message) = standing(asked, answer) else {
        return Verdict::new(State::ProtocolError, format!("{asked}: HTTP {}", answer.status.as_u16()));
    };
    let mut verdict = Verdict::new(state, message);
    verdict.retry_after_seconds = if state.is_healthy() { None } else { retry_after(answer) };
    if state == State::AuthRequired {
        let (challenge, issues, not_run) = protected::look(wire, target, answer).await;
        verdict.auth = Auth::Required;
        verdict.challenge = Some(challenge).filter(|challenge| *challenge != crate::challenge::Challenge::default());
        verdict.verification.issues = issues;
        verdict.verification.not_run = not_run;
        verdict.sort();
    }
    verdict
}

fn failed(asked: &str, trouble: &Trouble) -> Verdict {
    let (state, message) = troubled(asked, trouble);
    match bound(trouble) {
        Some(check) => broken(check, message),
        None => Verdict::new(state, message),
    }
}

/// Which of our bounds an answer went beyond.
fn bound(trouble: &Trouble) -> Option<&'static Check> {
    match trouble {
        Trouble::TooLarge { .. } => Some(&checks::SIZE),
        Trouble::Unfinished(_) => Some(&checks::ENDS),
        Trouble::NotHttp(_) => Some(&checks::HTTP),
        _ => None,
    }
}

fn broken(check: &'static Check, message: String) -> Verdict {
    let mut verdict = Verdict::new(State::ProtocolError, message.clone());
    verdict.verification.issues.push(check.broken(message));
    verdict
}

/// It answered neither opening. The last transport that is left, and otherwise the most telling of the answers.
async fn neither(wire: &mut impl Wire, target: &Uri, modern: Opened, legacy: Opened) -> Verdict {
    let stream = open::streamed(wire.send(open::stream()).await);
    match (modern, legacy, stream) {
        (_, _, Opened::Hello(..)) => {
            let mut verdict = Verdict::new(State::Verified, "it speaks HTTP+SSE, which is deprecated");
            verdict.era = Some(Era::Sse);
            verdict.protocol_versions = vec![SSE.into()];
            verdict.verification.revision = Some(SSE.into());
            verdict.verification.issues =
                vec![checks::SSE_ONLY.broken("it answers GET with an endpoint, and nothing else")];
            verdict
        }
        (Opened::Fault(check, message), ..) | (_, Opened::Fault(check, message), _) => broken(check, message),
        (_, _, Opened::Ends(answer)) => ended(wire, target, "GET", &answer).await,
        (modern, legacy, stream) => broken(
            &checks::OPENING,
            format!(
                "server/discover was answered by {}, initialize by {}, GET by {}",
                words(&modern),
                words(&legacy),
                words(&stream)
            ),
        ),
    }
}

fn words(opened: &Opened) -> String {
    match opened {
        Opened::Declined(words) => words.clone(),
        Opened::Trouble(_) => "nothing".into(),
        _ => "something else".into(),
    }
}

/// What has been found so far.
struct Findings {
    issues: Vec<Issue>,
    not_run: Vec<String>,
}

impl Findings {
    fn judge(&mut self, check: &Check, result: Result<(), String>) {
        if let Err(message) = result {
            self.issues.push(check.broken(message));
        }
    }

    fn could_not(&mut self, check: &Check) {
        self.not_run.push(check.rule.code.into());
    }
}

async fn speaks(
    wire: &mut impl Wire,
    era: Era,
    modern: Option<(Context, Option<String>)>,
    legacy: Option<Context>,
    depth: Depth,
    is_legacy_known: bool,
) -> Verdict {
    let mut found = Findings { issues: Vec::new(), not_run: Vec::new() };
    if let Some((modern, session)) = &modern {
        judge_discovered(modern, session.as_deref(), &mut found);
    }
    if !is_legacy_known {
        found.could_not(&checks::INITIALIZED);
    }
    if let Some(legacy) = &legacy {
        judge_initialized(legacy, &mut found);
        announce(wire, legacy, &mut found).await;
    }
    let Some(main) = modern.as_ref().map(|(context, _)| context).or(legacy.as_ref()) else {
        return Verdict::new(State::ProtocolError, "it answered no opening");
    };
    let listing = tools(wire, main, depth, &mut found).await;
    if depth == Depth::Full && listing.is_ok() {
        if let Some((modern, _)) = &modern {
            run(wire, checks::MODERN_CHECKS, modern, &mut found).await;
        }
        if let Some(legacy) = &legacy {
            run(wire, checks::LEGACY_CHECKS, legacy, &mut found).await;
        }
    }
    if let Some(legacy) = &legacy {
        close(wire, legacy, depth == Depth::Full, &mut found).await;
    }
    let mut verdict = match listing {
        Ok(None) => Verdict::new(State::Verified, "it offers no tools"),
        Ok(Some(listing)) => counted(listing, &mut found),
        Err(verdict) => *verdict,
    };
    verdict.era = Some(era);
    verdict.server_info = info(main);
    verdict.protocol_versions = versions(modern.as_ref().map(|(context, _)| context), legacy.as_ref());
    verdict.capabilities = capabilities(main);
    verdict.verification.revision = Some(shorten(&main.version, 10));
    verdict.verification.issues.append(&mut found.issues);
    verdict.verification.not_run = found.not_run;
    verdict.sort();
    verdict
}

fn counted(mut listing: Listing, found: &mut Findings) -> Verdict {
    found.issues.append(&mut listing.issues);
    let count = listing.tools.len();
    let mut verdict =
        Verdict::new(State::Verified, if count == 1 { "1 tool".to_owned() } else { format!("{count} tools") });
    verdict.tool_count = u32::try_from(count).ok();
    verdict.tools_hash = Some(hash_all(&listing.tools));
    listing.tools.sort();
    verdict.tools = listing.tools;
    verdict
}

/// The tools, if it offers any; or the verdict that it has none that can be told.
async fn tools(
    wire: &mut impl Wire,
    context: &Context,
    depth: Depth,
    found: &mut Findings,
) -> Result<Option<Listing>, Box<Verdict>> {
    if !context.offers("tools") {
        return Ok(None);
    }
    let none = |reason| {
        Box::new(match reason {
            NoList::Broken(check, message) => broken(check, message),
            NoList::Ends(state, message) => Verdict::new(state, message),
            NoList::Trouble(trouble) => failed("tools/list", &trouble),
        })
    };
    let first = list(wire, context, Patience::Whole).await.map_err(none)?;
    if depth == Depth::Tools {
        return Ok(Some(first));
    }
    match list(wire, context, Patience::Moment).await {
        Ok(second) if second.tools == first.tools => {}
        Ok(second) if hash_all(&second.tools) == hash_all(&first.tools) => {
            found.judge(&checks::TOOL_ORDER, Err("the order is another".into()));
        }
        // Not which: that would be another message each time.
        Ok(_) => return Err(Box::new(broken(&checks::STABLE, "tools/list: two in a row gave different tools".into()))),
        Err(NoList::Broken(check, message)) => return Err(Box::new(broken(check, message))),
        Err(_) => found.could_not(&checks::STABLE),
    }
    Ok(Some(first))
}

fn judge_discovered(context: &Context, session: Option<&str>, found: &mut Findings) {
    let hello = &context.hello;
    let supported = hello["supportedVersions"].as_array();
    if !supported.is_some_and(|versions| versions.iter().any(|version| version == MODERN)) {
        found.judge(
            &checks::DISCOVERED,
            Err(format!("supportedVersions is {}", quote(&hello["supportedVersions"].to_string()))),
        );
    }
    if !hello["capabilities"].is_object() {
        found.judge(&checks::DISCOVERED, Err("there are no capabilities".into()));
    }
    if info(context).is_none() {
        found.judge(&checks::SERVER_INFO, Err("server/discover: it has not".into()));
    }
    found.issues.extend(result_issues("server/discover", hello));
    if let Some(session) = session {
        found.judge(&checks::NO_SESSION, Err(format!("server/discover gave the Mcp-Session-Id {}", quote(session))));
    }
}

fn judge_initialized(context: &Context, found: &mut Findings) {
    let hello = &context.hello;
    let version = &hello["protocolVersion"];
    if !checks::is_published(version) || *version == MODERN {
        found.judge(&checks::INITIALIZED, Err(format!("protocolVersion is {}", quote(&version.to_string()))));
    }
    if !hello["capabilities"].is_object() {
        found.judge(&checks::INITIALIZED, Err("there are no capabilities".into()));
    }
    if info(context).is_none() {
        found.judge(&checks::INITIALIZED, Err("there is no serverInfo with name and version".into()));
    }
    if let Some(session) = &context.session
        && (session.is_empty() || !session.bytes().all(|byte| (0x21..=0x7e).contains(&byte)))
    {
        found.judge(&checks::SESSION_ID, Err(format!("it is {}", quote(session))));
    }
}

async fn announce(wire: &mut impl Wire, context: &Context, found: &mut Findings) {
    let ask = in_session(context, notification("notifications/initialized", None));
    match wire.send(ask.briefly()).await {
        Ok(answer) => found.judge(&checks::INITIALIZED_NOTICE, checks::accepted(&answer)),
        Err(_) => found.could_not(&checks::INITIALIZED_NOTICE),
    }
}

async fn run(wire: &mut impl Wire, checks: &[&Check], context: &Context, found: &mut Findings) {
    for check in checks {
        let Some(ask) = check.ask(context) else { continue };
        match wire.send(ask).await {
            // It has had enough of us, which says nothing about the rule.
            Ok(answer) if matches!(answer.status.as_u16(), 429 | 502..=504) => found.could_not(check),
            Ok(answer) => {
                found.judge(check, check.judge(&answer, context));
                leave_no_session(wire, &answer, context).await;
            }
            Err(_) => found.could_not(check),
        }
    }
}

/// Checks that open must also close.
async fn leave_no_session(wire: &mut impl Wire, answer: &Answer, context: &Context) {
    let Some(session) = answer.header("mcp-session-id") else { return };
    if context.version != MODERN && context.session.as_deref() != Some(session) {
        let ask = in_session(context, bare(http::Method::DELETE)).header("mcp-session-id", session);
        // Whether it works is looked at with the main session.
        let _ = wire.send(ask.briefly()).await;
    }
}

async fn close(wire: &mut impl Wire, context: &Context, is_judged: bool, found: &mut Findings) {
    if context.session.is_none() {
        return;
    }
    let answer = wire.send(in_session(context, bare(http::Method::DELETE)).briefly()).await;
    if !is_judged {
        return;
    }
    let Ok(answer) = answer else { return found.could_not(&checks::ENDED_SESSION) };
    match answer.status.as_u16() {
        405 => {}
        200..=299 => match wire.send(in_session(context, legacy("ping", None)).briefly()).await {
            Ok(answer) if answer.status.as_u16() == 404 => {}
            Ok(answer) => found.judge(
                &checks::ENDED_SESSION,
                Err(format!("a request after DELETE was answered by HTTP {}", answer.status.as_u16())),
            ),
            Err(_) => found.could_not(&checks::ENDED_SESSION),
        },
        code => found.judge(&checks::ENDED_SESSION, Err(format!("DELETE was answered by HTTP {code}"))),
    }
}

fn info(context: &Context) -> Option<ServerInfo> {
    let hello = &context.hello;
    let of = |info: &Value| {
        let text = |field: &str| info[field].as_str().map(|text| shorten(text, 200));
        Some(ServerInfo { name: text("name")?, version: text("version")? })
    };
    of(&hello["_meta"]["io.modelcontextprotocol/serverInfo"]).or_else(|| of(&hello["serverInfo"]))
}

fn versions(modern: Option<&Context>, legacy: Option<&Context>) -> Vec<String> {
    let supported = modern.and_then(|context| context.hello["supportedVersions"].as_array());
    let mut versions: Vec<String> =
        supported.into_iter().flatten().filter_map(Value::as_str).map(|version| shorten(version, 32)).collect();
    versions.extend(legacy.map(|context| shorten(&context.version, 32)));
    versions.sort_by(|one, other| other.cmp(one));
    versions.dedup();
    versions.truncate(16);
    versions
}

fn capabilities(context: &Context) -> Vec<String> {
    let fields = context.hello["capabilities"].as_object();
    let mut names: Vec<String> = fields.into_iter().flatten().map(|(name, _)| shorten(name, 64)).collect();
    names.sort();
    names.truncate(32);
    names
}
