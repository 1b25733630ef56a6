//! Lists against double-ended queues.

use crate::mem::{Budget, Key, Link, Linked, List, Pool};
use proptest::prelude::{ProptestConfig, any, proptest};
use std::collections::VecDeque;
use std::vec::Vec;

struct Ready;
struct Timed;

#[derive(Default)]
struct Thing {
    ready: Link<Thing>,
    timed: Link<Thing>,
}

impl Linked<Ready> for Thing {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.ready
    }
}

impl Linked<Timed> for Thing {
    fn link(&mut self) -> &mut Link<Self> {
        &mut self.timed
    }
}

fn step<L>(
    list: &mut List<Thing, L>,
    model: &mut VecDeque<usize>,
    pool: &mut Pool<Thing>,
    keys: &[Key<Thing>],
    step: (u8, usize),
) where
    Thing: Linked<L>,
{
    let which = step.1 % keys.len();
    let is_in = model.contains(&which);
    match step.0 % 4 {
        0 => {
            assert_eq!(list.push_back(pool, keys[which]), !is_in);
            if !is_in {
                model.push_back(which);
            }
        }
        1 => {
            assert_eq!(list.push_front(pool, keys[which]), !is_in);
            if !is_in {
                model.push_front(which);
            }
        }
        2 => {
            assert_eq!(list.remove(pool, keys[which]), is_in);
            model.retain(|other| *other != which);
        }
        _ => assert_eq!(
            list.pop_front(pool),
            model.pop_front().map(|first| keys[first])
        ),
    }
    assert!(list.audit(pool));
    assert!(list.first() == model.front().map(|first| keys[*first]));
    assert!(list.last() == model.back().map(|last| keys[*last]));
    let mut at = list.first();
    for which in model {
        assert!(at == Some(keys[*which]));
        at = at.and_then(|key| list.next(pool, key));
    }
    assert!(at.is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn they_do_what_queues_do(steps in proptest::collection::vec((any::<u8>(), any::<usize>(), any::<bool>()), 1..200)) {
        let (mut pool, mut budget) = (Pool::new(), Budget::new());
        let keys: Vec<_> = (0..8).map(|_| pool.insert(Thing::default(), &mut budget).unwrap()).collect();
        let (mut ready, mut timed) = (List::<_, Ready>::new(), List::<_, Timed>::new());
        let (mut ready_model, mut timed_model) = (VecDeque::new(), VecDeque::new());
        for (kind, which, is_ready) in steps {
            if is_ready {
                step(&mut ready, &mut ready_model, &mut pool, &keys, (kind, which));
            } else {
                step(&mut timed, &mut timed_model, &mut pool, &keys, (kind, which));
            }
        }
    }
}
