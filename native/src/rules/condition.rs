//! Condition: a tree over atoms, asked of the set of atoms that are true.

/// Trees deeper than this are not read: the fallback in Python answers for them.
pub const DEPTH_MAX: usize = 100;

/// A condition as it is written, its atoms by number.
pub enum Tree {
    Atom(u32),
    All(Vec<Tree>),
    Some(Vec<Tree>),
    Not(Box<Tree>),
}

/// The atoms that are true for an event.
pub struct Truth {
    words: Vec<u64>,
}

impl Truth {
    pub fn new(atoms: usize) -> Self {
        Self {
            words: vec![0; atoms.div_ceil(64)],
        }
    }

    /// Sets an atom; whether it was not set before.
    pub fn set(&mut self, atom: u32) -> bool {
        let word = &mut self.words[(atom / 64) as usize];
        let bit = 1 << (atom % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    pub fn unset(&mut self, atom: u32) {
        self.words[(atom / 64) as usize] &= !(1 << (atom % 64));
    }
}

/// Atoms of one word of the set: those side by side are asked at once.
#[derive(Clone, Copy)]
pub struct Mask {
    word: u32,
    bits: u64,
}

/// A condition ready to be asked.
pub enum Test {
    All(Box<[Mask]>, Box<[Test]>),
    Some(Box<[Mask]>, Box<[Test]>),
    Not(Box<Test>),
}

impl Test {
    pub fn new(tree: &Tree) -> Self {
        match tree {
            Tree::Atom(atom) => Self::Some(masks(&[*atom]), Box::default()),
            Tree::Not(item) => Self::Not(Box::new(Self::new(item))),
            Tree::All(items) => {
                let (masks, rest) = Self::items(items);
                Self::All(masks, rest)
            }
            Tree::Some(items) => {
                let (masks, rest) = Self::items(items);
                Self::Some(masks, rest)
            }
        }
    }

    fn items(items: &[Tree]) -> (Box<[Mask]>, Box<[Self]>) {
        let mut atoms = Vec::new();
        let mut rest = Vec::new();
        for item in items {
            match item {
                Tree::Atom(atom) => atoms.push(*atom),
                _ => rest.push(Self::new(item)),
            }
        }
        (masks(&atoms), rest.into())
    }

    pub fn holds(&self, truth: &Truth) -> bool {
        match self {
            Self::All(masks, rest) => {
                masks
                    .iter()
                    .all(|mask| truth.words[mask.word as usize] & mask.bits == mask.bits)
                    && rest.iter().all(|test| test.holds(truth))
            }
            Self::Some(masks, rest) => {
                masks
                    .iter()
                    .any(|mask| truth.words[mask.word as usize] & mask.bits != 0)
                    || rest.iter().any(|test| test.holds(truth))
            }
            Self::Not(item) => !item.holds(truth),
        }
    }
}

fn masks(atoms: &[u32]) -> Box<[Mask]> {
    let mut atoms = atoms.to_vec();
    atoms.sort_unstable();
    let mut masks: Vec<Mask> = Vec::new();
    for atom in atoms {
        let (word, bit) = (atom / 64, 1 << (atom % 64));
        match masks.last_mut() {
            Some(mask) if mask.word == word => mask.bits |= bit,
            _ => masks.push(Mask { word, bits: bit }),
        }
    }
    masks.into()
}

/// Atoms of which one is true wherever the condition holds, with how often that may be.
#[derive(Default)]
pub struct Witnesses {
    pub atoms: Vec<u32>,
    weight: f32,
}

/// The rarest witnesses of a tree, or of its denial; None where it may hold with no atom true.
pub fn witnesses(tree: &Tree, denied: bool, weight: &impl Fn(u32) -> f32) -> Option<Witnesses> {
    match tree {
        Tree::Atom(_) if denied => None,
        Tree::Atom(atom) => Some(Witnesses {
            atoms: vec![*atom],
            weight: weight(*atom),
        }),
        Tree::Not(item) => witnesses(item, !denied, weight),
        Tree::All(items) | Tree::Some(items) => {
            let found = items.iter().map(|item| witnesses(item, denied, weight));
            if matches!(tree, Tree::All(_)) != denied {
                found
                    .flatten()
                    .min_by(|left, right| left.weight.total_cmp(&right.weight))
            } else {
                found
                    .into_iter()
                    .try_fold(Witnesses::default(), |mut all, one| {
                        let one = one?;
                        all.atoms.extend(one.atoms);
                        all.weight += one.weight;
                        Some(all)
                    })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(state: &mut u64, depth: u32) -> Tree {
        let mut random = |below: u64| {
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (*state >> 33) % below
        };
        match random(if depth == 0 { 1 } else { 5 }) {
            0 | 1 => Tree::Atom(random(9) as u32 * 20),
            2 => Tree::Not(Box::new(tree(state, depth - 1))),
            kind => {
                let count = random(4);
                let items = (0..count).map(|_| tree(state, depth - 1)).collect();
                if kind == 3 {
                    Tree::All(items)
                } else {
                    Tree::Some(items)
                }
            }
        }
    }

    fn plainly(tree: &Tree, is_true: &impl Fn(u32) -> bool) -> bool {
        match tree {
            Tree::Atom(atom) => is_true(*atom),
            Tree::Not(item) => !plainly(item, is_true),
            Tree::All(items) => items.iter().all(|item| plainly(item, is_true)),
            Tree::Some(items) => items.iter().any(|item| plainly(item, is_true)),
        }
    }

    #[test]
    fn a_condition_holds_as_its_tree_says_and_never_without_a_witness() {
        let mut state = 3;
        for _ in 0..3000 {
            let tree = tree(&mut state, 4);
            let test = Test::new(&tree);
            let found = witnesses(&tree, false, &|atom| (atom % 7) as f32);
            for set in 0..512_u32 {
                let is_true = |atom: u32| set >> (atom / 20) & 1 != 0;
                let mut truth = Truth::new(200);
                for atom in (0..9).map(|atom| atom * 20).filter(|&atom| is_true(atom)) {
                    truth.set(atom);
                }
                let holds = plainly(&tree, &is_true);
                assert_eq!(test.holds(&truth), holds);
                if let Some(found) = &found {
                    assert!(!holds || found.atoms.iter().any(|&atom| is_true(atom)));
                }
            }
        }
    }
}
