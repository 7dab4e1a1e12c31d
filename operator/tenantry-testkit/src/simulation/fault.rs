//! One fault of a simulation: where it strikes and how, and its name on the command line. It only orders faults.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::faults::{CallFault, Faults, Pattern, WatchFault};
use crate::server::Verb;

/// How often a refused start of a watch is refused again: more often than the engine tries without starting anew.
const REFUSALS: usize = 5;
/// How long a hanging call hangs.
const HANG: Duration = Duration::from_secs(60);
/// How long a frozen cache stays frozen.
const FREEZE: Duration = Duration::from_secs(30);

/// Where a fault strikes, counted from 0 since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Number of the call, of the watch event, or of the start of a watch.
    pub at: u64,
    /// What goes wrong.
    pub how: How,
}

macro_rules! faults {
    ($($(#[$about:meta])* $variant:ident => $name:literal,)*) => {
        /// What goes wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum How { $($(#[$about])* $variant,)* }

        impl How {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in reports and replay commands.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

faults! {
    /// The operator dies before the call.
    CrashBefore => "crash-before",
    /// The server has done it; the operator dies before the answer.
    CrashAfter => "crash-after",
    /// 403 Forbidden.
    Forbidden => "403",
    /// 409 Conflict.
    Conflict => "409",
    /// 422 Invalid.
    Invalid => "422",
    /// 429 with `Retry-After: 2`.
    Throttled => "429",
    /// 500.
    Internal => "500",
    /// 503.
    Unavailable => "503",
    /// Done, but answered 504.
    LateTimeout => "504-after-commit",
    /// The connection breaks before.
    Reset => "reset",
    /// The connection breaks after.
    ResetAfter => "reset-after-commit",
    /// No answer for a minute, and nothing is done.
    Hang => "hang",
    /// The event is lost, and the watch ends.
    End => "end",
    /// The event comes twice.
    Double => "double",
    /// The watch stands still for one more write of the operator, or 3 s.
    DelayOne => "delay-1",
    /// The same for five writes, or 10 s.
    DelayFive => "delay-5",
    /// The watch stands still for 30 s.
    Freeze => "freeze",
    /// 410 in the stream.
    Gone => "gone",
    /// The stream breaks in the middle.
    Truncate => "truncate",
    /// The stream says nothing any more, and does not end.
    Silent => "silent",
    /// The watch ends at this event, and starting it again is answered 410 five times.
    RefusedGone => "end-410",
    /// The same with 504.
    RefusedLate => "end-504",
}

impl How {
    /// Whether it strikes calls; the others strike watch events.
    pub fn strikes_calls(self) -> bool {
        self <= Self::Hang
    }

    /// How long it lasts.
    pub fn lasts(self) -> Duration {
        match self {
            // Until the operator runs again and, where it must, has waited for its own lease to expire.
            Self::CrashBefore | Self::CrashAfter => Duration::from_secs(1),
            Self::Throttled => Duration::from_secs(2),
            // The engine gives up after 10 s, with watches and lists after 30 s.
            Self::Hang => Duration::from_secs(30),
            Self::DelayOne => Duration::from_secs(3),
            Self::DelayFive => Duration::from_secs(10),
            Self::Freeze => FREEZE,
            // The server ends no half-open watch; the engine has to notice.
            Self::Silent => Duration::from_secs(100),
            _ => Duration::ZERO,
        }
    }
}

impl Fault {
    /// Orders it for the operator `agent`, which keeps so many watches.
    pub fn order(self, faults: &Faults, agent: &str, watches: u64) {
        let pattern = Pattern::agent(agent);
        let answer = |code| CallFault::Answer { code, retry_after: None };
        let call = |fault| faults.at_call(pattern.clone(), self.at, fault);
        let event = |fault| faults.at_event(pattern.clone(), self.at, fault);
        let delay = |writes, seconds| WatchFault::Delay { writes, at_most: Duration::from_secs(seconds) };
        match self.how {
            How::CrashBefore => call(CallFault::CrashBefore),
            How::CrashAfter => call(CallFault::CrashAfter),
            How::Forbidden => call(answer(403)),
            How::Conflict => call(answer(409)),
            How::Invalid => call(answer(422)),
            How::Throttled => call(CallFault::Answer { code: 429, retry_after: Some(2) }),
            How::Internal => call(answer(500)),
            How::Unavailable => call(answer(503)),
            How::LateTimeout => call(CallFault::AnswerAfterCommit { code: 504 }),
            How::Reset => call(CallFault::Reset),
            How::ResetAfter => call(CallFault::ResetAfterCommit),
            How::Hang => call(CallFault::Hang(HANG)),
            How::End => event(WatchFault::End),
            How::Double => event(WatchFault::Double),
            How::DelayOne => event(delay(1, 3)),
            How::DelayFive => event(delay(5, 10)),
            How::Freeze => event(WatchFault::Freeze(FREEZE)),
            How::Gone => event(WatchFault::Gone),
            How::Truncate => event(WatchFault::Truncate),
            How::Silent => event(WatchFault::Silent),
            How::RefusedGone | How::RefusedLate => {
                event(WatchFault::End);
                let code = if self.how == How::RefusedGone { 410 } else { 504 };
                for _ in 0..REFUSALS {
                    faults.at_call(pattern.clone().verb(Verb::Watch), watches, answer(code));
                }
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.at, self.how.name())
    }
}

/// What is not a fault.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no fault: expected a number, a colon and one of {names}", names = How::ALL.iter().map(|how| how.name()).collect::<Vec<_>>().join(", "))]
pub struct NoFault(String);

impl FromStr for Fault {
    type Err = NoFault;

    fn from_str(text: &str) -> Result<Self, NoFault> {
        let no_fault = || NoFault(text.to_owned());
        let (at, name) = text.split_once(':').ok_or_else(no_fault)?;
        let how = How::ALL.iter().find(|how| how.name() == name).ok_or_else(no_fault)?;
        Ok(Self { at: at.parse().map_err(|_| no_fault())?, how: *how })
    }
}
