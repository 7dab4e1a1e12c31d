//! Who gets what, when nothing goes wrong.

use proptest::prelude::*;

use super::model::{Cluster, Spec};

fn cluster(total: i128, shares: &[(i128, i128)]) -> Cluster {
    let mut all = [None; 4];
    for (place, share) in all.iter_mut().zip(shares) {
        *place = Some(*share);
    }
    let mut cluster = Cluster::new(Spec { total, shares: all });
    cluster.settle();
    cluster
}

fn hard(cluster: &Cluster) -> Vec<i128> {
    (0..4).map(|index| cluster.quota(index).0).collect()
}

/// Creates one at a time, with the operator at work, until nothing more is let in.
fn fill(cluster: &mut Cluster, index: usize) -> i128 {
    let mut refused = 0;
    while refused < 3 {
        refused = if cluster.admit(index, 1) { 0 } else { refused + 1 };
        cluster.settle();
    }
    cluster.quota(index).1
}

#[test]
fn maxima_that_fit_are_given_at_once_and_nothing_moves() {
    let mut cluster = cluster(100, &[(0, 60), (0, 40)]);
    assert_eq!(hard(&cluster), [60, 40, 0, 0]);
    let writes = cluster.writes;
    assert_eq!(fill(&mut cluster, 0), 60);
    assert_eq!(cluster.writes, writes);
}

#[test]
fn a_birth_shares_out_all_there_is() {
    assert_eq!(hard(&cluster(100, &[(0, 100), (0, 100)])), [50, 50, 0, 0]);
    assert_eq!(hard(&cluster(100, &[(40, 100), (0, 100)])), [64, 36, 0, 0]);
    assert_eq!(hard(&cluster(100, &[(0, 10), (0, 100)])), [10, 90, 0, 0]);
    assert_eq!(hard(&cluster(4, &[(0, 4), (0, 4), (0, 4)])), [2, 1, 1, 0], "the odd one goes to somebody");
}

#[test]
fn headroom_goes_to_who_needs_it_and_guarantees_stay() {
    let mut cluster = cluster(100, &[(0, 100), (30, 100), (0, 100)]);
    let most = fill(&mut cluster, 0);
    // The second keeps its guarantee, the third the floor: an eighth of the total for all three.
    assert_eq!(most, 100 - 30 - 4);
    assert_eq!(hard(&cluster)[1..3], [30, 4]);
    assert_eq!(fill(&mut cluster, 1), 30);
}

#[test]
fn what_is_released_can_be_had_elsewhere() {
    let mut cluster = cluster(100, &[(0, 100), (0, 100)]);
    fill(&mut cluster, 0);
    assert_eq!(fill(&mut cluster, 1), 6);
    cluster.release(0, 80);
    cluster.settle();
    assert!(fill(&mut cluster, 1) >= 64, "{:?}", hard(&cluster));
}

#[test]
fn a_total_below_what_is_used_lets_nothing_in_until_it_is_gone() {
    let mut cluster = cluster(100, &[(0, 100), (0, 100)]);
    fill(&mut cluster, 0);
    cluster.spec.total = 50;
    cluster.settle();
    let used = cluster.quota(0).1;
    assert!(used > 80 && !cluster.admit(0, 1) && !cluster.admit(1, 1));
    cluster.release(0, used - 10);
    cluster.settle();
    assert!(cluster.held_by_all() <= 50 && cluster.admit(0, 1) && cluster.admit(1, 1));
}

#[test]
fn a_retained_namespace_keeps_what_it_holds() {
    let mut cluster = cluster(100, &[(0, 50), (0, 50)]);
    cluster.spec.shares = [Some((0, 50)), None, Some((0, 50)), None];
    cluster.settle();
    let [first, second, third, _] = hard(&cluster)[..] else { unreachable!() };
    assert_eq!(second, 50);
    assert!(third > 0 && first + third == 50, "{first} + {third}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// While somebody is short, nobody has headroom to give; and little is written for each that is admitted.
    #[test]
    fn demand_is_met_while_there_is_headroom(
        spec in super::model::spec(),
        demand in proptest::collection::vec((0..4_usize, any::<bool>(), 1..20_i128), 1..60),
    ) {
        let mut cluster = Cluster::new(spec);
        cluster.settle();
        for (index, grows, amount) in demand {
            if grows { cluster.admit(index, amount); } else { cluster.release(index, amount); }
            let rounds = cluster.settle();
            prop_assert!(rounds <= 8, "{} rounds", rounds);
        }
        let total = cluster.spec.total;
        let movers = i128::try_from(cluster.spec.shares.iter().flatten().count()).expect("few");
        if movers == 0 || total < 64 { return Ok(()); }
        let floor = (total / 8 / movers).max(total / 64 * 2).max(1);
        let shares = cluster.spec.shares;
        let quotas: Vec<_> = (0..4).map(|index| cluster.quota(index)).collect();
        let is_short = |index: usize| {
            let (hard, used) = quotas[index];
            shares[index].is_some_and(|(_, max)| hard < max.min(total) && (hard - used) * 5 < hard)
        };
        if (0..4).any(is_short) && shares.iter().flatten().map(|(_, max)| max.min(&total)).sum::<i128>() > total {
            for index in (0..4).filter(|index| !is_short(*index)) {
                let Some((guaranteed, _)) = shares[index] else { continue };
                let (hard, used) = quotas[index];
                let kept = guaranteed.max(used + floor.max(used / 3 + 1) + 10);
                prop_assert!(hard <= kept, "{} keeps {} of {}, uses {}", index, hard, kept, used);
            }
        }
    }
}
