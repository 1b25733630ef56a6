//! Words in order, each with a value: a balanced tree whose nodes lie in a [`WordPool`] that many
//! trees share. What finds the futex of an address.

use super::avl::{AvlNode, Link, Links, insert, node, remove};
use super::{Key, Pool};

/// Where the nodes of trees of `V` lie.
pub type WordPool<V> = Pool<WordNode<V>>;

/// A word with its value, and its place in the tree.
#[derive(Debug)]
pub struct WordNode<V> {
    word: u64,
    /// The value.
    pub value: V,
    links: Links<Self>,
}

impl<V> AvlNode for WordNode<V> {
    type Order = u64;
    type Summary = ();

    fn order(&self) -> u64 {
        self.word
    }

    fn links(&self) -> &Links<Self> {
        &self.links
    }

    fn links_mut(&mut self) -> &mut Links<Self> {
        &mut self.links
    }

    fn known(&self) {}

    fn summary(&self, _: Option<()>, _: Option<()>) {}

    fn set_summary(&mut self, (): ()) {}
}

/// Words in order, no two of them the same.
#[derive(Debug)]
pub struct WordMap<V> {
    root: Link<WordNode<V>>,
    len: u32,
}

impl<V> Default for WordMap<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> WordMap<V> {
    /// No words.
    #[must_use]
    pub const fn new() -> Self {
        Self { root: None, len: 0 }
    }

    /// How many words there are.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether there is no word.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The node of a word, if it is there.
    #[must_use]
    pub fn find(&self, pool: &WordPool<V>, word: u64) -> Option<Key<WordNode<V>>> {
        let mut link = self.root;
        while let Some(key) = link {
            let here = node(pool, key);
            if here.word == word {
                return pool.key_of(key);
            }
            let (left, right) = here.links.children();
            link = if word < here.word { left } else { right };
        }
        None
    }

    /// Puts a word in that is not there, into a slot of the pool that was reserved.
    ///
    /// # Panics
    /// When no slot was reserved.
    pub fn insert_reserved(
        &mut self,
        pool: &mut WordPool<V>,
        word: u64,
        value: V,
    ) -> Key<WordNode<V>> {
        debug_assert!(self.find(pool, word).is_none(), "no word is there twice");
        let links = Links::leaf();
        let new = pool.insert_reserved(WordNode { word, value, links });
        self.root = insert(pool, self.root, new.bare(), word);
        self.len = self.len.wrapping_add(1);
        new
    }

    /// Takes a word out.
    pub fn remove(&mut self, pool: &mut WordPool<V>, word: u64) -> Option<V> {
        let (root, removed) = remove(pool, self.root, word);
        self.root = root;
        let node = pool.remove(pool.key_of(removed?)?)?;
        self.len = self.len.wrapping_sub(1);
        Some(node.value)
    }
}

#[cfg(test)]
mod tests {
    use super::{WordMap, WordPool};
    use crate::mem::Budget;
    use std::collections::BTreeMap;

    #[test]
    fn it_does_what_a_map_does() {
        let (mut pool, mut map) = (WordPool::new(), WordMap::new());
        let (mut other, mut model) = (WordMap::new(), BTreeMap::new());
        pool.reserve_many(400, &mut Budget::new()).unwrap();
        let mut state = 1u64;
        for round in 0..5000u64 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let word = (state >> 33) % 150;
            let found = map
                .find(&pool, word)
                .map(|key| pool.get(key).unwrap().value);
            assert_eq!(found, model.get(&word).copied());
            if found.is_none() {
                map.insert_reserved(&mut pool, word, round);
                model.insert(word, round);
            } else if state & 1 == 0 {
                assert_eq!(map.remove(&mut pool, word), model.remove(&word));
            }
            if other.find(&pool, word).is_none() {
                other.insert_reserved(&mut pool, word, round);
            }
            assert_eq!(u32::try_from(model.len()), Ok(map.len()));
        }
        assert_eq!(map.remove(&mut pool, 1000), None);
        assert_eq!(other.len(), 150);
    }
}
