//! Traces written by hand, a recursion as deep as gas allows, and random traces against a quadratic reference.

mod naive;
mod script;

use super::{Reentry, Rule};
use alloy_primitives::U256;
use script::{Script, found};

/// `rule of A.1 by A.2`: rule, open call, inner call.
fn told(script: &str) -> Vec<String> {
    found(&Script::new(script)).iter().map(said).collect()
}

fn said(each: &Reentry) -> String {
    let name = |selector: Option<[u8; 4]>| selector.map_or(0, u32::from_be_bytes);
    format!("{:?} {}>{}", each.rule, name(each.outer_selector), name(each.inner_selector))
}

#[test]
fn a_read_before_the_call_is_stale_when_the_inner_call_changes_it() {
    let found = found(&Script::new("X( A.1( r0 B( A.2( r0 w0=7 ) ) w0=9 ) )"));
    let stale: Vec<_> = found.iter().filter(|each| each.rule == Rule::StaleRead).collect();
    assert_eq!(stale.len(), 1);
    assert_eq!((stale[0].outer, stale[0].edge, stale[0].caller, stale[0].inner), (1, 2, 2, 3));
    assert_eq!(
        (stale[0].before, stale[0].after, stale[0].written_after),
        (U256::ZERO, U256::from(7), Some(U256::from(9)))
    );
    assert!(!stale[0].reread && !stale[0].admitted && !stale[0].through_create);
}

#[test]
fn what_was_written_before_the_call_is_not_stale() {
    assert_eq!(told("X( A.1( r0 w0=7 B( A.2( r0 w0=6 ) ) ) )"), ["OpenWrite 1>2"]);
}

#[test]
fn what_is_put_back_in_time_is_not_stale() {
    assert_eq!(told("X( A.1( r0 B( A.2( w0=7 ) A.3( w0=0 ) ) ) )"), ["OpenWrite 1>2", "OpenWrite 1>3"]);
}

#[test]
fn a_call_without_a_foreign_frame_between_is_no_pair() {
    assert!(told("X( A.1( r0 A.2( w0=7 ) ) )").is_empty());
    assert!(told("X( A.1( r0 d:L( w0=7 B( ) ) ) )").is_empty());
}

#[test]
fn delegated_code_uses_its_callers_storage() {
    assert_eq!(told("X( A.1( r0 d:L( B( A.2( d:L( w0=7 ) ) ) ) ) )"), ["StaleRead 1>2", "OpenWrite 1>2"]);
}

#[test]
fn what_was_undone_does_not_count() {
    assert!(told("X( A.1( r0 B( A.2( w0=7 )! ) ) )").is_empty());
    assert!(told("X( A.1( r0 B( A.2( w0=7 ) )! ) )").is_empty());
    assert!(told("X( A.1( r0 B( A.2( w0=7 ) ) ) )!").is_empty());
}

#[test]
fn a_lock_is_told_by_being_put_back() {
    // Whoever meets it fails; whoever is let in has read it.
    assert_eq!(told("X( A.1( r9 w9=1 r0 B( A.2( r9 )! ) w9=0 ) )"), ["Refused 1>2"]);
    assert_eq!(told("X( A.1( r9 w9=1 B( A.2( r9 )! ) ) )"), [""; 0]);
    let admitted = found(&Script::new("X( A.1( r9 w9=1 B( A.2( r9 w0=7 ) ) w9=0 ) )"));
    assert_eq!(admitted.iter().map(said).collect::<Vec<_>>(), ["OpenWrite 1>2"]);
    assert!(admitted[0].admitted);
    let around = found(&Script::new("X( A.1( r9 w9=1 B( A.2( w0=7 ) ) w9=0 ) )"));
    assert!(!around[0].admitted);
}

#[test]
fn a_transient_lock_is_one_too() {
    assert_eq!(told("X( A.1( tr9 tw9=1 r0 B( A.2( tr9 )! ) tw9=0 ) )"), ["Refused 1>2"]);
    // The same number in the other storage is another slot.
    assert_eq!(told("X( A.1( r9 B( A.2( tw9=1 ) ) ) )"), ["OpenWrite 1>2"]);
}

#[test]
fn a_lock_beside_other_values_is_one_byte() {
    // The high byte is the lock, the low one is what it should protect.
    let script = "X( A.9( w0=261 ) A.1( r0 w0=5 B( A.2( w0=6 ) ) w0=261 ) )";
    assert_eq!(told(script), ["StaleRead 1>2", "OpenWrite 1>2"]);
    assert_eq!(told("X( A.9( w0=261 ) A.1( r0 w0=5 B( A.2( w0=261 ) ) w0=261 ) )"), [""; 0]);
    assert_eq!(told("X( A.1( r0 w0=256 B( A.2( r0 )! ) w0=0 ) )"), ["Refused 1>2"]);
}

