//! The members of a JSON object.
//!
//! Most objects have a handful of members: those are searched one after the other, which takes one allocation and no
//! hashing. Larger ones have an index besides.

use std::fmt;
use std::sync::Arc;

use crate::Value;

/// An object with more members than this has an index.
const FEW: usize = 16;

type Index = indexmap::IndexSet<Arc<str>, foldhash::fast::FixedState>;

/// The members of a JSON object, in the order they were written. Equality does not depend on the order.
#[derive(Clone, Default)]
pub struct Map {
    members: Vec<(Arc<str>, Value)>,
    /// The names in the same order as the members, when they are many.
    index: Option<Box<Index>>,
}

/// The members of a borrowed [`Map`], in order.
pub type Iter<'m> = std::iter::Map<std::slice::Iter<'m, (Arc<str>, Value)>, Borrow<'m>>;

type Borrow<'m> = fn(&'m (Arc<str>, Value)) -> (&'m Arc<str>, &'m Value);

impl Map {
    /// An object without members that has room for so many.
    pub fn with_capacity(capacity: usize) -> Map {
        Map { members: Vec::with_capacity(capacity), index: None }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The member of this name.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.members.get(self.place(key)?).map(|(_, value)| value)
    }

    /// The member of this name, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let place = self.place(key)?;
        self.members.get_mut(place).map(|(_, value)| value)
    }

    /// The member at a place, from 0.
    pub fn get_index(&self, place: usize) -> Option<(&Arc<str>, &Value)> {
        self.members.get(place).map(|(key, value)| (key, value))
    }

    /// Whether there is a member of this name.
    pub fn contains_key(&self, key: &str) -> bool {
        self.place(key).is_some()
    }

    /// Sets a member: a new one comes last, one that exists keeps its place. Returns its value until now.
    pub fn insert(&mut self, key: Arc<str>, value: Value) -> Option<Value> {
        if let Some(known) = self.get_mut(&key) {
            return Some(std::mem::replace(known, value));
        }
        if let Some(index) = &mut self.index {
            index.insert(Arc::clone(&key));
        } else if self.members.len() >= FEW {
            self.index = Some(Box::new(self.keys().chain([&key]).map(Arc::clone).collect()));
        }
        self.members.push((key, value));
        None
    }

    /// Takes a member out; those behind it move up.
    pub fn shift_remove(&mut self, key: &str) -> Option<Value> {
        let place = self.place(key)?;
        if let Some(index) = &mut self.index {
            index.shift_remove_index(place);
        }
        Some(self.members.remove(place).1)
    }

    /// The members, in order.
    pub fn iter(&self) -> Iter<'_> {
        self.members.iter().map(|(key, value)| (key, value))
    }

    /// The names, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Arc<str>> + DoubleEndedIterator {
        self.members.iter().map(|(key, _)| key)
    }

    /// The values, in order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> + DoubleEndedIterator {
        self.members.iter().map(|(_, value)| value)
    }

    fn place(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get_index_of(key),
            None => {
                let first = key.as_bytes().first(); // most names that are as long differ there
                let is_it = |name: &str| name.len() == key.len() && name.as_bytes().first() == first && name == key;
                self.members.iter().position(|(name, _)| is_it(name))
            }
        }
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Map) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map().entries(self).finish()
    }
}

impl Extend<(Arc<str>, Value)> for Map {
    fn extend<I: IntoIterator<Item = (Arc<str>, Value)>>(&mut self, members: I) {
        let members = members.into_iter();
        self.members.reserve(members.size_hint().0);
        members.for_each(|(key, value)| drop(self.insert(key, value)));
    }
}

impl FromIterator<(Arc<str>, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(members: I) -> Map {
        let mut map = Map::default();
        map.extend(members);
        map
    }
}

impl<'m> IntoIterator for &'m Map {
    type Item = (&'m Arc<str>, &'m Value);
    type IntoIter = Iter<'m>;
    fn into_iter(self) -> Iter<'m> {
        self.iter()
    }
}

impl IntoIterator for Map {
    type Item = (Arc<str>, Value);
    type IntoIter = std::vec::IntoIter<(Arc<str>, Value)>;
    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{FEW, Map};
    use crate::Value;

    fn of(numbers: impl IntoIterator<Item = usize>) -> Map {
        numbers.into_iter().map(|number| (Arc::from(number.to_string()), Value::from(number as i64))).collect()
    }

    /// The same with and without an index.
    #[track_caller]
    fn check(count: usize) {
        let mut map = of(0..count);
        assert_eq!(map, of((0..count).rev()));
        assert_ne!(map, of(1..=count));
        assert_eq!(map.insert(Arc::from("1"), Value::Null), Some(Value::from(1)));
        assert_eq!((map.len(), map.get("1")), (count, Some(&Value::Null)));
        assert_eq!(map.shift_remove("0"), Some(Value::from(0)));
        assert_eq!((map.shift_remove("0"), map.contains_key("0")), (None, false));
        assert_eq!(map.insert(Arc::from("0"), Value::Null), None);
        let expected: Vec<String> = (1..count).chain([0]).map(|number| number.to_string()).collect();
        assert_eq!(map.keys().map(|key| key.to_string()).collect::<Vec<_>>(), expected);
        for (place, name) in expected.iter().enumerate() {
            assert_eq!(map.get_index(place).map(|(_, value)| value), map.get(name));
        }
    }

    #[test]
    fn small_and_large_objects_behave_alike() {
        (2..FEW + 4).for_each(check);
        check(1_000);
    }
}
