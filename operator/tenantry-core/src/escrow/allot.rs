//! How one resource is shared out: guaranteed shares first, then whoever is short, then evenly; and who gives. Whole
//! numbers only, no memory, no clock: the same positions give the same answer, and an answer is its own answer.

/// How one namespace stands with one resource, in billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// What its quota is to say.
    pub(super) target: i128,
    /// The most it may hold in truth; never less than the target.
    pub(super) bound: i128,
    /// What it uses.
    pub(super) used: i128,
    /// What it always has.
    pub(super) guaranteed: i128,
    /// The most it may have.
    pub(super) max: i128,
    /// Whether its quota is ours to change.
    pub(super) moves: bool,
    /// Whether its quota is there.
    pub(super) is_seen: bool,
}

impl Position {
    /// What of the total nobody else can have.
    fn reserved(&self) -> i128 {
        self.bound.max(self.guaranteed)
    }

    /// Whether it will soon want more: less than a fifth is free, or less than the smallest step.
    fn is_short(&self, grain: i128) -> bool {
        self.moves && self.target < self.max && (!self.is_seen || self.target - self.used < grain.max(self.target / 5))
    }

    /// What it is to have when it is short: twice what it uses, and some at least.
    fn wish(&self, scale: &Scale) -> i128 {
        let wish = scale.round_up(self.used + self.used.max(2 * scale.floor));
        wish.max(self.guaranteed).min(self.max).max(self.target)
    }

    /// What it keeps when others are short: a quarter of it is free then, which is more than makes it short in turn.
    fn kept(&self, scale: &Scale) -> i128 {
        let kept = scale.round_up(self.used + scale.floor.max(self.used / 3));
        kept.max(self.guaranteed).min(self.max)
    }

    fn lift(&mut self, target: i128) {
        self.target = self.target.max(target);
        self.bound = self.bound.max(self.target);
    }
}

/// The sizes of steps.
struct Scale {
    /// What moves is a multiple of this, as far as it can be.
    grain: i128,
    /// Headroom that each keeps, used or not: an eighth of the total for all together.
    floor: i128,
}

impl Scale {
    fn round_up(&self, amount: i128) -> i128 {
        (amount + self.grain - 1) / self.grain * self.grain
    }

    fn round_down(&self, amount: i128) -> i128 {
        amount / self.grain * self.grain
    }
}

/// Moves targets. Bounds are raised with them, never lowered.
pub(super) fn allot(total: i128, grain: i128, all: &mut [Position]) {
    let movers = i128::try_from(all.iter().filter(|one| one.moves).count()).unwrap_or(i128::MAX);
    if movers == 0 {
        return;
    }
    let mut scale = Scale { grain, floor: 0 };
    scale.floor = scale.round_down(total / 8 / movers).max(grain);
    for one in all.iter_mut().filter(|one| one.moves) {
        one.target = one.target.min(one.max);
    }
    // When all maxima fit side by side there is nothing to move: each has its own.
    let fits = all.iter().map(|one| if one.moves { one.max } else { one.bound }).sum::<i128>() <= total;
    let wishes: Vec<i128> = all
        .iter()
        .map(|one| match one {
            one if !one.moves => one.target,
            one if fits => one.max,
            one if one.is_short(grain) => one.wish(&scale),
            one => one.target.max(one.guaranteed),
        })
        .collect();
    give_guaranteed(total, all);
    give_wished(total, &scale, &wishes, all);
    let lacking: i128 = all.iter().zip(&wishes).map(|(one, wish)| wish - one.target).sum();
    if lacking == 0 {
        spread(total, &scale, all);
    }
    // Where all fits, nobody gives headroom to others; only what is above its maximum goes.
    take(total, &scale, if fits { 0 } else { lacking }, all);
}

/// What no bound and no guarantee claims; negative while more is held than there is.
fn pool(total: i128, all: &[Position]) -> i128 {
    total - all.iter().map(Position::reserved).sum::<i128>()
}