#[test]
fn a_ticket_that_the_inner_call_takes_admits_it() {
    let found = found(&Script::new("X( A.1( w9=5 B( A.2( r9 w9=0 w0=1 ) ) ) )"));
    assert!(found.iter().all(|each| each.admitted) && !found.is_empty());
}

#[test]
fn a_creation_between_is_seen() {
    let found = found(&Script::new("X( A.1( r0 c:N( B( A.2( w0=7 ) ) ) w0=1 ) )"));
    assert!(found.iter().all(|each| each.through_create) && found.len() == 2);
    assert_eq!((found[0].edge, found[0].caller), (2, 3));
}

#[test]
fn another_contracts_slot_changed_between_reading_and_writing() {
    let script = "X( A.1( s:T.5( r0 ) B( T.6( r0 w0=7 ) ) T.7( r0 w0=8 ) ) )";
    let [found] = &found(&Script::new(script))[..] else { panic!("{:?}", told(script)) };
    assert_eq!((found.rule, found.outer, found.edge, found.inner), (Rule::CrossContract, 1, 3, 4));
    assert_ne!(found.context, found.account);
    assert!(told("X( A.1( s:T.5( r0 ) T.6( r0 w0=7 ) B( ) T.7( r0 w0=8 ) ) )").is_empty());
    assert!(told("X( A.1( B( T.6( r0 w0=7 ) ) s:T.5( r0 ) T.7( r0 w0=8 ) ) )").is_empty());
    assert!(told("X( A.1( s:T.5( r0 ) B( T.6( r0 w0=7 )! ) T.7( r0 w0=8 ) ) )").is_empty());
}

#[test]
fn an_answer_that_changes_afterwards_was_believed_by_whoever_acts() {
    let script = "X( A.1( r0 B( Z.4( s:A.2( r0 ) w0=1 ) ) w0=9 ) )";
    let [found] = &found(&Script::new(script))[..] else { panic!("{:?}", told(script)) };
    assert_eq!((found.rule, found.outer, found.edge, found.inner), (Rule::ReadOnly, 1, 2, 4));
    assert_eq!(found.reader.map(|(_, frame)| frame), Some(3));
    assert!(found.reader_acted);
    // By way of an oracle that only reads; without acting; on a value that was final; asked by the account itself.
    assert_eq!(told("X( A.1( r0 B( Z.4( s:O.3( s:A.2( r0 ) ) w0=1 ) ) w0=9 ) )"), ["ReadOnly 1>2"]);
    assert!(!self::found(&Script::new("X( A.1( r0 B( Z.4( w0=1 s:A.2( r0 ) ) ) w0=9 ) )"))[0].reader_acted);
    assert!(told("X( A.1( r0 w0=9 B( Z.4( s:A.2( r0 ) w0=1 ) ) ) )").is_empty());
    assert!(told("X( A.1( r0 s:O.3( s:A.2( r0 ) ) w0=9 ) )").is_empty());
}

#[test]
fn a_slot_first_touched_after_the_answer_counts_too() {
    assert_eq!(told("X( A.1( B( Z.4( s:A.2( r0 ) w0=1 ) ) w0=9 ) )"), ["ReadOnly 1>2"]);
    assert!(told("X( B( Z.4( s:A.2( r0 ) w0=1 ) ) A.1( w0=9 ) )").is_empty());
}

#[test]
fn those_alike_are_counted() {
    let found = found(&Script::new("X( A.1( r0 B( A.1( r0 B( A.1( r0 B( ) w0=3 ) ) w0=2 ) ) w0=1 ) )"));
    assert_eq!(found.iter().map(|each| each.count).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn work_is_linear_in_what_was_recorded() {
    // As many nested and repeated calls as a trace may have: pairs would be hundreds of millions.
    let mut text = String::from("X( ");
    for _ in 0..70 {
        text.push_str(&"A.1( r0 r1 B.2( ".repeat(500));
        text.push_str("A.3( w0=1 w1=2 w0=0 w1=5 w1=0 ) ");
        text.push_str(&") w0=7 w0=0 ) ".repeat(500));
    }
    text.push(')');
    let script = Script::new(&text);
    let began = std::time::Instant::now();
    let found = found(&script);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    assert!(found.len() < 300);
}

#[test]
fn random_traces_agree_with_the_definition() {
    let mut seed = 1;
    let mut seen = 0;
    for _ in 0..10_000 {
        let script = Script::random(&mut seed);
        let mut ours: Vec<_> = found(&script)
            .iter()
            .filter(|each| matches!(each.rule, Rule::StaleRead | Rule::OpenWrite))
            .map(|each| (each.rule, each.outer, each.inner))
            .collect();
        ours.sort();
        let expected = naive::pairs(&script);
        seen += expected.len();
        assert_eq!(ours, expected, "{}", script.text);
    }
    assert!(seen > 5_000, "{seen}");
}
