//! Small integer ids into arenas, and the cursors that consumers walk the model with.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::{Deref, Index, IndexMut};

use super::Model;

/// The place of a `T` in its arena: a `u32`, in declaration order.
pub struct Id<T> {
    index: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// The id at `index`; meaningful only for the arena that handed the index out.
    pub(crate) fn new(index: usize) -> Self {
        Self { index: u32::try_from(index).unwrap_or(u32::MAX), of: PhantomData }
    }

    /// The position in the arena.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.index.cmp(&other.index)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.index.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.index)
    }
}

/// All declarations of one kind, in the order in which they were declared (files in name order).
#[derive(Clone, Debug)]
pub struct Arena<T> {
    items: Vec<T>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl<T> Arena<T> {
    pub(crate) fn push(&mut self, item: T) -> Id<T> {
        let id = Id::new(self.items.len());
        self.items.push(item);
        id
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Every id, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = Id<T>> + ExactSizeIterator + use<T> {
        (0..self.items.len()).map(Id::new)
    }

    /// Every item, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }
}

impl<T> Index<Id<T>> for Arena<T> {
    type Output = T;
    fn index(&self, id: Id<T>) -> &T {
        &self.items[id.index()]
    }
}

impl<T> IndexMut<Id<T>> for Arena<T> {
    fn index_mut(&mut self, id: Id<T>) -> &mut T {
        &mut self.items[id.index()]
    }
}

/// A noun of the language that lives in an arena of the [`Model`].
pub trait Noun: Sized + 'static {
    /// The arena of the model that holds this kind.
    fn arena(model: &Model) -> &Arena<Self>;
}

/// One declaration, seen from the model that it lives in: reads as the declaration itself, and walks to its neighbours.
pub struct Cursor<'m, T> {
    model: &'m Model,
    id: Id<T>,
}

impl<T> Clone for Cursor<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Cursor<'_, T> {}
impl<T> PartialEq for Cursor<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
impl<T> Eq for Cursor<'_, T> {}

impl<'m, T: Noun> Cursor<'m, T> {
    /// Its id.
    pub fn id(self) -> Id<T> {
        self.id
    }

    /// The model it is read from.
    pub fn model(self) -> &'m Model {
        self.model
    }

    /// The declaration itself, for as long as the model lives.
    pub fn get(self) -> &'m T {
        &T::arena(self.model)[self.id]
    }
}

impl<T: Noun> Deref for Cursor<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &T::arena(self.model)[self.id]
    }
}

impl<T: Noun + fmt::Debug> fmt::Debug for Cursor<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl Model {
    /// The declaration with this id.
    pub fn at<T: Noun>(&self, id: Id<T>) -> Cursor<'_, T> {
        Cursor { model: self, id }
    }

    pub(crate) fn each<'m, T: Noun>(
        &'m self,
        ids: &'m [Id<T>],
    ) -> impl DoubleEndedIterator<Item = Cursor<'m, T>> + ExactSizeIterator {
        ids.iter().map(|id| self.at(*id))
    }
}
