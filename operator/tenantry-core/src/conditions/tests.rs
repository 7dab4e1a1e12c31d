use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

#[test]
fn false_beats_unknown_and_keeps_its_reason() {
    let mut conditions = Conditions::new(&[], 3, at(0));
    conditions.set(Type::Accepted, Truth::False, Reason::Invalid, "spec.quota: too much");
    conditions.set(Type::Applied, Truth::Unknown, Reason::Pending, "writing");
    let all = conditions.summarise(&[Type::Applied, Type::Accepted], "fine");
    assert_eq!(all[0].type_, "Ready");
    assert_eq!((all[0].status, all[0].reason.as_str()), (Truth::False, "Invalid"));
    assert_eq!(all[0].message, "spec.quota: too much");
    assert_eq!(all[0].observed_generation, 3);
}

#[test]
fn a_dependent_never_set_is_unknown() {
    let mut conditions = Conditions::new(&[], 1, at(0));
    conditions.set(Type::Accepted, Truth::True, Reason::Succeeded, "");
    assert_eq!(conditions.summarise(&[Type::Accepted, Type::Applied], "fine")[0].status, Truth::Unknown);
}

#[test]
fn the_transition_time_moves_only_with_the_value() {
    let mut first = Conditions::new(&[], 1, at(10));
    first.set(Type::Accepted, Truth::True, Reason::Succeeded, "");
    let before = first.summarise(&[Type::Accepted], "one");
    let mut second = Conditions::new(&before, 2, at(20));
    second.set(Type::Accepted, Truth::True, Reason::Succeeded, "other words");
    let after = second.summarise(&[Type::Accepted], "two");
    assert!(after.iter().all(|condition| condition.last_transition_time == at(10)));
    let mut third = Conditions::new(&after, 3, at(30));
    third.set(Type::Accepted, Truth::False, Reason::Invalid, "");
    assert!(third.summarise(&[Type::Accepted], "").iter().all(|condition| condition.last_transition_time == at(30)));
}

#[test]
fn long_messages_are_cut_at_a_character() {
    let mut conditions = Conditions::new(&[], 1, at(0));
    conditions.set(Type::Accepted, Truth::False, Reason::Invalid, "ä".repeat(4000));
    let all = conditions.summarise(&[Type::Accepted], "");
    assert!(all[1].message.len() <= 4096 && all[1].message.ends_with('…'));
}
