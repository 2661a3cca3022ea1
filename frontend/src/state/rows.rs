//! Rows of a form that are added and taken away: each has a number of its own, so that the browser keeps the field that is
//! typed in when a row above it goes.

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<T> {
    /// No other row of the form ever has it.
    pub id: u32,
    /// What is in it.
    pub value: T,
    /// It came by a press on a button, so the keyboard goes there.
    pub is_pressed_for: bool,
}

/// Rows, in the order in which they are shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows<T> {
    rows: Vec<Row<T>>,
    next_id: u32,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            next_id: 0,
        }
    }
}

impl<T> Rows<T> {
    /// Adds a row that somebody pressed for, as the last one.
    pub fn add(&mut self, value: T) {
        let row = self.row(value, true);
        self.rows.push(row);
    }

    /// Adds rows that came by themselves, as a paste brings them, below this one; as the last ones where it is gone.
    pub fn add_below(&mut self, id: u32, values: Vec<T>) {
        let at = self
            .rows
            .iter()
            .position(|row| row.id == id)
            .map_or(self.rows.len(), |index| index + 1);
        let rows: Vec<Row<T>> = values
            .into_iter()
            .map(|value| self.row(value, false))
            .collect();
        self.rows.splice(at..at, rows);
    }

    /// Takes a row away.
    pub fn remove(&mut self, id: u32) {
        self.rows.retain(|row| row.id != id);
    }

    /// What is in a row, to be changed.
    pub fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        self.rows
            .iter_mut()
            .find(|row| row.id == id)
            .map(|row| &mut row.value)
    }

    /// The rows, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Row<T>> {
        self.rows.iter()
    }

    /// What is in them, in order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().map(|row| &row.value)
    }

    fn row(&mut self, value: T, is_pressed_for: bool) -> Row<T> {
        let id = self.next_id;
        self.next_id += 1;
        Row {
            id,
            value,
            is_pressed_for,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(rows: &Rows<&'static str>) -> Vec<(u32, &'static str)> {
        rows.iter().map(|row| (row.id, row.value)).collect()
    }

    #[test]
    fn a_row_keeps_its_number_when_another_goes() {
        let mut rows = Rows::default();
        for value in ["a", "b", "c"] {
            rows.add(value);
        }
        rows.remove(1);
        rows.add("d");
        assert_eq!(shown(&rows), [(0, "a"), (2, "c"), (3, "d")]);
        assert_eq!(rows.get_mut(1), None);
    }

    #[test]
    fn pasted_rows_stand_below_the_one_they_were_pasted_into() {
        let mut rows = Rows::default();
        rows.add("a");
        rows.add("b");
        rows.add_below(0, vec!["x", "y"]);
        assert_eq!(shown(&rows), [(0, "a"), (2, "x"), (3, "y"), (1, "b")]);
        assert!(rows.iter().filter(|row| !row.is_pressed_for).count() == 2);
        rows.add_below(99, vec!["end"]);
        assert_eq!(shown(&rows).last(), Some(&(4, "end")));
    }
}
