//! What is told of a transaction in the end: of calls that lasted.

use super::{
    Steps, Wrap,
    follow::{Lost, MAX_TESTS, Shadow},
};
use crate::{query::view::View, trace::Columns};

const MAX_LISTED: usize = 1024;

impl Shadow {
    /// What was found; `valid`: the transaction ran to its end.
    pub fn finish(self, valid: bool, columns: &Columns) -> Steps {
        let view = View(columns);
        let first = self.first;
        let reverted = view.undone(first..view.frame_count());
        let live = |row: u32| row >= first && reverted.get((row - first) as usize).is_some_and(|gone| !gone);
        // Both runs saw the same frames, or nothing here can be told to belong to a row.
        let same = self.row == view.frame_count() && self.access == columns.access_write.len() as u32;
        if !same {
            return Steps::default();
        }
        let mut wraps = Vec::new();
        for lost in self.lost.into_iter().filter(|lost| !lost.signed) {
            let Lost { kind, frame, pc, left, right, result, tested, sinks, .. } = lost;
            for (sink, _, sink_order) in sinks.into_iter().filter(|(_, frame, _)| live(*frame)) {
                wraps.push(Wrap { kind, frame, pc, left, right, result, sink, sink_order, tested });
            }
        }
        let complete = self.complete && valid && wraps.len() <= MAX_LISTED && self.tests.len() < MAX_TESTS;
        wraps.truncate(MAX_LISTED);
        Steps {
            writes: self.writes.into_iter().filter(|write| live(write.frame)).collect(),
            calls: self
                .calls
                .into_iter()
                .filter(|(row, call)| call.frame != u32::MAX && live(*row))
                .map(|(_, call)| call)
                .collect(),
            wraps,
            tests: self.tests.into_iter().filter(|test| live(test.frame)).collect(),
            ends: self.ends.into_iter().filter(|end| live(end.frame)).collect(),
            complete,
        }
    }
}
