//! Something large that is shared and never changes: two are the same when they lie at the same place.
//!
//! Props and states are compared at each render; comparing a tree of 200,000 paths by value would cost more than drawing it.

use std::ops::Deref;
use std::rc::Rc;

/// A shared value, compared by its address.
#[derive(Debug)]
pub struct ByAddress<T>(Rc<T>);

impl<T> ByAddress<T> {
    /// Shares a value.
    pub fn new(value: T) -> ByAddress<T> {
        ByAddress(Rc::new(value))
    }
}

// By hand: what is shared need not be Clone.
impl<T> Clone for ByAddress<T> {
    fn clone(&self) -> Self {
        ByAddress(self.0.clone())
    }
}

impl<T> PartialEq for ByAddress<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Eq for ByAddress<T> {}

impl<T> Deref for ByAddress<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_compared_without_a_look_at_the_value() {
        let first = ByAddress::new(f64::NAN);
        assert_eq!(first, first.clone());
        assert_ne!(ByAddress::new(1), ByAddress::new(1));
    }
}