fn give_guaranteed(total: i128, all: &mut [Position]) {
    let mut room = total - all.iter().map(|one| one.bound).sum::<i128>();
    for one in all.iter_mut().filter(|one| one.moves && one.target < one.guaranteed) {
        let cost = (one.guaranteed - one.bound).clamp(0, room.max(0));
        one.lift(one.guaranteed.min(one.bound + cost));
        room -= cost;
    }
}

/// Gives those that wish for more equal parts of the pool, until they have it or it is empty.
fn give_wished(total: i128, scale: &Scale, wishes: &[i128], all: &mut [Position]) {
    let mut pool = pool(total, all);
    if pool < 0 {
        return;
    }
    for (one, wish) in all.iter_mut().zip(wishes) {
        one.lift((*wish).min(one.bound));
    }
    loop {
        let asking: Vec<usize> = (0..all.len()).filter(|index| all[*index].target < wishes[*index]).collect();
        let Some(part) = part(pool, scale, asking.len()) else { return };
        for index in asking {
            let step = (wishes[index] - all[index].target).min(part).min(pool);
            let target = all[index].target + step;
            all[index].lift(target);
            pool -= step;
        }
    }
}

/// What one of so many gets of the pool now: an equal part, or all that is left if that is less than a step.
fn part(pool: i128, scale: &Scale, count: usize) -> Option<i128> {
    let count = i128::try_from(count).ok().filter(|count| *count > 0 && pool > 0)?;
    Some(scale.round_down(pool / count).max(scale.grain))
}

/// Nobody is short: what is left goes to all alike, so that also a large request finds room.
fn spread(total: i128, scale: &Scale, all: &mut [Position]) {
    loop {
        let open: Vec<usize> =
            (0..all.len()).filter(|index| all[*index].moves && all[*index].target < all[*index].max).collect();
        let count = i128::try_from(open.len()).unwrap_or(i128::MAX);
        let mut left = pool(total, all);
        if count == 0 || left < count.saturating_mul(scale.grain) {
            return;
        }
        let part = scale.round_down(left / count);
        for index in open {
            let one = &mut all[index];
            let before = one.bound;
            one.lift((one.bound + part).min(one.max));
            left -= one.bound - before;
        }
    }
}

/// Lowers targets of those that have more than they need, by what is lacking elsewhere and is not on its way already.
fn take(total: i128, scale: &Scale, lacking: i128, all: &mut [Position]) {
    let pool = pool(total, all);
    let coming: i128 = all
        .iter()
        .filter(|one| one.moves)
        .map(|one| one.reserved() - one.target.max(one.used).max(one.guaranteed))
        .sum();
    let mut wanted = lacking - pool - coming;
    let mut over = -pool - coming;
    let short: Vec<bool> = all.iter().map(|one| one.is_short(scale.grain)).collect();
    let spare = |one: &Position, index: usize| if short[index] { 0 } else { one.target - one.kept(scale) };
    drain(all, scale, &mut wanted, &mut over, spare);
    if over > 0 {
        // More is held than there is: also headroom goes, and what is used is not replaced when it ends.
        wanted = over;
        drain(all, scale, &mut wanted, &mut over, |one, _| one.target - one.used.max(one.guaranteed));
    }
}

/// Takes `wanted` from those that can spare most, so that few quotas change.
fn drain(
    all: &mut [Position],
    scale: &Scale,
    wanted: &mut i128,
    over: &mut i128,
    spare: impl Fn(&Position, usize) -> i128,
) {
    let mut givers: Vec<(i128, usize)> = (0..all.len())
        .filter(|index| all[*index].moves)
        .map(|index| (spare(&all[index], index), index))
        .filter(|(spare, _)| *spare > 0)
        .collect();
    givers.sort_by_key(|(spare, index)| (-spare, *index));
    for (spare, index) in givers {
        let taken = spare.min(scale.round_up((*wanted).max(0)));
        all[index].target -= taken;
        *wanted -= taken;
        *over -= taken;
    }
}
